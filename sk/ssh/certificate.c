/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/wire.h"
#include "ssh/certificate.h"

static int
fail_certificate(const char *what)
{
	return fail(FAIL_CERTIFICATE, "the CA's certificate %s", what);
}

static int
check_key(const struct certificate *c, struct slice wanted)
{
	uint8_t certified[SHA256_LEN], ours[SHA256_LEN];
	int r;

	if (!certificate_fingerprint(c, certified))
		return fail(FAIL_INTERNAL, "SHA-256 failed");
	if ((r = sha256(wanted, ours)) != 0)
		return r;
	if (memcmp(certified, ours, sizeof(ours)) != 0)
		return fail_certificate("is for another key");
	return 0;
}

static bool
is_line(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] == 0x7f)
			return false;
	return text.len > 0 && utf8_is_valid(text);
}

static bool
is_wanted(struct slice name, const struct certificate_wanted *wanted)
{
	for (size_t i = 0; i < wanted->n_names; i++)
		if (slice_equal(name, wanted->names[i]))
			return true;
	return wanted->n_names == 0;
}

static int
check_names(struct slice rest, const struct certificate_wanted *wanted)
{
	struct text text = { 0 };
	struct slice name;

	if (rest.len == 0)
		return fail_certificate("has no names, and so is for all");
	while (wire_take_string(&rest, &name)) {
		if (!is_line(name) || memchr(name.data, ',', name.len) != NULL)
			return fail_certificate("has a name that is none");
		if (is_wanted(name, wanted))
			continue;
		text_add(&text, "has the name ");
		text_add_quoted(&text, name, 64);
		text_add(&text, ", which was not asked for");
		return fail_certificate(text.s);
	}
	return 0;
}

static int
check_time(const struct certificate *c, uint64_t now)
{
	if (c->valid_before <= now)
		return fail_certificate("has expired; compare this machine's "
					"clock with the CA's");
	if (c->valid_after > now)
		return fail_certificate(
		    "is not in force yet; compare this machine's clock with "
		    "the CA's");
	return 0;
}

int
certificate_check(struct slice blob, const struct certificate_wanted *wanted,
    struct certificate *ret)
{
	struct certificate c;
	int r;

	if (!certificate_parse_signed(blob, &c))
		return fail_certificate("is damaged, or of an unknown kind");
	if ((r = check_key(&c, wanted->key)) != 0)
		return r;
	if (c.type != wanted->type)
		return fail_certificate(wanted->type == CERTIFICATE_HOST
			? "is for a user and not for a host"
			: "is for a host and not for a user");
	if (!is_line(c.key_id))
		return fail_certificate("has a key id that is not one line");
	if ((r = check_names(c.principals, wanted)) != 0 ||
	    (r = check_time(&c, wanted->now)) != 0)
		return r;
	*ret = c;
	return 0;
}
