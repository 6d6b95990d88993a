#!/usr/bin/env bash
# tests/run and tests/lib.sh: that what fails is seen, and what is left over.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

unset ONLY
mkdir "$WORK/tests"

# a_test NAME < SCRIPT: a test file of that name.
a_test() {
	{ echo '#!/bin/bash'; echo ". '$TOP/tests/lib.sh'"; cat
	  echo 'echo "1..$N"'; } >"$WORK/tests/$1"
	chmod +x "$WORK/tests/$1"
}

# run_tests NAME...: what tests/run prints is in $WORK/out.
run_tests() {
	local status=0
	TEST_JOBS=2 "$TOP/tests/run" "${@/#/$WORK/tests/}" >"$WORK/out" 2>&1 ||
		status=$?
	cat "$WORK/out"
	return "$status"
}

last_lines_are() {
	diff <(tail -n "$(wc -l <"$WORK/expected")" "$WORK/out") "$WORK/expected"
}

a_test good <<'EOT'
try "holds" true
try "is for others" cannot "is not here"
EOT
a_test bad <<'EOT'
try "holds" true
try "does not" false
try "nor this" false
EOT
a_test dies <<'EOT'
try "holds" true
exit 3
EOT
# A daemon: not the test's child, and in a session of its own.
a_test leaves-a-process <<'EOT'
setsid -f sleep 1000 >/dev/null 2>&1
try "holds" true
EOT
a_test leaves-a-file <<'EOT'
touch "$TMPDIR/left"
try "holds" true
EOT

sums_it_up() {
	fails run_tests good bad dies
	cat >"$WORK/expected" <<-EOT
		1 skipped
		3 passed, 3 failed
	EOT
	last_lines_are
	grep -x 'failed: e2e/bad: 2 - does not (exit 1)' "$WORK/out"
	grep -x 'failed: e2e/bad: 3 - nor this (exit 1)' "$WORK/out"
	grep -x 'failed: e2e/dies: exit status 3, planned nothing' "$WORK/out"
	[ "$(grep -c '^failed: ' "$WORK/out")" -eq 3 ]
	run_tests good
}

# As Debian 12's cmocka says that a test was skipped.
knows_skips_of_cmocka() {
	printf '%s\n' '#!/bin/sh' 'echo 1..2' 'echo "ok 1 - holds"' \
		'echo "not ok 2 # SKIP is_for_others"' >"$WORK/tests/cmocka"
	chmod +x "$WORK/tests/cmocka"
	run_tests cmocka
	printf '1 skipped\n1 passed, 0 failed\n' >"$WORK/expected"
	last_lines_are
	grep 'skipped: is_for_others: not here' "$WORK/out"
}

sees_processes() {
	local pid
	fails run_tests leaves-a-process
	pid=$(sed -n 's/.*left running: \([0-9]*\) sleep 1000 $/\1/p' "$WORK/out")
	[ -n "$pid" ]
	wait_until ended "$pid"
	grep -x 'failed: e2e/leaves-a-process: left processes or files' "$WORK/out"
}

sees_files() {
	fails run_tests leaves-a-file
	grep -x ' *# left behind: left' "$WORK/out"
}

runs_some() {
	ONLY='e2e/go* e2e/none' run_tests bad good
	fails grep e2e/bad "$WORK/out"
	ONLY=e2e/none exits 2 run_tests bad good
}

# In the subshell of a try, whichever way that ends.
undoes() {
	a_test undoing <<-'EOT'
		change() { finally rm "$WORK/a"; finally mv "$WORK/b" "$WORK/a"
			touch "$WORK/b"; "$@"; }
		try "a failure" change false
		try "a skip" change cannot "do it"
		try "a success" change true
		try "is undone" test ! -e "$WORK/a" -a ! -e "$WORK/b"
	EOT
	fails run_tests undoing
	printf '1 skipped\n2 passed, 1 failed\n' >"$WORK/expected"
	last_lines_are
	grep -x 'failed: e2e/undoing: 1 - a failure (exit 1)' "$WORK/out"
}

try "sums, skips and names of what failed are the last lines" sums_it_up
try "a test that cmocka skips is no failure" knows_skips_of_cmocka
try "a process that a test leaves running is a failure, and ended" \
	sees_processes
try "a file that a test leaves is a failure" sees_files
try "some tests by name" runs_some
try "a try undoes what it changed, however it ends" undoes
echo "1..$N"
