/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "config.h"

/*
 * The default is the kernel's resource manager and nothing else: tctildr's
 * own search would end at a simulator on a TCP port that anyone can open.
 */
#define DEFAULT_TCTI "device:/dev/tpmrm0"
#define DEFAULT_PRESENCE_TIMEOUT 60

#define SYSTEM_FILE "/etc/ssh/sk-tpm.conf"
#define USER_FILE ".ssh/sk-tpm.conf"

#define MAX_LINE 1024
#define MAX_TCTI 512
#define MAX_PRESENCE_TIMEOUT 3600
#define MAX_PIN_LIFETIME (52 * 7 * 24 * 3600)

typedef int setter(struct config *, const char *value, const char *source);

static setter set_tcti, set_user_presence, set_presence_timeout, set_parent,
    set_endorsement_key, set_endorsement_roots, set_log_level,
    set_spend_last_try, set_fallback_provider, set_log_use, set_notify,
    set_persistent, set_pin_lifetime;

static const struct setting {
	const char *keyword;
	const char *env;
	setter *set;
} settings[] = {
	{ "TCTI", "SK_TPM_TCTI", set_tcti },
	{ "UserPresence", "SK_TPM_USER_PRESENCE", set_user_presence },
	{ "PresenceTimeout", "SK_TPM_PRESENCE_TIMEOUT", set_presence_timeout },
	{ "Parent", "SK_TPM_PARENT", set_parent },
	{ "LogLevel", "SK_TPM_LOG_LEVEL", set_log_level },
	{ "LogUse", "SK_TPM_LOG_USE", set_log_use },
	{ "Notify", "SK_TPM_NOTIFY", set_notify },
	{ "SpendLastTry", "SK_TPM_SPEND_LAST_TRY", set_spend_last_try },
	{ "FallbackProvider", "SK_TPM_FALLBACK_PROVIDER",
	    set_fallback_provider },
	{ "Persistent", "SK_TPM_PERSISTENT", set_persistent },
	{ "PINLifetime", "SK_TPM_PIN_LIFETIME", set_pin_lifetime },
	{ "EndorsementKey", "SK_TPM_ENDORSEMENT_KEY", set_endorsement_key },
	{ "EndorsementRoots", "SK_TPM_ENDORSEMENT_ROOTS",
	    set_endorsement_roots },
};

#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))
_Static_assert(N_SETTINGS <= 32, "a setting has no bit of its own");

/* --- setters ----------------------------------------------------------- */

static int
bad_value(const char *source, const char *value, const char *allowed)
{
	return fail(FAIL_CONFIG, "%s: \"%.100s\" is not allowed; use %s",
	    source, value, allowed);
}

/* The name of a TCTI is a word, or the path of its library. */
static bool
tcti_is_wellformed(const char *value)
{
	if (strcspn(value, ":") == 0 || strlen(value) > MAX_TCTI)
		return false;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return false;
	return true;
}

static int
set_tcti(struct config *cfg, const char *value, const char *source)
{
	bool is_path = value[0] == '/' && strchr(value, ':') == NULL;
	char *tcti = NULL;

	if (!tcti_is_wellformed(value))
		return fail(FAIL_CONFIG,
		    "%s: \"%.100s\" is not a TCTI; use a device path like "
		    "/dev/tpmrm0, or NAME:CONF like device:/dev/tpmrm0, "
		    "swtpm:port=2321 or tabrmd:",
		    source, value);
	if (asprintf(&tcti, "%s%s", is_path ? "device:" : "", value) == -1)
		return fail(FAIL_MEMORY, "out of memory");
	free(cfg->tcti);
	cfg->tcti = tcti;
	return 0;
}

