/* SPDX-License-Identifier: ISC */
/*
 * Programs in place of askpass and ssh-sk-helper: shell scripts in a directory
 * of their own, which they run in and leave their files in.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "unit.h"

#include <sys/stat.h>

#include <dirent.h>

static char programs_dir[256];
static char programs_path[512];

/* Where `name` is, until the next call. */
static inline const char *
programs_file(const char *name)
{
	const char *tmp = getenv("TMPDIR");

	if (programs_dir[0] == '\0') {
		snprintf(programs_dir, sizeof(programs_dir),
		    "%s/sk-tpm-unit.XXXXXX", tmp != NULL ? tmp : "/tmp");
		assert_non_null(mkdtemp(programs_dir));
	}
	snprintf(
	    programs_path, sizeof(programs_path), "%s/%s", programs_dir, name);
	return programs_path;
}

static inline void
programs_write(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(programs_file(name), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* A program of that name that runs these lines. */
static inline const char *
programs_script(const char *name, const char *lines)
{
	char text[1024];
	int n;

	programs_file(name);
	n = snprintf(text, sizeof(text), "#!/bin/sh\ncd '%s'\n%s\n",
	    programs_dir, lines);
	assert_true(n > 0 && (size_t)n < sizeof(text));
	programs_write(name, text, (size_t)n);
	assert_int_equal(chmod(programs_file(name), 0700), 0);
	return programs_path;
}

/* What a file has, terminated; empty where there is none. One buffer. */
static inline const char *
programs_read(const char *name, size_t *ret_len)
{
	static char buf[65536];
	FILE *f = fopen(programs_file(name), "re");
	size_t n = 0;

	if (f != NULL) {
		n = fread(buf, 1, sizeof(buf) - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
	if (ret_len != NULL)
		*ret_len = n;
	return buf;
}

static inline void
programs_copy(const char *from, const char *to)
{
	size_t len;
	const char *data = programs_read(from, &len);

	programs_write(to, data, len);
}

static inline void
programs_forget(const char *name)
{
	unlink(programs_file(name));
}

static inline void
programs_remove(void)
{
	DIR *dir = programs_dir[0] != '\0' ? opendir(programs_dir) : NULL;
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		unlink(programs_file(entry->d_name));
	closedir(dir);
	rmdir(programs_dir);
}

#endif
