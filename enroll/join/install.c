/* SPDX-License-Identifier: ISC */
/*
 * From the account's directory, which root does not trust, to where sshd reads
 * it: each file is read as the account's own, checked, and put in place whole.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "join/join.h"
#include "join/programs.h"
#include "new-file.h"
#include "request/certificate-file.h"
#include "request/trust-files.h"

#define FILE_MAX (4u * 1024 * 1024)

/* --- what is there ----------------------------------------------------- */

static int
read_fd(int fd, const char *path, struct bytes *ret)
{
	uint8_t buf[8192];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, buf, sizeof(buf))) != 0)
		r = n == -1 ? file_fail("read", path)
		    : ret->len + (size_t)n > FILE_MAX
		    ? fail(FAIL_CERTIFICATE, "%s is too large", path)
		    : bytes_append(ret, buf, (size_t)n);
	return r;
}

/* No link, and nobody else's: what root can read, the account may not have. */
static int
read_of_account(const char *path, struct bytes *ret)
{
	const struct passwd *pw = getpwnam(JOIN_ACCOUNT);
	struct stat st;
	int fd, r;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT
		    ? fail(FAIL_NOT_FOUND, "%s is not there yet", path)
		    : file_fail("open", path);
	if (pw == NULL || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != pw->pw_uid || st.st_nlink != 1)
		r = fail(FAIL_CERTIFICATE,
		    "%s is no file of " JOIN_ACCOUNT "'s", path);
	else
		r = read_fd(fd, path, ret);
	close(fd);
	return r;
}

int
join_read_file(const char *path, struct bytes *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd == -1)
		return file_fail("open", path);
	r = read_fd(fd, path, ret);
	close(fd);
	return r;
}

bool
join_file_is(const char *path, const struct bytes *content)
{
	struct bytes there = { 0 };
	bool same;

	same = access(path, F_OK) == 0 && join_read_file(path, &there) == 0 &&
	    slice_equal(bytes_slice(&there), bytes_slice(content));
	bytes_reset(&there);
	return same;
}

int
join_put_file(struct join *join, const char *path, const struct bytes *content)
{
	if (join_file_is(path, content) || !join_step(join, "Writing", path))
		return 0;
	return new_file_write(path, content, 0644, REPLACE_EXISTING);
}

/* --- keys of the CA ---------------------------------------------------- */

/* Lines "TYPE BASE64" where the key says the same type, one at least. */
static bool
are_keys(const struct bytes *lines)
{
	char *text = strndup((const char *)lines->data, lines->len);
	char *rest = text, *line;
	bool good =
	    text != NULL && strlen(text) == lines->len && lines->len > 0;

	while (good && (line = strsep(&rest, "\n")) != NULL) {
		char *word = line, *type = strsep(&word, " ");
		struct bytes blob = { 0 };
		struct slice in, said;

		if (line[0] == '\0' && rest == NULL)
			break;
		good = word != NULL &&
		    base64_decode(slice_of_text(word), &blob) == 0;
		in = bytes_slice(&blob);
		good = good && wire_take_string(&in, &said) &&
		    slice_is(said, type);
		bytes_reset(&blob);
	}
	free(text);
	return good;
}

static int
read_keys(const char *name, struct bytes *ret)
{
	char path[128];
	int r;

	snprintf(path, sizeof(path), JOIN_STATE "/%s", name);
	if ((r = read_of_account(path, ret)) == 0 && !are_keys(ret))
		r = fail(FAIL_CERTIFICATE, "%s has no public keys", path);
	return r;
}

/* --- certificate and list ---------------------------------------------- */

/* "TYPE BASE64 comment" */
static int
decode_certificate(const struct bytes *line, struct bytes *ret)
{
	const uint8_t *space = memchr(line->data, ' ', line->len), *end;
	struct slice word;

	if (space == NULL)
		return fail(FAIL_CERTIFICATE, "the host certificate is none");
	word.data = space + 1;
	word.len = line->len - (size_t)(word.data - line->data);
	for (end = word.data; end < word.data + word.len; end++)
		if (*end == ' ' || *end == '\n')
			break;
	word.len = (size_t)(end - word.data);
	return base64_decode(word, ret) == 0
	    ? 0
	    : fail(FAIL_CERTIFICATE, "the host certificate is none");
}

/* One of the CA's keys, as lines, has signed it. */
static int
check_signer(const struct certificate *c, const struct bytes *keys)
{
	struct bytes word = { 0 };
	int r = base64_put(&word, c->ca);

	if (r == 0 &&
	    memmem(keys->data, keys->len, word.data, word.len) == NULL)
		r = fail(FAIL_CERTIFICATE,
		    "the host certificate is by none of the CA's keys");
	bytes_reset(&word);
	return r;
}