static int
set_presence_command(struct config *cfg, const char *path, const char *source)
{
	char *command;

	if (path[0] != '/')
		return bad_value(
		    source, path, "command and the full path of a program");
	if ((command = strdup(path)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	free(cfg->presence_command);
	cfg->presence_command = command;
	cfg->user_presence = USER_PRESENCE_COMMAND;
	return 0;
}

static int
set_user_presence(struct config *cfg, const char *value, const char *source)
{
	static const struct {
		const char *word;
		enum user_presence presence;
	} words[] = {
		{ "auto", USER_PRESENCE_AUTO },
		{ "askpass", USER_PRESENCE_ASKPASS },
		{ "terminal", USER_PRESENCE_TERMINAL },
		{ "fprintd", USER_PRESENCE_FPRINTD },
		{ "assume", USER_PRESENCE_ASSUME },
	};

	if (strncasecmp(value, "command", 7) == 0 &&
	    strchr(" \t", value[7]) != NULL && value[7] != '\0')
		return set_presence_command(
		    cfg, value + 7 + strspn(value + 7, " \t"), source);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(value, words[i].word) != 0)
			continue;
		cfg->user_presence = words[i].presence;
		return 0;
	}
	return bad_value(source, value,
	    "auto, askpass, terminal, fprintd, command PATH or assume");
}

static int
set_presence_timeout(struct config *cfg, const char *value, const char *source)
{
	uint32_t seconds;

	if (!duration_parse(value, MAX_PRESENCE_TIMEOUT, &seconds) ||
	    seconds == 0)
		return bad_value(
		    source, value, "a time from 1s to 60m, such as 60 or 2m");
	cfg->presence_timeout = seconds;
	return 0;
}

static int
set_pin_lifetime(struct config *cfg, const char *value, const char *source)
{
	uint32_t seconds = 0;

	if (strcasecmp(value, "none") != 0 &&
	    (!duration_parse(value, MAX_PIN_LIFETIME, &seconds) ||
		seconds == 0))
		return bad_value(source, value,
		    "none, or a time from 1s to 52w, such as 10m or 1h30m");
	cfg->pin_lifetime = seconds;
	return 0;
}

/* "SHA256:" and a digest in base64; see attest/machine-id.h. */
static bool
is_machine_id(const char *value)
{
	struct bytes digest = { 0 };
	bool good;

	good = strncmp(value, "SHA256:", 7) == 0 &&
	    base64_decode(slice_of_text(value + 7), &digest) == 0 &&
	    digest.len == 32;
	bytes_reset(&digest);
	return good;
}

