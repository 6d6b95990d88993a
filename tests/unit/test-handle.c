/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "protocol.h"

#include "base/error.h"
#include "base/log.h"
#include "base/sha256.h"
#include "key/handle.h"

/* The examples of PROTOCOL.md: made-up TPM structures, which are opaque here.
 */
static void
set(struct bytes *b, const char *value)
{
	assert_int_equal(bytes_set(b, value, strlen(value)), 0);
}

static void
make_handle(struct handle *h)
{
	*h = (struct handle){ .parent = 0x81000001, .auth = HANDLE_AUTH_NONE };
	h->parent_name[1] = 0x0b;
	memset(h->parent_name + 2, 0x11, sizeof(h->parent_name) - 2);
	assert_int_equal(sha256_text("ssh:", h->application), 0);
	set(&h->tpm_public, "PUBLIC");
	set(&h->tpm_private, "PRIVATE");
}

static void
make_persistent(struct handle *h)
{
	uint8_t auth[HANDLE_AUTH_VALUE_LEN];

	make_handle(h);
	h->persistent = 0x81000101;
	memset(auth, 0x55, sizeof(auth));
	assert_int_equal(bytes_set(&h->persistent_auth, auth, sizeof(auth)), 0);
}

static void
make_with_pin(struct handle *h)
{
	const struct slice git = { (const uint8_t *)"git", 3 };

	make_handle(h);
	h->auth = HANDLE_AUTH_PIN;
	h->presence = true;
	memset(h->pin_salt, 0x33, sizeof(h->pin_salt));
	assert_int_equal(limits_allow_namespace(&h->limits, git), 0);
}

/* What no TPM would have made of it. */
static const char pin_object[] = "\x00\x2e\x00\x08\x00\x0b\x00\x00\x00\x52"
				 "\x00\x00\x00\x10\x00\x20"
				 "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww";

#define PIN_OBJECT_LEN (sizeof(pin_object) - 1)

static void
make_with_conditions(struct handle *h)
{
	make_handle(h);
	h->parent = HANDLE_PARENT_SRK;
	h->auth = HANDLE_AUTH_PIN_OBJECT;
	h->presence = true;
	memset(h->pin_salt, 0x33, sizeof(h->pin_salt));
	h->pin_lifetime = 600;
	h->pcrs = 1u << 7 | 1u << 11;
	memset(h->pcr_values[7], 0x44, PCR_LEN);
	memset(h->pcr_values[11], 0x45, PCR_LEN);
	assert_int_equal(
	    bytes_set(&h->pin_object_public, pin_object, PIN_OBJECT_LEN), 0);
	set(&h->pin_object_private, "PIN-PRIVATE");
}

static const struct example {
	const char *name;
	void (*make)(struct handle *);
} examples[] = {
	{ "handle-plain", make_persistent },
	{ "handle-pin", make_with_pin },
	{ "handle-conditions", make_with_conditions },
};

#define N_EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static void
encode_example(const struct example *e, struct bytes *ret)
{
	struct handle h;

	e->make(&h);
	assert_int_equal(handle_encode(&h, ret), 0);
	handle_reset(&h);
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

/* Byte for byte: key files outlive releases. */
static void
test_examples_of_the_protocol(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		uint8_t binding[HANDLE_BINDING_LEN];
		struct bytes page = { 0 }, ours = { 0 };
		char said[65] = "", b[65] = "";
		struct handle h = { 0 };

		protocol_example(examples[i].name, &page);
		protocol_value(examples[i].name, "B", said);
		encode_example(&examples[i], &ours);
		if (!slice_equal(bytes_slice(&page), bytes_slice(&ours)))
			FAIL_MSG("%s differs", examples[i].name);
		assert_int_equal(handle_decode(bytes_slice(&page), &h), 0);
		assert_int_equal(handle_binding(&h, binding), 0);
		for (size_t j = 0; j < sizeof(binding); j++)
			snprintf(b + 2 * j, 3, "%02x", binding[j]);
		assert_string_equal(b, said);
		handle_reset(&h);
		bytes_reset(&page);
		bytes_reset(&ours);
	}
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
	assert_false(h.presence);
	assert_int_equal(h.persistent, 0);
	assert_int_equal(h.persistent_auth.len, 0);
	assert_memory_equal(h.tpm_public.data, "PUBLIC", 6);
	assert_memory_equal(h.tpm_private.data, "PRIVATE", 7);
	handle_reset(&h);
	bytes_reset(&out);
}

