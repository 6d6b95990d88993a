/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/template.h"

/* Where in the template these are. */
#define TYPE_AT 2
#define ATTRIBUTES_AT 6
#define POLICY_AT 12
#define PARAMETERS_AT (POLICY_AT + HANDLE_BINDING_LEN)

/*
 * A public area up to its point, big-endian. The attributes are sign (0x40000),
 * userWithAuth (0x40), sensitiveDataOrigin (0x20), fixedParent (0x10) and
 * fixedTPM (0x2). Size and policy are filled in, and noDA (0x400) is added
 * where it belongs.
 */
static const uint8_t template[] = {
	0x00, 0x00,		      /* size */
	0x00, 0x23,		      /* type: TPM_ALG_ECC */
	0x00, 0x0b,		      /* nameAlg: TPM_ALG_SHA256 */
	0x00, 0x04,		      /* objectAttributes, ... */
	0x00, 0x72,		      /* ... the lower half */
	0x00, HANDLE_BINDING_LEN,     /* size of authPolicy */
	[PARAMETERS_AT] = 0x00, 0x10, /* symmetric: TPM_ALG_NULL */
	0x00, 0x18,		      /* scheme: TPM_ALG_ECDSA ... */
	0x00, 0x0b,		      /* ... with TPM_ALG_SHA256 */
	0x00, 0x03,		      /* curveID: TPM_ECC_NIST_P256 */
	0x00, 0x10,		      /* kdf: TPM_ALG_NULL */
};

/* The template for this handle, before a point of so many bytes. */
static int
fill_template(
    const struct handle *h, size_t point_len, uint8_t ret[sizeof(template)])
{
	size_t size = sizeof(template) - 2 + point_len;

	if (h->auth == HANDLE_AUTH_PIN_OBJECT || h->pcrs != 0)
		return fail(FAIL_VERSION,
		    "the key has conditions, a lifetime of its PIN or values "
		    "of PCRs, that this sk-tpm cannot meet; use a later one");
	memcpy(ret, template, sizeof(template));
	ret[0] = (uint8_t)(size >> 8);
	ret[1] = (uint8_t)size;
	/*
	 * Without a PIN there is nothing to guess, and the TPM would refuse
	 * the key for as long as somebody else's guesses have it locked. With
	 * one, it is the TPM that counts the guesses.
	 */
	if (h->auth == HANDLE_AUTH_NONE)
		ret[ATTRIBUTES_AT + 2] |= 0x04; /* noDA */
	return handle_binding(h, ret + POLICY_AT);
}

int
template_public(
    const struct handle *h, const struct ec_point *point, struct bytes *ret)
{
	uint8_t area[sizeof(template) + 2 * (2 + 32)] = { 0 };
	uint8_t *unique = area + sizeof(template);
	const size_t len = point != NULL ? 2 * (2 + 32) : 2 * 2;
	int r;

	if ((r = fill_template(h, len, area)) != 0)
		return r;
	if (point != NULL) {
		unique[1] = sizeof(point->x);
		memcpy(unique + 2, point->x, sizeof(point->x));
		unique[35] = sizeof(point->y);
		memcpy(unique + 36, point->y, sizeof(point->y));
	}
	return bytes_set(ret, area, sizeof(template) + len);
}

static int
fail_altered(const char *what)
{
	return fail(FAIL_HANDLE, "the key handle was altered (%s)", what);
}

/* A TPM2B_ECC_PARAMETER of up to 32 bytes, padded in front. */
static bool
take_coordinate(struct slice *in, uint8_t ret[32])
{
	size_t len;

	if (in->len < 2)
		return false;
	len = (size_t)(in->data[0] << 8 | in->data[1]);
	if (len > 32 || len > in->len - 2)
		return false;
	memset(ret, 0, 32);
	memcpy(ret + 32 - len, in->data + 2, len);
	in->data += 2 + len;
	in->len -= 2 + len;
	return true;
}

int
template_point(
    const struct handle *h, struct slice public, struct ec_point *ret)
{
	uint8_t head[sizeof(template)];
	struct ec_point point;
	struct slice rest;
	int r;

	if (public.len < sizeof(template) ||
	    memcmp(public.data + TYPE_AT, template + TYPE_AT, 2) != 0)
		return fail_altered("public area");
	rest = (struct slice){ public.data + sizeof(template),
		public.len - sizeof(template) };
	if ((r = fill_template(h, rest.len, head)) != 0)
		return r;
	if (memcmp(public.data, head, sizeof(head)) != 0)
		return fail_altered("attributes");
	if (!take_coordinate(&rest, point.x) ||
	    !take_coordinate(&rest, point.y) || rest.len != 0)
		return fail_altered("point");
	*ret = point;
	return 0;
}
