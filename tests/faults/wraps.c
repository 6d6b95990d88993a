/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_sys.h>
#include <tss2/tss2_tctildr.h>

#include "base/log.h"
#include "config.h"
#include "user/presence.h"
#include "wraps.h"

/* The linker has libraries refer to these, too; none of them calls one. */
#pragma GCC visibility push(default)

static const struct mishap *mishap;
static struct outcome *outcome;

void
wraps_arm(const struct mishap *m, struct outcome *out)
{
	mishap = m;
	outcome = out;
}

void
wraps_disarm(void)
{
	mishap = NULL;
}

/* Whether this is the call that fails. */
static bool
is_the_one(enum call_kind kind)
{
	return mishap != NULL && mishap->call > 0 && mishap->kind == kind &&
	    ++outcome->calls == mishap->call;
}

/* --- the person, and time ---------------------------------------------- */

int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
void __wrap_log_failure(int err);
void __real_log_failure(int err);
int __wrap_presence_ask_secret(
    const struct config *cfg, const char *prompt, struct bytes *ret);

/* The waits of ten seconds are not for us. */
int
__wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	(void)t;
	(void)left;
	if (outcome != NULL)
		outcome->waits++;
	return 0;
}

void
__wrap_log_failure(int err)
{
	if (outcome != NULL)
		outcome->err = err;
	__real_log_failure(err);
}

int
__wrap_presence_ask_secret(
    const struct config *cfg, const char *prompt, struct bytes *ret)
{
	const char *answer = PIN;

	(void)cfg;
	if (strstr(prompt, "owner") != NULL)
		answer = OWNER_PASSWORD;
	else if (strstr(prompt, "new") != NULL)
		answer = NEW_PIN;
	return bytes_set(ret, answer, strlen(answer) + 1);
}

/* --- allocations ------------------------------------------------------- */

void *__wrap_malloc(size_t n);
void *__real_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_asprintf(char **ret, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
char *__wrap_realpath(const char *path, char *resolved);
char *__real_realpath(const char *path, char *resolved);

void *
__wrap_malloc(size_t n)
{
	return is_the_one(CALL_MEMORY) ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return is_the_one(CALL_MEMORY) ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return is_the_one(CALL_MEMORY) ? NULL : __real_realloc(p, n);
}

char *
__wrap_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = __wrap_malloc(len + 1);

	if (copy != NULL) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

char *
__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

static int
print(char **ret, const char *fmt, va_list ap)
{
	return is_the_one(CALL_MEMORY) ? -1 : vasprintf(ret, fmt, ap);
}

int
__wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = print(ret, fmt, ap);
	va_end(ap);
	return n;
}

/* The same as asprintf, where _FORTIFY_SOURCE is. */
int
__wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = print(ret, fmt, ap);
	va_end(ap);
	return n;
}

char *
__wrap_realpath(const char *path, char *resolved)
{
	if (is_the_one(CALL_MEMORY)) {
		errno = ENOMEM;
		return NULL;
	}
	return __real_realpath(path, resolved);
}

/* --- tpm2-tss ---------------------------------------------------------- */

/* A function that returns `failure` where it is its turn to fail. */
#define CALL(type, kind, failure, name, params, args)         \
	type __wrap_##name params;                            \
	type __real_##name params;                            \
	type __wrap_##name params                             \
	{                                                     \
		return is_the_one(kind) ? (type)(failure)     \
					: __real_##name args; \
	}

#define TSS(name, params, args) \
	CALL(TSS2_RC, CALL_TSS, mishap->rc, name, params, args)

#define E ESYS_CONTEXT *e
#define S ESYS_TR s1, ESYS_TR s2, ESYS_TR s3

TSS(Esys_Initialize,
    (ESYS_CONTEXT * *e, TSS2_TCTI_CONTEXT *t, TSS2_ABI_VERSION *v), (e, t, v))
