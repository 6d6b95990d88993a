/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/home.h"
#include "base/log.h"
#include "ca/workdir.h"

#define PREFIX "sk-tpm-ca-work."
/* No connection lasts as long. */
#define LEFT_OVER_SECONDS 600

static int
cannot(const char *what, const char *path)
{
	return fail(FAIL_UNAVAILABLE, "cannot %s %.200s: %s", what, path,
	    strerror(errno));
}

int
runtime_make(const struct settings *settings)
{
	if (mkdir(settings->runtime, 0700) == 0 || errno == EEXIST)
		return 0;
	return cannot("make", settings->runtime);
}

static void
remove_directory(const char *path)
{
	struct dirent *entry;
	DIR *d = opendir(path);

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

/*
 * Those of processes that were killed: one may have a certificate in it that
 * was signed, and has no row.
 */
static void
remove_left_over(const char *in)
{
	const time_t before = time(NULL) - LEFT_OVER_SECONDS;
	struct dirent *entry;
	DIR *d = opendir(in);
	char path[4096];
	struct stat st;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    fstatat(dirfd(d), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		    st.st_mtime >= before)
			continue;
		snprintf(path, sizeof(path), "%s/%s", in, entry->d_name);
		remove_directory(path);
	}
	if (d != NULL)
		closedir(d);
}

/*
 * What an administrator's command writes as root is not in a directory where
 * the service's account could put a link in its way.
 */
static const char *
directory_for_work(const struct settings *settings)
{
	struct stat st;

	return geteuid() == 0 &&
		(stat(settings->runtime, &st) != 0 || st.st_uid != 0)
	    ? "/run"
	    : settings->runtime;
}

int
workdir_make(const struct settings *settings, struct workdir *ret)
{
	const char *in = directory_for_work(settings);
	int r;

	*ret = (struct workdir){ 0 };
	if (asprintf(&ret->path, "%s/" PREFIX "XXXXXX", in) == -1) {
		ret->path = NULL;
		return fail(FAIL_MEMORY, "out of memory");
	}
	if (in == settings->runtime && (r = runtime_make(settings)) != 0) {
		free(ret->path);
		ret->path = NULL;
		return r;
	}
	remove_left_over(in);
	if (mkdtemp(ret->path) == NULL) {
		r = cannot("make a directory in", in);
		free(ret->path);
		ret->path = NULL;
		return r;
	}
	return 0;
}

const char *
workdir_path(struct workdir *dir, const char *name)
{
	char **file = &dir->file[dir->n];

	if (dir->n == sizeof(dir->file) / sizeof(dir->file[0]) ||
	    asprintf(file, "%s/%s", dir->path, name) == -1) {
		fail(FAIL_MEMORY, "out of memory");
		return NULL;
	}
	dir->n++;
	return *file;
}

int
file_write_new(const char *path, struct slice content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = 0;

	if (fd == -1)
		return cannot("write", path);
	while (r == 0 && content.len > 0) {
		ssize_t n = write(fd, content.data, content.len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			r = cannot("write", path);
			break;
		}
		content.data += n;
		content.len -= (size_t)n;
	}
	if (close(fd) != 0 && r == 0)
		r = cannot("write", path);
	return r;
}

void
workdir_remove(struct workdir *dir)
{
	for (size_t i = 0; i < dir->n; i++)
		free(dir->file[i]);
	dir->n = 0;
	if (dir->path == NULL)
		return;
	remove_directory(dir->path);
	free(dir->path);
	dir->path = NULL;
}
