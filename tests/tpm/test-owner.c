/* SPDX-License-Identifier: ISC */
/*
 * The password of a TPM's owner is in no memory when that is freed, by us or by
 * tpm2-tss: against the TPM that SK_TPM_TCTI names, whose owner has
 * OWNER_PASSWORD, and which has no storage root key yet.
 */
#include "../unit/unit.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

#include "authenticator/credential.h"
#include "base/log.h"
#include "key/parent.h"
#include "key/resident.h"

static struct config cfg;
static const char *password;
static volatile unsigned int found; /* blocks that were freed with it */

/* In place of the C library's, also for libraries. */
#pragma GCC visibility push(default)
extern void __libc_free(void *p);
void free(void *p);

/* OpenSSL may not wipe what it makes an HMAC's key from for tpm2-tss. */
static bool
is_openssl(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
	    strstr(info.dli_fname, "libcrypto") != NULL;
}

void
free(void *p)
{
	if (p != NULL && password != NULL &&
	    memmem(p, malloc_usable_size(p), password, strlen(password)) !=
		NULL &&
	    !is_openssl(__builtin_return_address(0)))
		found++;
	__libc_free(p);
}
#pragma GCC visibility pop

static struct slice
owner_auth(void)
{
	return (struct slice){ (const uint8_t *)password, strlen(password) };
}

static void
test_freed_is_seen(void **state)
{
	char *volatile block = strdup(password);

	(void)state;
	found = 0;
	free(block);
	assert_int_equal(found, 1);
}

static void
test_setup(void **state)
{
	struct tpm *tpm;

	(void)state;
	found = 0;
	assert_int_equal(tpm_open(cfg.tcti, &tpm), 0);
	assert_int_equal(parent_make_persistent(tpm, owner_auth()), 0);
	tpm_close(tpm);
	assert_int_equal(found, 0);
}

static void
test_resident_key_made(void **state)
{
	const struct credential_request req = {
		.application = "ssh:",
		.challenge = { (const uint8_t *)"c", 1 },
		.flags = CREDENTIAL_RESIDENT,
		.pin = password,
	};
	struct credential cred;

	(void)state;
	found = 0;
	assert_int_equal(credential_make(&cfg, &req, &cred), 0);
	credential_reset(&cred);
	assert_int_equal(found, 0);
}

static void
test_resident_key_removed(void **state)
{
	struct resident_keys keys;
	struct tpm *tpm;

	(void)state;
	found = 0;
	assert_int_equal(tpm_open(cfg.tcti, &tpm), 0);
	assert_int_equal(resident_list(tpm, &keys), 0);
	assert_int_equal(keys.n, 1);
	assert_int_equal(resident_remove(tpm, &keys.keys[0], owner_auth()), 0);
	resident_keys_reset(&keys);
	tpm_close(tpm);
	assert_int_equal(found, 0);
}

static int
setup(void **state)
{
	(void)state;
	log_begin_secret();
	password = getenv("OWNER_PASSWORD");
	return password == NULL ? -1 : config_load(&cfg);
}

static int
teardown(void **state)
{
	(void)state;
	config_reset(&cfg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed_is_seen),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_resident_key_made),
		cmocka_unit_test(test_resident_key_removed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("owner", tests, setup, teardown);
}
