#!/usr/bin/env bash
# OpenSSH's own regress suite in each Debian release, from its package
# openssh-tests, with our library in the place of the provider that it tests
# with: tests/debian/regress.sh. $SUITES are the releases, $REGRESS its tests by
# OpenSSH's names, or all; unless set, those with security keys.
# shellcheck source=tests/debian/trees.sh
. "$(dirname "$0")/trees.sh"

SUITES=${SUITES:-bullseye bookworm trixie sid}
USERS="root tester"

furnish_openssh() {
	add_packages "$1" make
	add_needed "$1" openssh
	add_swtpm "$1"
}

has_tree() {
	local tree=$TREES/$1
	make_base "$1" openssh
	unpack "$1-openssh" "$1"
	# What the base lacks because it is an older one.
	add_needed "$tree" openssh
	lend_swtpm "$tree"
	copy_source "$tree" .
	inside "$tree" make -s -j2 -C /src all
	inside "$tree" /src/tests/debian/regress.sh prepare
	touch "$tree/ready"
}

regress() {
	inside "$TREES/$1" REGRESS="${REGRESS-}" \
		/src/tests/debian/regress.sh "$2"
}

reason=$(why_not)
if [ -n "$reason" ]; then
	skip "OpenSSH's own tests in $SUITES" "$reason"
	echo "# note: $SUITES: not tried here: $reason"
	SUITES=
fi
for suite in $SUITES; do
	try "$suite: a system with OpenSSH's tests and our library" \
		has_tree "$suite"
	[ -e "$TREES/$suite/ready" ] || continue
	echo "# note: $suite: $(inside "$TREES/$suite" ssh -V 2>&1)"
	for user in $USERS; do
		regress "$suite" "$user" >"$WORK/$suite.$user" 2>&1 &
		eval "${user}_pid=$!"
		ends_with_us "$!"
	done
	for user in $USERS; do
		pid=${user}_pid status=0
		wait "${!pid}" || status=$?
		relay "$suite, $user" sh -c "cat '$WORK/$suite.$user'; exit $status"
	done
	rm -rf --one-file-system "${TREES:?}/$suite"
done
echo "1..$N"
