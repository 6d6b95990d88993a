#!/usr/bin/env bash
# Every OpenSSH: in each Debian release all is built by its compiler with its
# libraries, and tested with its OpenSSH. Prints what tests/run does, and a
# table at the end; $BUILD/matrix has that and each release's whole log. Fails
# where anything does.
#
# $SUITES are the releases, $TESTS the end-to-end tests: those that meet OpenSSH,
# the TPM's libraries or OpenSSL. What is left out is the same everywhere.
# shellcheck source=tests/debian/trees.sh
. "$(dirname "$0")/trees.sh"

SUITES=${SUITES:-bullseye bookworm trixie sid}
LEFT_OUT="examples installing memory"
LOGS=$BUILD/matrix
ROW='%-10s %-9s %-9s %-9s %-8s %-8s %-19s %-10s %-14s %8s\n'

every_test() {
	local test
	for test in "$TOP"/tests/e2e/*.sh; do
		test=$(basename "$test" .sh)
		[[ " $LEFT_OUT " = *" $test "* ]] || echo "$test"
	done
}
TESTS=${TESTS:-$(every_test)}

furnish_matrix() {
	add_packages "$1" make
	add_needed "$1" matrix
	add_swtpm "$1"
}

has_tree() {
	make_base "$1" matrix
	unpack "$1-matrix" "$1"
	# What the base lacks because it is an older one.
	add_needed "$TREES/$1" matrix
	lend_swtpm "$TREES/$1"
	copy_source "$TREES/$1" .
}

builds() {
	inside "$TREES/$1" make -s -j2 -C /src all tests
}

# step SUITE WHAT COMMAND...: into the release's log, and shown where it fails,
# with BAD set. (By what it returns, bash would ignore set -e in all of it.)
step() {
	local suite=$1 what=$2 log=$WORK/step.log status
	shift 2
	(set -e; "$@") >"$log" 2>&1 </dev/null
	status=$?
	{ echo "--- $what"; cat "$log"; } >>"$LOGS/$suite"
	[ "$status" -ne 0 ] || return 0
	echo "$suite: $what failed"
	tail -n 40 "$log" | sed 's/^/    /'
	BAD=1
}

# tests SUITE COMMAND...: shown as it goes on; sets RESULT to
# "passed/failed/skipped".
tests() {
	local suite=$1 log=$WORK/tests.log
	shift
	inside "$TREES/$suite" BUILD=/src/build "$@" 2>&1 </dev/null |
		tee "$log"
	cat "$log" >>"$LOGS/$suite"
	RESULT=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1\/\2/p' \
		"$log")$(sed -n 's/^\([0-9]*\) skipped$/\/\1/p' "$log")
	[[ $RESULT =~ ^[0-9]+/0(/|$) ]] || BAD=1
	RESULT=${RESULT:-died}
}

# What it was tried with: OpenSSH, tpm2-tss, OpenSSL, libcbor, gcc, library.
versions() {
	# shellcheck disable=SC2016 # for the shell inside
	inside "$1" bash -c '
		cd /src
		version=$(ssh -V 2>&1)
		version=${version%%[ ,]*}
		echo "${version#OpenSSH_}"
		for name in tss2-esys libcrypto libcbor; do
			pkg-config --modversion "$name"
		done
		cc -dumpfullversion
		. tests/lib.sh
		basename "$LIB"'
}

# suite SUITE: a row of the table; sets BAD where anything fails.
suite() {
	local suite=$1 unit=- e2e=- v=(- - - - - -)
	SECONDS=0 BAD=0
	: >"$LOGS/$suite"
	step "$suite" "making its tree" has_tree "$suite"
	if [ "$BAD" -eq 0 ]; then
		mapfile -t v < <(versions "$TREES/$suite")
		echo "$suite: OpenSSH ${v[0]}, tpm2-tss ${v[1]}, OpenSSL ${v[2]}," \
			"libcbor ${v[3]}, gcc ${v[4]}; $(inside "$TREES/$suite" \
			swtpm --version | sed 's/.*version \([^,]*\),.*/swtpm \1/')"
		step "$suite" "building" builds "$suite"
	fi
	if [ "$BAD" -eq 0 ]; then
		tests "$suite" make -s -C /src check-unit
		unit=$RESULT
		# shellcheck disable=SC2046,SC2086 # words
		tests "$suite" /src/tests/run \
			$(printf 'tests/e2e/%s.sh\n' $TESTS)
		e2e=$RESULT
	fi
	rm -rf --one-file-system "${TREES:?}/$suite"
	# shellcheck disable=SC2059 # one format
	printf "$ROW" "$suite" "${v[@]}" "$unit" "$e2e" "$SECONDS s" \
		>>"$LOGS/table"
}

reason=$(why_not)
if [ -n "$reason" ]; then
	echo "check-matrix is not possible here: $reason" >&2
	exit 1
fi
mkdir -p "$LOGS"
ANY_BAD=0
# shellcheck disable=SC2059 # one format
printf "$ROW" Debian OpenSSH tpm2-tss OpenSSL libcbor gcc library unit \
	end-to-end time >"$LOGS/table"
for suite in $SUITES; do
	suite "$suite"
	[ "$BAD" -eq 0 ] || ANY_BAD=1
done
echo
echo "unit and end-to-end: passed/failed, and skipped where some were;"
echo "left out everywhere: $LEFT_OUT"
cat "$LOGS/table"
exit "$ANY_BAD"
