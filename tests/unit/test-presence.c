/* SPDX-License-Identifier: ISC */
/*
 * Whether a person is asked, and what their answers come to. Without a
 * terminal, but for the one that a test makes: tests/e2e/presence.sh has them.
 */
#include "unit.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <fcntl.h>

#include "programs.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "user/presence.h"

#define TIMEOUT_S 20

/* What the module calls haste; an answer is as fast as the test wants it. */
#define HASTE_MS 500
static bool is_read;

uint64_t __real_clock_deadline(uint64_t ms);
uint64_t __wrap_clock_deadline(uint64_t ms);

uint64_t
__wrap_clock_deadline(uint64_t ms)
{
	if (ms == HASTE_MS)
		return is_read ? clock_us() : __real_clock_deadline(60000);
	return __real_clock_deadline(ms);
}

static char command[512];
static struct config cfg;
static struct presence_question question;

static int
set_up(void **state)
{
	(void)state;
	cfg = (struct config){
		.user_presence = USER_PRESENCE_AUTO,
		.presence_command = command,
		.presence_timeout = TIMEOUT_S,
	};
	question = (struct presence_question){ 0 };
	text_add(&question.words, "Sign a test");
	is_read = true;
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	unsetenv("SSH_ASKPASS");
	unsetenv("SSH_ASKPASS_REQUIRE");
	programs_forget("asked");
	return 0;
}

/* An askpass that takes down what it is asked, and then runs `answer`. */
static void
askpass_answers(const char *answer)
{
	char lines[512];

	snprintf(lines, sizeof(lines),
	    "printf '%%s|%%s\\n' \"$SSH_ASKPASS_PROMPT\" \"$1\" >>asked\n%s",
	    answer);
	setenv("SSH_ASKPASS", programs_script("askpass", lines), 1);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
}

static const char *
asked(void)
{
	return programs_read("asked", NULL);
}

/* What `what` gives where ssh-agent calls it. */
static int
called_by_agent(int (*what)(void))
{
	char name[16] = "";
	int status;
	pid_t pid;

	fflush(NULL);
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(prctl(PR_SET_NAME, "ssh-agent"), 0);
	if ((pid = fork()) == 0)
		_exit(what());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	prctl(PR_SET_NAME, name);
	assert_true(WIFEXITED(status));
	return (int8_t)WEXITSTATUS(status);
}

static int
require(void)
{
	return presence_require(&cfg, &question);
}

static int
before_pin(void)
{
	return presence_before_pin(&cfg, &question);
}

static int
is_known(void)
{
	return presence_request_is_known();
}