/* Of our host key, in force, of the CA, and its signature good. */
static int
put_certificate(struct join *join, const struct bytes *keys, bool *ret_new)
{
	struct bytes line = { 0 }, blob = { 0 };
	struct certificate_file file = { 0 };
	struct keyref ref = { 0 };
	struct certificate c;
	bool kept = true;
	int r;

	*ret_new = false;
	if ((r = read_of_account(JOIN_HOST_COPY "-cert.pub", &line)) != 0)
		goto out;
	if (join_file_is(JOIN_HOST_CERT, &line) ||
	    !join_step(join, "Writing", JOIN_HOST_CERT))
		goto out;
	if ((r = decode_certificate(&line, &blob)) != 0)
		goto out;
	if (!certificate_parse_signed(bytes_slice(&blob), &c)) {
		r = fail(FAIL_CERTIFICATE, "the host certificate is none");
		goto out;
	}
	if ((r = check_signer(&c, keys)) == 0 &&
	    (r = keyref_by_either_name(JOIN_HOST_KEY, &ref)) == 0 &&
	    (r = certificate_file_of(
		 &ref, JOIN_HOST_KEY, CERTIFICATE_HOST, &file)) == 0 &&
	    (r = certificate_file_put(&file, bytes_slice(&blob), &c, &kept)) ==
		0)
		*ret_new = !kept;
out:
	certificate_file_reset(&file);
	keyref_reset(&ref);
	bytes_reset(&line);
	bytes_reset(&blob);
	return r;
}

/* One of the CA's, or at first one of ours that revokes nothing: sshd refuses
 * everybody where RevokedKeys cannot be read. */
static int
put_krl(struct join *join)
{
	static const char *const empty[] = { "ssh-keygen", "-q", "-k", "-f",
		JOIN_TRUST "/" JOIN_KRL ".new", NULL };
	struct bytes krl = { 0 };
	bool older = false;
	int r;

	r = read_of_account(JOIN_STATE "/" JOIN_KRL, &krl);
	if (r == 0 && !join_file_is(JOIN_TRUST "/" JOIN_KRL, &krl) &&
	    join_step(join, "Writing", JOIN_TRUST "/" JOIN_KRL))
		r = krl_put(JOIN_TRUST "/" JOIN_KRL, &krl, JOIN_HOST_KEY ".pub",
		    &older);
	bytes_reset(&krl);
	/* Its time tells since when nothing newer is known: see doctor. */
	if (r == 0 && !older && !join->dry_run)
		(void)utimensat(AT_FDCWD, JOIN_TRUST "/" JOIN_KRL, NULL,
		    AT_SYMLINK_NOFOLLOW);
	if (older)
		return fail(FAIL_CERTIFICATE,
		    "nothing more is revoked here: the CA's list is of an "
		    "earlier version than " JOIN_TRUST "/" JOIN_KRL
		    ". If the CA was set back to a backup, copy " JOIN_STATE
		    "/" JOIN_KRL " over it");
	if (r != FAIL_NOT_FOUND)
		return r;
	if (access(JOIN_TRUST "/" JOIN_KRL, F_OK) == 0 ||
	    !join_step(join, "Writing", JOIN_TRUST "/" JOIN_KRL))
		return 0;
	if ((r = program_must(empty, RUN_AS_OURSELVES)) == 0 &&
	    rename(JOIN_TRUST "/" JOIN_KRL ".new", JOIN_TRUST "/" JOIN_KRL) !=
		0)
		r = file_fail("write", JOIN_TRUST "/" JOIN_KRL);
	return r;
}

/* --- all of it --------------------------------------------------------- */

/*
 * Whether this TPM does not have the host key, as after it was cleared. ssh
 * takes a host's certificate first, and sshd could not sign: nobody could log
 * in.
 */
static bool
host_key_is_lost(struct join *join)
{
	struct keyref ref = { 0 };
	int loads = 0;
	bool lost;

	lost = keyref_load(&join->inv->cfg, JOIN_HOST_KEY, &ref, &loads) == 0 &&
	    loads == FAIL_OTHER_TPM;
	keyref_reset(&ref);
	return lost;
}

/* ssh takes a certificate first, and refuses one that has ended. */
static bool
certificate_has_ended(void)
{
	struct certificate_file file = { 0 };
	struct keyref ref = { 0 };
	bool ended;

	ended = access(JOIN_HOST_CERT, F_OK) == 0 &&
	    keyref_by_either_name(JOIN_HOST_KEY, &ref) == 0 &&
	    certificate_file_of(&ref, JOIN_HOST_KEY, CERTIFICATE_HOST, &file) ==
		0 &&
	    !certificate_file_is_in_force(&file);
	certificate_file_reset(&file);
	keyref_reset(&ref);
	return ended;
}

