/* SPDX-License-Identifier: ISC */
/* sk-tpm leave: takes back what sk-tpm join has done. */
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "join/join.h"
#include "join/programs.h"
#include "new-file.h"

static int
stop_timer(struct join *join)
{
	static const char *const disable[] = { "systemctl", "disable", "--now",
		JOIN_TIMER, JOIN_SERVICE, NULL };

	if (access("/run/systemd/system", F_OK) != 0 ||
	    !join_step(join, "Stopping", JOIN_TIMER))
		return 0;
	return program_must(disable, RUN_AS_OURSELVES);
}

/*
 * A copy in the TPM is nobody's once the file is gone. Of a file of the
 * account's, root touches nothing: it may be a link to anywhere.
 */
static void
evict(struct join *join, const char *file, enum run_as as)
{
	const char *const argv[] = { program_self(), "evict", file, NULL };
	struct bytes output = { 0 };
	int status;

	if (access(file, F_OK) != 0 ||
	    !join_step(join, "Freeing the TPM's copy of", file))
		return;
	if (program_run(argv, as, &output, &status) != 0)
		log_info("%s", log_cause());
	bytes_reset(&output);
}

/* userdel waits for nobody: processes that were ended may be there still. */
static int
remove_account(struct join *join)
{
	static const char *const userdel[] = { "userdel", JOIN_ACCOUNT, NULL };
	uint64_t deadline = clock_deadline(5000);
	int status, r;

	if (getpwnam(JOIN_ACCOUNT) == NULL ||
	    !join_step(join, "Removing the account", JOIN_ACCOUNT))
		return 0;
	do {
		struct bytes output = { 0 };

		machine_end_processes();
		r = program_run(userdel, RUN_AS_OURSELVES, &output, &status);
		bytes_reset(&output);
		if (r != 0 || status == 0)
			return r;
		poll(NULL, 0, 100);
	} while (clock_ms_left(deadline) > 0);
	return fail(FAIL_UNAVAILABLE, "userdel " JOIN_ACCOUNT " failed");
}

/* Whatever of the account's still runs may make files while they are removed.
 */
static int
remove_home(struct join *join)
{
	static const char *const rm[] = { "rm", "-rf", "--", JOIN_STATE, NULL };
	uint64_t deadline = clock_deadline(10000);
	int status, r;

	if (access(JOIN_STATE, F_OK) != 0 ||
	    !join_step(join, "Removing", JOIN_STATE))
		return 0;
	do {
		if (getpwnam(JOIN_ACCOUNT) != NULL)
			machine_end_processes();
		r = program_run(rm, RUN_AS_OURSELVES, NULL, &status);
		if (r != 0 || status == 0)
			return r;
	} while (clock_ms_left(deadline) > 0);
	return fail(FAIL_UNAVAILABLE, "cannot remove " JOIN_STATE);
}

static int
remove_all(struct join *join)
{
	const char *const files[] = {
		join->made_host_key ? JOIN_HOST_KEY : NULL,
		join->made_host_key ? JOIN_HOST_KEY ".pub" : NULL,
		JOIN_SETTINGS,
	};
	int r;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] != NULL && access(files[i], F_OK) == 0 &&
		    join_step(join, "Removing", files[i]) &&
		    unlink(files[i]) != 0)
			return file_fail("remove", files[i]);
	return (r = remove_home(join)) != 0 ? r : remove_account(join);
}

int
command_leave(struct invocation *inv)
{
	struct join join = {
		.inv = inv,
		.dry_run = option_value(inv, OPTION_DRY_RUN) != NULL,
		.steps = answer_new_list(),
	};
	int r;

	if ((r = join_check_host()) == 0 &&
	    (r = join_settings_read(&join)) == FAIL_NOT_FOUND)
		r = 0; /* what a join left that was broken off */
	/* systemd waits for a renewal that is under way, which has the lock. */
	if (r == 0 && (r = stop_timer(&join)) == 0 &&
	    (join.dry_run || (r = join_lock()) == 0) &&
	    (r = join_uninstall(&join)) == 0) {
		evict(&join, JOIN_IDENTITY, RUN_AS_MACHINE);
		if (join.made_host_key)
			evict(&join, JOIN_HOST_KEY, RUN_AS_OURSELVES);
		r = remove_all(&join);
	}
	if (r == 0 && wanted_form(inv) == ANSWER_JSON) {
		struct json_object *o = answer_new();

		answer_text(o, "state", join.dry_run ? "joined" : "left");
		answer_object(o, "steps", join.steps);
		answer_print(o, ANSWER_JSON);
	} else {
		json_object_put(join.steps);
	}
	join_reset(&join);
	return r;
}
