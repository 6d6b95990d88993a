/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/error.h"
#include "base/log.h"
#include "protocol.h"
#include "user/pin-ticket.h"

static char runtime[] = "/tmp/sk-tpm-ticket.XXXXXX";
static char directory[64];
static const uint8_t mine[32] = { 1 }, other[32] = { 2 };

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(runtime) == NULL)
		return 1;
	snprintf(directory, sizeof(directory), "%s/sk-tpm", runtime);
	return setenv("XDG_RUNTIME_DIR", runtime, 1);
}

static int
tear_down(void **state)
{
	(void)state;
	rmdir(directory);
	return rmdir(runtime);
}

static void
make(struct pin_ticket *ret, uint32_t seconds)
{
	*ret =
	    (struct pin_ticket){ .made = pin_ticket_now(), .seconds = seconds };
	assert_int_equal(bytes_set(&ret->tpm, "TICKET", 6), 0);
}

static void
keep(const uint8_t binding[32], uint64_t made, uint32_t seconds)
{
	struct pin_ticket ticket;

	make(&ticket, seconds);
	ticket.made = made;
	pin_ticket_keep(binding, &ticket);
	pin_ticket_reset(&ticket);
}

static bool
is_kept(const uint8_t binding[32], uint32_t at_most)
{
	struct pin_ticket ticket = { 0 };
	bool found = pin_ticket_find(binding, at_most, &ticket);

	if (found) {
		assert_int_equal(ticket.tpm.len, 6);
		assert_memory_equal(ticket.tpm.data, "TICKET", 6);
	}
	pin_ticket_reset(&ticket);
	return found;
}

/* How many files there are; the path of the last one. */
static int
files(char ret[400])
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(ret, 400, "%s/%s", directory, entry->d_name);
		n++;
	}
	closedir(dir);
	return n;
}