TSS(Esys_StartAuthSession,
    (E, ESYS_TR key, ESYS_TR bind, S, const TPM2B_NONCE *nonce, TPM2_SE type,
	const TPMT_SYM_DEF *sym, TPMI_ALG_HASH hash, ESYS_TR *session),
    (e, key, bind, s1, s2, s3, nonce, type, sym, hash, session))
TSS(Esys_TRSess_SetAttributes,
    (E, ESYS_TR session, TPMA_SESSION flags, TPMA_SESSION mask),
    (e, session, flags, mask))
TSS(Esys_TR_SetAuth, (E, ESYS_TR object, TPM2B_AUTH const *auth),
    (e, object, auth))
TSS(Esys_TR_FromTPMPublic, (E, TPM2_HANDLE handle, S, ESYS_TR *object),
    (e, handle, s1, s2, s3, object))
TSS(Esys_TR_Serialize,
    (E, ESYS_TR object, uint8_t **buffer, size_t *buffer_size),
    (e, object, buffer, buffer_size))
TSS(Esys_TR_Deserialize,
    (E, uint8_t const *buffer, size_t size, ESYS_TR *object),
    (e, buffer, size, object))
TSS(Esys_TR_Close, (E, ESYS_TR *object), (e, object))
TSS(Esys_FlushContext, (E, ESYS_TR object), (e, object))
TSS(Esys_ReadPublic,
    (E, ESYS_TR object, S, TPM2B_PUBLIC **public, TPM2B_NAME **name,
	TPM2B_NAME **qualified),
    (e, object, s1, s2, s3, public, name, qualified))
TSS(Esys_GetCapability,
    (E, S, TPM2_CAP cap, UINT32 property, UINT32 count, TPMI_YES_NO *more,
	TPMS_CAPABILITY_DATA **data),
    (e, s1, s2, s3, cap, property, count, more, data))
TSS(Esys_CreatePrimary,
    (E, ESYS_TR hierarchy, S, const TPM2B_SENSITIVE_CREATE *sensitive,
	const TPM2B_PUBLIC *public, const TPM2B_DATA *outside,
	const TPML_PCR_SELECTION *pcrs, ESYS_TR *object,
	TPM2B_PUBLIC **out_public, TPM2B_CREATION_DATA **data,
	TPM2B_DIGEST **hash, TPMT_TK_CREATION **ticket),
    (e, hierarchy, s1, s2, s3, sensitive, public, outside, pcrs, object,
	out_public, data, hash, ticket))
TSS(Esys_Create,
    (E, ESYS_TR parent, S, const TPM2B_SENSITIVE_CREATE *sensitive,
	const TPM2B_PUBLIC *public, const TPM2B_DATA *outside,
	const TPML_PCR_SELECTION *pcrs, TPM2B_PRIVATE **private,
	TPM2B_PUBLIC **out_public, TPM2B_CREATION_DATA **data,
	TPM2B_DIGEST **hash, TPMT_TK_CREATION **ticket),
    (e, parent, s1, s2, s3, sensitive, public, outside, pcrs, private,
	out_public, data, hash, ticket))
TSS(Esys_Load,
    (E, ESYS_TR parent, S, const TPM2B_PRIVATE *private,
	const TPM2B_PUBLIC *public, ESYS_TR *object),
    (e, parent, s1, s2, s3, private, public, object))
TSS(Esys_Sign,
    (E, ESYS_TR key, S, const TPM2B_DIGEST *digest,
	const TPMT_SIG_SCHEME *scheme, const TPMT_TK_HASHCHECK *ticket,
	TPMT_SIGNATURE **sig),
    (e, key, s1, s2, s3, digest, scheme, ticket, sig))
TSS(Esys_ObjectChangeAuth,
    (E, ESYS_TR object, ESYS_TR parent, S, const TPM2B_AUTH *auth,
	TPM2B_PRIVATE **private),
    (e, object, parent, s1, s2, s3, auth, private))
