#!/usr/bin/env bash
# usage: regress.sh prepare | USER
# Runs OpenSSH's regress suite as that user, inside a system that is thrown away.
# `prepare` has put our library in the place of the suite's dummy provider; the
# dummy is our FallbackProvider, so that ed25519-sk keys are tried as well.
# $REGRESS are those of its tests that are wanted, "all" of them, or unless set
# those that know of security keys.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

SUITE=/usr/lib/openssh/regress
DUMMY=/usr/lib/openssh/sk-dummy.so
USER=$1

if [ "$USER" = prepare ]; then
	set -e
	mv "$SUITE/misc/sk-dummy/sk-dummy.so" "$DUMMY"
	cp "$LIB" "$SUITE/misc/sk-dummy/sk-dummy.so"
	mkdir -p /run/sshd
	useradd -m -s /bin/sh tester
	exit
fi
if [ -z "${OWN_NETWORK-}" ]; then
	# It has fixed ports.
	cleanup
	OWN_NETWORK=yes exec unshare --net "$0" "$@"
fi
ip link set lo up

tpm_new tpm
"$BUILD/sk-tpm" setup >/dev/null
printf '%s\n' 'UserPresence assume' "FallbackProvider $DUMMY" >"$SK_TPM_CONFIG"
chmod 644 "$SK_TPM_CONFIG"
SCRATCH=$WORK/scratch
install -d -m 755 -o "$USER" "$SCRATCH"
# ssh asks the password database where that is. pubkey-priority wants .ssh.
HOME_OF_USER=$(getent passwd "$USER" | cut -d: -f6)
install -d -m 700 -o "$USER" "$HOME_OF_USER/.ssh"

all_tests() {
	printf 'include Makefile\nall-tests:\n\t@echo $(LTESTS)\n' |
		make -s -C "$SUITE" -f - all-tests
}

# in_suite TEST: as Debian's own test of the package has it run, without sudo. Not
# in a directory of the test's name: hostkey-agent strikes lines with "hostkey".
in_suite() {
	setpriv --reuid="$USER" --regid="$(id -g "$USER")" --init-groups \
		env HOME="$HOME_OF_USER" USER="$USER" LOGNAME="$USER" \
		TEST_SSH_SK_HELPER="$(sk_helper)" \
		timeout 1200 "$SUITE/run-tests" "$SCRATCH/run" \
		t-exec LTESTS="$1" SUDO=
}

passes() {
	local status=0 reason
	install -d -o "$USER" "$SCRATCH/run"
	in_suite "$1" >"$WORK/log" 2>&1 || status=$?
	cat "$WORK/log"
	rm -rf "$SCRATCH/run"
	[ "$status" -eq 0 ] || { grep -a '^FAIL' "$WORK/log"; return 1; }
	reason=$(sed -n 's/^skipped:* *(*\([^)]*\))*$/\1/Ip' "$WORK/log" |
		head -n 1)
	[ -z "$reason" ] || cannot "$reason"
	grep -q '^ok ' "$WORK/log"
}

# By all types of keys that OpenSSH has, most of them.
tests_with_keys() {
	local test
	for test in $(all_tests); do
		! grep -qE 'SSH_KEYTYPES|SK_PROVIDER|SK_HELPER|filter_sk|-sk' \
			"$SUITE/$test.sh" || echo "$test"
	done
}

case ${REGRESS-} in
'') wanted=$(tests_with_keys) ;;
all) wanted=$(all_tests) ;;
*) wanted=$REGRESS ;;
esac
for test in $wanted; do
	try "$test" passes "$test"
done
echo "1..$N"
