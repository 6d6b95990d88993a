/* SPDX-License-Identifier: ISC */
/*
 * AuthorizedKeysCommand for the account that machines log in as, with %t and %k
 * of sshd_config(5): any key of the type that TPMs have may log in, to talk to
 * the CA and for nothing else. Which machine it is comes out there.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/wire.h"
#include "ssh/sshkey.h"

static bool
is_our_key(const char *type, const char *base64)
{
	struct bytes blob = { 0 };
	struct slice in, name, curve, point, application;
	bool good;

	if (strcmp(type, SSHKEY_OUR_TYPE) != 0 ||
	    base64_decode(slice_of_text(base64), &blob) != 0)
		return false;
	in = bytes_slice(&blob);
	good = wire_take_string(&in, &name) &&
	    slice_is(name, SSHKEY_OUR_TYPE) && wire_take_string(&in, &curve) &&
	    slice_is(curve, "nistp256") && wire_take_string(&in, &point) &&
	    point.len == 65 && wire_take_string(&in, &application) &&
	    in.len == 0;
	bytes_reset(&blob);
	return good;
}

/* relay lies beside this program. */
static bool
find_relay(char ret[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char *name;

	if (n <= 0)
		return false;
	ret[n] = '\0';
	name = strrchr(ret, '/');
	if (name == NULL || (size_t)(name - ret) + 7 > PATH_MAX)
		return false;
	strcpy(name, "/relay");
	return true;
}

/* What stands in quotes in a line of authorized_keys, and in a shell's word. */
static bool
is_plain(const char *path)
{
	return path[0] == '/' &&
	    path[strspn(path,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._/+-")] == '\0';
}

int
main(int argc, char **argv)
{
	char relay[PATH_MAX];
	const char *socket = argc == 4 ? argv[3] : NULL;

	if (argc < 3 || argc > 4 || (socket != NULL && !is_plain(socket))) {
		fprintf(stderr, "usage: authorized-keys TYPE KEY [SOCKET]\n");
		return 2;
	}
	if (!is_our_key(argv[1], argv[2]))
		return 0;
	if (!find_relay(relay) || !is_plain(relay)) {
		fprintf(
		    stderr, "authorized-keys: cannot tell where relay is\n");
		return 1;
	}
	printf("restrict,no-touch-required,command=\"%s%s%s\" %s %s\n", relay,
	    socket != NULL ? " " : "", socket != NULL ? socket : "", argv[1],
	    argv[2]);
	return fflush(stdout) == 0 ? 0 : 1;
}