static int
set_endorsement_key(struct config *cfg, const char *value, const char *source)
{
	bool none = strcasecmp(value, "none") == 0;
	char *id = NULL;

	if (!none && !is_machine_id(value))
		return bad_value(source, value,
		    "none, or this machine's id, which sk-tpm setup prints");
	if (!none && (id = strdup(value)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	free(cfg->endorsement_key);
	cfg->endorsement_key = id;
	return 0;
}

static int
set_endorsement_roots(struct config *cfg, const char *value, const char *source)
{
	bool none = strcasecmp(value, "none") == 0;
	char *path = NULL;

	if (!none && value[0] != '/')
		return bad_value(source, value,
		    "none, or the full path of a file or directory");
	if (!none && (path = strdup(value)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	free(cfg->endorsement_roots);
	cfg->endorsement_roots = path;
	return 0;
}

/* Persistent handles: TPM 2.0 Library, part 2, section 7.4. */
static int
set_parent(struct config *cfg, const char *value, const char *source)
{
	unsigned long n;
	char *end;

	if (strcasecmp(value, "auto") == 0) {
		cfg->parent = 0;
		return 0;
	}
	n = strtoul(value, &end, 16);
	if (strncasecmp(value, "0x", 2) != 0 || *end != '\0' ||
	    n < 0x81000000 || n > 0x81ffffff)
		return bad_value(source, value,
		    "auto, or a persistent handle from 0x81000000 to "
		    "0x81ffffff");
	cfg->parent = (uint32_t)n;
	return 0;
}

static int
set_log_level(struct config *cfg, const char *value, const char *source)
{
	if (strcasecmp(value, "error") == 0)
		cfg->log_level = LOG_LEVEL_ERROR;
	else if (strcasecmp(value, "info") == 0)
		cfg->log_level = LOG_LEVEL_INFO;
	else if (strcasecmp(value, "debug") == 0)
		cfg->log_level = LOG_LEVEL_DEBUG;
	else
		return bad_value(source, value, "error, info or debug");
	return 0;
}

/* OpenSSH's word for the provider that is built in, or a library. */
static int
set_fallback_provider(struct config *cfg, const char *value, const char *source)
{
	bool none = strcasecmp(value, "none") == 0;
	char *provider = NULL;

	if (strcasecmp(value, "internal") == 0)
		value = FALLBACK_INTERNAL;
	else if (!none && value[0] != '/')
		return bad_value(source, value,
		    "internal, none, or the full path of a library");
	if (!none && (provider = strdup(value)) == NULL)
		return fail(FAIL_MEMORY, "out of memory");
	free(cfg->fallback_provider);
	cfg->fallback_provider = provider;
	return 0;
}

static int
set_yes_or_no(bool *ret, const char *value, const char *source)
{
	if (strcasecmp(value, "yes") == 0)
		*ret = true;
	else if (strcasecmp(value, "no") == 0)
		*ret = false;
	else
		return bad_value(source, value, "yes or no");
	return 0;
}

static int
set_spend_last_try(struct config *cfg, const char *value, const char *source)
{
	return set_yes_or_no(&cfg->spend_last_try, value, source);
}

static int
set_log_use(struct config *cfg, const char *value, const char *source)
{
	return set_yes_or_no(&cfg->log_use, value, source);
}

static int
set_notify(struct config *cfg, const char *value, const char *source)
{
	return set_yes_or_no(&cfg->notify, value, source);
}

static int
set_persistent(struct config *cfg, const char *value, const char *source)
{
	return set_yes_or_no(&cfg->persistent, value, source);
}

static const struct setting *
find_setting(const char *keyword)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (strcasecmp(keyword, settings[i].keyword) == 0)
			return &settings[i];
	return NULL;
}

static int
unknown_keyword(const char *source, const char *keyword)
{
	struct text known = { 0 };

	for (size_t i = 0; i < N_SETTINGS; i++)
		text_add(
		    &known, "%s%s", i == 0 ? "" : ", ", settings[i].keyword);
	return fail(FAIL_CONFIG, "%s: no setting is called \"%.100s\"; use %s",
	    source, keyword, known.s);
}

int
config_set(struct config *cfg, const char *keyword, const char *value,
    const char *source)
{
	const struct setting *setting = find_setting(keyword);

	if (setting == NULL)
		return unknown_keyword(source, keyword);
	return setting->set(cfg, value, source);
}

/* --- files ------------------------------------------------------------- */

/* Cuts white space off both ends, in place. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	for (n = strlen(s); n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL; n--)
		s[n - 1] = '\0';
	return s;
}

/*
 * Splits "Keyword value" or "Keyword=value" in place. A value in double quotes
 * is taken whole. In another one, # after white space begins a comment.
 */
static bool
split_line(char *line, char **ret_keyword, char **ret_value)
{
	char *value, *end;

	value = line + strcspn(line, " \t=");
	if (*value == '\0')
		return false;
	end = value;
	value += strspn(value, " \t");
	if (*value == '=')
		value++;
	*end = '\0';
	value = trim(value);
	if (*value == '"') {
		if ((end = strchr(++value, '"')) == NULL)
			return false;
		*end++ = '\0';
		end += strspn(end, " \t");
		if (*end != '\0' && *end != '#')
			return false;
	} else {
		for (end = value; *end != '\0'; end++)
			if (strchr(" \t", *end) != NULL && end[1] == '#') {
				*end = '\0';
				break;
			}
		value = trim(value);
	}
	*ret_keyword = line;
	*ret_value = value;
	return *line != '\0' && *value != '\0';
}

/* `seen` has a bit for each setting that the file has given already. */
static int
apply_line(
    struct config *cfg, char *line, const char *where, unsigned int *seen)
{
	const struct setting *setting;
	char *keyword, *value;
	char source[MAX_LINE + 64];
	unsigned int bit;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return 0;
	if (!split_line(line, &keyword, &value))
		return fail(FAIL_CONFIG,
		    "%s: \"%.100s\" is not a keyword and a value", where, line);
	if ((setting = find_setting(keyword)) == NULL)
		return unknown_keyword(where, keyword);
	bit = 1u << (setting - settings);
	if (*seen & bit)
		return 0;
	*seen |= bit;
	snprintf(source, sizeof(source), "%s: %s", where, setting->keyword);
	return setting->set(cfg, value, source);
}

static int
read_lines(struct config *cfg, FILE *f, const char *path)
{
	char line[MAX_LINE + 2], where[MAX_LINE];
	unsigned int seen = 0;
	int r = 0;

	for (int n = 1; r == 0 && fgets(line, sizeof(line), f) != NULL; n++) {
		snprintf(where, sizeof(where), "%s line %d", path, n);
		if (strchr(line, '\n') == NULL && !feof(f))
			return fail(FAIL_CONFIG,
			    "%s: longer than %d bytes, or not text", where,
			    MAX_LINE);
		r = apply_line(cfg, line, where, &seen);
	}
	if (r == 0 && ferror(f))
		r = fail(
		    FAIL_CONFIG, "cannot read %s: %s", path, strerror(errno));
	return r;
}

/* As OpenSSH does for ~/.ssh/config. */
static int
check_file_owner(const struct stat *st, const char *path)
{
	if ((st->st_uid != 0 && st->st_uid != geteuid()) ||
	    (S_ISREG(st->st_mode) && (st->st_mode & 022) != 0))
		return fail(FAIL_CONFIG,
		    "%s can be written by others (owner %ju, mode %04o); make "
		    "it yours: chown %ju %s && chmod go-w %s",
		    path, (uintmax_t)st->st_uid, st->st_mode & 07777,
		    (uintmax_t)geteuid(), path, path);
	return 0;
}

/* `f` and `st` are home_open's; without a file, errno tells why. */
static int
read_file(struct config *cfg, FILE *f, const struct stat *st, const char *path)
{
	int r;

	if (f == NULL)
		return fail(FAIL_CONFIG, "cannot read %s: %s", path,
		    errno == EINVAL ? "it is not a file" : strerror(errno));
	if ((r = check_file_owner(st, path)) == 0)
		r = read_lines(cfg, f, path);
	fclose(f);
	return r;
}

int
config_read_file(struct config *cfg, const char *path)
{
	struct stat st;
	FILE *f = home_open(path, &st);

	return read_file(cfg, f, &st, path);
}

int
config_read_file_if_there(struct config *cfg, const char *path)
{
	struct stat st;
	FILE *f = home_open(path, &st);

	if (f == NULL && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	return read_file(cfg, f, &st, path);
}

/* --- all sources ------------------------------------------------------- */

static int
load_files(struct config *cfg)
{
	const char *only = secure_getenv("SK_TPM_CONFIG");
	char *path;
	int r;

	if (only != NULL)
		return config_read_file(cfg, only);
	if ((r = config_read_file_if_there(cfg, SYSTEM_FILE)) != 0 ||
	    (path = home_path(USER_FILE)) == NULL)
		return r;
	r = config_read_file_if_there(cfg, path);
	free(path);
	return r;
}

char *
config_own_path(void)
{
	const char *only = secure_getenv("SK_TPM_CONFIG");

	return only != NULL ? strdup(only) : home_path(USER_FILE);
}

int
config_load(struct config *ret)
{
	const char *value;
	int r;

	*ret = (struct config){
		.user_presence = USER_PRESENCE_AUTO,
		.presence_timeout = DEFAULT_PRESENCE_TIMEOUT,
		.log_level = LOG_LEVEL_INFO,
		.pin_lifetime = CONFIG_PIN_LIFETIME_KEYS,
	};
	if ((r = config_set(ret, "TCTI", DEFAULT_TCTI, "default")) != 0 ||
	    (r = config_set(
		 ret, "FallbackProvider", FALLBACK_INTERNAL, "default")) != 0 ||
	    (r = load_files(ret)) != 0)
		return r;
	for (size_t i = 0; i < N_SETTINGS && r == 0; i++)
		if ((value = secure_getenv(settings[i].env)) != NULL)
			r = settings[i].set(ret, value, settings[i].env);
	return r;
}

void
config_reset(struct config *cfg)
{
	free(cfg->tcti);
	free(cfg->presence_command);
	free(cfg->fallback_provider);
	free(cfg->endorsement_key);
	free(cfg->endorsement_roots);
	*cfg = (struct config){ 0 };
}
