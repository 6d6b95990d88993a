/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm join and leave: a server whose host key is in its TPM, certified by a
 * CA, with the CA's keys and its revocation list for sshd. Every file is put in
 * its place whole, and each step finds done what an earlier run has done.
 *
 * What the CA sends is fetched by an account of its own (JOIN_ACCOUNT) into a
 * directory of its own; root checks it and puts it where sshd reads it.
 */
#ifndef SKTPM_JOIN_H
#define SKTPM_JOIN_H

#include "answer.h"
#include "command.h"

#define JOIN_ACCOUNT "sk-tpm-identity"
#define JOIN_STATE "/var/lib/sk-tpm-identity"
#define JOIN_SETTINGS "/etc/ssh/sk-tpm-join.conf"
#define JOIN_SSHD_SNIPPET "/etc/ssh/sshd_config.d/sk-tpm-join.conf"
#define JOIN_TRUST "/etc/ssh/sk-tpm" /* directory of what came from the CA */
#define JOIN_KNOWN_HOSTS "/etc/ssh/ssh_known_hosts"
#define JOIN_TIMER "sk-tpm-renew.timer"
#define JOIN_SERVICE "sk-tpm-renew.service"

/* The host key of sshd, and its copy for the account to have it certified. */
#define JOIN_HOST_KEY "/etc/ssh/ssh_host_ecdsa_sk_key"
#define JOIN_HOST_CERT JOIN_HOST_KEY "-cert.pub"
#define JOIN_HOST_COPY JOIN_STATE "/ssh_host_ecdsa_sk_key"
#define JOIN_IDENTITY JOIN_STATE "/id_machine"

/* What renewal fetches, in JOIN_STATE and, once checked, in JOIN_TRUST. */
#define JOIN_USER_CA_KEYS "user_ca_keys"
#define JOIN_HOST_CA_KEYS "host_ca_keys"
#define JOIN_KRL "krl"

#define JOIN_ADDRESSES_MAX 16

struct join {
	const struct invocation *inv;
	bool dry_run;
	size_t n_addresses;
	char *addresses[JOIN_ADDRESSES_MAX]; /* ssh://user@host[:port] */
	char *name;			     /* --name, or NULL */
	char *hosts;	    /* --hosts: for which the CA is trusted; or NULL */
	bool made_host_key; /* or is to, and leave removes it */
	struct json_object *steps; /* what was done, or would be */
};

void join_reset(struct join *join);

/*
 * Says what is done, or would be. False where it is only said: then the step is
 * to be left out.
 */
bool join_step(struct join *join, const char *what, const char *where);

/* Root, and an sshd that reads sshd_config.d. 0 or FAIL_ARGUMENT. */
int join_check_host(void) MUST_CHECK;

/* All of sk-tpm join --user (person.c). What enroll and request give. */
int join_person(struct join *join) MUST_CHECK;

/* --- settings (settings.c) --------------------------------------------- */

/*
 * JOIN_SETTINGS: lines "CA ssh://...", "Name NAME", "Hosts PATTERN", and
 * "MadeHostKey yes" where JOIN_HOST_KEY was not there before. 0; FAIL_NOT_FOUND
 * where this machine has not joined; FAIL_CONFIG; FAIL_MEMORY.
 */
int join_settings_read(struct join *join) MUST_CHECK;
/*
 * Waits for another join, renew --write or leave, and holds them until this
 * process ends. 0 or FAIL_UNAVAILABLE.
 */
int join_lock(void) MUST_CHECK;
int join_settings_write(struct join *join) MUST_CHECK;
/* Adds ssh://[user@]host[:port], with sk-tpm-ca where there is no user. */
int join_add_address(struct join *join, const char *address) MUST_CHECK;

/* --- the account and its keys (account.c) ------------------------------ */

int join_make_account(struct join *join) MUST_CHECK;
int join_make_keys(struct join *join) MUST_CHECK;
/* Which host key of the CA's is expected: --ca-key, or one that is known. */
int join_pin_ca(struct join *join) MUST_CHECK;

/*
 * Puts a file of root's in place, as a step, unless it is like that already.
 * 0, FAIL_ARGUMENT or FAIL_MEMORY.
 */
int join_put_file(struct join *join, const char *path,
    const struct bytes *content) MUST_CHECK;
/* All of a file. 0, FAIL_ARGUMENT, FAIL_CERTIFICATE if it is huge, FAIL_MEMORY.
 */
int join_read_file(const char *path, struct bytes *ret) MUST_CHECK;
bool join_file_is(const char *path, const struct bytes *content);

/* --- what came from the CA (install.c) --------------------------------- */

/*
 * Checks and puts in place what renewal fetched; has sshd read it where that is
 * new. 0; FAIL_CERTIFICATE for what is not good; FAIL_UNAVAILABLE where sshd
 * would not take it, and then everything of sshd's is as it was.
 */
int join_install(struct join *join) MUST_CHECK;
int join_uninstall(struct join *join) MUST_CHECK;

/* --- sshd (sshd.c) ----------------------------------------------------- */

/* sshd has no setting of another's that ours would override. */
int join_check_sshd(void) MUST_CHECK;
/* *ret_new: it was not there like that before. */
int join_put_snippet(
    struct join *join, bool with_host_key, bool *ret_new) MUST_CHECK;
int join_remove_snippet(struct join *join) MUST_CHECK;
int join_reload_sshd(struct join *join) MUST_CHECK;

/* --- known hosts (known-hosts-lines.c) --------------------------------- */

/* Lines @cert-authority for these keys, one a line; NULL: none. */
int join_put_known_hosts(
    struct join *join, const struct bytes *keys) MUST_CHECK;

#endif