TSS(Esys_PolicySecret,
    (E, ESYS_TR object, ESYS_TR policy, S, const TPM2B_NONCE *nonce,
	const TPM2B_DIGEST *cp_hash, const TPM2B_NONCE *ref, INT32 expiration,
	TPM2B_TIMEOUT **timeout, TPMT_TK_AUTH **ticket),
    (e, object, policy, s1, s2, s3, nonce, cp_hash, ref, expiration, timeout,
	ticket))
TSS(Esys_TRSess_GetNonceTPM, (E, ESYS_TR session, TPM2B_NONCE **nonce),
    (e, session, nonce))
TSS(Esys_ActivateCredential,
    (E, ESYS_TR object, ESYS_TR key, S, const TPM2B_ID_OBJECT *id,
	const TPM2B_ENCRYPTED_SECRET *encrypted, TPM2B_DIGEST **secret),
    (e, object, key, s1, s2, s3, id, encrypted, secret))
TSS(Esys_PolicyOR, (E, ESYS_TR session, S, const TPML_DIGEST *branches),
    (e, session, s1, s2, s3, branches))
TSS(Esys_NV_DefineSpace,
    (E, ESYS_TR owner, S, const TPM2B_AUTH *auth, const TPM2B_NV_PUBLIC *public,
	ESYS_TR *index),
    (e, owner, s1, s2, s3, auth, public, index))
TSS(Esys_NV_UndefineSpace, (E, ESYS_TR owner, ESYS_TR index, S),
    (e, owner, index, s1, s2, s3))
TSS(Esys_NV_Read,
    (E, ESYS_TR auth, ESYS_TR index, S, UINT16 size, UINT16 offset,
	TPM2B_MAX_NV_BUFFER **data),
    (e, auth, index, s1, s2, s3, size, offset, data))
TSS(Esys_NV_Write,
    (E, ESYS_TR auth, ESYS_TR index, S, const TPM2B_MAX_NV_BUFFER *data,
	UINT16 offset),
    (e, auth, index, s1, s2, s3, data, offset))
TSS(Esys_NV_WriteLock, (E, ESYS_TR auth, ESYS_TR index, S),
    (e, auth, index, s1, s2, s3))
TSS(Esys_EvictControl,
    (E, ESYS_TR owner, ESYS_TR object, S, TPMI_DH_PERSISTENT where,
	ESYS_TR *made),
    (e, owner, object, s1, s2, s3, where, made))
TSS(Esys_ClockRateAdjust, (E, ESYS_TR auth, S, TPM2_CLOCK_ADJUST rate),
    (e, auth, s1, s2, s3, rate))

TSS(Esys_PolicyAuthValue, (E, ESYS_TR session, S), (e, session, s1, s2, s3))
TSS(Esys_PCR_Read,
    (E, S, const TPML_PCR_SELECTION *wanted, UINT32 *counter,
	TPML_PCR_SELECTION **got, TPML_DIGEST **values),
    (e, s1, s2, s3, wanted, counter, got, values))
TSS(Esys_TR_GetTpmHandle, (E, ESYS_TR object, TPM2_HANDLE *ret),
    (e, object, ret))

#define Y TSS2_SYS_CONTEXT *y
#define A TSS2L_SYS_AUTH_COMMAND const *auths

TSS(Tss2_Sys_Initialize,
    (Y, size_t size, TSS2_TCTI_CONTEXT *t, TSS2_ABI_VERSION *v),
    (y, size, t, v))
TSS(Tss2_Sys_ReadPublic,
    (Y, TPMI_DH_OBJECT object, A, TPM2B_PUBLIC *public, TPM2B_NAME *name,
	TPM2B_NAME *qualified, TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, object, auths, public, name, qualified, answer))
