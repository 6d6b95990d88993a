/* SPDX-License-Identifier: ISC */
/* Displays that are there, and names of none. */
#define TEST_NAME "display"
#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>

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
		cmocka_unit_test(test_no_display),
	};

	return RUN(tests);
}
