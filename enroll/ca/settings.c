/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "ca/settings.h"
#include "key/limits.h"
#include "tpm/pcr.h"

#define MAX_LINE 4096
#define MAX_VALIDITY (10 * 52 * 7 * 24 * 3600)
#define DEFAULT_VALIDITY (24 * 3600)

/* Where a value stands, for a line about it. */
struct place {
	const char *file;
	unsigned int line;
	const char *keyword;
};

/* A setter takes a value into the settings, or into the profile at hand. */
typedef int setter(void *where, char *value, const struct place *place);

/* --- values ------------------------------------------------------------ */

static int
bad(const struct place *at, const char *value, const char *allowed)
{
	return fail(FAIL_CONFIG, "%s line %u: %s: \"%.100s\" is not %s",
	    at->file, at->line, at->keyword, value, allowed);
}

static int
set_text(char **ret, const char *value)
{
	if ((*ret = strdup(value)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	return 0;
}

static int
set_path(char **ret, const char *value, const struct place *at)
{
	if (value[0] != '/')
		return bad(at, value, "the full path of a file");
	return set_text(ret, value);
}

static int
set_number(
    uint32_t *ret, const char *value, uint32_t most, const struct place *at)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*end != '\0' || value[0] < '0' || value[0] > '9' || n == 0 ||
	    n > most)
		return bad(at, value, "a number that makes sense here");
	*ret = (uint32_t)n;
	return 0;
}

static void
texts_reset(struct texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->text[i]);
	texts->n = 0;
}

/* Words, of which `is_good` takes each; "none" is none. */
static int
set_words(struct texts *ret, char *value, bool is_good(const char *),
    const char *allowed, const struct place *at)
{
	char *rest = value, *word;
	int r;

	texts_reset(ret);
	if (strcmp(value, "none") == 0)
		return 0;
	while ((word = strsep(&rest, " \t")) != NULL) {
		if (word[0] == '\0')
			continue;
		if (!is_good(word))
			return bad(at, word, allowed);
		if (ret->n == SETTINGS_TEXTS_MAX)
			return bad(at, word, "within the 32 that there may be");
		if ((r = set_text(&ret->text[ret->n], word)) != 0)
			return r;
		ret->n++;
	}
	return 0;
}