TSS(Tss2_Sys_Load,
    (Y, TPMI_DH_OBJECT parent, A, const TPM2B_PRIVATE *private,
	const TPM2B_PUBLIC *public, TPM2_HANDLE *object, TPM2B_NAME *name,
	TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, parent, auths, private, public, object, name, answer))
TSS(Tss2_Sys_Sign,
    (Y, TPMI_DH_OBJECT key, A, const TPM2B_DIGEST *digest,
	const TPMT_SIG_SCHEME *scheme, const TPMT_TK_HASHCHECK *ticket,
	TPMT_SIGNATURE *sig, TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, key, auths, digest, scheme, ticket, sig, answer))
TSS(Tss2_Sys_StartAuthSession,
    (Y, TPMI_DH_OBJECT key, TPMI_DH_ENTITY bind, A, const TPM2B_NONCE *nonce,
	const TPM2B_ENCRYPTED_SECRET *salt, TPM2_SE type,
	const TPMT_SYM_DEF *symmetric, TPMI_ALG_HASH hash,
	TPMI_SH_AUTH_SESSION *session, TPM2B_NONCE *nonce_tpm,
	TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, key, bind, auths, nonce, salt, type, symmetric, hash, session,
	nonce_tpm, answer))
TSS(Tss2_Sys_PolicyRestart,
    (Y, TPMI_SH_POLICY session, A, TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, session, auths, answer))
TSS(Tss2_Sys_PolicyPCR,
    (Y, TPMI_SH_POLICY session, A, const TPM2B_DIGEST *digest,
	const TPML_PCR_SELECTION *pcrs, TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, session, auths, digest, pcrs, answer))
TSS(Tss2_Sys_PolicyOR,
    (Y, TPMI_SH_POLICY session, A, const TPML_DIGEST *digests,
	TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, session, auths, digests, answer))
TSS(Tss2_Sys_PolicyTicket,
    (Y, TPMI_SH_POLICY session, A, const TPM2B_TIMEOUT *timeout,
	const TPM2B_DIGEST *cp_hash, const TPM2B_NONCE *ref,
	const TPM2B_NAME *name, const TPMT_TK_AUTH *ticket,
	TSS2L_SYS_AUTH_RESPONSE *answer),
    (y, session, auths, timeout, cp_hash, ref, name, ticket, answer))
TSS(Tss2_Sys_FlushContext, (Y, TPMI_DH_CONTEXT object), (y, object))
TSS(Tss2_TctiLdr_Initialize, (const char *name, TSS2_TCTI_CONTEXT **ret),
    (name, ret))

#define MARSHAL(type)                                                 \
	TSS(Tss2_MU_##type##_Marshal,                                 \
	    (type const *in, uint8_t *to, size_t size, size_t *used), \
	    (in, to, size, used))
#define UNMARSHAL(type)                                                  \
	TSS(Tss2_MU_##type##_Unmarshal,                                  \
	    (uint8_t const *from, size_t size, size_t *used, type *out), \
	    (from, size, used, out))

TSS(Tss2_MU_UINT32_Marshal, (UINT32 in, uint8_t *to, size_t size, size_t *used),
    (in, to, size, used))
MARSHAL(TPM2B_NAME)
MARSHAL(TPM2B_PRIVATE)
MARSHAL(TPM2B_PUBLIC)
MARSHAL(TPMS_NV_PUBLIC)
MARSHAL(TPM2B_TIMEOUT)
MARSHAL(TPMT_PUBLIC)
MARSHAL(TPMT_TK_AUTH)
UNMARSHAL(TPM2B_ENCRYPTED_SECRET)
UNMARSHAL(TPM2B_ID_OBJECT)
UNMARSHAL(TPM2B_NAME)
UNMARSHAL(TPM2B_NV_PUBLIC)
UNMARSHAL(TPM2B_PRIVATE)
UNMARSHAL(TPM2B_PUBLIC)
UNMARSHAL(TPMT_PUBLIC)
UNMARSHAL(TPM2B_TIMEOUT)
UNMARSHAL(TPMT_TK_AUTH)
UNMARSHAL(UINT32)

