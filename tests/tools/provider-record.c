/* SPDX-License-Identifier: ISC */
/*
 * A SecurityKeyProvider that hands every call on to the one that
 * RECORD_PROVIDER names, and keeps each message that sk_sign was given as a
 * file in the directory RECORD_DIR: real requests, to test and fuzz with.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC visibility push(default)
#include "sk-api.h"
#pragma GCC visibility pop

static void *
next(const char *name)
{
	void *lib = dlopen(getenv("RECORD_PROVIDER"), RTLD_NOW);
	void *symbol = lib != NULL ? dlsym(lib, name) : NULL;

	if (symbol == NULL) {
		fprintf(stderr, "provider-record: no RECORD_PROVIDER\n");
		abort();
	}
	return symbol;
}

static void
record(const uint8_t *data, size_t len)
{
	struct timespec now;
	char path[4096];
	FILE *f;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(path, sizeof(path), "%s/%ld%09ld", getenv("RECORD_DIR"),
	    (long)now.tv_sec, now.tv_nsec);
	if ((f = fopen(path, "w")) == NULL)
		return;
	fwrite(data, 1, len, f);
	fclose(f);
}

uint32_t
sk_api_version(void)
{
	__typeof__(&sk_api_version) f;

	*(void **)&f = next("sk_api_version");
	return f();
}

int
sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
    const char *application, uint8_t flags, const char *pin,
    struct sk_option **options, struct sk_enroll_response **enroll_response)
{
	__typeof__(&sk_enroll) f;

	*(void **)&f = next("sk_enroll");
	return f(alg, challenge, challenge_len, application, flags, pin,
	    options, enroll_response);
}

int
sk_sign(uint32_t alg, const uint8_t *data, size_t data_len,
    const char *application, const uint8_t *key_handle, size_t key_handle_len,
    uint8_t flags, const char *pin, struct sk_option **options,
    struct sk_sign_response **sign_response)
{
	__typeof__(&sk_sign) f;

	record(data, data_len);
	*(void **)&f = next("sk_sign");
	return f(alg, data, data_len, application, key_handle, key_handle_len,
	    flags, pin, options, sign_response);
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options,
    struct sk_resident_key ***rks, size_t *nrks)
{
	__typeof__(&sk_load_resident_keys) f;

	*(void **)&f = next("sk_load_resident_keys");
	return f(pin, options, rks, nrks);
}
