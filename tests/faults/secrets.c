/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operations.h"
#include "secrets.h"

/* Kept changed, so that the search does not find what it looks for. */
#define MASK 0x5a
#define MAX_NEEDLES 8
#define NEEDLE_LEN 16

static struct needle {
	const char *what;
	uint8_t masked[NEEDLE_LEN];
	size_t len;
} needles[MAX_NEEDLES];
static size_t n_needles;
static struct secrets_found *found;
static const uint8_t *key_point;

static void
add(const char *what, const char *secret, size_t len)
{
	struct needle *needle = &needles[n_needles++];

	needle->what = what;
	needle->len = len < NEEDLE_LEN ? len : NEEDLE_LEN;
	for (size_t i = 0; i < needle->len; i++)
		needle->masked[i] = (uint8_t)(secret[i] ^ MASK);
}

/* From its definition, and without leaving a copy of it here. */
static void
add_auth_value(const char *what, const char *pin)
{
	static const char domain[] = "sk-tpm PIN v1";
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char digest[32];

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	EVP_DigestUpdate(ctx, domain, sizeof(domain));
	EVP_DigestUpdate(ctx, pin, strlen(pin));
	EVP_DigestFinal_ex(ctx, digest, NULL);
	EVP_MD_CTX_free(ctx);
	/* Half of it will do: trailing zero bytes are dropped. */
	add(what, (const char *)digest, NEEDLE_LEN);
	explicit_bzero(digest, sizeof(digest));
}

static const char *
find_at(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < n_needles; i++) {
		const struct needle *needle = &needles[i];
		size_t n = 0;

		while (n < needle->len && n < len &&
		    (at[n] ^ MASK) == needle->masked[n])
			n++;
		if (n == needle->len)
			return needle->what;
	}
	return NULL;
}

#if defined(__SANITIZE_ADDRESS__)
bool
secrets_can_be_seen(void)
{
	return false;
}
#else
bool
secrets_can_be_seen(void)
{
	return true;
}

/* --- what is freed ----------------------------------------------------- */

/* In place of the C library's, also for libraries. */
#pragma GCC visibility push(default)
extern void __libc_free(void *p);
extern void *__libc_realloc(void *p, size_t n);
void free(void *p);
void *realloc(void *p, size_t n);

static size_t *
counter_of(const void *caller)
{
	static const char self;
	Dl_info here, there;

	if (dladdr(caller, &there) == 0 || dladdr(&self, &here) == 0 ||
	    there.dli_fname == NULL)
		return &found->by_others;
	if (there.dli_fbase == here.dli_fbase)
		return &found->by_us;
	if (strstr(there.dli_fname, "libtss2") != NULL)
		return &found->by_tss;
	if (strstr(there.dli_fname, "libcrypto") != NULL)
		return &found->by_openssl;
	return &found->by_others;
}

/* Its X is enough; the byte before it is not everywhere. */
static bool
has_key(const uint8_t *at, size_t len)
{
	return memmem(at, len, key_point + 1, 32) != NULL;
}

static void
look_into(const void *p, const void *caller)
{
	const uint8_t *at = p;
	size_t n = p != NULL ? malloc_usable_size((void *)(uintptr_t)p) : 0;

	for (size_t i = 0; i < n; i++)
		if (find_at(at + i, n - i) != NULL) {
			(*counter_of(caller))++;
			found->with_key += has_key(at, n);
		}
}

void
free(void *p)
{
	if (found != NULL)
		look_into(p, __builtin_return_address(0));
	__libc_free(p);
}

/* It may free the old block; we do not ask whether it did. */
void *
realloc(void *p, size_t n)
{
	if (found != NULL)
		look_into(p, __builtin_return_address(0));
	return __libc_realloc(p, n);
}
#pragma GCC visibility pop
#endif

/* --- what is left ------------------------------------------------------ */

static size_t
search(const uint8_t *from, const uint8_t *to, const char *name, bool say)
{
	const char *what;
	size_t n = 0;

	for (const uint8_t *p = from; p < to; p++) {
		if ((what = find_at(p, (size_t)(to - p))) == NULL)
			continue;
		n++;
		if (say)
			fprintf(stderr, "%s at +0x%zx of %s\n", what,
			    (size_t)(p - from), name);
	}
	return n;
}

void
secrets_watch(struct secrets_found *ret, const uint8_t *point)
{
	key_point = point;
	*ret = (struct secrets_found){ 0 };
	n_needles = 0;
	add("PIN", PIN, strlen(PIN));
	add("new PIN", NEW_PIN, strlen(NEW_PIN));
	add("owner password", OWNER_PASSWORD, strlen(OWNER_PASSWORD));
	add_auth_value("authValue", PIN);
	add_auth_value("new authValue", NEW_PIN);
	found = ret;
}

void
secrets_unwatch(bool say)
{
	char line[512], permissions[8], name[256];
	FILE *maps = fopen("/proc/self/maps", "r");
	struct secrets_found *ret = found;
	unsigned long from, to;

	found = NULL;
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &from, &to,
			permissions, name) >= 3 &&
		    strncmp(permissions, "rw-p", 4) == 0)
			ret->left += search((const uint8_t *)from,
			    (const uint8_t *)to, name, say);
	}
	if (maps != NULL)
		fclose(maps);
}
