/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "doctor/agent-program.h"
#include "doctor/check.h"
#include "fallback/fallback.h"
#include "openssh.h"
#include "startup.h"
#include "user/presence.h"

/* Returns the major of this OpenSSH's interface, or 0 if it is not known. */
static unsigned int
check_version(struct report *r)
{
	struct openssh found;

	if (!openssh_find(&found)) {
		report_add(r, "OpenSSH", FINDING_WRONG, "install OpenSSH",
		    "ssh -V does not answer");
		return 0;
	}
	report_add(r, "OpenSSH", found.api != 0 ? FINDING_OK : FINDING_WRONG,
	    "OpenSSH 8.4 or later is needed", "%u.%u", found.major,
	    found.minor);
	return found.api;
}

static void
check_helper(struct report *r)
{
	const char *named = getenv("SSH_SK_HELPER");
	char path[4096];

	/* An empty value is no value, as in OpenSSH. */
	if (named != NULL && named[0] == '\0')
		named = NULL;
	if (fallback_find_helper(path, sizeof(path)))
		report_add(r, "ssh-sk-helper", FINDING_OK, NULL, "%s%s", path,
		    named != NULL ? ", by SSH_SK_HELPER" : "");
	else if (named != NULL)
		report_add(r, "ssh-sk-helper", FINDING_WRONG,
		    "unset SSH_SK_HELPER", "%s, by SSH_SK_HELPER", named);
	else
		report_add(r, "ssh-sk-helper", FINDING_WARNING,
		    "some distributions have it in a package of its own, such "
		    "as openssh-sk-helper",
		    "not found in the usual places");
}

/*
 * Which libraries the agent may load. ssh-agent's default counts if the agent
 * is another program, or its process cannot be seen from here.
 */
static void
check_allowlist(const char *library, struct report *r)
{
	const char *sock = getenv("SSH_AUTH_SOCK");
	struct agent agent = { 0 };
	char *real = realpath(library, NULL);
	bool seen = sock != NULL && sock[0] != '\0' &&
	    agent_ask(sock, &agent) == 0 &&
	    strcmp(agent.program, "ssh-agent") == 0;
	const char *whose = seen ? "of this agent" : "by default";

	if (real == NULL)
		goto out;
	if (agent_allows(&agent, real))
		report_add(r, "ssh-agent's list", FINDING_OK, NULL,
		    "%s, allows %s%s", whose, real,
		    seen || sock == NULL
			? ""
			: "; what the agent here allows cannot be seen");
	else if (agent.allowed != NULL)
		report_add(r, "ssh-agent's list", FINDING_WARNING,
		    "start ssh-agent -P with the library's path",
		    "ssh-agent -P %s refuses %s", agent.allowed, real);
	else
		report_add(r, "ssh-agent's list", FINDING_WARNING,
		    "make install, or start ssh-agent -P with its path",
		    "ssh-agent without -P refuses %s: not below /usr/lib or "
		    "/usr/local/lib%s",
		    real,
		    seen || sock == NULL
			? ""
			: "; what the agent here allows cannot be seen");
out:
	agent_reset(&agent);
	free(real);
}

static void
check_interface(
    const char *library, unsigned int has, unsigned int takes, struct report *r)
{
	if (takes == 0)
		report_add(r, "library", FINDING_OK, NULL,
		    "%s has interface %u", library, has);
	else if (has == takes)
		report_add(r, "library", FINDING_OK, NULL,
		    "%s, interface %u, fits this OpenSSH", library, has);
	else
		report_add(r, "library", FINDING_WRONG,
		    "OpenSSH 9.1 and later: libsk-tpm.so; 8.9 and 9.0: "
		    "libsk-tpm-api9.so; 8.4 to 8.8: libsk-tpm-api7.so",
		    "%s has interface %u, and this OpenSSH takes %u", library,
		    has, takes);
}

static void
check_library(const char *library, unsigned int api, struct report *r)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	uint32_t (*version)(void) = NULL;

	if (lib != NULL)
		*(void **)&version = dlsym(lib, "sk_api_version");
	if (version == NULL) {
		report_add(r, "library", FINDING_WRONG,
		    "make install, or name the library where it is",
		    "%s cannot be loaded", library);
	} else {
		check_interface(library, version() >> 16, api, r);
		check_allowlist(library, r);
	}
	if (lib != NULL)
		dlclose(lib);
}