static void
test_answers(void **state)
{
	static const struct {
		const char *answer;
		int r;
	} cases[] = {
		{ ":", 0 },
		{ "echo", 0 },
		{ "echo yes", 0 },
		{ "echo YES", 0 },
		{ "printf 'yes\\r\\n'", 0 },
		{ "exit 1", FAIL_REFUSED },
		{ "echo yes; exit 1", FAIL_REFUSED },
		{ "echo no", FAIL_REFUSED },
		{ "echo ' yes'", FAIL_REFUSED },
		{ "echo yes, but", FAIL_REFUSED },
		{ "head -c 100 /dev/zero | tr '\\0' y", FAIL_REFUSED },
		{ "printf 'yes\\0no'", FAIL_REFUSED },
		{ "printf '\\0no'", FAIL_REFUSED },
		{ "exit 2", FAIL_PRESENCE },
		{ "exit 127", FAIL_PRESENCE },
		{ "kill -ABRT $$", FAIL_PRESENCE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r;

		askpass_answers(cases[i].answer);
		if ((r = require()) != cases[i].r)
			FAIL_MSG("%s: %d", cases[i].answer, r);
		cfg.user_presence = USER_PRESENCE_ASKPASS;
		assert_int_equal(require(), cases[i].r);
		cfg.user_presence = USER_PRESENCE_AUTO;
	}
}

static void
test_what_askpass_is_asked(void **state)
{
	(void)state;
	askpass_answers(":");
	assert_int_equal(require(), 0);
	assert_string_equal(asked(), "confirm|sk-tpm: Sign a test?\n");
	programs_forget("asked");
	text_add(&question.key, "id_test");
	assert_int_equal(require(), 0);
	assert_string_equal(
	    asked(), "confirm|sk-tpm, with the key id_test:\nSign a test?\n");
	programs_forget("asked");
	text_add(&question.asker, "for a test");
	assert_int_equal(require(), 0);
	assert_string_equal(asked(),
	    "confirm|sk-tpm, with the key id_test, for a test:\n"
	    "Sign a test?\n");
}

static void
test_too_fast_to_have_been_read(void **state)
{
	(void)state;
	is_read = false;
	askpass_answers("[ -e second ] && exit 1; : >second");
	assert_int_equal(require(), FAIL_REFUSED);
	assert_string_equal(asked(),
	    "confirm|sk-tpm: Sign a test?\n"
	    "confirm|Once more, as the answer came too fast to have been "
	    "read.\n"
	    "sk-tpm: Sign a test?\n");
	askpass_answers(":");
	assert_int_equal(require(), 0);
}

static void
test_nobody_answers(void **state)
{
	(void)state;
	cfg.presence_timeout = 1;
	askpass_answers("exec sleep 60");
	assert_int_equal(require(), FAIL_REFUSED);
	assert_non_null(strstr(
	    STDERR_OF(log_failure(FAIL_REFUSED)), "nobody answered in time"));
}

static void
test_no_way_to_ask(void **state)
{
	(void)state;
	assert_int_equal(require(), FAIL_PRESENCE);
	assert_non_null(strstr(STDERR_OF(log_failure(FAIL_PRESENCE)),
	    "neither a terminal nor a display to ask on"));
	/* One that has gone away is named. */
	setenv("DISPLAY", "localhost:65000", 1);
	assert_int_equal(require(), FAIL_PRESENCE);
	assert_non_null(
	    strstr(STDERR_OF(log_failure(FAIL_PRESENCE)), "does not answer"));
	askpass_answers(":");
	setenv("SSH_ASKPASS_REQUIRE", "never", 1);
	assert_int_equal(require(), FAIL_PRESENCE);
	unsetenv("SSH_ASKPASS_REQUIRE");
	assert_int_equal(require(), FAIL_PRESENCE);
	assert_string_equal(asked(), "");
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	setenv("SSH_ASKPASS", programs_file("nowhere"), 1);
	assert_int_equal(require(), FAIL_PRESENCE);
	cfg.user_presence = USER_PRESENCE_TERMINAL;
	assert_int_equal(require(), FAIL_PRESENCE);
}

static void
test_pin_is_presence_under_auto_alone(void **state)
{
	struct presence_question with_pin = question;

	(void)state;
	with_pin.pin_entered = true;
	askpass_answers("exit 1");
	assert_int_equal(presence_require(&cfg, &with_pin), 0);
	assert_string_equal(asked(), "");
	cfg.user_presence = USER_PRESENCE_ASKPASS;
	assert_int_equal(presence_require(&cfg, &with_pin), FAIL_REFUSED);
	cfg.user_presence = USER_PRESENCE_ASSUME;
	assert_int_equal(require(), 0);
}

static void
test_command(void **state)
{
	const char *path = programs_script("command",
	    "printf '%s|%s\\n' \"$1\" \"$SK_TPM_REQUEST\" >>asked; [ ! -e no ]");

	(void)state;
	snprintf(command, sizeof(command), "%s", path);
	cfg.user_presence = USER_PRESENCE_COMMAND;
	assert_int_equal(require(), 0);
	assert_string_equal(asked(), "Sign a test|Sign a test\n");
	programs_write("no", "", 0);
	assert_int_equal(require(), FAIL_REFUSED);
	programs_forget("no");
	snprintf(command, sizeof(command), "%s", programs_file("nowhere"));
	assert_int_equal(require(), FAIL_PRESENCE);
}

static void
test_agent_says_what_a_pin_is_for(void **state)
{
	(void)state;
	askpass_answers(":");
	assert_int_equal(before_pin(), 0);
	assert_string_equal(asked(), "");
	assert_int_equal(called_by_agent(before_pin), 0);
	assert_string_equal(asked(), "confirm|sk-tpm: Sign a test?\n");
	askpass_answers("exit 1");
	assert_int_equal(called_by_agent(before_pin), FAIL_REFUSED);
	unsetenv("SSH_ASKPASS");
	setenv("SSH_ASKPASS_REQUIRE", "never", 1);
	assert_int_equal(called_by_agent(before_pin), FAIL_SECRET);
	cfg.user_presence = USER_PRESENCE_ASSUME;
	assert_int_equal(called_by_agent(before_pin), 0);
}

static void
test_whether_the_request_is_known(void **state)
{
	(void)state;
	/* Nothing could be shown. */
	assert_true(is_known());
	/* A program without a terminal has an askpass that was not used. */
	askpass_answers(":");
	assert_false(is_known());
	assert_true(called_by_agent(is_known));
}

static void
test_with_pin(void **state)
{
	(void)state;
	/* Nothing to ask by. */
	assert_int_equal(presence_with_pin(&cfg, &question), 0);
	askpass_answers("exit 1");
	assert_int_equal(presence_with_pin(&cfg, &question), FAIL_REFUSED);
	assert_string_equal(asked(), "confirm|sk-tpm: Sign a test?\n");
	cfg.user_presence = USER_PRESENCE_ASSUME;
	assert_int_equal(presence_with_pin(&cfg, &question), 0);
	cfg.user_presence = USER_PRESENCE_AUTO;
	askpass_answers("exit 2");
	assert_int_equal(presence_with_pin(&cfg, &question), 0);
}

static void
test_tell(void **state)
{
	(void)state;
	presence_tell(&cfg, "wrong PIN");
	askpass_answers("exit 1");
	presence_tell(&cfg, "wrong PIN");
	assert_string_equal(asked(), "none|sk-tpm: wrong PIN.\n");
}

static void
test_ask_secret(void **state)
{
	static const struct {
		const char *answer, *secret; /* or NULL */
		int r;
	} cases[] = {
		{ "echo 1234", "1234", 0 },
		{ "printf '12 34'", "12 34", 0 },
		{ "printf '1234\\r\\n5'", "1234", 0 },
		{ "echo", "", 0 },
		{ "printf '12\\0 34'", NULL, FAIL_REFUSED },
		{ "echo 1234; exit 1", NULL, FAIL_REFUSED },
		{ "echo 1234; exit 2", NULL, FAIL_SECRET },
		{ "kill -ABRT $$", NULL, FAIL_SECRET },
	};
	struct bytes secret = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		askpass_answers(cases[i].answer);
		assert_int_equal(
		    presence_ask_secret(&cfg, "PIN: ", &secret), cases[i].r);
		if (cases[i].secret == NULL) {
			assert_null(secret.data);
			continue;
		}
		assert_int_equal(secret.len, strlen(cases[i].secret) + 1);
		assert_string_equal((char *)secret.data, cases[i].secret);
		bytes_reset(&secret);
	}
	assert_int_equal(strncmp(asked(), "|PIN: \n", 7), 0);
	unsetenv("SSH_ASKPASS");
	setenv("SSH_ASKPASS_REQUIRE", "never", 1);
	assert_int_equal(
	    presence_ask_secret(&cfg, "PIN: ", &secret), FAIL_SECRET);
	/* Without a terminal there is nobody to type it again, either. */
	assert_int_equal(presence_confirm_pin(&cfg, "1234"), 0);
}

