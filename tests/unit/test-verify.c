/* SPDX-License-Identifier: ISC */
/*
 * Evidence about the two keys that swtpm made (tests/fuzz/corpus/handle,
 * without a PIN and with one), and about one with conditions.
 */
#include "unit.h"

#include "attest/verify.h"
#include "base/error.h"
#include "base/log.h"
#include "base/wire.h"
#include "corpus.h"
#include "key/template.h"
#include "protocol.h"
#include "ssh/sshkey.h"

#define APPLICATION "ssh:"

struct made {
	struct handle handle;
	struct ec_point point;
	struct bytes blob, bound, public;
};

static void
make_blob(struct made *m, const char *application)
{
	bytes_reset(&m->blob);
	assert_int_equal(sshkey_put_ours(&m->blob, &m->point, application), 0);
}

static void
make(const char *name, struct made *ret)
{
	*ret = (struct made){ 0 };
	assert_int_equal(
	    handle_decode(corpus_read_of("handle", name), &ret->handle), 0);
	assert_int_equal(template_point(&ret->handle,
			     bytes_slice(&ret->handle.tpm_public), &ret->point),
	    0);
	assert_int_equal(handle_bound(&ret->handle, &ret->bound), 0);
	assert_int_equal(bytes_set(&ret->public, ret->handle.tpm_public.data,
			     ret->handle.tpm_public.len),
	    0);
	make_blob(ret, APPLICATION);
}

static void
made_reset(struct made *m)
{
	handle_reset(&m->handle);
	bytes_reset(&m->blob);
	bytes_reset(&m->bound);
	bytes_reset(&m->public);
}

static int
verify(const struct made *m)
{
	const struct evidence evidence = { bytes_slice(&m->blob),
		bytes_slice(&m->bound), bytes_slice(&m->public) };
	struct verified_key key = { 0 };
	int r = verify_key(&evidence, &key);

	if (r == 0) {
		assert_memory_equal(&key.point, &m->point, sizeof(key.point));
		assert_true(slice_is(key.application, APPLICATION));
	}
	verified_key_reset(&key);
	return r;
}

static void
test_what_a_tpm_made(void **state)
{
	static const char *const names[] = { "no-pin", "pin" };
	struct verified_key key = { 0 };
	uint8_t digest[SHA256_LEN];
	struct made m;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct evidence evidence;

		make(names[i], &m);
		assert_int_equal(verify(&m), 0);
		evidence = (struct evidence){ bytes_slice(&m.blob),
			bytes_slice(&m.bound), bytes_slice(&m.public) };
		assert_int_equal(verify_key(&evidence, &key), 0);
		assert_int_equal(key.handle.auth,
		    i == 0 ? HANDLE_AUTH_NONE : HANDLE_AUTH_PIN);
		assert_int_equal(sha256((struct slice){ m.public.data + 2,
					    m.public.len - 2 },
				     digest),
		    0);
		assert_memory_equal(key.name, "\x00\x0b", 2);
		assert_memory_equal(key.name + 2, digest, sizeof(digest));
		verified_key_reset(&key);
		made_reset(&m);
	}
}