static void
test_round_trip_of_everything(void **state)
{
	const uint8_t server[32] = { 9 };
	struct handle h, again = { 0 };
	struct bytes out = { 0 };

	(void)state;
	make_with_conditions(&h);
	h.persistent = 0x81000101;
	assert_int_equal(limits_allow_server(&h.limits, server), 0);
	assert_int_equal(handle_encode(&h, &out), 0);
	assert_int_equal(handle_decode(bytes_slice(&out), &again), 0);
	assert_int_equal(again.auth, HANDLE_AUTH_PIN_OBJECT);
	assert_true(again.presence);
	assert_int_equal(again.pin_salt[15], 0x33);
	assert_int_equal(again.pin_lifetime, 600);
	assert_int_equal(again.pcrs, 0x880);
	assert_int_equal(again.pcr_values[11][31], 0x45);
	assert_int_equal(again.persistent, 0x81000101);
	assert_memory_equal(
	    again.pin_object_public.data, pin_object, PIN_OBJECT_LEN);
	assert_memory_equal(again.pin_object_private.data, "PIN-PRIVATE", 11);
	assert_int_equal(again.limits.kinds, LIMIT_LOGIN);
	assert_int_equal(again.limits.n_servers, 1);
	assert_memory_equal(again.limits.servers[0], server, 32);
	handle_reset(&h);
	handle_reset(&again);
	bytes_reset(&out);
}

/* What a CA is shown of the examples; nothing behind it. */
static void
test_bound_entries_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		struct bytes bound = { 0 };
		struct handle h, alone = { 0 };
		uint8_t a[HANDLE_BINDING_LEN], b[HANDLE_BINDING_LEN];

		examples[i].make(&h);
		assert_int_equal(handle_bound(&h, &bound), 0);
		assert_int_equal(
		    handle_decode_bound(bytes_slice(&bound), &alone), 0);
		assert_null(alone.tpm_public.data);
		assert_int_equal(alone.persistent, 0);
		assert_int_equal(handle_binding(&h, a), 0);
		assert_int_equal(handle_binding(&alone, b), 0);
		assert_memory_equal(a, b, sizeof(a));
		for (size_t n = 0; n < bound.len; n++)
			assert_int_equal(
			    handle_decode_bound(
				(struct slice){ bound.data, n }, &alone),
			    FAIL_HANDLE);
		assert_int_equal(bytes_append(&bound, "", 1), 0);
		assert_int_equal(
		    handle_decode_bound(bytes_slice(&bound), &alone),
		    FAIL_HANDLE);
		bytes_reset(&bound);
		handle_reset(&alone);
		handle_reset(&h);
	}
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

/* In what is not bound. */
static bool
same_outside(const struct handle *a, const struct handle *b)
{
	return a->persistent == b->persistent &&
	    slice_equal(
		bytes_slice(&a->tpm_public), bytes_slice(&b->tpm_public)) &&
	    slice_equal(
		bytes_slice(&a->tpm_private), bytes_slice(&b->tpm_private)) &&
	    slice_equal(bytes_slice(&a->pin_object_private),
		bytes_slice(&b->pin_object_private)) &&
	    slice_equal(bytes_slice(&a->persistent_auth),
		bytes_slice(&b->persistent_auth));
}

/*
 * A flipped bit gives an error, or a handle whose own binding differs, which
 * `key` and the TPM see, or another hint at a persistent key.
 */
static void
flip_every_bit(const struct example *e)
{
	uint8_t before[HANDLE_BINDING_LEN], after[HANDLE_BINDING_LEN];
	struct handle h = { 0 }, other = { 0 };
	struct bytes out = { 0 };
	size_t refused = 0;

	e->make(&h);
	encode_example(e, &out);
	assert_int_equal(handle_binding(&h, before), 0);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (handle_decode(bytes_slice(&out), &other) != 0) {
			refused++;
		} else {
			assert_int_equal(handle_binding(&other, after), 0);
			if (same_outside(&h, &other))
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

static void
test_every_flipped_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_EXAMPLES; i++)
		flip_every_bit(&examples[i]);
}

/* Whoever else's handle, and whoever else's CBOR. */
static void
test_not_ours(void **state)
{
	static const char other_map[] = "\xa1\x00\x66sk-pgp";
	uint8_t random[64] = { 0 };
	uint8_t huge[HANDLE_MAX_LEN + 1] = { 0xa4 };

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
	static const char far[] = "\xa4\x00\x66sk-tpm\x01\x45\xa1"
				  "\x00\x19\x01\x2c";
	struct bytes out = { 0 };

	(void)state;
	make_encoded(&out);
	out.data[14] = 2; /* 0: 1 becomes 0: 2 */
	assert_int_equal(decode(out.data, out.len), FAIL_VERSION);
	/* A number of two bytes. */
	assert_int_equal(
	    decode((const uint8_t *)far, sizeof(far) - 1), FAIL_VERSION);
	assert_non_null(strstr(STDERR_OF(log_failure(FAIL_VERSION)),
	    "has format version 300, and"));
	bytes_reset(&out);
}