static int
confirm_at(const char *terminal)
{
	int fd;

	if (setsid() == -1 || (fd = open(terminal, O_RDWR)) == -1 ||
	    ioctl(fd, TIOCSCTTY, 0) != 0)
		return 99;
	return presence_confirm_pin(&cfg, "1234");
}

/* What it gives where somebody types this once they are asked. */
static int
confirm_by(const char *typed)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	char said[512] = "";
	size_t len = 0;
	pid_t pid;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	fflush(NULL);
	if ((pid = fork()) == 0)
		_exit(confirm_at(ptsname(master)));
	while (strstr(said, "again: ") == NULL) {
		ssize_t n = read(master, said + len, sizeof(said) - 1 - len);

		assert_true(n > 0);
		len += (size_t)n;
		said[len] = '\0';
	}
	assert_int_equal(
	    write(master, typed, strlen(typed)), (ssize_t)strlen(typed));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(master);
	assert_true(WIFEXITED(status));
	return (int8_t)WEXITSTATUS(status);
}

static void
test_new_pin_twice(void **state)
{
	(void)state;
	assert_int_equal(confirm_by("1234\r"), 0);
	assert_int_equal(confirm_by("1235\r"), FAIL_PIN_REQUIRED);
	assert_int_equal(confirm_by("12345\r"), FAIL_PIN_REQUIRED);
	assert_int_equal(confirm_by("123\r"), FAIL_PIN_REQUIRED);
	assert_int_equal(confirm_by("\r"), FAIL_PIN_REQUIRED);
}

#define TEST_NAME "presence"
#define TEST(name) cmocka_unit_test_setup(name, set_up)

static int
run_all(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_what_askpass_is_asked),
		TEST(test_too_fast_to_have_been_read),
		TEST(test_nobody_answers),
		TEST(test_no_way_to_ask),
		TEST(test_pin_is_presence_under_auto_alone),
		TEST(test_command),
		TEST(test_agent_says_what_a_pin_is_for),
		TEST(test_whether_the_request_is_known),
		TEST(test_with_pin),
		TEST(test_tell),
		TEST(test_ask_secret),
		TEST(test_new_pin_twice),
	};
	int failed = RUN(tests);

	programs_remove();
	return failed;
}

/* Without the terminal of whoever runs the tests. */
int
main(void)
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0)
		exit(setsid() == -1 || run_all() != 0);
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		return 1;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}
