/* SPDX-License-Identifier: ISC */
/*
 * sk-tpm-ca.conf: "Keyword value" as in sshd_config(5); sk-tpm-ca.conf(5) has
 * each. Settings before the first "Profile NAME" are the CA's; those behind one
 * are that profile's. Unknown keywords, and doubled ones, are errors.
 */
#ifndef SKTPM_CA_SETTINGS_H
#define SKTPM_CA_SETTINGS_H

#include "ssh/sshkey.h"
#include "ca/store.h"

#define SETTINGS_TEXTS_MAX 32

struct texts { /* owned strings */
	size_t n;
	char *text[SETTINGS_TEXTS_MAX];
};

enum first_key {
	FIRST_KEY_PENDING, /* an administrator approves it */
	FIRST_KEY_ACCEPT,  /* the first one of a machine and type is taken */
};

/* What a key has to be, by what its maker wrote (attest/verify.h). */
enum demand {
	DEMAND_PIN = 0x01,
	DEMAND_NO_PIN_LIFETIME = 0x02,
	DEMAND_PRESENCE = 0x04,
	DEMAND_LIMITS = 0x08,	      /* any of `limits` */
	DEMAND_PCRS = 0x10,	      /* all of `pcrs` */
	DEMAND_EK_CERTIFICATE = 0x20, /* its machine: that leads to a root */
};

struct certificate_terms {
	struct texts principals; /* with %m for the machine's name, and %u for
				    a person's; none: no such certificates */
	uint32_t validity;	 /* seconds */
};

struct profile {
	char name[STORE_NAME_MAX + 1];
	bool named;			   /* by a line of the file */
	bool user_principals_set;	   /* likewise */
	struct certificate_terms terms[2]; /* user and host: profile_terms */
	struct texts extensions;       /* user's; as ssh-keygen -O has them */
	struct texts critical_options; /* user's; likewise */
	char *force_command;	       /* user's; NULL: none */
	char *source_address;	       /* user's; NULL: any */
	enum first_key first_key;
	unsigned int demands; /* bits of enum demand */
	uint32_t pcrs;	      /* bit n for PCR n */
	uint32_t limits;      /* bits as of key/limits.h */
	struct profile *next;
};

struct settings {
	char *store;   /* a path; "postgresql:" is for later */
	char *runtime; /* directory for slots */
	/* What machines call this CA: hosts, without user. */
	struct texts names;
	char *login_account;   /* the one that machines log in as */
	char *service_account; /* the one that the service runs as */
	char *user_ca_key;     /* file of a private, or for an agent or token a
				* public key; NULL: no such certificates */
	char *host_ca_key;
	char *ca_key_agent;	     /* path of an agent's socket, or NULL */
	char *pkcs11_provider;	     /* or NULL */
	char *security_key_provider; /* or NULL: for a CA key in a TPM */
	char *endorsement_roots;     /* directory or file, or NULL: none */
	char *people_profile; /* of those who log in as themselves, or NULL */
	bool admit_pending;   /* a machine that is not known may wait */
	bool admit_certified; /* one that a maker certified is asked about: */
	char *inventory_command;      /* with arguments; or NULL */
	char *inventory_command_user; /* an account; not NULL with it */
	char *inventory_socket;	      /* where libexec/inventory listens */
	uint32_t max_pending;	      /* machines that wait */
	uint32_t pending_for;	      /* seconds since they asked last */
	uint32_t max_connections;
	uint32_t timeout;	  /* seconds a connection */
	struct profile *profiles; /* "default" is always there */
};

/* The file that is read where --config names no other. */
#define SETTINGS_FILE "/etc/ssh/sk-tpm-ca.conf"

/*
 * 0; FAIL_CONFIG for a file that is missing, that others may write, or that has
 * a line that means nothing; FAIL_MEMORY. The caller ends with settings_reset,
 * on failure too.
 */
int settings_read(const char *path, struct settings *ret) MUST_CHECK;
void settings_reset(struct settings *settings);

/* UserCAKey or HostCAKey; NULL where that is not set. */
const char *settings_ca_key(
    const struct settings *settings, enum certificate_type type);

/* NULL where there is no such profile. */
const struct profile *settings_profile(
    const struct settings *settings, const char *name);
const struct certificate_terms *profile_terms(
    const struct profile *profile, enum certificate_type type);

/*
 * Whether text is what machines, profiles and principals may be called: lower
 * case letters and digits, dots and hyphens; no hyphen or dot in front.
 */
bool name_is_wellformed(const char *text);

/* Whether a word can be a principal, as it is: without %m and %u. */
bool principal_is_wellformed(const char *word);

/* Whether an account's name can be a person's principal. */
bool person_is_wellformed(const char *name);

#endif