static void
test_kept_and_forgotten(void **state)
{
	char path[400];
	struct stat st;

	(void)state;
	assert_false(is_kept(mine, 600));
	keep(mine, pin_ticket_now(), 600);
	keep(mine, pin_ticket_now(), 300); /* in place of the other */
	assert_int_equal(files(path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(is_kept(mine, 600));
	assert_false(is_kept(other, 600));
	assert_int_equal(pin_ticket_forget(other), 0);
	assert_true(is_kept(mine, 600));
	assert_int_equal(pin_ticket_forget(mine), 0);
	assert_false(is_kept(mine, 600));
	assert_int_equal(files(path), 0);
}

static void
test_time(void **state)
{
	uint64_t now = pin_ticket_now();
	char path[400];

	(void)state;
	keep(mine, now > 299 ? now - 299 : 0, 600);
	assert_true(is_kept(mine, 600));
	/* The setting is smaller than what the ticket has. */
	assert_false(is_kept(mine, 1));
	assert_int_equal(files(path), 0);
	keep(mine, now - 10, 10);
	assert_false(is_kept(mine, 600));
	assert_int_equal(files(path), 0);
	/* Of another boot. */
	keep(mine, now + 1000, 600);
	assert_false(is_kept(mine, 600));
	assert_int_equal(files(path), 0);
}

/* What does not read as a ticket, or could be somebody else's. */
static void
test_damaged(void **state)
{
	char path[400], link_name[410];
	int fd;

	(void)state;
	for (off_t at = 0; at < 20; at += 17) {
		keep(mine, pin_ticket_now(), 600);
		assert_int_equal(files(path), 1);
		fd = open(path, O_WRONLY);
		assert_int_equal(pwrite(fd, "\xff", 1, at), 1);
		close(fd);
		assert_false(is_kept(mine, 600));
		assert_int_equal(files(path), 0);
	}
	keep(mine, pin_ticket_now(), 600);
	assert_int_equal(files(path), 1);
	assert_int_equal(chmod(path, 0640), 0);
	assert_false(is_kept(mine, 600));
	keep(mine, pin_ticket_now(), 600);
	assert_int_equal(files(path), 1);
	snprintf(link_name, sizeof(link_name), "%s.2", path);
	assert_int_equal(link(path, link_name), 0);
	assert_false(is_kept(mine, 600));
	/* The other name may be that of anything: it is not written to. */
	assert_int_equal(rename(link_name, path), 0);
	assert_true(is_kept(mine, 600));
	keep(mine, pin_ticket_now(), 600);
	assert_int_equal(files(path), 1);
	assert_int_equal(rename(path, link_name), 0);
	assert_int_equal(symlink(link_name, path), 0);
	assert_false(is_kept(mine, 600));
	assert_int_equal(unlink(link_name), 0);
	assert_int_equal(files(path), 0);
}

/* What is written into a directory that others reach is not believed. */
static void
test_directories_of_others(void **state)
{
	unsigned int n;

	(void)state;
	keep(mine, pin_ticket_now(), 600);
	assert_int_equal(chmod(runtime, 0701), 0);
	assert_false(is_kept(mine, 600));
	keep(other, pin_ticket_now(), 600);
	assert_int_equal(pin_ticket_forget_all(&n), FAIL_ARGUMENT);
	assert_int_equal(pin_ticket_forget(mine), FAIL_ARGUMENT);
	assert_int_equal(chmod(runtime, 0700), 0);
	assert_int_equal(chmod(directory, 0770), 0);
	assert_false(is_kept(mine, 600));
	assert_int_equal(chmod(directory, 0700), 0);
	assert_true(is_kept(mine, 600));
	assert_false(is_kept(other, 600));
	setenv("XDG_RUNTIME_DIR", "tmp", 1);
	assert_false(is_kept(mine, 600));
	unsetenv("XDG_RUNTIME_DIR");
	assert_false(is_kept(mine, 600));
	assert_int_equal(pin_ticket_forget(mine), 0);
	assert_int_equal(pin_ticket_forget_all(&n), 0);
	assert_int_equal(n, 0);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	assert_true(is_kept(mine, 600));
	assert_int_equal(pin_ticket_forget(mine), 0);
}

/* What cannot be deleted is said to count still. */
static void
test_what_cannot_be_deleted(void **state)
{
	char path[400];
	unsigned int n;

	(void)state;
	keep(mine, pin_ticket_now(), 600);
	assert_int_equal(files(path), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(pin_ticket_forget(mine), FAIL_ARGUMENT);
	assert_non_null(strstr(log_cause(), "it still counts until"));
	assert_int_equal(pin_ticket_forget_all(&n), FAIL_ARGUMENT);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(pin_ticket_forget(mine), 0);
}

/* Who reads while another writes finds the old ticket or the new one. */
static void
test_read_while_replaced(void **state)
{
	unsigned int lost = 0;
	char path[400];
	int status;
	pid_t pid;

	(void)state;
	keep(mine, pin_ticket_now(), 600);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		for (int i = 0; i < 2000; i++)
			keep(mine, pin_ticket_now(), 600);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		if (!is_kept(mine, 600))
			lost++;
	assert_int_equal(status, 0);
	assert_int_equal(lost, 0);
	assert_true(is_kept(mine, 600));
	assert_int_equal(files(path), 1);
	assert_int_equal(pin_ticket_forget(mine), 0);
}

static void
test_forget_all(void **state)
{
	unsigned int n = 7;
	char path[400];

	(void)state;
	keep(mine, pin_ticket_now(), 600);
	keep(other, pin_ticket_now(), 600);
	assert_int_equal(pin_ticket_forget_all(&n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(files(path), 0);
	assert_int_equal(pin_ticket_forget_all(&n), 0);
	assert_int_equal(n, 0);
}

/* --- the format -------------------------------------------------------- */

static void
test_example_of_the_protocol(void **state)
{
	struct bytes page = { 0 }, ours = { 0 };
	struct pin_ticket ticket;

	(void)state;
	protocol_example("ticket", &page);
	assert_int_equal(pin_ticket_decode(bytes_slice(&page), &ticket), 0);
	assert_int_equal(ticket.made, 4711);
	assert_int_equal(ticket.seconds, 600);
	assert_int_equal(pin_ticket_encode(&ticket, &ours), 0);
	assert_true(slice_equal(bytes_slice(&ours), bytes_slice(&page)));
	for (size_t n = 0; n < page.len; n++)
		assert_int_equal(
		    pin_ticket_decode((struct slice){ page.data, n }, &ticket),
		    FAIL_ARGUMENT);
	pin_ticket_reset(&ticket);
	bytes_reset(&page);
	bytes_reset(&ours);
}

static void
test_other_encodings(void **state)
{
#define HEAD "\xa5\x00\x6dsk-tpm-ticket\x01"
#define BAD(s)                   \
	{                        \
		s, sizeof(s) - 1 \
	}
	static const struct {
		const char *s;
		size_t len;
	} bad[] = {
		BAD(HEAD "\x02\x02\x05\x03\x05\x04\x41x"), /* version */
		BAD(HEAD "\x01\x02\x05\x03\x00\x04\x41x"), /* no time */
		BAD(HEAD "\x01\x02\x05\x03\x1a\x80\x00\x00\x00\x04\x41x"),
		BAD(HEAD "\x01\x02\x18\x05\x03\x05\x04\x41x"), /* longer */
		BAD(HEAD "\x01\x02\x05\x03\x05\x04\x40"),      /* empty */
		BAD(HEAD "\x01\x02\x05\x03\x05\x04\x41x\x00"), /* more */
		BAD("\xa4\x00\x6dsk-tpm-ticket\x01\x01\x02\x05\x03\x05\x04\x41"
		    "x"),
	};
	const char good[] = HEAD "\x01\x02\x05\x03\x05\x04\x41x";
	struct pin_ticket ticket;
	struct bytes in = { 0 };
	uint8_t big[PIN_TICKET_MAX + 1] = { 0 };

	(void)state;
	assert_int_equal(
	    pin_ticket_decode(
		(struct slice){ (const uint8_t *)good, sizeof(good) - 1 },
		&ticket),
	    0);
	pin_ticket_reset(&ticket);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (pin_ticket_decode(
			(struct slice){ (const uint8_t *)bad[i].s, bad[i].len },
			&ticket) != FAIL_ARGUMENT)
			FAIL_MSG("number %zu was taken", i);
	make(&ticket, 5);
	assert_int_equal(bytes_set(&ticket.tpm, big, sizeof(big)), 0);
	assert_int_equal(pin_ticket_encode(&ticket, &in), 0);
	pin_ticket_reset(&ticket);
	assert_int_equal(
	    pin_ticket_decode(bytes_slice(&in), &ticket), FAIL_ARGUMENT);
	bytes_reset(&in);
}

#define TEST_NAME "pin-ticket"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_and_forgotten),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_directories_of_others),
		cmocka_unit_test(test_what_cannot_be_deleted),
		cmocka_unit_test(test_read_while_replaced),
		cmocka_unit_test(test_forget_all),
		cmocka_unit_test(test_example_of_the_protocol),
		cmocka_unit_test(test_other_encodings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(TEST_NAME, tests, set_up, tear_down);
}
