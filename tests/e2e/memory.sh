#!/usr/bin/env bash
# The real ssh-sk-helper under valgrind: no leak and no bad access of ours.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm

# Of what is not ours; nothing, but where a test says so.
: >"$WORK/suppressions"

cat >"$WORK/helper" <<EOF
#!/bin/sh
exec valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect --error-exitcode=99 \
	--keep-debuginfo=yes --trace-children=no \
	--suppressions="$WORK/suppressions" \
	--log-file="$WORK/valgrind.%p" "$(sk_helper)" "\$@"
EOF
chmod +x "$WORK/helper"

# No report names a frame in our library.
clean() {
	local log
	set -- "$WORK"/valgrind.*
	[ -e "$1" ] || { echo "valgrind did not run"; return 1; }
	for log; do
		if grep -q 'libsk-tpm\|/sk/\|(provider.c' "$log"; then
			cat "$log"
			return 1
		fi
	done
	rm -f "$WORK"/valgrind.*
}

good_path() {
	export SSH_SK_HELPER=$WORK/helper
	enroll "$WORK/k" -O no-touch-required
	clean
	sign_and_verify "$WORK/k"
	clean
	SK_TPM_USER_PRESENCE=assume enroll "$WORK/a"
	clean
}

with_pin() {
	export SSH_SK_HELPER=$WORK/helper
	askpass_says 123456
	echo 123456 | ssh-keygen -q -t ecdsa-sk -O verify-required -N '' \
		-w "$LIB" -f "$WORK/pin"
	clean
	sign_and_verify "$WORK/pin"
	clean
	askpass_says 654321
	fails sign "$WORK/pin"
	clean
}

bad_paths() {
	export SSH_SK_HELPER=$WORK/helper
	# tpm2-tss 4.1 loses its own context when a TCTI does not connect, with
	# nothing returned that could be finalized.
	cat >"$WORK/suppressions" <<-EOF
		{
		   tctildr
		   Memcheck:Leak
		   match-leak-kinds: definite
		   fun:calloc
		   fun:Tss2_TctiLdr_Initialize_Ex
		}
	EOF
	SK_TPM_TCTI=swtpm:port=1 fails sign "$WORK/k"
	clean
	fails enroll "$WORK/no" -O device=nonsense:
	clean
	: >"$WORK/suppressions"
	export LD_LIBRARY_PATH=$TOOLS
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT="5:rc=0x101" fails sign "$WORK/k"
	clean
}

command_line() {
	local args
	tpm_persist_srk
	for args in "enroll -n -r -f $WORK/cmd" "list" "show $WORK/cmd" \
		"test $WORK/cmd" "setup" "show /etc/passwd"; do
		# shellcheck disable=SC2086 # words
		valgrind -q --leak-check=full --show-leak-kinds=definite \
			--errors-for-leak-kinds=definite --error-exitcode=99 \
			"$BUILD/sk-tpm" $args || [ $? -eq 1 ]
	done
}

try "enrolling and signing leak nothing under valgrind" good_path
try "nor with a PIN, right or wrong" with_pin
try "nor does failing" bad_paths
try "nor does sk-tpm" command_line
echo "1..$N"