/* --- names ------------------------------------------------------------- */

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool
name_is_wellformed(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > STORE_NAME_MAX || !is_name_character(text[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_name_character(text[i]) && text[i] != '.' &&
		    text[i] != '-')
			return false;
	return true;
}

bool
person_is_wellformed(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= STORE_PERSON_MAX && name[0] != '-' &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._-") == n;
}

/*
 * A principal, which ssh-keygen would split at a comma. %m is a machine's name,
 * %u a person's; accounts may have other characters than machines.
 */
static bool
is_principal(const char *word)
{
	for (size_t i = 0; word[i] != '\0'; i++) {
		if (word[i] == '%') {
			i++;
			if (word[i] != 'm' && word[i] != 'u')
				return false;
		} else if (!is_name_character(word[i]) &&
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ._-", word[i]) == NULL) {
			return false;
		}
	}
	return word[0] != '-';
}

bool
principal_is_wellformed(const char *word)
{
	return is_principal(word) && strchr(word, '%') == NULL &&
	    strlen(word) <= STORE_NAME_MAX;
}

static bool
is_host(const char *word)
{
	return word[0] != '-' && word[0] != '.' &&
	    word[strspn(word,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-:[]%")] == '\0';
}

/* As ssh-keygen -O names them. */
static bool
is_extension(const char *word)
{
	static const char *const known[] = { "permit-agent-forwarding",
		"permit-port-forwarding", "permit-pty", "permit-user-rc",
		"permit-X11-forwarding" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(word, known[i]) == 0)
			return true;
	return strncmp(word, "extension:", 10) == 0 && word[10] != '\0';
}

static bool
is_critical_option(const char *word)
{
	return strcmp(word, "verify-required") == 0 ||
	    (strncmp(word, "critical:", 9) == 0 && word[9] != '\0');
}

/* --- settings of the CA ------------------------------------------------ */

#define PATH_SETTER(name)                                                   \
	static int set_##name(void *s, char *value, const struct place *at) \
	{                                                                   \
		return set_path(&((struct settings *)s)->name, value, at);  \
	}

PATH_SETTER(store)
PATH_SETTER(runtime)
PATH_SETTER(user_ca_key)
PATH_SETTER(host_ca_key)
PATH_SETTER(ca_key_agent)
PATH_SETTER(pkcs11_provider)
PATH_SETTER(security_key_provider)
PATH_SETTER(endorsement_roots)
PATH_SETTER(inventory_command)
PATH_SETTER(inventory_socket)

static int
set_names(void *s, char *value, const struct place *at)
{
	return set_words(&((struct settings *)s)->names, value, is_host,
	    "the name of a host", at);
}

static int
set_account(char **ret, const char *value, const struct place *at)
{
	if (value[strcspn(value, " \t:/\"")] != '\0' || value[0] == '-')
		return bad(at, value, "an account");
	return set_text(ret, value);
}

static int
set_login_account(void *s, char *value, const struct place *at)
{
	return set_account(&((struct settings *)s)->login_account, value, at);
}

static int
set_service_account(void *s, char *value, const struct place *at)
{
	return set_account(&((struct settings *)s)->service_account, value, at);
}

static int
set_inventory_command_user(void *s, char *value, const struct place *at)
{
	return set_account(
	    &((struct settings *)s)->inventory_command_user, value, at);
}

/* Those that are known are always served; the words say who else is. */
static int
set_admission(void *s, char *value, const struct place *at)
{
	struct settings *settings = s;
	char *rest = value, *word;

	while ((word = strsep(&rest, " \t")) != NULL) {
		if (strcmp(word, "pending") == 0)
			settings->admit_pending = true;
		else if (strcmp(word, "certified") == 0)
			settings->admit_certified = true;
		else if (strcmp(word, "known") != 0 && word[0] != '\0')
			return bad(at, word, "known, pending or certified");
	}
	return 0;
}

static int
set_max_pending(void *s, char *value, const struct place *at)
{
	return set_number(
	    &((struct settings *)s)->max_pending, value, 100000, at);
}

static int
set_pending_for(void *s, char *value, const struct place *at)
{
	uint32_t *pending_for = &((struct settings *)s)->pending_for;

	if (!duration_parse(value, MAX_VALIDITY, pending_for) ||
	    *pending_for < 60)
		return bad(at, value, "a time from 1m to 10 years");
	return 0;
}

static int
set_people_profile(void *s, char *value, const struct place *at)
{
	if (!name_is_wellformed(value))
		return bad(at, value, "a profile's name");
	return set_text(&((struct settings *)s)->people_profile, value);
}

static int
set_max_connections(void *s, char *value, const struct place *at)
{
	return set_number(
	    &((struct settings *)s)->max_connections, value, 4096, at);
}

static int
set_timeout(void *s, char *value, const struct place *at)
{
	uint32_t *timeout = &((struct settings *)s)->timeout;

	if (!duration_parse(value, 600, timeout) || *timeout == 0)
		return bad(at, value, "a time from 1s to 10m");
	return 0;
}

/* --- settings of a profile --------------------------------------------- */

static int
set_principals(struct texts *principals, char *value, const struct place *at)
{
	return set_words(principals, value, is_principal,
	    "a principal: letters, digits, dots, hyphens, and %m", at);
}

static int
set_user_principals(void *p, char *value, const struct place *at)
{
	((struct profile *)p)->user_principals_set = true;
	return set_principals(
	    &((struct profile *)p)->terms[0].principals, value, at);
}

static int
set_host_principals(void *p, char *value, const struct place *at)
{
	return set_principals(
	    &((struct profile *)p)->terms[1].principals, value, at);
}

static int
set_validity(uint32_t *ret, char *value, const struct place *at)
{
	if (!duration_parse(value, MAX_VALIDITY, ret) || *ret < 60)
		return bad(at, value, "a time from 1m to 10 years");
	return 0;
}

static int
set_user_validity(void *p, char *value, const struct place *at)
{
	return set_validity(
	    &((struct profile *)p)->terms[0].validity, value, at);
}

static int
set_host_validity(void *p, char *value, const struct place *at)
{
	return set_validity(
	    &((struct profile *)p)->terms[1].validity, value, at);
}

static int
set_extensions(void *p, char *value, const struct place *at)
{
	return set_words(&((struct profile *)p)->extensions, value,
	    is_extension, "an extension as ssh-keygen -O has them", at);
}

static int
set_critical_options(void *p, char *value, const struct place *at)
{
	return set_words(&((struct profile *)p)->critical_options, value,
	    is_critical_option,
	    "verify-required or critical:NAME=VALUE as of ssh-keygen -O", at);
}

/* It may have spaces, and is passed on whole. */
static int
set_force_command(void *p, char *value, const struct place *at)
{
	(void)at;
	return set_text(&((struct profile *)p)->force_command, value);
}

static int
set_source_address(void *p, char *value, const struct place *at)
{
	if (value[strspn(value, "0123456789abcdefABCDEF.:/,")] != '\0')
		return bad(at, value,
		    "a list of addresses as 10.0.0.0/8,2001:db8::/32");
	return set_text(&((struct profile *)p)->source_address, value);
}

static int
set_first_key(void *p, char *value, const struct place *at)
{
	struct profile *profile = p;

	if (strcmp(value, "accept") == 0)
		profile->first_key = FIRST_KEY_ACCEPT;
	else if (strcmp(value, "pending") == 0)
		profile->first_key = FIRST_KEY_PENDING;
	else
		return bad(at, value, "pending or accept");
	return 0;
}

static bool
demand_limits(struct profile *profile, char *names)
{
	char *name;

	profile->demands |= DEMAND_LIMITS;
	while ((name = strsep(&names, ",")) != NULL) {
		size_t i = 0;

		while (
		    i < LIMIT_KINDS && strcmp(limit_names[i].name, name) != 0)
			i++;
		if (i == LIMIT_KINDS)
			return false;
		profile->limits |= limit_names[i].kind;
	}
	return true;
}

static bool
demand_pcrs(struct profile *profile, const char *list)
{
	profile->demands |= DEMAND_PCRS;
	return pcr_parse(list, &profile->pcrs) == 0;
}

static int
set_require(void *p, char *value, const struct place *at)
{
	struct profile *profile = p;
	char *rest = value, *word;
	bool good = true;

	while (good && (word = strsep(&rest, " \t")) != NULL) {
		if (strcmp(word, "pin") == 0)
			profile->demands |= DEMAND_PIN;
		else if (strcmp(word, "ek-certificate") == 0)
			profile->demands |= DEMAND_EK_CERTIFICATE;
		else if (strcmp(word, "no-pin-lifetime") == 0)
			profile->demands |= DEMAND_NO_PIN_LIFETIME;
		else if (strcmp(word, "presence") == 0)
			profile->demands |= DEMAND_PRESENCE;
		else if (strncmp(word, "limits:", 7) == 0)
			good = demand_limits(profile, word + 7);
		else if (strncmp(word, "pcrs:", 5) == 0)
			good = demand_pcrs(profile, word + 5);
		else
			good = word[0] == '\0';
	}
	return good ? 0
		    : bad(at, word,
			  "pin, no-pin-lifetime, presence, limits:KIND,..., "
			  "pcrs:7+4 or ek-certificate");
}

/* --- the file ---------------------------------------------------------- */

static const struct setting {
	const char *keyword;
	bool of_profile;
	setter *set;
} table[] = {
	{ "Store", false, set_store },
	{ "RuntimeDirectory", false, set_runtime },
	{ "Names", false, set_names },
	{ "LoginAccount", false, set_login_account },
	{ "ServiceAccount", false, set_service_account },
	{ "UserCAKey", false, set_user_ca_key },
	{ "HostCAKey", false, set_host_ca_key },
	{ "CAKeyAgent", false, set_ca_key_agent },
	{ "PKCS11Provider", false, set_pkcs11_provider },
	{ "SecurityKeyProvider", false, set_security_key_provider },
	{ "EndorsementRoots", false, set_endorsement_roots },
	{ "Admission", false, set_admission },
	{ "InventoryCommand", false, set_inventory_command },
	{ "InventoryCommandUser", false, set_inventory_command_user },
	{ "InventorySocket", false, set_inventory_socket },
	{ "MaxPending", false, set_max_pending },
	{ "PendingFor", false, set_pending_for },
	{ "PeopleProfile", false, set_people_profile },
	{ "MaxConnections", false, set_max_connections },
	{ "Timeout", false, set_timeout },
	{ "UserPrincipals", true, set_user_principals },
	{ "UserValidity", true, set_user_validity },
	{ "HostPrincipals", true, set_host_principals },
	{ "HostValidity", true, set_host_validity },
	{ "Extensions", true, set_extensions },
	{ "CriticalOptions", true, set_critical_options },
	{ "ForceCommand", true, set_force_command },
	{ "SourceAddress", true, set_source_address },
	{ "FirstKey", true, set_first_key },
	{ "Require", true, set_require },
};

#define N_SETTINGS (sizeof(table) / sizeof(table[0]))
_Static_assert(N_SETTINGS <= 32, "a setting has no bit of its own");

struct reading {
	struct settings *settings;
	struct profile *profile; /* the one at hand, or NULL */
	uint32_t seen;		 /* bit n: table[n] was set there */
};

static const struct certificate_terms default_terms = {
	.validity = DEFAULT_VALIDITY,
};

static int
new_profile(struct settings *settings, const char *name, struct profile **ret)
{
	struct profile *profile = calloc(1, sizeof(*profile)), **end;
	int r;

	if (profile == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	snprintf(profile->name, sizeof(profile->name), "%s", name);
	for (end = &settings->profiles; *end != NULL; end = &(*end)->next)
		;
	*end = profile;
	*ret = profile;
	for (int i = 0; i < 2; i++) {
		profile->terms[i] = default_terms;
		if ((r = set_text(
			 &profile->terms[i].principals.text[0], "%m")) != 0)
			return r;
		profile->terms[i].principals.n = 1;
	}
	return 0;
}

static int
begin_profile(struct reading *in, const char *name, const struct place *at)
{
	if (!name_is_wellformed(name))
		return bad(at, name,
		    "a profile's name: lower case letters, digits, dots and "
		    "hyphens");
	in->seen = 0;
	in->profile = NULL;
	for (struct profile *p = in->settings->profiles; p != NULL; p = p->next)
		if (strcmp(p->name, name) == 0)
			in->profile = p;
	if (in->profile == NULL)
		return new_profile(in->settings, name, &in->profile);
	if (in->profile != in->settings->profiles || in->profile->named)
		return bad(at, name, "a profile's name for a second time");
	in->profile->named = true;
	return 0;
}

static int
take(struct reading *in, char *value, const struct place *at)
{
	size_t i = 0;
	void *where = in->settings;

	if (strcasecmp(at->keyword, "Profile") == 0)
		return begin_profile(in, value, at);
	while (i < N_SETTINGS && strcasecmp(table[i].keyword, at->keyword) != 0)
		i++;
	if (i == N_SETTINGS)
		return fail(FAIL_CONFIG,
		    "%s line %u: there is no setting %.40s", at->file, at->line,
		    at->keyword);
	if (table[i].of_profile != (in->profile != NULL))
		return fail(FAIL_CONFIG, "%s line %u: %s belongs %s", at->file,
		    at->line, table[i].keyword,
		    table[i].of_profile ? "below a line Profile NAME"
					: "above the first Profile");
	if ((in->seen & 1u << i) != 0)
		return fail(FAIL_CONFIG, "%s line %u: %s is there twice",
		    at->file, at->line, table[i].keyword);
	in->seen |= 1u << i;
	if (in->profile != NULL)
		where = in->profile;
	return table[i].set(where, value, at);
}

static int
take_line(struct reading *in, char *line, struct place *at)
{
	char *value;
	size_t n;

	line += strspn(line, " \t");
	n = strlen(line);
	while (n > 0 && strchr(" \t\r\n", line[n - 1]) != NULL)
		line[--n] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	value = line + strcspn(line, " \t");
	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, " \t");
	at->keyword = line;
	if (*value == '\0')
		return fail(FAIL_CONFIG, "%s line %u: %.40s has no value",
		    at->file, at->line, line);
	return take(in, value, at);
}

static int
read_lines(FILE *f, struct reading *in, struct place *at)
{
	char line[MAX_LINE];
	int r;

	while (fgets(line, sizeof(line), f) != NULL) {
		at->line++;
		if (strchr(line, '\n') == NULL && !feof(f))
			return fail(FAIL_CONFIG, "%s line %u is too long",
			    at->file, at->line);
		if ((r = take_line(in, line, at)) != 0)
			return r;
	}
	if (ferror(f))
		return fail(FAIL_CONFIG, "cannot read %s", at->file);
	return 0;
}

/* What is not set. */
static int
fill_in(struct settings *s)
{
	int r;

	if (s->store == NULL &&
	    (r = set_text(&s->store, "/var/lib/sk-tpm-ca/store.db")) != 0)
		return r;
	if (s->runtime == NULL &&
	    (r = set_text(&s->runtime, "/run/sk-tpm-ca-service")) != 0)
		return r;
	if (s->login_account == NULL &&
	    (r = set_text(&s->login_account, "sk-tpm-ca")) != 0)
		return r;
	if (s->service_account == NULL &&
	    (r = set_text(&s->service_account, "sk-tpm-ca-service")) != 0)
		return r;
	if (s->inventory_socket == NULL &&
	    (r = set_text(&s->inventory_socket, "/run/sk-tpm-ca/inventory")) !=
		0)
		return r;
	return 0;
}

static int
check_inventory(const char *path, const struct settings *s)
{
	if (s->inventory_command != NULL && s->inventory_command_user == NULL)
		return fail(FAIL_CONFIG,
		    "%s: InventoryCommand needs InventoryCommandUser, an "
		    "account to run it as",
		    path);
	if (!s->admit_certified)
		return 0;
	if (s->inventory_command == NULL)
		return fail(FAIL_CONFIG,
		    "%s: Admission certified needs InventoryCommand, which "
		    "tells a machine's name",
		    path);
	if (s->endorsement_roots == NULL)
		return fail(FAIL_CONFIG,
		    "%s: Admission certified needs EndorsementRoots, the "
		    "makers' certificates",
		    path);
	return 0;
}

static bool
names_person(const struct texts *principals)
{
	for (size_t i = 0; i < principals->n; i++)
		if (strstr(principals->text[i], "%u") != NULL)
			return true;
	return false;
}

/* A person is never given a machine's name by mere omission, nor the reverse.
 */
static int
check_people(const char *path, struct settings *s)
{
	struct profile *people = NULL;

	for (struct profile *p = s->profiles; p != NULL; p = p->next) {
		if (s->people_profile != NULL &&
		    strcmp(p->name, s->people_profile) == 0)
			people = p;
		else if (names_person(&p->terms[0].principals) ||
		    names_person(&p->terms[1].principals))
			return fail(FAIL_CONFIG,
			    "%s: profile %s has %%u, which only PeopleProfile "
			    "may",
			    path, p->name);
	}
	if (s->people_profile == NULL)
		return 0;
	if (people == NULL)
		return fail(FAIL_CONFIG,
		    "%s: PeopleProfile: there is no "
		    "profile %s",
		    path, s->people_profile);
	if (people->user_principals_set)
		return 0;
	texts_reset(&people->terms[0].principals);
	people->terms[0].principals.n = 1;
	return set_text(&people->terms[0].principals.text[0], "%u");
}

static bool
is_safe(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) &&
	    (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int
settings_read(const char *path, struct settings *ret)
{
	struct reading in = { .settings = ret };
	struct place at = { .file = path };
	struct stat st;
	FILE *f;
	int r;

	*ret = (struct settings){
		.max_connections = 64,
		.timeout = 30,
		.max_pending = 100,
		.pending_for = 30 * 24 * 3600,
	};
	if ((f = home_open(path, &st)) == NULL)
		return fail(
		    FAIL_CONFIG, "cannot open %s: %s", path, strerror(errno));
	if (!is_safe(&st))
		r = fail(FAIL_CONFIG,
		    "%s: others could have written it; it has to be root's, "
		    "and nobody else's to write",
		    path);
	else if ((r = new_profile(ret, "default", &in.profile)) == 0) {
		in.profile = NULL;
		r = read_lines(f, &in, &at);
	}
	fclose(f);
	if (r != 0 || (r = fill_in(ret)) != 0 ||
	    (r = check_inventory(path, ret)) != 0)
		return r;
	return check_people(path, ret);
}

static void
profile_free(struct profile *profile)
{
	for (int i = 0; i < 2; i++)
		texts_reset(&profile->terms[i].principals);
	texts_reset(&profile->extensions);
	texts_reset(&profile->critical_options);
	free(profile->force_command);
	free(profile->source_address);
	free(profile);
}

void
settings_reset(struct settings *s)
{
	struct profile *next;

	free(s->store);
	free(s->runtime);
	texts_reset(&s->names);
	free(s->login_account);
	free(s->service_account);
	free(s->user_ca_key);
	free(s->host_ca_key);
	free(s->ca_key_agent);
	free(s->pkcs11_provider);
	free(s->security_key_provider);
	free(s->endorsement_roots);
	free(s->inventory_command);
	free(s->inventory_command_user);
	free(s->inventory_socket);
	free(s->people_profile);
	for (struct profile *p = s->profiles; p != NULL; p = next) {
		next = p->next;
		profile_free(p);
	}
	*s = (struct settings){ 0 };
}

const char *
settings_ca_key(const struct settings *settings, enum certificate_type type)
{
	return type == CERTIFICATE_HOST ? settings->host_ca_key
					: settings->user_ca_key;
}

const struct profile *
settings_profile(const struct settings *settings, const char *name)
{
	for (const struct profile *p = settings->profiles; p != NULL;
	     p = p->next)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

const struct certificate_terms *
profile_terms(const struct profile *profile, enum certificate_type type)
{
	return &profile->terms[type == CERTIFICATE_HOST];
}
