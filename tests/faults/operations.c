/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>
#include <sys/wait.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tools/responses.h"
#include "base/error.h"
#include "base/log.h"
#include "config.h"
#include "copies.h"
#include "key/handle.h"
#include "keyfile.h"
#include "operations.h"
#include "raw-tpm.h"
#include "records.h"
#include "requests.h"
#include "secrets.h"
#include "tpm/tpm.h"
#include "user/pin-ticket.h"
#include "user/pin.h"
#include "wraps.h"

#define TOUCH SSH_SK_USER_PRESENCE_REQD
#define VERIFY SSH_SK_USER_VERIFICATION_REQD
#define RESIDENT SSH_SK_RESIDENT_KEY
#define FORCE SSH_SK_FORCE_OPERATION
#define SERVER "SHA256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* sk-tpm's, which main.c calls main. */
int sk_tpm_main(int argc, char **argv);

struct key plain, with_pin;
static struct key with_lifetime;	    /* of its PIN */
static uint8_t binding[HANDLE_BINDING_LEN]; /* of that key */
static struct pin_ticket ticket;	    /* and a ticket of it */
char *tcti;
struct slice owner_auth;
unsigned int stranded;
static struct key others;	      /* of another provider, with a PIN */
static struct key booted, booted_pin; /* depend on PCR 7 */
static char *faulty_tcti, *keyfile, *limited_keyfile, *booted_keyfile;
struct config cfg;
static struct raw_state before; /* each operation */
static struct raw_state first;	/* before any */

static const uint8_t challenge[32] = { 1, 2, 3 };
static const uint8_t message[] = "message";

/* --- signatures, without any code of sk/ ------------------------------- */

static bool
put_digest(uint8_t *to, const void *data, size_t len)
{
	return EVP_Digest(data, len, to, NULL, EVP_sha256(), NULL) == 1;
}

static EVP_PKEY *
public_key(const uint8_t point[65])
{
	static const uint8_t prefix[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
	uint8_t info[sizeof(prefix) + 65];
	const uint8_t *p = info;

	memcpy(info, prefix, sizeof(prefix));
	memcpy(info + sizeof(prefix), point, 65);
	return d2i_PUBKEY(NULL, &p, sizeof(info));
}

static int
encode_signature(const struct sk_sign_response *resp, uint8_t **ret)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len;

	ECDSA_SIG_set0(sig, BN_bin2bn(resp->sig_r, (int)resp->sig_r_len, NULL),
	    BN_bin2bn(resp->sig_s, (int)resp->sig_s_len, NULL));
	len = i2d_ECDSA_SIG(sig, ret);
	ECDSA_SIG_free(sig);
	return len;
}