/*
 * setup adds a line only if ~/.ssh/config has none. A line that is there names
 * another provider, or is not for every host.
 */
static void
client_remedy(const char *value, struct text *out)
{
	char *path = home_path(".ssh/config"), *line = NULL;
	struct stat st;
	FILE *f = path != NULL ? home_open(path, &st) : NULL;
	bool open_end;

	if (f != NULL) {
		line = openssh_find_line(f, "SecurityKeyProvider", &open_end);
		fclose(f);
	}
	if (line != NULL && openssh_is_ours(line))
		text_add(out,
		    "move SecurityKeyProvider in ~/.ssh/config under Host *");
	else if (line != NULL || strcmp(value, FALLBACK_INTERNAL) != 0)
		text_add(out, "name %s in its place", openssh_library());
	else
		text_add(
		    out, "sk-tpm setup --write, or -o SecurityKeyProvider=");
	if (value[0] == '/')
		text_add(out,
		    ", and for its keys FallbackProvider %s in sk-tpm.conf",
		    value);
	free(line);
	free(path);
}

/*
 * Asks ssh, which reads all configuration files. Returns our library in `ret`.
 */
static void
check_client(char *ret, size_t size, struct report *r)
{
	enum finding finding = FINDING_OK;
	struct text remedy = { 0 };
	const char *value;
	char line[1024];

	ret[0] = '\0';
	if (!openssh_ask("ssh -G localhost 2>/dev/null", "securitykeyprovider ",
		line, sizeof(line))) {
		report_add(r, "ssh", FINDING_WARNING, NULL,
		    "ssh -G does not tell its SecurityKeyProvider");
		return;
	}
	value = line + strlen("securitykeyprovider ");
	/* ssh_config(5): $NAME is a variable that has the path. */
	if (value[0] == '$')
		value = getenv(value + 1) != NULL ? getenv(value + 1) : "unset";
	if (openssh_is_ours(value)) {
		snprintf(ret, size, "%s", value);
	} else {
		finding = FINDING_WARNING;
		client_remedy(value, &remedy);
	}
	report_add(
	    r, "ssh", finding, remedy.s, "SecurityKeyProvider is %s", value);
}

/* Whether the file sets the variable for the next login. */
static bool
sets_variable(const struct startup *s)
{
	char *line = NULL;
	struct stat st;
	FILE *f = s->path != NULL ? home_open(s->path, &st) : NULL;
	bool open_end, found;

	if (f != NULL) {
		line = openssh_find_line(f, "SSH_SK_PROVIDER", &open_end);
		fclose(f);
	}
	found = line != NULL && openssh_is_ours(line);
	free(line);
	return found;
}

static void
check_environment(struct report *r)
{
	const char *value = getenv("SSH_SK_PROVIDER");
	const char *library = openssh_library();
	struct startup s = { 0 };
	struct text remedy = { 0 };

	if (value != NULL && openssh_is_ours(value)) {
		report_add(r, "ssh-keygen, -add", FINDING_OK, NULL,
		    "SSH_SK_PROVIDER is %s", value);
	} else if (value != NULL && value[0] != '\0') {
		text_add(&remedy,
		    "name %s in its place, and for its keys FallbackProvider "
		    "%s in sk-tpm.conf",
		    library, value);
		report_add(r, "ssh-keygen, -add", FINDING_WARNING, remedy.s,
		    "SSH_SK_PROVIDER is %s", value);
	} else if (startup_of_shell(&s) == 0 && sets_variable(&s)) {
		text_add(
		    &remedy, "log in again, or type: %s%s", s.set, library);
		report_add(r, "ssh-keygen, -add", FINDING_WARNING, remedy.s,
		    "SSH_SK_PROVIDER is not set here, but %s sets it", s.path);
	} else {
		report_add(r, "ssh-keygen, -add", FINDING_WARNING,
		    "sk-tpm setup --write, or -w (ssh-keygen), -S (ssh-add)",
		    "SSH_SK_PROVIDER is not set");
	}
	free(s.path);
}

/* --- the agent --------------------------------------------------------- */

