/* SPDX-License-Identifier: ISC */
/*
 * usage: faults answers|calls|secrets DIR [OPERATION ...]
 *
 * Has each operation (all, or those named) go wrong in every way, one after
 * the other, on the TPM that SK_TPM_TCTI names, and prints TAP. DIR is for
 * files. FAULTS_EVERY=N in the environment tries only each Nth,
 * FAULTS_ONLY=3:drop only that fault, and FAULTS_SAY=1 says what came of each.
 *
 *	answers	at each TPM command: each response code, answers that are cut,
 *		stretched, altered or late, connections that break, the end
 *	calls	each allocation, each call to tpm2-tss and OpenSSL and those
 *		of the system that make processes and files fails; to be
 *		built with AddressSanitizer, which finds what leaks
 *	secrets	nothing goes wrong, but what is freed is looked through
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_common.h>

#include "operations.h"

#define MAX_OPERATIONS 40
#define MAX_SAID 5 /* problems of one kind */

static const struct operation *chosen[MAX_OPERATIONS];
static size_t n_chosen;
static unsigned int test, every = 1, turn, tried;
static const char *only;
static bool say;

/* --- results ----------------------------------------------------------- */

/* What became of one operation under one kind of mishap. */
struct cell {
	unsigned int good, refused, died, bad;
};

static void
finish(bool good, const char *what, const char *name, const struct cell *c)
{
	printf("%s %u - %s: %s (%u good, %u refused%s)\n",
	    good ? "ok" : "not ok", ++test, name, what, c->good, c->refused,
	    c->died > 0 ? ", some killed" : "");
	fflush(stdout);
}

static void
add(struct cell *sum, const struct cell *c)
{
	sum->good += c->good;
	sum->refused += c->refused;
	sum->died += c->died;
	sum->bad += c->bad;
}

static void
try_one(const struct operation *op, const struct mishap *m, const char *what,
    struct outcome *out, struct cell *cell)
{
	const char *problem = operation_try(op, m, out);
	size_t end = strcspn(out->text, "\n");

	if (problem != NULL)
		cell->bad++;
	else if (!out->done)
		cell->died++;
	else if (out->result == 0)
		cell->good++;
	else
		cell->refused++;
	if (problem != NULL && cell->bad <= MAX_SAID)
		printf("%s, %s: %s; it printed: %s\n", op->name, what, problem,
		    out->text);
	else if (say)
		printf("%s, %s: %d %.*s\n", op->name, what, out->result,
		    (int)end, out->text);
	fflush(stdout);
}

/* One that is as it should be, and how many commands and calls it has. */
static bool
try_unharmed(const struct operation *op, const struct mishap *m,
    struct outcome *out, struct cell *cell)
{
	struct cell now = { 0 };

	try_one(op, m, "unharmed", out, &now);
	if (now.bad == 0 && op->wrong_pin == (now.good > 0)) {
		printf("%s does not do what it should\n", op->name);
		now.bad++;
	}
	add(cell, &now);
	return now.bad == 0;
}

/* --- answers ----------------------------------------------------------- */

/* The operation has to succeed all the same. */
#define PASSES 1
/* What is loaded cannot be told any more, or not be reached. */
#define STRANDS 2
/* It says what is not so, and may be believed: no session protects it. */
#define LIES 4

