/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "base/text.h"
#include "doctor/check.h"
#include "keyref.h"
#include "openssh.h"

/* As sshkey_perm_ok() in OpenSSH, which checks only files of the user's own. */
static void
check_mode(const char *path, struct report *r)
{
	struct text remedy = { 0 };
	struct stat st;

	text_add(&remedy, "chmod 600 %s", path);
	if (stat(path, &st) != 0)
		report_add(r, "key file", FINDING_WRONG, NULL,
		    "%s is not there any more", path);
	else if (st.st_uid == getuid() && (st.st_mode & 077) != 0)
		report_add(r, "key file", FINDING_WRONG, remedy.s,
		    "others may read or write %s (mode %04o): ssh ignores it",
		    path, st.st_mode & 07777);
	else
		report_add(r, "key file", FINDING_OK, NULL, "%s, mode %04o",
		    path, st.st_mode & 07777);
}

static void
check_public(const struct keyref *ref, const char *path, struct report *r)
{
	struct text remedy = { 0 };
	char *public = NULL;

	if (asprintf(&public, "%s.pub", path) == -1)
		return;
	text_add(&remedy, "ssh-keygen -y -f %s > %s", path, public);
	if (keyref_check_public(ref, public) == 0)
		report_add(r, "public key", FINDING_OK, NULL, "%s", public);
	else
		report_add(r, "public key", FINDING_WARNING, remedy.s, "%s",
		    log_cause());
	free(public);
}

static bool
is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

/* Whether ssh tries this file for a host without settings of its own. */
static bool
is_tried(const char *path)
{
	const char *word = "identityfile ";
	FILE *f = popen("ssh -G localhost 2>/dev/null", "re");
	char *line = NULL, *name, *full;
	size_t size = 0;
	bool found = false;

	while (f != NULL && getline(&line, &size, f) != -1) {
		if (found || strncmp(line, word, strlen(word)) != 0)
			continue;
		name = line + strlen(word);
		name[strcspn(name, "\n")] = '\0';
		full = strncmp(name, "~/", 2) == 0 ? home_path(name + 2)
						   : strdup(name);
		found = full != NULL && is_same_file(full, path);
		free(full);
	}
	free(line);
	if (f != NULL)
		pclose(f);
	return found;
}

static void
check_use(const struct keyref *ref, const char *path, struct report *r)
{
	const unsigned int kinds = ref->handle.limits.kinds;
	struct text remedy = { 0 };

	if (kinds != 0 && (kinds & LIMIT_LOGIN) == 0) {
		report_add(r, "logins", FINDING_OK, NULL,
		    "not with this key: its limits forbid them");
		return;
	}
	text_add(&remedy,
	    "IdentityFile %s in ~/.ssh/config, ssh -i, or ssh-add", path);
	if (is_tried(path))
		report_add(
		    r, "logins", FINDING_OK, NULL, "ssh tries it by itself");
	else
		report_add(r, "logins", FINDING_WARNING, remedy.s,
		    "ssh does not try it by itself");
	if ((ref->key.flags & KEYFILE_PRESENCE) == 0 &&
	    (ref->key.flags & KEYFILE_VERIFICATION) == 0)
		report_add(r, "servers", FINDING_OK, NULL,
		    "have to allow no-touch-required, in authorized_keys or "
		    "in the certificate");
}

/* Without it the key signs all the same. */
static void
check_copy(const struct keyref *ref, struct report *r)
{
	const char *remedy = ref->resident
	    ? "nothing has to be done; sk-tpm persist makes one for a key file"
	    : "sk-tpm persist makes another, sk-tpm evict forgets it";

	switch (ref->copy) {
	case COPY_UNNAMED:
		break;
	case COPY_THERE:
		report_add(r, "persistent copy", FINDING_OK, NULL, "at 0x%08x",
		    ref->handle.persistent);
		break;
	case COPY_GONE:
		report_add(r, "persistent copy", FINDING_WARNING, remedy,
		    "not at 0x%08x any more: each signature loads the key",
		    ref->handle.persistent);
		break;
	case COPY_OTHER:
		report_add(r, "persistent copy", FINDING_WARNING, remedy,
		    "another key is at 0x%08x now: each signature loads the "
		    "key",
		    ref->handle.persistent);
		break;
	}
}

void
check_key(const struct config *cfg, const char *name, struct report *r)
{
	size_t n = strlen(name);
	struct keyref ref = { 0 };
	uint8_t digest[32];
	struct text t = { 0 };
	char *path;
	int err, loads;

	if ((err = keyref_load(cfg, name, &ref, &loads)) != 0 ||
	    (err = keyfile_fingerprint(&ref.key, digest)) != 0) {
		report_add(r, "key", FINDING_WRONG, error_remedy(err), "%s",
		    log_cause());
		return;
	}
	text_add_fingerprint(&t, digest);
	report_add(
	    r, "key", FINDING_OK, NULL, "%s, for %s", t.s, ref.key.application);
	if (loads == 0)
		report_add(r, "key in this TPM", FINDING_OK, NULL, "it loads");
	else
		report_add(r, "key in this TPM", FINDING_WRONG,
		    error_remedy(loads), "%s", log_cause());
	check_copy(&ref, r);
	if (!ref.resident) {
		if (n > 4 && strcmp(name + n - 4, ".pub") == 0)
			n -= 4;
		if ((path = strndup(name, n)) != NULL) {
			check_mode(path, r);
			check_public(&ref, path, r);
			check_use(&ref, path, r);
			free(path);
		}
	}
	keyref_reset(&ref);
}
