/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "error.h"
#include "log.h"

/*
 * The default is the kernel's resource manager and nothing else: tctildr's
 * own search would end at a simulator on a TCP port that anyone can open.
 */
#define DEFAULT_TCTI "device:/dev/tpmrm0"

#define MAX_TCTI 512

typedef int setter(struct config *, const char *value, const char *source);

static setter set_tcti, set_user_presence;

static const struct setting {
	const char *keyword;
	const char *env;
	setter *set;
} settings[] = {
	{ "TCTI", "SK_TPM_TCTI", set_tcti },
	{ "UserPresence", "SK_TPM_USER_PRESENCE", set_user_presence },
};

#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* A TCTI's name is a word, or the path of its library. */
static bool
tcti_is_wellformed(const char *value)
{
	size_t name = strcspn(value, ":");

	if (name == 0 || strlen(value) > MAX_TCTI)
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
set_user_presence(struct config *cfg, const char *value, const char *source)
{
	if (strcasecmp(value, "auto") == 0)
		cfg->user_presence = USER_PRESENCE_AUTO;
	else if (strcasecmp(value, "assume") == 0)
		cfg->user_presence = USER_PRESENCE_ASSUME;
	else
		return fail(FAIL_CONFIG,
		    "%s: \"%.100s\" is not a way to have user presence; use "
		    "auto or assume",
		    source, value);
	return 0;
}

int
config_set(struct config *cfg, const char *keyword, const char *value,
    const char *source)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (strcasecmp(keyword, settings[i].keyword) == 0)
			return settings[i].set(cfg, value, source);
	return fail(FAIL_CONFIG, "%s: no setting is called \"%.100s\"", source,
	    keyword);
}

int
config_load(struct config *ret)
{
	const char *value;
	int r;

	*ret = (struct config){ .user_presence = USER_PRESENCE_AUTO };
	if ((r = config_set(ret, "TCTI", DEFAULT_TCTI, "default")) != 0)
		return r;
	for (size_t i = 0; i < N_SETTINGS; i++) {
		if ((value = secure_getenv(settings[i].env)) == NULL)
			continue;
		r = settings[i].set(ret, value, settings[i].env);
		if (r != 0)
			return r;
	}
	return 0;
}

void
config_reset(struct config *cfg)
{
	free(cfg->tcti);
	cfg->tcti = NULL;
}
