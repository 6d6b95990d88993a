/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "key/conditions.h"
#include "key/template.h"

/* Where in the template these are. */
#define TYPE_AT 2
#define ATTRIBUTES_AT 6
#define POLICY_AT 12
#define PARAMETERS_AT (POLICY_AT + POLICY_LEN)

/*
 * A public area up to its point, big-endian. The attributes are sign (0x40000),
 * sensitiveDataOrigin (0x20), fixedParent (0x10) and fixedTPM (0x2). Size and
 * policy are filled in, and userWithAuth (0x40) and noDA (0x400) are added
 * where they belong.
 */
static const uint8_t template[] = {
	0x00, 0x00,		      /* size */
	0x00, 0x23,		      /* type: TPM_ALG_ECC */
	0x00, 0x0b,		      /* nameAlg: TPM_ALG_SHA256 */
	0x00, 0x04,		      /* objectAttributes, ... */
	0x00, 0x32,		      /* ... the lower half */
	0x00, POLICY_LEN,	      /* size of authPolicy */
	[PARAMETERS_AT] = 0x00, 0x10, /* symmetric: TPM_ALG_NULL */
	0x00, 0x18,		      /* scheme: TPM_ALG_ECDSA ... */
	0x00, 0x0b,		      /* ... with TPM_ALG_SHA256 */
	0x00, 0x03,		      /* curveID: TPM_ECC_NIST_P256 */
	0x00, 0x10,		      /* kdf: TPM_ALG_NULL */
};

/*
 * A PIN object up to its unique, the digest that a TPM makes of it: the
 * smallest that has an authValue. Its attributes are userWithAuth, fixedParent
 * and fixedTPM: the PIN alone authorizes it, and the TPM counts the guesses
 * (noDA is clear). Its data is a byte from outside, so sensitiveDataOrigin is
 * clear.
 */
static const uint8_t pin_object[] = {
	0x00, 0x00,		/* size */
	0x00, 0x08,		/* type: TPM_ALG_KEYEDHASH */
	0x00, 0x0b,		/* nameAlg: TPM_ALG_SHA256 */
	0x00, 0x00, 0x00, 0x52, /* objectAttributes */
	0x00, 0x00,		/* size of authPolicy */
	0x00, 0x10,		/* scheme: TPM_ALG_NULL */
	0x00, 0x00,		/* size of unique */
};

#define UNIQUE_LEN SHA256_LEN

/* Its beginning, before a unique of so many bytes. */
static void
fill_pin_object(size_t unique_len, uint8_t ret[sizeof(pin_object)])
{
	memcpy(ret, pin_object, sizeof(pin_object));
	ret[1] = (uint8_t)(sizeof(pin_object) - 2 + unique_len);
	ret[sizeof(pin_object) - 1] = (uint8_t)unique_len;
}

int
template_pin_object(struct bytes *ret)
{
	uint8_t area[sizeof(pin_object)];

	fill_pin_object(0, area);
	return bytes_set(ret, area, sizeof(area));
}

static int
fail_altered(const char *what)
{
	return fail(FAIL_HANDLE, "the key handle was altered (%s)", what);
}

static int check_pin_object(struct slice public)
{
	uint8_t head[sizeof(pin_object)];

	fill_pin_object(UNIQUE_LEN, head);
	if (public.len != sizeof(head) + UNIQUE_LEN ||
	    memcmp(public.data, head, sizeof(head)) != 0)
		return fail_altered("PIN object");
	return 0;
}

/* The template for this handle, before a point of so many bytes. */
static int
fill_template(
    const struct handle *h, size_t point_len, uint8_t ret[sizeof(template)])
{
	size_t size = sizeof(template) - 2 + point_len;
	int r;

	if (h->auth == HANDLE_AUTH_PIN_OBJECT &&
	    (r = check_pin_object(bytes_slice(&h->pin_object_public))) != 0)
		return r;
	memcpy(ret, template, sizeof(template));
	ret[0] = (uint8_t)(size >> 8);
	ret[1] = (uint8_t)size;
	if (!conditions_need_policy(h))
		ret[ATTRIBUTES_AT + 3] |= 0x40; /* userWithAuth */
	/*
	 * Where the key's authValue is no PIN there is nothing to guess, and
	 * the TPM would refuse the key for as long as somebody else's guesses
	 * have it locked. Where it is, the TPM counts the guesses.
	 */
	if (h->auth != HANDLE_AUTH_PIN)
		ret[ATTRIBUTES_AT + 2] |= 0x04; /* noDA */
	return conditions_auth_policy(h, ret + POLICY_AT);
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