/* PROTOCOL.u2f of OpenSSH: what a security key signs. */
static bool
verifies(const struct sk_sign_response *resp, const uint8_t point[65])
{
	uint8_t signed_data[32 + 1 + 4 + 32] = { 0 };
	EVP_PKEY *key = public_key(point);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	int len = encode_signature(resp, &der);
	bool good;

	signed_data[32] = resp->flags;
	good = put_digest(signed_data, APPLICATION, strlen(APPLICATION)) &&
	    put_digest(signed_data + 37, message, sizeof(message)) &&
	    resp->counter == 0 &&
	    EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(
		ctx, der, (size_t)len, signed_data, sizeof(signed_data)) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

/* What sk_sign gives; *ret_wrong where its result is not what it says. */
static int
sign_with(const uint8_t *handle, size_t len, const uint8_t point[65],
    uint8_t flags, const char *pin, bool *ret_wrong)
{
	struct sk_sign_response *resp = NULL;
	int r;

	r = sk_sign(SSH_SK_ECDSA, message, sizeof(message), APPLICATION, handle,
	    len, flags, pin, NULL, &resp);
	wraps_disarm(); /* what follows is ours */
	*ret_wrong = (r == 0) != (resp != NULL) ||
	    (r == 0 && (resp->flags != flags || !verifies(resp, point)));
	if (resp != NULL)
		free_sign(resp);
	return r;
}

bool
signs(
    const uint8_t *handle, size_t len, const uint8_t point[65], const char *pin)
{
	bool wrong;

	return sign_with(handle, len, point, pin != NULL ? VERIFY : 0, pin,
		   &wrong) == 0 &&
	    !wrong;
}

/* --- the operations ---------------------------------------------------- */

int
sign_key(struct outcome *out, const struct key *key, const char *pin)
{
	return sign_with(key->handle, key->len, key->point,
	    pin != NULL ? VERIFY : 0, pin, &out->wrong);
}

static int
run_sign(struct outcome *out)
{
	return sign_key(out, &plain, NULL);
}

static int
run_sign_pin(struct outcome *out)
{
	return sign_key(out, &with_pin, PIN);
}

static int
run_sign_wrong(struct outcome *out)
{
	return sign_key(out, &with_pin, WRONG_PIN);
}

static int
run_sign_lifetime(struct outcome *out)
{
	return sign_key(out, &with_lifetime, PIN);
}

/* Without its PIN; the key file says that it needs one. */
static int
run_sign_ticket(struct outcome *out)
{
	pin_ticket_keep(binding, &ticket);
	return sign_with(with_lifetime.handle, with_lifetime.len,
	    with_lifetime.point, VERIFY, NULL, &out->wrong);
}

/* A person is asked before, by a program that says yes. */
static int
run_sign_touch(struct outcome *out)
{
	setenv("SK_TPM_USER_PRESENCE", "command /bin/true", 1);
	return sign_with(
	    plain.handle, plain.len, plain.point, TOUCH, NULL, &out->wrong);
}

static int
run_sign_pcrs(struct outcome *out)
{
	return sign_key(out, &booted, NULL);
}

/* Its PIN was chosen as a new one. */
static int
run_sign_pcrs_pin(struct outcome *out)
{
	return sign_key(out, &booted_pin, NEW_PIN);
}

static int
run_sign_other(struct outcome *out)
{
	return sign_key(out, &others, PIN);
}

/* A TPM has no ed25519, so that is the other provider's. */
static int
run_enrol_other(struct outcome *out)
{
	char name[] = "user", user[] = "new";
	struct sk_option option = { .name = name, .value = user };
	struct sk_option *options[] = { &option, NULL };
	struct sk_enroll_response *resp = NULL;
	int r;

	r = sk_enroll(SSH_SK_ED25519, challenge, sizeof(challenge), APPLICATION,
	    VERIFY, PIN, options, &resp);
	out->wrong = (r == 0) != (resp != NULL) ||
	    (r == 0 && (resp->public_key_len != 32 || resp->flags != VERIFY));
	if (resp != NULL)
		free_enroll(resp);
	return r;
}

int
enroll(struct outcome *out, uint8_t flags, const char *pin, char *user)
{
	char name[] = "user";
	struct sk_option option = { .name = name, .value = user };
	struct sk_option *options[] = { &option, NULL };
	struct sk_enroll_response *resp = NULL;
	int r;

	r = sk_enroll(SSH_SK_ECDSA, challenge, sizeof(challenge), APPLICATION,
	    flags, pin, user != NULL ? options : NULL, &resp);
	out->wrong = (r == 0) != (resp != NULL);
	if (resp == NULL)
		return r;
	if (resp->key_handle_len > sizeof(out->handle) ||
	    resp->public_key_len != sizeof(out->point)) {
		out->wrong = true;
		return r;
	}
	out->handle_len = resp->key_handle_len;
	memcpy(out->handle, resp->key_handle, resp->key_handle_len);
	memcpy(out->point, resp->public_key, resp->public_key_len);
	free_enroll(resp);
	return r;
}

static int
run_enrol(struct outcome *out)
{
	return enroll(out, 0, NULL, NULL);
}

static int
run_enrol_pin(struct outcome *out)
{
	return enroll(out, VERIFY, PIN, NULL);
}

static int
run_enrol_lifetime(struct outcome *out)
{
	setenv("SK_TPM_PIN_LIFETIME", "1d", 1);
	return enroll(out, VERIFY, PIN, NULL);
}

static bool
new_key_signs(const struct outcome *out)
{
	return signs(out->handle, out->handle_len, out->point, NULL);
}

static bool
new_key_signs_with_pin(const struct outcome *out)
{
	return signs(out->handle, out->handle_len, out->point, PIN);
}

static int
run_keep(struct outcome *out)
{
	char user[] = "new";

	return enroll(out, RESIDENT, NULL, user);
}

static int
run_keep_owner(struct outcome *out)
{
	char user[] = "new";

	return enroll(out, RESIDENT | VERIFY, PIN, user);
}

static int
run_replace(struct outcome *out)
{
	char user[] = "plain";

	return enroll(out, RESIDENT | FORCE, NULL, user);
}

static bool
is_key(const struct sk_resident_key *rk, const struct key *key)
{
	return strcmp(rk->application, APPLICATION) == 0 &&
	    rk->key.key_handle_len == key->len &&
	    memcmp(rk->key.key_handle, key->handle, key->len) == 0;
}

/* A record that was altered on its way is passed over, not listed. */
static bool
lists_only_ours(struct sk_resident_key **rks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_key(rks[i], &plain) && !is_key(rks[i], &with_pin))
			return false;
	return true;
}

