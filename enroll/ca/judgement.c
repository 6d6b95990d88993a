/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "ca/judgement.h"

/* --- written by the judge ---------------------------------------------- */

static int
put_request(struct bytes *out, const struct judged_request *q)
{
	const struct slice name = { q->key_name, sizeof(q->key_name) };
	const struct slice numbers = { q->ek.numbers, q->ek.numbers_len };
	int r;

	if ((r = wire_put_string(out, bytes_slice(&q->destination))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->name))) != 0 ||
	    (r = wire_put_u32(out, q->type)) != 0 ||
	    (r = wire_put_u32(out, q->wants)) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->blob))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->bound))) != 0 ||
	    (r = wire_put_string(out, name)) != 0 ||
	    (r = wire_put_u32(out, q->ek.type)) != 0 ||
	    (r = wire_put_u32(out, q->ek.name_alg)) != 0 ||
	    (r = wire_put_u32(out, q->ek.aes_bits)) != 0 ||
	    (r = wire_put_string(out, numbers)) != 0 ||
	    (r = wire_put_u32(out, q->standing)) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_certificate))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_issuer))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_subject))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_serial))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_maker))) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&q->ek_problem))) != 0 ||
	    (r = wire_put_u32(out, q->presence)) != 0 ||
	    (r = wire_put_u32(out, q->pin)) != 0 ||
	    (r = wire_put_u32(out, q->pin_lifetime)) != 0 ||
	    (r = wire_put_u32(out, q->pcrs)) != 0)
		return r;
	return wire_put_u32(out, q->limits);
}

int
judgement_put_refusal(
    struct bytes *out, enum verdict verdict, enum message_code code)
{
	int r;

	bytes_reset(out);
	if ((r = wire_put_u32(out, verdict)) != 0 ||
	    (r = wire_put_u32(out, code)) != 0)
		return r;
	return wire_put_text(out, log_cause());
}

int
judgement_put(struct bytes *out, const struct judged_request *request)
{
	int r;

	if (!request->lists_alone)
		return (r = wire_put_u32(out, VERDICT_GOOD)) != 0
		    ? r
		    : put_request(out, request);
	if ((r = wire_put_u32(out, VERDICT_LISTS)) != 0 ||
	    (r = wire_put_string(out, bytes_slice(&request->destination))) != 0)
		return r;
	return wire_put_u32(out, request->wants);
}

/* --- read by the service ----------------------------------------------- */

static bool
take_bytes(struct slice *in, struct bytes *ret)
{
	struct slice s;

	return wire_take_string(in, &s) && bytes_set(ret, s.data, s.len) == 0;
}

/* One line of text with its terminator; empty for none. */
static bool
take_words(struct slice *in, struct bytes *ret)
{
	if (!take_bytes(in, ret))
		return false;
	for (size_t i = 0; i + 1 < ret->len; i++)
		if (ret->data[i] < ' ' || ret->data[i] > '~')
			return false;
	return ret->len == 0 || ret->data[ret->len - 1] == '\0';
}

/* As a line of PROTOCOL.md has it, and no longer. */
static bool
take_text(struct slice *in, size_t most, struct bytes *ret)
{
	if (!take_bytes(in, ret) || ret->len > most)
		return false;
	for (size_t i = 0; i < ret->len; i++)
		if (ret->data[i] < ' ' || ret->data[i] > '~')
			return false;
	return true;
}

static bool
take_flag(struct slice *in, bool *ret)
{
	uint32_t n;

	if (!wire_take_u32(in, &n) || n > 1)
		return false;
	*ret = n == 1;
	return true;
}

static size_t
numbers_of(uint32_t type)
{
	static const size_t length[] = { 256, 384, 512, 64, 96 };

	return type < sizeof(length) / sizeof(length[0]) ? length[type] : 0;
}

