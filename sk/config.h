/* SPDX-License-Identifier: ISC */
/*
 * Settings. One table holds each setting's keyword and setter; files, the
 * environment and -O go through it alike. A later source overrides an earlier
 * one:
 *
 *	/etc/ssh/sk-tpm.conf
 *	~/.ssh/sk-tpm.conf
 *	SK_TPM_ and the keyword in capitals, words parted: SK_TPM_LOG_LEVEL
 *	-O device= of ssh-keygen
 *
 * SK_TPM_CONFIG names one file to read instead of the two. The environment of a
 * setuid or setgid program is not read.
 */
#ifndef SKTPM_CONFIG_H
#define SKTPM_CONFIG_H

#include "base/bytes.h"
#include "base/log.h"

enum user_presence {
	USER_PRESENCE_AUTO,	/* a PIN, else askpass, else the terminal */
	USER_PRESENCE_ASKPASS,	/* SSH_ASKPASS */
	USER_PRESENCE_TERMINAL, /* a key press */
	USER_PRESENCE_FPRINTD,	/* a fingerprint */
	USER_PRESENCE_COMMAND,	/* a program's exit status */
	USER_PRESENCE_ASSUME,	/* take every request for a person's */
};

/* The provider that is built into ssh-sk-helper: FIDO tokens at USB. */
#define FALLBACK_INTERNAL "internal"

/* The setting is not made: the lifetime is the key's own; new keys get none. */
#define CONFIG_PIN_LIFETIME_KEYS UINT32_MAX

struct config {
	char *tcti; /* tctildr's "name:conf"; never NULL once loaded */
	enum user_presence user_presence;
	char *presence_command;	       /* with USER_PRESENCE_COMMAND, a path */
	unsigned int presence_timeout; /* seconds */
	char *endorsement_key;	       /* a machine's id; NULL: none is known */
	char *endorsement_roots;       /* a full path; NULL: none */
	uint32_t parent;	       /* for new keys; 0: the SRK */
	char *fallback_provider;       /* as OpenSSH takes it; NULL: none */
	enum log_level log_level;
	bool log_use; /* each use of a key, in syslog */
	bool notify;  /* of each signature, on the desktop */
	bool spend_last_try;
	bool persistent;       /* new keys get a persistent copy in the TPM */
	uint32_t pin_lifetime; /* seconds, or CONFIG_PIN_LIFETIME_KEYS */
};

/*
 * Fills *ret with the defaults, the files and the environment. The caller
 * ends with config_reset, on failure too. 0, FAIL_CONFIG or FAIL_MEMORY.
 */
int config_load(struct config *ret) MUST_CHECK;

/*
 * Gives the setting `keyword` (case ignored) a value; `source` begins the
 * error line and says where it came from, as in "-O device".
 * 0, FAIL_CONFIG or FAIL_MEMORY; *cfg is unchanged on failure.
 */
int config_set(struct config *cfg, const char *keyword, const char *value,
    const char *source) MUST_CHECK;

/*
 * Applies a file in ssh_config's syntax: "Keyword value", "#" comments. The
 * first value of a keyword in the file wins. A file that others can write, and
 * one with a line that is too long, is refused as a whole. One that is missing
 * changes nothing with config_read_file_if_there; with config_read_file it is
 * FAIL_CONFIG. 0, FAIL_CONFIG or FAIL_MEMORY.
 */
int config_read_file(struct config *cfg, const char *path) MUST_CHECK;
int config_read_file_if_there(struct config *cfg, const char *path) MUST_CHECK;

/*
 * The file for the person's own settings, there or not, in a new string; NULL
 * where there is none to name.
 */
char *config_own_path(void) MUST_CHECK;

/* Frees what *cfg holds. */
void config_reset(struct config *cfg);

#endif