/* Each bit of each of the three counts. */
static void
test_every_bit(void **state)
{
	struct bytes *parts[3];
	struct made m;

	(void)state;
	make("pin", &m);
	parts[0] = &m.blob;
	parts[1] = &m.bound;
	parts[2] = &m.public;
	for (size_t i = 0; i < 3; i++)
		for (size_t bit = 0; bit < parts[i]->len * 8; bit++) {
			parts[i]->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_not_equal(verify(&m), 0);
			parts[i]->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	assert_int_equal(verify(&m), 0);
	made_reset(&m);
}

static void
test_every_length(void **state)
{
	struct bytes *parts[3];
	struct made m;

	(void)state;
	make("no-pin", &m);
	parts[0] = &m.blob;
	parts[1] = &m.bound;
	parts[2] = &m.public;
	for (size_t i = 0; i < 3; i++) {
		size_t len = parts[i]->len;

		while (parts[i]->len-- > 0)
			assert_int_not_equal(verify(&m), 0);
		parts[i]->len = len;
		assert_int_equal(bytes_append(parts[i], "", 1), 0);
		assert_int_not_equal(verify(&m), 0);
		parts[i]->len = len;
		assert_int_equal(verify(&m), 0);
	}
	made_reset(&m);
}

/* The binding and the public area of one key, the SSH key of another. */
static void
test_another_keys_parts(void **state)
{
	struct made a, b;

	(void)state;
	make("no-pin", &a);
	make("pin", &b);
	bytes_move(&b.blob, &a.blob);
	assert_int_equal(verify(&a), FAIL_EVIDENCE);
	assert_non_null(strstr(log_cause(), "another than the key in the TPM"));
	bytes_move(&b.bound, &a.bound);
	assert_int_equal(verify(&a), FAIL_HANDLE);
	made_reset(&a);
	made_reset(&b);
}

static void
test_application(void **state)
{
	struct made m;

	(void)state;
	make("no-pin", &m);
	make_blob(&m, "ssh:other");
	assert_int_equal(verify(&m), FAIL_EVIDENCE);
	assert_non_null(strstr(log_cause(), "another application"));
	make_blob(&m, APPLICATION);
	m.blob.data[m.blob.len - 1] = '\0';
	assert_int_equal(verify(&m), FAIL_EVIDENCE);
	assert_non_null(strstr(log_cause(), "zero byte"));
	made_reset(&m);
}

/* A point that no TPM made, in both places. */
static void
test_off_the_curve(void **state)
{
	struct made m;

	(void)state;
	make("no-pin", &m);
	m.point.y[31] ^= 1;
	m.public.data[m.public.len - 1] ^= 1;
	make_blob(&m, APPLICATION);
	assert_int_equal(verify(&m), FAIL_FORGED);
	made_reset(&m);
}

/* A TPM may leave out zeros in front: the Name is that of the bytes as sent. */
static void
test_short_coordinate(void **state)
{
	struct verified_key key = { 0 };
	struct evidence evidence;
	struct bytes public = { 0 };
	struct made m;
	size_t at;

	(void)state;
	make("no-pin", &m);
	/* The point with the x of 5 on P-256, whose y is known. */
	memset(&m.point, 0, sizeof(m.point));
	m.point.x[31] = 5;
	memcpy(m.point.y,
	    "\x45\x92\x43\xb9\xaa\x58\x18\x06\xfe\x91\x3b\xce\x99\x81\x7a\xde"
	    "\x11\xca\x50\x3c\x64\xd9\xa3\xc5\x33\x41\x5c\x08\x32\x48\xfb\xcc",
	    32);
	make_blob(&m, APPLICATION);
	assert_int_equal(template_public(&m.handle, &m.point, &public), 0);
	at = public.len - 34 - 34;
	public.len = at;
	assert_int_equal(bytes_append(&public, "\x00\x01\x05\x00\x20", 5), 0);
	assert_int_equal(bytes_append(&public, m.point.y, 32), 0);
	public.data[1] = (uint8_t)(public.len - 2);
	evidence = (struct evidence){ bytes_slice(&m.blob),
		bytes_slice(&m.bound), bytes_slice(&public) };
	assert_int_equal(verify_key(&evidence, &key), 0);
	assert_int_equal(key.point.x[31], 5);
	verified_key_reset(&key);
	bytes_reset(&public);
	made_reset(&m);
}

/* A PIN with a lifetime and PCRs, as PROTOCOL.md has it, of any point. */
static void
test_conditions(void **state)
{
	struct made m;

	(void)state;
	make("no-pin", &m);
	handle_reset(&m.handle);
	bytes_reset(&m.blob);
	protocol_example("handle-conditions", &m.blob);
	assert_int_equal(handle_decode(bytes_slice(&m.blob), &m.handle), 0);
	assert_int_equal(handle_bound(&m.handle, &m.bound), 0);
	make_blob(&m, APPLICATION);
	assert_int_equal(template_public(&m.handle, &m.point, &m.public), 0);
	assert_int_equal(verify(&m), 0);
	/* Another value of a PCR, and another PIN object. */
	m.handle.pcr_values[7][0] ^= 1;
	assert_int_equal(handle_bound(&m.handle, &m.bound), 0);
	assert_int_equal(verify(&m), FAIL_HANDLE);
	m.handle.pcr_values[7][0] ^= 1;
	m.handle.pin_object_public.data[20] ^= 1;
	assert_int_equal(handle_bound(&m.handle, &m.bound), 0);
	assert_int_equal(verify(&m), FAIL_HANDLE);
	made_reset(&m);
}

static void
test_other_types(void **state)
{
	struct bytes blob = { 0 };
	struct made m;

	(void)state;
	make("no-pin", &m);
	assert_int_equal(wire_put_text(&blob, "ecdsa-sha2-nistp256"), 0);
	assert_int_equal(wire_put_text(&blob, "nistp256"), 0);
	bytes_move(&blob, &m.blob);
	assert_int_equal(verify(&m), FAIL_EVIDENCE);
	assert_non_null(strstr(log_cause(), SSHKEY_OUR_TYPE));
	made_reset(&m);
}

#define TEST_NAME "verify"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_tpm_made),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_another_keys_parts),
		cmocka_unit_test(test_application),
		cmocka_unit_test(test_off_the_curve),
		cmocka_unit_test(test_short_coordinate),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_other_types),
	};

	return RUN(tests);
}