/* Where the length of the bound entries stands, and where they begin. */
#define AT_BOUND_LEN 11
#define AT_BOUND 12u

#define PCR_7 "\x07\x58\x20\x44\x44"
#define PCR_11 "\x0b\x58\x20\x45\x45"

/* Ours but for one rule of deterministic CBOR, or one value out of range. */
static const struct edit {
	const char *what;
	int example; /* -1: a plain one */
	const char *from, *to;
	size_t from_len, to_len;
} edits[] = {
#define EDIT(example, what, from, to)                                     \
	{                                                                 \
		what, example, from, to, sizeof(from) - 1, sizeof(to) - 1 \
	}
	EDIT(-1, "longer form", "\xa7\x00\x01", "\xa7\x00\x18\x01"),
	EDIT(-1, "map of three", "\xa4\x00\x66", "\xa3\x00\x66"),
	EDIT(-1, "map of five", "\xa4\x00\x66", "\xa5\x00\x66"),
	EDIT(-1, "unbounded map", "\xa4\x00\x66", "\xbf\x00\x66"),
	EDIT(-1, "bound map of six", "\xa7\x00\x01", "\xa6\x00\x01"),
	EDIT(-1, "bound map of eight", "\xa7\x00\x01", "\xa8\x00\x01"),
	EDIT(-1, "bound text", "\x01\x58", "\x01\x78"),
	EDIT(-1, "unknown authorization", "\x03\x00\x04", "\x03\x03\x04"),
	EDIT(-1, "PIN without salt", "\x03\x00\x04", "\x03\x01\x04"),
	EDIT(-1, "short application", "\x04\x58\x20", "\x04\x58\x1f"),
	EDIT(-1, "limits of two", "\x05\x83\x00\x80\x80", "\x05\x82\x00\x80"),
	EDIT(-1, "unknown limit", "\x05\x83\x00", "\x05\x83\x10"),
	EDIT(-1, "namespace without its kind", "\x05\x83\x00\x80",
	    "\x05\x83\x00\x81\x61x"),
	EDIT(-1, "parent 0", "\x1a\x81\x00\x00\x01", "\x00"),
	EDIT(-1, "parent 3", "\x1a\x81\x00\x00\x01", "\x03"),
	EDIT(-1, "transient parent", "\x1a\x81", "\x1a\x80"),
	EDIT(-1, "NV parent", "\x1a\x81", "\x1a\x01"),
	EDIT(-1, "presence 2", "\x06\x00\x02", "\x06\x02\x02"),
	EDIT(-1, "presence false", "\x06\x00\x02", "\x06\xf4\x02"),
	EDIT(-1, "no presence", "\x06\x00\x02", "\x02"),
	EDIT(-1, "unknown bound entry", "\x06\x00\x02", "\x06\x00\x0b\x00\x02"),
	EDIT(-1, "empty public", "\x02\x46PUBLIC", "\x02\x40"),
	EDIT(-1, "text for bytes", "\x02\x46", "\x02\x66"),
	EDIT(-1, "unbounded bytes", "\x02\x46PUBLIC", "\x02\x5f\x46PUBLIC\xff"),
	EDIT(-1, "length that lies", "\x03\x47",
	    "\x03\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
	EDIT(-1, "order", "\x02\x46PUBLIC\x03\x47PRIVATE",
	    "\x03\x47PRIVATE\x02\x46PUBLIC"),
	EDIT(-1, "twice", "\x03\x47PRIVATE", "\x02\x47PRIVATE"),
	EDIT(-1, "PIN object's private without one", "\x47PRIVATE",
	    "\x47PRIVATE\x04\x41x"),
	EDIT(0, "transient persistent key", "\x05\x1a\x81", "\x05\x1a\x80"),
	EDIT(0, "platform's persistent key", "\x05\x1a\x81\x00",
	    "\x05\x1a\x81\x80"),
	EDIT(0, "authValue without a handle", "\x05\x1a\x81\x00\x01\x01", ""),
	EDIT(0, "short authValue", "\x06\x58\x20\x55", "\x06\x58\x1f"),
	EDIT(0, "authValue of a PIN key", "\x03\x00\x04", "\x03\x01\x04"),
	EDIT(1, "salt without PIN", "\x03\x01\x04", "\x03\x00\x04"),
	EDIT(1, "short salt", "\x07\x50\x33", "\x07\x4f"),
	EDIT(1, "salt before presence", "\x06\x01\x07\x50", "\x07\x50\x06\x01"),
	EDIT(2, "lifetime 0", "\x08\x19\x02\x58", "\x08\x00"),
	EDIT(2, "lifetime too long", "\x08\x19\x02\x58",
	    "\x08\x1a\x80\x00\x00\x00"),
	EDIT(2, "no lifetime", "\x08\x19\x02\x58", ""),
	EDIT(2, "PIN where an object is", "\x03\x02\x04", "\x03\x01\x04"),
	EDIT(2, "one PCR said, two there", "\x09\xa2", "\x09\xa1"),
	EDIT(2, "three said", "\x09\xa2", "\x09\xa3"),
	EDIT(2, "no PCRs in the map", "\x09\xa2", "\x09\xa0"),
	EDIT(2, "order of PCRs", PCR_11, "\x06\x58\x20\x45\x45"),
	EDIT(2, "PCR twice", PCR_11, "\x07\x58\x20\x45\x45"),
	EDIT(2, "PCR 16", PCR_11, "\x10\x58\x20\x45\x45"),
	EDIT(2, "PCR 23", PCR_11, "\x17\x58\x20\x45\x45"),
	EDIT(2, "PCR 24", PCR_11, "\x18\x18\x58\x20\x45\x45"),
	EDIT(2, "short value", PCR_7, "\x07\x58\x1f\x44"),
	EDIT(2, "longer PIN object", "\x0a\x58\x30", "\x0a\x58\x31"),
	EDIT(2, "shorter PIN object", "\x0a\x58\x30", "\x0a\x58\x2f"),
	EDIT(2, "no PIN object", "\x0a\x58\x30", ""),
	EDIT(2, "no PIN object's private", "\x04\x4bPIN-PRIVATE", ""),
#undef EDIT
};

static void
make_edited(const struct edit *e, struct bytes *ret)
{
	struct bytes good = { 0 };
	size_t before, after;
	uint8_t *at;

	if (e->example < 0)
		make_encoded(&good);
	else
		encode_example(&examples[e->example], &good);
	at = memmem(good.data, good.len, e->from, e->from_len);
	if (at == NULL)
		FAIL_MSG("%s: nothing to edit", e->what);
	before = (size_t)(at - good.data);
	after = before + e->from_len;
	/* The bound entries are behind their length. */
	if (before >= AT_BOUND && before < AT_BOUND + good.data[AT_BOUND_LEN])
		good.data[AT_BOUND_LEN] = (uint8_t)(good.data[AT_BOUND_LEN] +
		    e->to_len - e->from_len);
	assert_int_equal(bytes_append(ret, good.data, before), 0);
	assert_int_equal(bytes_append(ret, e->to, e->to_len), 0);
	assert_int_equal(
	    bytes_append(ret, good.data + after, good.len - after), 0);
	bytes_reset(&good);
}

static void
test_other_encodings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct bytes bad = { 0 };

		make_edited(&edits[i], &bad);
		if (decode(bad.data, bad.len) == 0)
			FAIL_MSG("%s was accepted", edits[i].what);
		bytes_reset(&bad);
	}
}

