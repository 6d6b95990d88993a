/* SPDX-License-Identifier: ISC */
/* Displays that are there, and names of none. */
#define TEST_NAME "display"
#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "user/display.h"

/* The number of a display that nobody has: of a socket without a file. */
static unsigned int
listen_as_x11(int *ret_fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	unsigned int number = 1000 + (unsigned int)getpid() % 50000;
	int n;

	*ret_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_not_equal(*ret_fd, -1);
	n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1,
	    "/tmp/.X11-unix/X%u", number);
	assert_int_equal(
	    bind(*ret_fd, (const struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		    (size_t)n)),
	    0);
	assert_int_equal(listen(*ret_fd, 4), 0);
	return number;
}

/* Without waiting for it to be taken. */
static int
connect_to_x11(unsigned int number)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), n;

	n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1,
	    "/tmp/.X11-unix/X%u", number);
	(void)!connect(fd, (const struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		(size_t)n));
	return fd;
}

static bool
there(const char *host, unsigned int number, const char *screen)
{
	char name[64];

	snprintf(name, sizeof(name), "%s:%u%s", host, number, screen);
	setenv("DISPLAY", name, 1);
	return display_is_there();
}

static void
test_x11_of_this_machine(void **state)
{
	unsigned int number;
	int fd;

	(void)state;
	number = listen_as_x11(&fd);
	assert_true(there("", number, ""));
	assert_true(there("", number, ".0"));
	assert_true(there("unix", number, ".0"));
	assert_false(there("localhost", number, ".0"));
	assert_true(there("elsewhere", number, ".0"));
	close(fd);
	assert_false(there("", number, ""));
	assert_true(display_is_named());
}

/* there() as this user. */
static bool
there_as(uid_t uid, unsigned int number)
{
	int status;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) == 0)
		_exit(setresuid(uid, uid, uid) == 0 && there("", number, ""));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 1;
}

#define SOMEBODY 65533
#define ANOTHER 65532

/* What listens under a display's name may be somebody else's. */
static void
test_display_of_another(void **state)
{
	unsigned int number;
	int fd, waiting[3];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(seteuid(SOMEBODY), 0);
	number = listen_as_x11(&fd);
	/* As of the time of listen(2). */
	assert_int_equal(seteuid(0), 0);
	assert_true(there_as(SOMEBODY, number));
	assert_true(there_as(0, number));
	assert_false(there_as(ANOTHER, number));
	/* Nor does it help to take no more connections. */
	assert_int_equal(listen(fd, 0), 0);
	for (size_t i = 0; i < 3; i++) {
		waiting[i] = connect_to_x11(number);
	}
	assert_false(there_as(ANOTHER, number));
	assert_true(there_as(0, number));
	for (size_t i = 0; i < 3; i++)
		close(waiting[i]);
	close(fd);
}

static void
test_no_display(void **state)
{
	static const char *const names[] = { "", ":", ":x", "7", "localhost",
		":99999", ":4294967296", "localhost:65535" };
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("DISPLAY", names[i], 1);
		assert_false(display_is_there());
	}
	unsetenv("DISPLAY");
	assert_false(display_is_named());
	unsetenv("XDG_RUNTIME_DIR");
	setenv("WAYLAND_DISPLAY", "wayland-0", 1);
	assert_true(display_is_named());
	assert_false(display_is_there());
	memset(longest, 'w', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	setenv("XDG_RUNTIME_DIR", "/tmp", 1);
	setenv("WAYLAND_DISPLAY", longest, 1);
	assert_false(display_is_there());
	longest[0] = '/';
	setenv("WAYLAND_DISPLAY", longest, 1);
	assert_false(display_is_there());
	unsetenv("WAYLAND_DISPLAY");
}

#define TEST_NAME "display"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x11_of_this_machine),
		cmocka_unit_test(test_display_of_another),
		cmocka_unit_test(test_no_display),
	};

	return RUN(tests);
}
