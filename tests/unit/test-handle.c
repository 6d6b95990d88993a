/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "error.h"
#include "handle.h"
#include "log.h"

/* A handle with made-up TPM structures: this room does not look into them. */
static void
make_handle(struct handle *h)
{
	*h = (struct handle){ .parent = 0x81000001, .auth = HANDLE_AUTH_NONE };
	memset(h->parent_name, 0x11, sizeof(h->parent_name));
	memset(h->application, 0x22, sizeof(h->application));
	assert_int_equal(bytes_set(&h->tpm_public, "PUBLIC", 6), 0);
	assert_int_equal(bytes_set(&h->tpm_private, "PRIVATE", 7), 0);
}

static void
make_encoded(struct bytes *ret)
{
	struct handle h;

	make_handle(&h);
	assert_int_equal(handle_encode(&h, ret), 0);
	handle_reset(&h);
}

static int
decode(const uint8_t *data, size_t len)
{
	struct handle h = { 0 };
	/* On the heap and no byte longer, so that ASan sees an over-read. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	r = handle_decode((struct slice){ copy, len }, &h);
	handle_reset(&h);
	free(copy);
	return r;
}

/* The format of entry 0 to 8, byte for byte: key files outlive releases. */
static void
test_encoding_is_pinned(void **state)
{
	static const char head[] = "\xa9"
				   "\x00\x66sk-tpm"
				   "\x01\x01"
				   "\x02\x1a\x81\x00\x00\x01"
				   "\x03\x58\x22";
	static const char tail[] = "\x04\x00"
				   "\x05\x58\x20";
	static const char end[] = "\x06\x83\x00\x80\x80"
				  "\x07\x46PUBLIC"
				  "\x08\x47PRIVATE";
	struct bytes out = { 0 };

	(void)state;
	make_encoded(&out);
	assert_int_equal(out.len,
	    sizeof(head) - 1 + 34 + sizeof(tail) - 1 + 32 + sizeof(end) - 1);
	assert_memory_equal(out.data, head, sizeof(head) - 1);
	assert_memory_equal(
	    out.data + sizeof(head) - 1 + 34, tail, sizeof(tail) - 1);
	assert_memory_equal(
	    out.data + out.len - sizeof(end) + 1, end, sizeof(end) - 1);
	bytes_reset(&out);
}

static void
test_round_trip(void **state)
{
	struct bytes out = { 0 };
	struct handle h = { 0 };

	(void)state;
	make_encoded(&out);
	assert_int_equal(handle_decode(bytes_slice(&out), &h), 0);
	assert_int_equal(h.parent, 0x81000001);
	assert_int_equal(h.auth, HANDLE_AUTH_NONE);
	assert_int_equal(h.parent_name[33], 0x11);
	assert_memory_equal(h.tpm_public.data, "PUBLIC", 6);
	assert_memory_equal(h.tpm_private.data, "PRIVATE", 7);
	handle_reset(&h);
	bytes_reset(&out);
}

static void
test_round_trip_of_limits_and_pin(void **state)
{
	const struct slice git = { (const uint8_t *)"git", 3 };
	const uint8_t server[32] = { 9 };
	struct handle h, again = { 0 };
	struct bytes out = { 0 };

	(void)state;
	make_handle(&h);
	h.auth = HANDLE_AUTH_PIN;
	assert_int_equal(limits_allow_namespace(&h.limits, git), 0);
	assert_int_equal(limits_allow_server(&h.limits, server), 0);
	assert_int_equal(handle_encode(&h, &out), 0);
	assert_int_equal(handle_decode(bytes_slice(&out), &again), 0);
	assert_int_equal(again.auth, HANDLE_AUTH_PIN);
	assert_int_equal(again.limits.kinds, LIMIT_SIGN | LIMIT_LOGIN);
	assert_int_equal(again.limits.n_namespaces, 1);
	assert_true(slice_equal(bytes_slice(&again.limits.namespaces[0]), git));
	assert_int_equal(again.limits.n_servers, 1);
	assert_memory_equal(again.limits.servers[0], server, 32);
	handle_reset(&h);
	handle_reset(&again);
	bytes_reset(&out);
}

static void
test_truncated_at_every_length(void **state)
{
	struct bytes out = { 0 };

	(void)state;
	make_encoded(&out);
	for (size_t n = 0; n < out.len; n++)
		assert_int_not_equal(decode(out.data, n), 0);
	assert_int_equal(decode(out.data, out.len), 0);
	bytes_reset(&out);
}

/* What no TPM makes is not written, where nobody could read it again. */
static void
test_too_long(void **state)
{
	static uint8_t big[HANDLE_MAX_LEN];
	struct bytes out = { 0 };
	struct handle h;

	(void)state;
	make_handle(&h);
	assert_int_equal(bytes_set(&h.tpm_private, big, sizeof(big)), 0);
	assert_int_equal(handle_encode(&h, &out), FAIL_INTERNAL);
	assert_null(out.data);
	handle_reset(&h);
}

static void
test_bytes_behind_the_end(void **state)
{
	struct bytes out = { 0 };

	(void)state;
	make_encoded(&out);
	assert_int_equal(bytes_append(&out, "", 1), 0);
	assert_int_equal(decode(out.data, out.len), FAIL_HANDLE);
	bytes_reset(&out);
}

/*
 * A flipped bit gives an error, or a handle whose own binding differs: `key`
 * and the TPM see that.
 */
static void
test_every_flipped_bit(void **state)
{
	uint8_t before[HANDLE_BINDING_LEN], after[HANDLE_BINDING_LEN];
	struct bytes out = { 0 };
	struct handle h = { 0 }, other = { 0 };
	size_t refused = 0;

	(void)state;
	make_handle(&h);
	make_encoded(&out);
	assert_int_equal(handle_binding(&h, before), 0);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (handle_decode(bytes_slice(&out), &other) != 0) {
			refused++;
		} else {
			assert_int_equal(handle_binding(&other, after), 0);
			if (slice_equal(bytes_slice(&h.tpm_public),
				bytes_slice(&other.tpm_public)) &&
			    slice_equal(bytes_slice(&h.tpm_private),
				bytes_slice(&other.tpm_private)))
				assert_memory_not_equal(
				    before, after, sizeof(before));
			handle_reset(&other);
		}
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(refused > 100);
	handle_reset(&h);
	bytes_reset(&out);
}

/* Whoever else's handle, and whoever else's CBOR. */
static void
test_not_ours(void **state)
{
	static const char other_map[] = "\xa1\x00\x66sk-pgp";
	uint8_t random[64] = { 0 };
	uint8_t huge[HANDLE_MAX_LEN + 1] = { 0xa9 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(i * 37 + 11);
	assert_int_equal(decode(random, sizeof(random)), FAIL_NOT_OURS);
	assert_int_equal(decode(random, 0), FAIL_NOT_OURS);
	assert_int_equal(decode(huge, sizeof(huge)), FAIL_NOT_OURS);
	assert_int_equal(
	    decode((const uint8_t *)other_map, sizeof(other_map) - 1),
	    FAIL_NOT_OURS);
}

static void
test_version(void **state)
{
	static const char far[] = "\xa9\x00\x66sk-tpm\x01\x19\x01\x2c";
	struct bytes out = { 0 };

	(void)state;
	make_encoded(&out);
	out.data[10] = 2; /* 1: 1 becomes 1: 2 */
	assert_int_equal(decode(out.data, out.len), FAIL_VERSION);
	/* A number of two bytes. */
	assert_int_equal(
	    decode((const uint8_t *)far, sizeof(far) - 1), FAIL_VERSION);
	assert_non_null(strstr(STDERR_OF(log_failure(FAIL_VERSION)),
	    "has format version 300, and"));
	bytes_reset(&out);
}

/* Ours but for one rule of deterministic CBOR, or one value out of range. */
static void
test_other_encodings(void **state)
{
	static const struct {
		const char *what, *from, *to;
		size_t from_len, to_len;
	} edits[] = {
		{ "longer form", "\x01\x01", "\x01\x18\x01", 2, 3 },
		{ "map of eight", "\xa9", "\xa8", 1, 1 },
		{ "map of ten", "\xa9", "\xaa", 1, 1 },
		{ "unbounded map", "\xa9", "\xbf", 1, 1 },
		{ "authorization", "\x04\x00", "\x04\x02", 2, 2 },
		{ "short application", "\x05\x58\x20", "\x05\x58\x1f", 3, 3 },
		{ "limits of two", "\x06\x83\x00\x80\x80", "\x06\x82\x00\x80",
		    5, 4 },
		{ "unknown limit", "\x06\x83\x00", "\x06\x83\x10", 3, 3 },
		{ "namespace without its kind", "\x06\x83\x00\x80",
		    "\x06\x83\x00\x81\x61x", 4, 6 },
		{ "parent 0", "\x1a\x81\x00\x00\x01", "\x00", 5, 1 },
		{ "parent 3", "\x1a\x81\x00\x00\x01", "\x03", 5, 1 },
		{ "transient parent", "\x1a\x81", "\x1a\x80", 2, 2 },
		{ "NV parent", "\x1a\x81", "\x1a\x01", 2, 2 },
		{ "empty public", "\x07\x46PUBLIC", "\x07\x40", 8, 2 },
		{ "text for bytes", "\x07\x46", "\x07\x66", 2, 2 },
		{ "unbounded bytes", "\x07\x46PUBLIC", "\x07\x5f\x46PUBLIC\xff",
		    8, 10 },
		{ "length that lies", "\x08\x47",
		    "\x08\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", 2, 10 },
		{ "order", "\x07\x46PUBLIC\x08\x47PRIVATE",
		    "\x08\x47PRIVATE\x07\x46PUBLIC", 17, 17 },
		{ "twice", "\x08\x47PRIVATE", "\x07\x47PRIVATE", 9, 9 },
	};
	struct bytes good = { 0 };

	(void)state;
	make_encoded(&good);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		uint8_t *at = memmem(
		    good.data, good.len, edits[i].from, edits[i].from_len);
		struct bytes bad = { 0 };
		size_t before, after;

		assert_non_null(at);
		before = (size_t)(at - good.data);
		after = before + edits[i].from_len;
		assert_int_equal(bytes_append(&bad, good.data, before), 0);
		assert_int_equal(
		    bytes_append(&bad, edits[i].to, edits[i].to_len), 0);
		assert_int_equal(
		    bytes_append(&bad, good.data + after, good.len - after), 0);
		if (decode(bad.data, bad.len) == 0)
			FAIL_MSG("%s was accepted", edits[i].what);
		bytes_reset(&bad);
	}
	bytes_reset(&good);
}

static void
test_binding_covers_the_bound_entries(void **state)
{
	uint8_t a[HANDLE_BINDING_LEN], b[HANDLE_BINDING_LEN];
	struct handle h;

	(void)state;
	make_handle(&h);
	assert_int_equal(handle_binding(&h, a), 0);
	h.parent = HANDLE_PARENT_SRK;
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	h.parent = 0x81000001;
	h.parent_name[0] ^= 1;
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	h.parent_name[0] ^= 1;
	h.application[31] ^= 1;
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	h.application[31] ^= 1;
	h.auth = HANDLE_AUTH_PIN;
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	h.auth = HANDLE_AUTH_NONE;
	limits_allow_kind(&h.limits, LIMIT_CA);
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	h.limits.kinds = 0;
	/* Not the TPM structures: the public area holds this very digest. */
	assert_int_equal(bytes_set(&h.tpm_public, "X", 1), 0);
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_equal(a, b, sizeof(a));
	handle_reset(&h);
}

#define TEST_NAME "handle"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encoding_is_pinned),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_of_limits_and_pin),
		cmocka_unit_test(test_truncated_at_every_length),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_bytes_behind_the_end),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_other_encodings),
		cmocka_unit_test(test_binding_covers_the_bound_entries),
	};

	return RUN(tests);
}