/* A bank that is not there reads as zeros, and everybody can make it so. */
static void
test_values_that_mean_nothing(void **state)
{
	struct bytes out = { 0 };
	struct handle h;

	(void)state;
	make_with_conditions(&h);
	memset(h.pcr_values[7], 0, PCR_LEN);
	assert_int_equal(handle_encode(&h, &out), 0);
	assert_int_equal(decode(out.data, out.len), FAIL_HANDLE);
	handle_reset(&h);
	make_persistent(&h);
	h.persistent_auth.data[31] = 0; /* a TPM would take 31 bytes */
	assert_int_equal(handle_encode(&h, &out), 0);
	assert_int_equal(decode(out.data, out.len), FAIL_HANDLE);
	handle_reset(&h);
	bytes_reset(&out);
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
	h.presence = true;
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	h.presence = false;
	h.pcrs = 1;
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	h.pcrs = 0;
	/* Not the TPM structures: the public area holds this very digest. */
	assert_int_equal(bytes_set(&h.tpm_public, "X", 1), 0);
	h.persistent = 0x81000101;
	assert_int_equal(handle_binding(&h, b), 0);
	assert_memory_equal(a, b, sizeof(a));
	handle_reset(&h);
}

#define TEST_NAME "handle"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples_of_the_protocol),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_of_everything),
		cmocka_unit_test(test_bound_entries_alone),
		cmocka_unit_test(test_truncated_at_every_length),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_bytes_behind_the_end),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_other_encodings),
		cmocka_unit_test(test_values_that_mean_nothing),
		cmocka_unit_test(test_binding_covers_the_bound_entries),
	};

	return RUN(tests);
}
