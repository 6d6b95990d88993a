/* SPDX-License-Identifier: ISC */
/*
 * sign-many LIBRARY COUNT: one process that signs COUNT times on the TPM that
 * SK_TPM_TCTI names, and tells whether it holds on to anything: memory, file
 * descriptors. Of ten signatures one needs a PIN; as many more are refused.
 * What a first tenth of them leaves behind is libraries' own (OpenSSL keeps
 * what it has fetched); after that nothing may grow.
 *
 * Prints the figures as notes, and ends with 1 where something failed or grew.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/responses.h"

#define PIN "123456"
#define APPLICATION "ssh:"

struct usage {
	size_t allocated; /* bytes that malloc has given out */
	long resident;	  /* KiB of memory in use */
	int open;	  /* file descriptors */
};

static __typeof__(&sk_enroll) enroll;
static __typeof__(&sk_sign) sign;
static const uint8_t challenge[32] = { 1, 2, 3 };
static const uint8_t message[] = "message";

static void
die(const char *what)
{
	fprintf(stderr, "sign-many: %s\n", what);
	exit(1);
}

static void *
entry(void *library, const char *name)
{
	void *at = dlsym(library, name);

	if (at == NULL)
		die(name);
	return at;
}

static struct sk_enroll_response *
make_key(uint8_t flags, const char *pin)
{
	struct sk_enroll_response *key = NULL;

	if (enroll(SSH_SK_ECDSA, challenge, sizeof(challenge), APPLICATION,
		flags, pin, NULL, &key) != 0)
		die("cannot enroll");
	return key;
}

static bool
signs(const struct sk_enroll_response *key, const char *application,
    uint8_t flags, const char *pin)
{
	struct sk_sign_response *resp = NULL;

	if (sign(SSH_SK_ECDSA, message, sizeof(message), application,
		key->key_handle, key->key_handle_len, flags, pin, NULL,
		&resp) != 0)
		return false;
	free_sign(resp);
	return true;
}

static long
resident_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "VmRSS: %ld", &kib);
	if (f != NULL)
		fclose(f);
	return kib;
}

static int
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

static struct usage
look(long done)
{
	const struct usage u = { mallinfo2().uordblks, resident_kib(),
		open_files() };

	printf("# note: after %ld signatures: %zu bytes allocated, "
	       "%ld KiB resident, %d files open\n",
	    done, u.allocated, u.resident, u.open);
	return u;
}

/* The n-th of them, and beside it one that has to be refused. */
static void
one(const struct sk_enroll_response *plain,
    const struct sk_enroll_response *pin, long n)
{
	const bool with_pin = n % 10 == 0;

	if (with_pin &&
	    !signs(pin, APPLICATION, SSH_SK_USER_VERIFICATION_REQD, PIN))
		die("a signature with a PIN failed");
	if (!with_pin && !signs(plain, APPLICATION, 0, NULL))
		die("a signature failed");
	if (with_pin && signs(plain, "ssh:another", 0, NULL))
		die("another application was not refused");
}

int
main(int argc, char **argv)
{
	const struct sk_enroll_response *plain, *pin;
	struct usage early, late;
	long count = argc == 3 ? atol(argv[2]) : 0;
	void *library;

	if (count < 100)
		die("usage: sign-many LIBRARY COUNT, 100 at least");
	if ((library = dlopen(argv[1], RTLD_NOW)) == NULL)
		die(dlerror());
	/* No buffer of ours comes to be between two looks. */
	setvbuf(stdout, NULL, _IONBF, 0);
	enroll = (__typeof__(enroll))entry(library, "sk_enroll");
	sign = (__typeof__(sign))entry(library, "sk_sign");
	plain = make_key(0, NULL);
	pin = make_key(SSH_SK_USER_VERIFICATION_REQD, PIN);
	for (long n = 1; n <= count / 10; n++)
		one(plain, pin, n);
	early = look(count / 10);
	for (long n = count / 10 + 1; n <= count; n++)
		one(plain, pin, n);
	late = look(count);
	if (late.allocated > early.allocated)
		die("memory grew");
	if (late.open > early.open)
		die("files are left open");
	return 0;
}