static int
run_list(struct outcome *out)
{
	struct sk_resident_key **rks = NULL;
	size_t n = 0;
	int r;

	r = sk_load_resident_keys(NULL, NULL, &rks, &n);
	out->wrong =
	    (!lists_only_ours(rks, n) && !out->lied_to) || (r != 0 && n != 0);
	if (r == 0)
		out->handle_len = n;
	for (size_t i = 0; i < n; i++) {
		free(rks[i]->application);
		free(rks[i]->key.public_key);
		free(rks[i]->key.key_handle);
		free(rks[i]->user_id);
		free(rks[i]);
	}
	free(rks);
	return r;
}

int
run_command(const char *name, const char *arg)
{
	char sk_tpm[] = "sk-tpm", command[16], which[256];
	char *argv[] = { sk_tpm, command, which, NULL };

	snprintf(command, sizeof(command), "%s", name);
	snprintf(which, sizeof(which), "%s", arg);
	return sk_tpm_main(3, argv);
}

static int
run_command_on(const char *name, const struct key *key)
{
	char index[16];

	snprintf(index, sizeof(index), "0x%08x", key->index);
	return run_command(name, index);
}

static int
run_remove(struct outcome *out)
{
	char yes[] = "-y", index[16], sk_tpm[] = "sk-tpm", name[] = "remove";
	char *argv[] = { sk_tpm, name, yes, index, NULL };

	(void)out;
	snprintf(index, sizeof(index), "0x%08x", plain.index);
	return sk_tpm_main(4, argv);
}

static int
run_pin_resident(struct outcome *out)
{
	(void)out;
	return run_command_on("pin", &with_pin);
}

static int
run_pin_file(struct outcome *out)
{
	(void)out;
	return run_command("pin", keyfile);
}

static int
run_enrol_limited(struct outcome *out)
{
	char sk_tpm[] = "sk-tpm", command[] = "enroll", n[] = "-n", f[] = "-f";
	char l[] = "-l", git[] = "sign:git", file[] = "sign:file", s[] = "-s",
	     server[] = SERVER;
	char *argv[] = { sk_tpm, command, n, f, limited_keyfile, l, git, l,
		file, s, server, NULL };
	char pub[256];

	(void)out;
	snprintf(pub, sizeof(pub), "%s.pub", limited_keyfile);
	unlink(limited_keyfile);
	unlink(pub);
	return sk_tpm_main(11, argv);
}