/* --- OpenSSL ----------------------------------------------------------- */

#define SSL(type, name, params, args) \
	CALL(type, CALL_OPENSSL, 0, name, params, args)

SSL(int, RAND_bytes, (unsigned char *to, int n), (to, n))
SSL(int, EVP_Digest,
    (const void *in, size_t n, unsigned char *md, unsigned int *md_len,
	const EVP_MD *type, ENGINE *engine),
    (in, n, md, md_len, type, engine))
SSL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())
SSL(int, EVP_DigestInit_ex,
    (EVP_MD_CTX * ctx, const EVP_MD *type, ENGINE *engine), (ctx, type, engine))
SSL(int, EVP_DigestUpdate, (EVP_MD_CTX * ctx, const void *in, size_t n),
    (ctx, in, n))
SSL(int, EVP_DigestFinal_ex,
    (EVP_MD_CTX * ctx, unsigned char *md, unsigned int *md_len),
    (ctx, md, md_len))
SSL(BIGNUM *, BN_bin2bn, (const unsigned char *in, int n, BIGNUM *ret),
    (in, n, ret))
SSL(ECDSA_SIG *, ECDSA_SIG_new, (void), ())
SSL(int, ECDSA_SIG_set0, (ECDSA_SIG * sig, BIGNUM *r, BIGNUM *s), (sig, r, s))
SSL(int, i2d_ECDSA_SIG, (const ECDSA_SIG *sig, unsigned char **to), (sig, to))
SSL(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_id, (int id, ENGINE *engine), (id, engine))
SSL(int, EVP_PKEY_paramgen_init, (EVP_PKEY_CTX * ctx), (ctx))
SSL(int, EVP_PKEY_paramgen, (EVP_PKEY_CTX * ctx, EVP_PKEY **ret), (ctx, ret))
#if OPENSSL_VERSION_NUMBER >= 0x30000000L /* macros, before */
SSL(int, EVP_PKEY_CTX_set_ec_paramgen_curve_nid, (EVP_PKEY_CTX * ctx, int nid),
    (ctx, nid))
SSL(int, EVP_PKEY_set1_encoded_public_key,
    (EVP_PKEY * key, const unsigned char *in, size_t n), (key, in, n))
#endif
SSL(EVP_PKEY_CTX *, EVP_PKEY_CTX_new, (EVP_PKEY * key, ENGINE *engine),
    (key, engine))
SSL(int, EVP_PKEY_verify_init, (EVP_PKEY_CTX * ctx), (ctx))
SSL(int, EVP_PKEY_verify,
    (EVP_PKEY_CTX * ctx, const unsigned char *sig, size_t sig_len,
	const unsigned char *md, size_t md_len),
    (ctx, sig, sig_len, md, md_len))

/* --- system calls ------------------------------------------------------ */

#define SYSTEM(type, failure, name, params, args)  \
	type __wrap_##name params;                 \
	type __real_##name params;                 \
	type __wrap_##name params                  \
	{                                          \
		if (!is_the_one(CALL_SYSTEM))      \
			return __real_##name args; \
		errno = EIO;                       \
		return failure;                    \
	}

SYSTEM(int, -1, pipe2, (int fds[2], int flags), (fds, flags))
SYSTEM(int, -1, socketpair, (int domain, int type, int protocol, int fds[2]),
    (domain, type, protocol, fds))
SYSTEM(int, EIO, posix_spawn,
    (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[],
	char *const env[]),
    (pid, path, actions, attributes, argv, env))
SYSTEM(int, -1, mkostemp, (char *name, int flags), (name, flags))
SYSTEM(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
SYSTEM(int, -1, fsync, (int fd), (fd))
SYSTEM(int, -1, link, (const char *from, const char *to), (from, to))
SYSTEM(int, -1, rename, (const char *from, const char *to), (from, to))
