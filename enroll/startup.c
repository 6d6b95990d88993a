/* SPDX-License-Identifier: ISC */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "startup.h"

#define VARIABLE "SSH_SK_PROVIDER"

/*
 * An absolute path. Root's variables, like its HOME, may be another person's.
 */
static const char *
own_variable(const char *name)
{
	const char *value = geteuid() != 0 ? getenv(name) : NULL;

	return value != NULL && value[0] == '/' ? value : NULL;
}

/* Below the variable's directory if it is set, else in the home directory. */
static char *
path_below(const char *variable, const char *in_home, const char *name)
{
	const char *dir = own_variable(variable);
	char *below = NULL, *path = NULL;

	if (asprintf(&below, "%s%s", dir != NULL ? "" : in_home, name) == -1)
		return NULL;
	if (dir == NULL)
		path = home_path(below);
	else if (asprintf(&path, "%s/%s", dir, name) == -1)
		path = NULL;
	free(below);
	return path;
}

static const char *
shell_name(void)
{
	const char *shell = own_variable("SHELL"), *slash;
	const struct passwd *pw;

	if (shell == NULL && (pw = getpwuid(geteuid())) != NULL)
		shell = pw->pw_shell;
	if (shell == NULL)
		return "sh";
	slash = strrchr(shell, '/');
	return slash != NULL ? slash + 1 : shell;
}

/* bash(1), INVOCATION: bash reads only the first of these that it can read. */
static char *
bash_path(void)
{
	static const char *const names[] = { ".bash_profile", ".bash_login" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = home_path(names[i]);

		if (path != NULL && access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return home_path(".profile");
}

int
startup_of_shell(struct startup *ret)
{
	const char *shell = shell_name();
	struct startup s = { .set = "export " VARIABLE "=" };

	if (strcmp(shell, "bash") == 0) {
		s.path = bash_path();
	} else if (strcmp(shell, "zsh") == 0) {
		s.path = path_below("ZDOTDIR", "", ".zprofile");
	} else if (strcmp(shell, "fish") == 0) {
		s.path = path_below(
		    "XDG_CONFIG_HOME", ".config/", "fish/conf.d/sk-tpm.fish");
		s.set = "set -gx " VARIABLE " ";
	} else if (strcmp(shell, "csh") == 0 || strcmp(shell, "tcsh") == 0) {
		s.path = home_path(".login");
		s.set = "setenv " VARIABLE " ";
	} else {
		s.path = home_path(".profile");
	}
	if (s.path == NULL)
		return fail(FAIL_ARGUMENT, "there is no home directory");
	*ret = s;
	return 0;
}

/* Source: environment.d(5). The directory is that of the manager's sockets. */
bool
startup_of_manager(struct startup *ret)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *manager = NULL, *path = NULL;

	if (runtime != NULL && runtime[0] == '/' &&
	    asprintf(&manager, "%s/systemd", runtime) != -1) {
		if (access(manager, F_OK) == 0)
			path = path_below("XDG_CONFIG_HOME", ".config/",
			    "environment.d/50-sk-tpm.conf");
		free(manager);
	}
	if (path == NULL)
		return false;
	*ret = (struct startup){ .path = path, .set = VARIABLE "=" };
	return true;
}