/* The key that was made is in its file, with its limits. */
static bool
limited_file_is_good(const struct outcome *out)
{
	struct keyfile key = { 0 };
	struct handle h = { 0 };
	bool good;

	(void)out;
	good = keyfile_read(limited_keyfile, &key) == 0 &&
	    handle_decode(bytes_slice(&key.key_handle), &h) == 0 &&
	    h.limits.n_namespaces == 2 && h.limits.n_servers == 1;
	handle_reset(&h);
	keyfile_reset(&key);
	return good;
}

/* `options` are -n, and P for a PIN. The key is in its file, and in *out. */
static int
enroll_booted(struct outcome *out, const char *options)
{
	char sk_tpm[] = "sk-tpm", command[] = "enroll", f[] = "-f", n[8];
	char pcrs[] = "--pcrs", seven[] = "7", pub[256];
	char *argv[] = { sk_tpm, command, n, pcrs, seven, f, booted_keyfile,
		NULL };
	struct keyfile key = { 0 };
	int r;

	snprintf(n, sizeof(n), "%s", options);
	snprintf(pub, sizeof(pub), "%s.pub", booted_keyfile);
	unlink(booted_keyfile);
	unlink(pub);
	if ((r = sk_tpm_main(7, argv)) != 0)
		return r;
	wraps_disarm(); /* what follows is ours */
	out->wrong = keyfile_read(booted_keyfile, &key) != 0 ||
	    key.key_handle.len > sizeof(out->handle);
	if (!out->wrong) {
		out->handle_len = key.key_handle.len;
		memcpy(out->handle, key.key_handle.data, key.key_handle.len);
		out->point[0] = 4;
		memcpy(out->point + 1, key.point.x, 32);
		memcpy(out->point + 33, key.point.y, 32);
	}
	keyfile_reset(&key);
	return 0;
}

static int
run_enrol_pcrs(struct outcome *out)
{
	return enroll_booted(out, "-n");
}

static int
run_enrol_pcrs_pin(struct outcome *out)
{
	return enroll_booted(out, "-nP");
}

bool
has_right_pin(const struct bytes *handle, bool changed)
{
	const struct slice old = { with_pin.handle, with_pin.len };

	if (slice_equal(bytes_slice(handle), old))
		return !changed;
	return signs(handle->data, handle->len, with_pin.point, NEW_PIN);
}

/* With the old PIN or the new one, never with none. */
static bool
file_is_good(const struct outcome *out)
{
	struct keyfile key = { 0 };
	bool good;

	good = keyfile_read(keyfile, &key) == 0 &&
	    has_right_pin(&key.key_handle, out->result == 0);
	keyfile_reset(&key);
	return good;
}

static bool
restore_file(void)
{
	struct keyfile key = { .flags = VERIFY };
	bool good;

	memcpy(key.point.x, with_pin.point + 1, 32);
	memcpy(key.point.y, with_pin.point + 33, 32);
	good = bytes_set(&key.key_handle, with_pin.handle, with_pin.len) == 0 &&
	    (key.application = strdup(APPLICATION)) != NULL &&
	    (key.comment = strdup("test")) != NULL &&
	    keyfile_write(&key, keyfile, REPLACE_EXISTING) == 0;
	keyfile_reset(&key);
	return good;
}

/* --- resident keys ----------------------------------------------------- */

static bool
same_indices(const struct raw_state *a, const struct raw_state *b)
{
	return a->n_indices == b->n_indices &&
	    memcmp(a->indices, b->indices,
		a->n_indices * sizeof(a->indices[0])) == 0;
}

/* None made, and none gone. */
static bool
same_copies(struct outcome *out, const struct raw_state *now)
{
	copies_compare(&before, now, out);
	return out->copies_made == 0 && out->copies_gone == 0;
}

static bool
restore_records(void)
{
	return records_restore() && raw_look(tcti, &before);
}

/* --- running one ------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
int __lsan_do_recoverable_leak_check(void);
const char *__asan_default_options(void) __attribute__((visibility("default")));

/*
 * Each run's search for leaks goes through all that was ever freed, by us too,
 * who started it, and had grown to seconds.
 */
const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

#define LEAKS() (__lsan_do_recoverable_leak_check() != 0)
#else
#define LEAKS() false
#endif