/* Agents that are known to take no keys of a provider. */
static bool
takes_no_provider(const char *program)
{
	static const char *const names[] = { "gnome-keyring-d", "gpg-agent",
		"ssh-tpm-agent" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(program, names[i]) == 0)
			return true;
	return false;
}

static void
check_agent(struct report *r)
{
	const char *sock = getenv("SSH_AUTH_SOCK");
	struct agent agent = { 0 };
	char keys[32];

	if (sock == NULL || sock[0] == '\0') {
		report_add(r, "agent", FINDING_OK, NULL,
		    "none; ssh uses key files by itself");
		return;
	}
	if (agent_ask(sock, &agent) != 0) {
		report_add(r, "agent", FINDING_WARNING,
		    "unset SSH_AUTH_SOCK, or start an agent", "%s",
		    log_cause());
		return;
	}
	snprintf(keys, sizeof(keys), "%u key%s", agent.n_keys,
	    agent.n_keys == 1 ? "" : "s");
	if (takes_no_provider(agent.program))
		report_add(r, "agent", FINDING_WARNING,
		    "add keys to OpenSSH's ssh-agent, or let ssh use the key "
		    "file",
		    "%s answers at %s, and takes no keys of a provider",
		    agent.program, sock);
	else if (strcmp(agent.program, "ssh-agent") == 0)
		report_add(r, "agent", FINDING_OK, NULL,
		    "ssh-agent answers at %s, with %s", sock, keys);
	else if (strncmp(agent.program, "sshd", 4) == 0)
		report_add(r, "agent", FINDING_OK, NULL,
		    "one is forwarded by sshd and answers at %s, with %s; "
		    "keys are added where it runs",
		    sock, keys);
	else
		report_add(r, "agent", FINDING_OK, NULL,
		    "one answers at %s, with %s; which program it is cannot "
		    "be seen",
		    sock, keys);
	agent_reset(&agent);
}

static void
check_askpass(struct report *r)
{
	const char *path = presence_find_askpass();

	if (path != NULL && access(path, X_OK) == 0)
		report_add(r, "askpass", FINDING_OK, NULL, "%s", path);
	else
		report_add(r, "askpass", FINDING_WARNING,
		    "install one, such as ssh-askpass-gnome, for PINs and "
		    "questions without a terminal",
		    path != NULL ? "%s is not there" : "none is installed",
		    path);
}

/* Who signs with keys that are not ours. */
static void
check_fallback(const struct config *cfg, struct report *r)
{
	const char *name = cfg->fallback_provider;
	char helper[4096];
	void *lib = NULL;

	if (name == NULL) {
		report_add(r, "other keys", FINDING_OK, NULL,
		    "refused: FallbackProvider is none");
	} else if (strcmp(name, FALLBACK_INTERNAL) == 0 &&
	    fallback_find_helper(helper, sizeof(helper)) &&
	    fallback_helper_lacks_builtin(helper)) {
		report_add(r, "other keys", FINDING_WARNING,
		    "for keys in FIDO tokens, install an OpenSSH that was "
		    "built with libfido2",
		    "refused: this OpenSSH was built without its own provider");
	} else if (strcmp(name, FALLBACK_INTERNAL) == 0) {
		report_add(r, "other keys", FINDING_OK, NULL,
		    "go to OpenSSH's own provider");
	} else if ((lib = dlopen(name, RTLD_NOW | RTLD_LOCAL)) != NULL &&
	    dlsym(lib, "sk_sign") != NULL) {
		report_add(r, "other keys", FINDING_OK, NULL, "go to %s", name);
	} else {
		report_add(r, "other keys", FINDING_WRONG,
		    "name a SecurityKeyProvider library as FallbackProvider",
		    "%s cannot be loaded as one", name);
	}
	if (lib != NULL)
		dlclose(lib);
}

void
check_ssh(const struct config *cfg, struct report *r)
{
	unsigned int api = check_version(r);
	const char *named = getenv("SSH_SK_PROVIDER");
	char library[1024];

	check_helper(r);
	check_client(library, sizeof(library), r);
	check_environment(r);
	if (library[0] == '\0')
		snprintf(library, sizeof(library), "%s",
		    named != NULL && openssh_is_ours(named)
			? named
			: openssh_library());
	check_library(library, api, r);
	check_fallback(cfg, r);
	check_agent(r);
	check_askpass(r);
}