/* It is believed no kind of key that there is not. */
static bool
take_ek(struct slice *in, struct ek_public *ret)
{
	uint32_t type, name_alg, bits;
	struct slice numbers;

	if (!wire_take_u32(in, &type) || !wire_take_u32(in, &name_alg) ||
	    !wire_take_u32(in, &bits) || !wire_take_string(in, &numbers) ||
	    numbers.len == 0 || numbers.len != numbers_of(type) ||
	    (name_alg != EK_SHA256 && name_alg != EK_SHA384) ||
	    (bits != 128 && bits != 256))
		return false;
	ret->type = (enum ek_type)type;
	ret->name_alg = (enum ek_hash)name_alg;
	ret->aes_bits = bits;
	ret->numbers_len = numbers.len;
	memcpy(ret->numbers, numbers.data, numbers.len);
	return true;
}

static bool
take_request(struct slice *in, struct judged_request *ret)
{
	uint32_t type, standing;
	struct slice name;

	if (!take_text(in, MESSAGE_TEXT_MAX, &ret->destination) ||
	    !take_text(in, MESSAGE_NAME_MAX, &ret->name) ||
	    !wire_take_u32(in, &type) || !wire_take_u32(in, &ret->wants) ||
	    !take_bytes(in, &ret->blob) || !take_bytes(in, &ret->bound) ||
	    !wire_take_string(in, &name) || !take_ek(in, &ret->ek) ||
	    !wire_take_u32(in, &standing) ||
	    !take_bytes(in, &ret->ek_certificate) ||
	    !take_words(in, &ret->ek_issuer) ||
	    !take_words(in, &ret->ek_subject) ||
	    !take_words(in, &ret->ek_serial) ||
	    !take_words(in, &ret->ek_maker) ||
	    !take_words(in, &ret->ek_problem) ||
	    !take_flag(in, &ret->presence) || !take_flag(in, &ret->pin) ||
	    !wire_take_u32(in, &ret->pin_lifetime) ||
	    !wire_take_u32(in, &ret->pcrs) ||
	    !wire_take_u32(in, &ret->limits) || in->len != 0 ||
	    name.len != sizeof(ret->key_name) ||
	    (type != CERTIFICATE_USER && type != CERTIFICATE_HOST) ||
	    standing > EK_CERTIFIED ||
	    (standing == EK_UNCERTIFIED && ret->ek_problem.len == 0))
		return false;
	memcpy(ret->key_name, name.data, sizeof(ret->key_name));
	ret->type = (enum certificate_type)type;
	ret->standing = (enum ek_standing)standing;
	return true;
}

static bool
take_lists(struct slice *in, struct judged_request *ret)
{
	ret->lists_alone = true;
	return take_text(in, MESSAGE_TEXT_MAX, &ret->destination) &&
	    wire_take_u32(in, &ret->wants) && in->len == 0;
}

static bool
take_refusal(
    struct slice *in, enum message_code *ret_code, struct text *ret_text)
{
	uint32_t code;
	struct slice words;

	if (!wire_take_u32(in, &code) || !wire_take_string(in, &words) ||
	    in->len != 0 || code >= MESSAGE_CODES)
		return false;
	*ret_code = (enum message_code)code;
	text_add_escaped(ret_text, words, 480);
	return true;
}

int
judgement_take(struct slice in, struct judged_request *ret,
    enum message_code *ret_code, struct text *ret_text)
{
	uint32_t verdict;

	if (!wire_take_u32(&in, &verdict))
		return fail(
		    FAIL_INTERNAL, "the process that reads requests has ended");
	if ((verdict == VERDICT_GOOD && take_request(&in, ret)) ||
	    (verdict == VERDICT_LISTS && take_lists(&in, ret)))
		return 0;
	if ((verdict == VERDICT_REFUSED || verdict == VERDICT_UNAVAILABLE) &&
	    take_refusal(&in, ret_code, ret_text))
		return fail(verdict == VERDICT_REFUSED ? FAIL_EVIDENCE
						       : FAIL_UNAVAILABLE,
		    "%s", ret_text->s);
	return fail(
	    FAIL_INTERNAL, "the process that reads requests is not itself");
}