/* Where this is built for make coverage. */
extern void __gcov_dump(void) __attribute__((weak));

static unsigned int
commands_sent(void)
{
	const char *n = getenv("SK_TPM_FAULT_COUNT");

	return n != NULL ? (unsigned int)strtoul(n, NULL, 10) : 0;
}

static void
redirect(int fd, int to)
{
	if (fd == -1 || dup2(fd, to) == -1)
		_exit(3);
}

static void
child(const struct operation *op, const struct mishap *m, int err,
    struct outcome *out)
{
	alarm(60);
	redirect(err, STDERR_FILENO);
	redirect(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	setenv("SK_TPM_TCTI", faulty_tcti, 1);
	setenv("SK_TPM_LOG_LEVEL", op->info ? "info" : "error", 1);
	if (m->fault != NULL)
		setenv("SK_TPM_FAULT", m->fault, 1);
	if (m->watch)
		secrets_watch(&out->secrets, with_pin.point);
	wraps_arm(m, out);
	out->result = op->run(out);
	wraps_disarm();
	if (m->watch)
		secrets_unwatch(getenv("FAULTS_SAY") != NULL);
	out->commands = commands_sent();
	out->leaked = LEAKS();
	redirect(open("/dev/null", O_WRONLY), STDERR_FILENO);
	setenv("SK_TPM_TCTI", tcti, 1);
	if (out->result == 0 && op->check != NULL && !op->check(out))
		out->wrong = true;
	out->done = true;
	if (__gcov_dump != NULL)
		__gcov_dump();
	_exit(0);
}

static struct outcome *
run(const struct operation *op, const struct mishap *m, int *ret_status)
{
	static struct outcome *out;
	static int err = -1;
	ssize_t n;
	pid_t pid;

	if (out == NULL) {
		out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		err = memfd_create("stderr", MFD_CLOEXEC);
	}
	memset(out, 0, sizeof(*out));
	out->lied_to = m->lies;
	if (ftruncate(err, 0) != 0 || lseek(err, 0, SEEK_SET) != 0)
		exit(2);
	if ((pid = fork()) == 0)
		child(op, m, err, out);
	waitpid(pid, ret_status, 0);
	n = pread(err, out->text, sizeof(out->text) - 1, 0);
	out->text[n > 0 ? n : 0] = '\0';
	return out;
}

/* --- what has to hold -------------------------------------------------- */

static unsigned int
count_lines(const char *text)
{
	unsigned int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* One line that names cause and remedy, and only where it failed. */
static const char *
judge_words(const struct operation *op, const struct mishap *m,
    const struct outcome *out)
{
	if (out->result == 0)
		return out->err != 0 ? "says a failure, and succeeds" : NULL;
	if (out->err == 0 || strncmp(out->text, "sk-tpm: ", 8) != 0)
		return "fails, and says nothing";
	if (count_lines(out->text) != 1 && !op->info)
		return "says more than one line";
	if (m->call == 0 && strstr(out->text, "bug in sk-tpm") != NULL)
		return "takes it for a bug in sk-tpm";
	/* Of a file or process that cannot be made, the system tells why. */
	if (m->kind == CALL_SYSTEM && m->call > 0 && m->call <= out->calls)
		return strstr(out->text, strerror(EIO)) == NULL
		    ? "names no cause"
		    : NULL;
	/* A PIN that is needed is asked for next. */
	if (strchr(out->text, ';') == NULL &&
	    strstr(out->text, "this key needs its PIN") == NULL)
		return "names no remedy";
	return NULL;
}

static const char *
judge_result(const struct operation *op, const struct mishap *m, int status,
    const struct outcome *out)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	    m->fault != NULL && strstr(m->fault, "kill") != NULL)
		return NULL;
	if (!out->done)
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
		    ? "hangs"
		    : "crashes";
	if (out->leaked)
		return "leaks memory";
	if (out->wrong)
		return "says success, with a wrong result";
	if (op->wrong_pin && out->result == 0)
		return "accepts a wrong PIN";
	return judge_words(op, m, out);
}