/* sshd goes on with its other keys, and has this one again once it is good. */
static int
do_without_host_key(struct join *join, const char *why)
{
	bool new;
	int r;

	log_info(JOIN_HOST_KEY " %s: sshd does without it", why);
	if (access(JOIN_SSHD_SNIPPET, F_OK) != 0)
		return 0;
	if ((r = join_put_snippet(join, false, &new)) == 0 && new)
		r = join_reload_sshd(join);
	return r;
}

/* What is in it is public, whatever the umask of our unit. */
static int
make_directory(void)
{
	if (mkdir(JOIN_TRUST, 0755) == 0)
		return chmod(JOIN_TRUST, 0755) == 0
		    ? 0
		    : file_fail("open to all", JOIN_TRUST);
	return errno == EEXIST ? 0 : file_fail("make", JOIN_TRUST);
}

/* What is revoked comes first: nothing else that is wrong holds it back. */
static int
install(struct join *join, const struct bytes *user, const struct bytes *host)
{
	bool new_certificate, new_snippet = false;
	int r;

	/* What the snippet names is there before it is. */
	if ((r = put_certificate(join, host, &new_certificate)) != 0 ||
	    (r = join_put_file(join, JOIN_TRUST "/" JOIN_USER_CA_KEYS, user)) !=
		0 ||
	    (r = join_put_file(join, JOIN_TRUST "/" JOIN_HOST_CA_KEYS, host)) !=
		0 ||
	    (!join->dry_run && certificate_has_ended()) ||
	    (r = join_put_snippet(join, true, &new_snippet)) != 0 ||
	    (r = join_put_known_hosts(join, host)) != 0)
		return r;
	return new_certificate || new_snippet ? join_reload_sshd(join) : 0;
}

int
join_install(struct join *join)
{
	struct bytes user = { 0 }, host = { 0 };
	struct text cause = { 0 }, of_krl = { 0 };
	int r, err, krl;

	if (host_key_is_lost(join))
		return do_without_host_key(join, "is none of this TPM's");
	if ((r = read_keys(JOIN_USER_CA_KEYS, &user)) == 0)
		r = read_keys(JOIN_HOST_CA_KEYS, &host);
	/* It has not joined so far. */
	if (r != 0 && access(JOIN_SSHD_SNIPPET, F_OK) != 0)
		goto out;
	if (!join->dry_run && (err = make_directory()) != 0) {
		r = err;
		goto out;
	}
	if (r != 0)
		text_add(&cause, "%s", log_cause());
	if ((krl = put_krl(join)) != 0) {
		/* sshd would refuse everybody: nothing names a list so far. */
		if (!join->dry_run &&
		    access(JOIN_TRUST "/" JOIN_KRL, F_OK) != 0) {
			r = krl;
			goto out;
		}
		text_add(&of_krl, "%s", log_cause());
		if (r != 0)
			log_info("%s", of_krl.s);
	}
	r = r == 0 ? install(join, &user, &host) : fail(r, "%s", cause.s);
	if (certificate_has_ended() && !join->dry_run) {
		cause = (struct text){ 0 };
		text_add(&cause, "%s", r != 0 ? log_cause() : "");
		if (do_without_host_key(
			join, "has a certificate that has ended") == 0 &&
		    r != 0)
			r = fail(r, "%s", cause.s);
	}
	if (r == 0 && krl != 0)
		r = fail(krl, "%s", of_krl.s);
out:
	bytes_reset(&user);
	bytes_reset(&host);
	return r;
}

static int
remove_file(struct join *join, const char *path)
{
	if (access(path, F_OK) != 0 || !join_step(join, "Removing", path))
		return 0;
	return unlink(path) == 0 ? 0 : file_fail("remove", path);
}

/* Lists that were being written when a run was killed: krl.NUMBER. */
static void
remove_broken_off(void)
{
	DIR *d = opendir(JOIN_TRUST);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strncmp(
			entry->d_name, JOIN_KRL ".", strlen(JOIN_KRL) + 1) == 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d != NULL)
		closedir(d);
}

/* The other way round, so that sshd never names what is gone. */
int
join_uninstall(struct join *join)
{
	static const char *const files[] = { JOIN_HOST_CERT,
		JOIN_TRUST "/" JOIN_USER_CA_KEYS,
		JOIN_TRUST "/" JOIN_HOST_CA_KEYS, JOIN_TRUST "/" JOIN_KRL };
	int r;

	if ((r = join_remove_snippet(join)) != 0 ||
	    (r = join_put_known_hosts(join, NULL)) != 0)
		return r;
	/* Of a machine that has not joined, the certificate is another's. */
	for (size_t i = join->n_addresses > 0 ? 0 : 1;
	     i < sizeof(files) / sizeof(files[0]); i++)
		if ((r = remove_file(join, files[i])) != 0)
			return r;
	if (!join->dry_run) {
		remove_broken_off();
		rmdir(JOIN_TRUST);
	}
	return 0;
}