static const struct mishap_kind {
	const char *name;
	const char *action; /* of tcti-fault.c; NULL begins a group */
	int flags;
} kinds[] = {
	{ "busy or full", NULL, 0 },
	{ "RETRY", "rc=0x922*2", PASSES },
	{ "RETRY for good", "rc=0x922*400", STRANDS },
	{ "YIELDED", "rc=0x908*2", PASSES },
	{ "TESTING", "rc=0x90a*9", PASSES },
	{ "NV_RATE", "rc=0x920*2", PASSES },
	{ "NV_RATE for good", "rc=0x920*400", STRANDS },
	{ "CANCELED", "rc=0x909", 0 },
	{ "OBJECT_MEMORY", "rc=0x902", 0 },
	{ "SESSION_MEMORY", "rc=0x903", 0 },
	{ "MEMORY", "rc=0x904", 0 },
	{ "OBJECT_HANDLES", "rc=0x906", 0 },
	{ "CONTEXT_GAP", "rc=0x901", 0 },
	{ "locked out", NULL, 0 },
	{ "LOCKOUT", "rc=0x921", 0 },
	{ "LOCKOUT for good", "rc=0x921*400", STRANDS },
	{ "not authorized", NULL, 0 },
	{ "AUTH_FAIL, key", "rc=0x98e", LIES },
	{ "AUTH_FAIL, 2nd", "rc=0xa8e", LIES },
	{ "BAD_AUTH", "rc=0x9a2", LIES },
	{ "AUTH_MISSING", "rc=0x125", 0 },
	{ "AUTH_TYPE", "rc=0x124", 0 },
	{ "AUTH_UNAVAILABLE", "rc=0x12f", 0 },
	{ "POLICY_FAIL", "rc=0x99d", 0 },
	{ "NONCE", "rc=0x98f", 0 },
	{ "EXPIRED", "rc=0x9a3", 0 },
	{ "arguments refused", NULL, 0 },
	{ "ATTRIBUTES", "rc=0x2c2", 0 },
	{ "VALUE", "rc=0x1c4", 0 },
	{ "SIZE", "rc=0x1d5", 0 },
	{ "HANDLE", "rc=0x18b", LIES },
	{ "KEY", "rc=0x1dc", 0 },
	{ "INTEGRITY", "rc=0x1df", 0 },
	{ "BINDING", "rc=0x2e5", 0 },
	{ "SCHEME", "rc=0x1d2", 0 },
	{ "INSUFFICIENT", "rc=0x1da", 0 },
	{ "COMMAND_CODE", "rc=0x143", 0 },
	{ "COMMAND_SIZE", "rc=0x142", 0 },
	{ "BAD_TAG", "rc=0x01e", 0 },
	{ "LOCALITY", "rc=0x907", 0 },
	{ "HIERARCHY", "rc=0x185", 0 },
	{ "NV refused", NULL, 0 },
	{ "NV_DEFINED", "rc=0x14c", 0 },
	{ "NV_SPACE", "rc=0x14b", 0 },
	{ "NV_LOCKED", "rc=0x148", 0 },
	{ "NV_UNINITIALIZED", "rc=0x14a", 0 },
	{ "NV_UNAVAILABLE", "rc=0x923", 0 },
	{ "TPM failed", NULL, 0 },
	{ "FAILURE", "rc=0x101", 0 },
	{ "FAILURE for good", "rc=0x101*400", STRANDS },
	{ "INITIALIZE", "rc=0x100", 0 },
	{ "REBOOT", "rc=0x130", 0 },
	{ "UPGRADE", "rc=0x12d", 0 },
	{ "vendor's code", "rc=0x500", 0 },
	{ "a code unknown", "rc=0x9ff", 0 },
	{ "a manager's codes", NULL, 0 },
	{ "manager: RETRY", "rc=0xc0922*2", PASSES },
	{ "manager: memory", "rc=0xc0902", 0 },
	{ "manager: no code", "rc=0xb0143", 0 },
	{ "manager: sessions", "rc=0xb0003", 0 },
	{ "answers cut or longer", NULL, 0 },
	{ "cut by 1", "cut=1", 0 },
	{ "cut by 1, honest", "cut=1!", 0 },
	{ "cut by 40", "cut=40", STRANDS },
	{ "cut by 40, honest", "cut=40!", STRANDS },
	{ "empty", "cut=5000", STRANDS },
	{ "1 byte more", "pad=1", 0 },
	{ "9 more, honest", "pad=9!", LIES },
	{ "3000 more", "pad=3000", 0 },
	{ "answers altered", NULL, 0 },
	{ "tag altered", "flip=1", LIES },
	{ "size altered", "flip=5", LIES },
	{ "code altered", "flip=9.7", STRANDS | LIES },
	{ "handle altered", "flip=13.1", STRANDS | LIES },
	{ "body altered", "flip=17", LIES },
	{ "middle altered", "flip=40", LIES },
	{ "end altered", "flip=-1", LIES },
	{ "near the end", "flip=-30.5", LIES },
	{ "noise", "noise=1", STRANDS | LIES },
	{ "more noise", "noise=2", STRANDS | LIES },
	{ "late", NULL, 0 },
	{ "late by 20 ms", "delay=20", PASSES },
	{ "no answers", NULL, 0 },
	{ "not sent", "drop", 0 },
	{ "answer lost", "lost", STRANDS },
	{ "TPM gone", "gone", STRANDS },
	{ "killed", NULL, 0 },
	{ "killed", "kill", STRANDS },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct cell table[N_KINDS][MAX_OPERATIONS];

static void
try_answer(const struct operation *op, const struct mishap_kind *kind,
    unsigned int command, struct cell *cell)
{
	char fault[64], what[96];
	const struct mishap m = {
		.fault = fault,
		.strands = (kind->flags & STRANDS) != 0,
		.lies = (kind->flags & LIES) != 0,
	};
	unsigned int good = cell->good;
	struct outcome out;

	snprintf(fault, sizeof(fault), "%u:%s", command, kind->action);
	if (only != NULL ? strcmp(only, fault) != 0 : turn++ % every != 0)
		return;
	tried++;
	snprintf(what, sizeof(what), "%s at command %u", kind->name, command);
	try_one(op, &m, what, &out, cell);
	if ((kind->flags & PASSES) != 0 && !op->wrong_pin &&
	    cell->good == good) {
		printf("%s, %s: should pass\n", op->name, what);
		cell->bad++;
	}
}

static void
sweep_answers(size_t which)
{
	const struct operation *op = chosen[which];
	const struct mishap none = { 0 };
	struct cell sum = { 0 };
	struct outcome out;
	bool good;

	good = try_unharmed(op, &none, &out, &sum);
	for (size_t k = 0, group = 0; good && k < N_KINDS; k++) {
		if (kinds[k].action == NULL) {
			group = k;
			continue;
		}
		for (unsigned int n = 1; n <= out.commands; n++)
			try_answer(op, &kinds[k], n, &table[k][which]);
		add(&table[group][which], &table[k][which]);
		add(&sum, &table[k][which]);
	}
	finish(good && sum.bad == 0,
	    "holds, whatever goes wrong at each of its TPM commands", op->name,
	    &sum);
}

static int
width(size_t which)
{
	int n = (int)strlen(chosen[which]->name);

	return n > 8 ? n : 8;
}

static void
print_row(size_t k)
{
	const bool in_group = every == 1 && kinds[k].action != NULL;

	printf("note: %s%-*s", in_group ? "  " : "", in_group ? 18 : 20,
	    kinds[k].name);
	for (size_t i = 0; i < n_chosen; i++) {
		const struct cell *c = &table[k][i];
		char text[32];

		snprintf(text, sizeof(text), "%u/%u%s", c->good,
		    c->refused + c->died, c->bad > 0 ? "!" : "");
		printf(" %*s", width(i), text);
	}
	putchar('\n');
}

/* By group where only a part is tried. */
static void
print_table(void)
{
	printf("note: succeeded all the same / ended with one line\n");
	printf("note: %-20s", "");
	for (size_t i = 0; i < n_chosen; i++)
		printf(" %*s", width(i), chosen[i]->name);
	putchar('\n');
	for (size_t k = 0; k < N_KINDS; k++)
		if (every == 1 || kinds[k].action == NULL)
			print_row(k);
	printf("note: a connection or a process that ended left %u objects and "
	       "sessions, which a resource manager would free\n",
	    stranded);
}

/* --- calls ------------------------------------------------------------- */

static const struct call_failure {
	const char *what;
	enum call_kind kind;
	uint32_t rc;
} failures[] = {
	{ "whichever allocation fails", CALL_MEMORY, 0 },
	{ "whichever call to tpm2-tss fails", CALL_TSS,
	    TSS2_ESYS_RC_GENERAL_FAILURE },
	{ "whichever call to tpm2-tss has no memory", CALL_TSS,
	    TSS2_ESYS_RC_MEMORY },
	{ "whichever call to OpenSSL fails", CALL_OPENSSL, 0 },
	{ "whichever system call fails", CALL_SYSTEM, 0 },
};

static void
sweep_calls(const struct operation *op, const struct call_failure *f)
{
	struct mishap m = { .kind = f->kind, .rc = f->rc, .call = UINT32_MAX };
	struct cell sum = { 0 };
	struct outcome out;
	unsigned int calls;
	char what[96];
	bool good;

	good = try_unharmed(op, &m, &out, &sum);
	calls = out.calls;
	/* Most make neither a process nor a file. */
	if (good && calls == 0 && f->kind == CALL_SYSTEM)
		return;
	for (m.call = 1; good && m.call <= calls; m.call++) {
		if (turn++ % every != 0)
			continue;
		snprintf(
		    what, sizeof(what), "%s: %u of %u", f->what, m.call, calls);
		try_one(op, &m, what, &out, &sum);
	}
	snprintf(what, sizeof(what), "holds, %s", f->what);
	finish(good && sum.bad == 0, what, op->name, &sum);
}

/* --- secrets ----------------------------------------------------------- */

/* The search itself: it has to see what is there. */
static bool
sees_a_secret(void)
{
	static const char with_key[] = "the 33 bytes of a point that count" PIN;
	struct secrets_found found;
	char *volatile block;

	secrets_watch(&found, (const uint8_t *)with_key);
	block = strdup(PIN);
	free(block);
	block = strdup(with_key);
	free(block);
	secrets_unwatch(false);
	return found.by_us == 2 && found.with_key == 1;
}

static void
look_for_secrets(const struct operation *op)
{
	const struct mishap m = { .watch = true };
	struct cell sum = { 0 };
	struct outcome out;
	bool good;

	good = try_unharmed(op, &m, &out, &sum);
	if (out.secrets.by_us > 0 || out.secrets.with_key > 0)
		printf("%s: %s\n", op->name, out.text);
	printf("note: %-12s freed with a secret in it: %zu by us, %zu by "
	       "tpm2-tss, %zu by OpenSSL, %zu by others; left somewhere at "
	       "the end: %zu\n",
	    op->name, out.secrets.by_us, out.secrets.by_tss,
	    out.secrets.by_openssl, out.secrets.by_others, out.secrets.left);
	finish(good && out.secrets.by_us == 0,
	    "frees no memory of ours with a secret in it", op->name, &sum);
	if (op->with_pin)
		finish(good && out.secrets.with_key == 0,
		    "has the PIN wiped from what tpm2-tss knows of the key",
		    op->name, &sum);
}

/* --- main -------------------------------------------------------------- */

/* Where no command is sent, none can be answered wrongly. */
static void
choose(const char *mode, int n, char **names)
{
	const bool answers = strcmp(mode, "answers") == 0;

	for (size_t i = 0; i < n_operations; i++) {
		bool wanted = n == 0;

		for (int j = 0; j < n; j++)
			wanted =
			    wanted || strcmp(operations[i].name, names[j]) == 0;
		if (answers && operations[i].elsewhere)
			wanted = false;
		if (wanted && n_chosen < MAX_OPERATIONS)
			chosen[n_chosen++] = &operations[i];
	}
}

static void
sweep(const char *mode, size_t which)
{
	const struct operation *op = chosen[which];

	if (!operations_own(op))
		printf("the owner's password does not change\n");
	if (strcmp(mode, "answers") == 0)
		sweep_answers(which);
	else if (strcmp(mode, "secrets") == 0 && op->secret)
		look_for_secrets(op);
	else if (strcmp(mode, "calls") == 0)
		for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]);
		     i++)
			sweep_calls(op, &failures[i]);
}

int
main(int argc, char **argv)
{
	struct cell none = { 0 };

	if (argc < 3) {
		fprintf(stderr, "usage: faults MODE DIR [OPERATION ...]\n");
		return 2;
	}
	if (getenv("FAULTS_EVERY") != NULL)
		every = (unsigned int)atoi(getenv("FAULTS_EVERY"));
	only = getenv("FAULTS_ONLY");
	say = getenv("FAULTS_SAY") != NULL;
	choose(argv[1], argc - 3, argv + 3);
	if (every == 0 || n_chosen == 0 || !operations_begin(argv[2]))
		return 2;
	if (strcmp(argv[1], "secrets") == 0)
		finish(secrets_can_be_seen() && sees_a_secret(),
		    "sees a secret that is freed", "search", &none);
	for (size_t i = 0; i < n_chosen; i++)
		sweep(argv[1], i);
	if (strcmp(argv[1], "answers") == 0) {
		print_table();
		if (only != NULL && tried == 0)
			finish(false, "names no fault that is tried",
			    "FAULTS_ONLY", &none);
	}
	printf("1..%u\n", test);
	return 0;
}