/* The TPM after it; what was stranded there is counted and cleaned away. */
static const char *
judge_tpm(
    const struct operation *op, const struct mishap *m, struct outcome *out)
{
	struct raw_state now;

	if (!raw_look(tcti, &now))
		return "leaves a TPM that does not answer";
	if (now.n_loaded > 0 && !raw_flush(tcti, &now))
		return "leaves what cannot be flushed";
	if (now.n_loaded > 0 && !m->strands)
		return "leaves an object or a session in the TPM";
	stranded += (unsigned int)now.n_loaded;
	if (now.tries > 0 && !raw_forget_tries(tcti))
		return "leaves tries that cannot be forgotten";
	if (now.tries > (op->wrong_pin ? 1 : 0))
		return "costs a try too many";
	/* Without memory for its answer, sk_enroll cannot name a copy. */
	out->cut_off =
	    m->strands || !out->done || (m->call > 0 && m->kind == CALL_MEMORY);
	if (!same_copies(out, &now) && op->keeps != KEEPS_COPIES)
		return "touches persistent keys";
	if (op->keeps == KEEPS_COPIES && !op->is_kept(out))
		return "leaves neither the old copies nor the new";
	if (op->keeps != KEEPS_RECORDS)
		return same_indices(&now, &before) ? NULL : "touches NV";
	if (same_indices(&now, &before) && out->result != 0)
		return NULL;
	return op->is_kept(out) ? NULL : "leaves neither old nor new state";
}

/* The next operation finds those that the first one found, and no others. */
static bool
restore_copies(void)
{
	struct raw_state now;

	return raw_look(tcti, &now) && copies_evict_new(&first, &now) &&
	    copies_write_file() && raw_look(tcti, &before);
}

/* What evict is to evict. */
static bool
make_copy(void)
{
	const struct operation persist = { .name = "make", .run = run_persist };
	const struct mishap none = { 0 };
	const struct outcome *out;
	int status;

	out = run(&persist, &none, &status);
	return out->done && out->result == 0 && raw_look(tcti, &before);
}

/* For the next one. */
static const char *
put_back(const struct operation *op)
{
	struct raw_state now;

	switch (op->keeps) {
	case KEEPS_NOTHING:
		break;
	case KEEPS_FILE:
		if (!restore_file())
			return "leaves a file that cannot be replaced";
		break;
	case KEEPS_RECORDS:
		if (!raw_look(tcti, &now) ||
		    (!same_indices(&now, &before) && !restore_records()))
			return "leaves records that cannot be removed";
		break;
	case KEEPS_COPIES:
		if (!restore_copies())
			return "leaves copies that cannot be evicted";
		break;
	}
	return NULL;
}

const char *
operation_try(
    const struct operation *op, const struct mishap *m, struct outcome *ret)
{
	const char *problem, *tpm_problem, *not_put_back;
	struct outcome *out;
	int status;

	if (op->begins_with_copy && !make_copy())
		return "has no copy to begin with";
	out = run(op, m, &status);
	problem = judge_result(op, m, status, out);
	if (!out->done)
		out->result = -1;
	tpm_problem = judge_tpm(op, m, out);
	if (problem == NULL)
		problem = tpm_problem;
	if (problem == NULL && op->keeps == KEEPS_FILE && !op->is_kept(out))
		problem = "leaves neither the old file nor the new";
	if ((not_put_back = put_back(op)) != NULL)
		problem = not_put_back;
	*ret = *out;
	return problem;
}

bool
operations_own(const struct operation *op)
{
	const char *now = owner_auth.len > 0 ? OWNER_PASSWORD : NULL;
	const char *wanted = op != NULL && op->owner ? OWNER_PASSWORD : NULL;

	if (now == wanted)
		return true;
	owner_auth = (struct slice){ (const uint8_t *)wanted,
		wanted != NULL ? strlen(wanted) : 0 };
	return raw_own(tcti, now, wanted);
}

/* --- beginning --------------------------------------------------------- */

const struct operation operations[] = {
	{ .name = "sign", .run = run_sign },
	{ .name = "sign-pin",
	    .run = run_sign_pin,
	    .secret = true,
	    .with_pin = true },
	{ .name = "sign-wrong", .run = run_sign_wrong, .wrong_pin = true },
	{ .name = "sign-lifetime",
	    .run = run_sign_lifetime,
	    .secret = true,
	    .with_pin = true },
	{ .name = "sign-ticket", .run = run_sign_ticket },
	{ .name = "sign-copy", .run = run_sign_copy },
	{ .name = "sign-copy-pin",
	    .run = run_sign_copy_pin,
	    .secret = true,
	    .with_pin = true },
	{ .name = "sign-touch", .run = run_sign_touch },
	{ .name = "sign-other",
	    .run = run_sign_other,
	    .secret = true,
	    .elsewhere = true },
	{ .name = "enrol", .run = run_enrol, .check = new_key_signs },
	{ .name = "enrol-pin",
	    .run = run_enrol_pin,
	    .check = new_key_signs_with_pin,
	    .secret = true },
	{ .name = "enrol-lifetime",
	    .run = run_enrol_lifetime,
	    .check = new_key_signs_with_pin,
	    .secret = true },
	{ .name = "enrol-limited",
	    .run = run_enrol_limited,
	    .check = limited_file_is_good },
	{ .name = "sign-pcrs", .run = run_sign_pcrs },
	{ .name = "sign-pcrs-pin", .run = run_sign_pcrs_pin, .secret = true },
	{ .name = "enrol-pcrs", .run = run_enrol_pcrs, .check = new_key_signs },
	/* (That one's key handle has its PIN in it.) */
	{ .name = "enrol-other", .run = run_enrol_other, .elsewhere = true },
	{ .name = "pin-file",
	    .run = run_pin_file,
	    .keeps = KEEPS_FILE,
	    .is_kept = file_is_good,
	    .secret = true,
	    .with_pin = true },
	{ .name = "list",
	    .run = run_list,
	    .keeps = KEEPS_RECORDS,
	    .is_kept = all_are_listed,
	    .info = true },
	{ .name = "keep",
	    .run = run_keep,
	    .check = new_key_signs,
	    .keeps = KEEPS_RECORDS,
	    .is_kept = new_is_kept },
	{ .name = "keep-owner",
	    .run = run_keep_owner,
	    .check = new_key_signs_with_pin,
	    .keeps = KEEPS_RECORDS,
	    .is_kept = new_is_kept,
	    .owner = true,
	    .secret = true },
	{ .name = "replace",
	    .run = run_replace,
	    .check = new_key_signs,
	    .keeps = KEEPS_RECORDS,
	    .is_kept = one_is_kept },
	{ .name = "remove",
	    .run = run_remove,
	    .keeps = KEEPS_RECORDS,
	    .is_kept = one_is_removed },
	{ .name = "remove-owner",
	    .run = run_remove,
	    .keeps = KEEPS_RECORDS,
	    .is_kept = one_is_removed,
	    .owner = true,
	    .secret = true },
	{ .name = "pin-kept",
	    .run = run_pin_resident,
	    .keeps = KEEPS_RECORDS,
	    .is_kept = pin_is_kept,
	    .secret = true,
	    .with_pin = true },
	{ .name = "enrol-copy",
	    .run = run_enrol_copy,
	    .check = new_key_signs,
	    .keeps = KEEPS_COPIES,
	    .is_kept = new_copy_is_kept },
	{ .name = "enrol-copy-owner",
	    .run = run_enrol_copy,
	    .check = new_key_signs,
	    .keeps = KEEPS_COPIES,
	    .is_kept = new_copy_is_kept,
	    .owner = true,
	    .secret = true },
	{ .name = "persist",
	    .run = run_persist,
	    .keeps = KEEPS_COPIES,
	    .is_kept = persist_is_kept },
	{ .name = "persist-owner",
	    .run = run_persist,
	    .keeps = KEEPS_COPIES,
	    .is_kept = persist_is_kept,
	    .owner = true,
	    .secret = true },
	{ .name = "evict",
	    .run = run_evict,
	    .keeps = KEEPS_COPIES,
	    .is_kept = evict_is_kept,
	    .begins_with_copy = true },
	{ .name = "evict-owner",
	    .run = run_evict,
	    .keeps = KEEPS_COPIES,
	    .is_kept = evict_is_kept,
	    .begins_with_copy = true,
	    .owner = true,
	    .secret = true },
	{ .name = "request", .run = run_request },
	{ .name = "request-pin",
	    .run = run_request_pin,
	    .secret = true,
	    .with_pin = true },
};

const size_t n_operations = sizeof(operations) / sizeof(operations[0]);

static bool
make_key(int (*how)(struct outcome *), struct key *ret)
{
	const struct operation op = { .name = "make", .run = how };
	const struct mishap none = { 0 };
	struct outcome *out;
	int status;

	out = run(&op, &none, &status);
	if (!out->done || out->result != 0 || out->wrong) {
		fprintf(stderr, "no key to begin with: %s\n", out->text);
		return false;
	}
	*ret = (struct key){ .len = out->handle_len };
	memcpy(ret->handle, out->handle, out->handle_len);
	memcpy(ret->point, out->point, sizeof(ret->point));
	return true;
}

/* By that provider itself, which is where the other libraries are. */
static bool
make_others_key(struct key *ret)
{
	struct sk_enroll_response *resp = NULL;
	void *lib = dlopen("provider-soft.so", RTLD_NOW);
	__typeof__(&sk_enroll) make = NULL;

	if (lib != NULL)
		make = (__typeof__(make))dlsym(lib, "sk_enroll");
	if (make == NULL ||
	    make(SSH_SK_ECDSA, challenge, sizeof(challenge), APPLICATION,
		VERIFY, PIN, NULL, &resp) != 0) {
		fprintf(stderr, "no key of another provider to begin with\n");
		return false;
	}
	ret->len = resp->key_handle_len;
	memcpy(ret->handle, resp->key_handle, resp->key_handle_len);
	memcpy(ret->point, resp->public_key, sizeof(ret->point));
	free_enroll(resp);
	return true;
}

/* A ticket that lasts as long as we do: each operation may delete its file. */
static bool
get_ticket(void)
{
	struct handle h = { 0 };
	bool good;

	good = handle_decode(
		   (struct slice){ with_lifetime.handle, with_lifetime.len },
		   &h) == 0 &&
	    handle_binding(&h, binding) == 0 &&
	    signs(with_lifetime.handle, with_lifetime.len, with_lifetime.point,
		PIN) &&
	    pin_ticket_find(binding, UINT32_MAX, &ticket);
	handle_reset(&h);
	return good;
}

bool
operations_begin(const char *dir)
{
	const char *name = getenv("SK_TPM_TCTI");

	setenv("XDG_RUNTIME_DIR", dir, 1);
	setenv("SK_TPM_LOG_LEVEL", "error", 1);
	log_begin_secret();
	log_set_level(LOG_LEVEL_ERROR);
	return name != NULL && (tcti = strdup(name)) != NULL &&
	    asprintf(&faulty_tcti, "fault:%s", name) != -1 &&
	    asprintf(&keyfile, "%s/key", dir) != -1 &&
	    asprintf(&limited_keyfile, "%s/limited", dir) != -1 &&
	    asprintf(&booted_keyfile, "%s/booted", dir) != -1 &&
	    config_load(&cfg) == 0 && make_others_key(&others) &&
	    make_key(run_enrol, &plain) && make_key(run_enrol_pin, &with_pin) &&
	    make_key(run_enrol_lifetime, &with_lifetime) && get_ticket() &&
	    make_key(run_enrol_pcrs, &booted) && copies_begin(make_key, dir) &&
	    make_key(run_enrol_pcrs_pin, &booted_pin) && restore_file() &&
	    restore_records() && raw_look(tcti, &first);
}
