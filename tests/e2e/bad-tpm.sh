#!/usr/bin/env bash
# TPMs that are not there, not ours, not ready or not TPM 2.0.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
GOOD=$TCTI
enroll "$WORK/k" -O no-touch-required
export LD_LIBRARY_PATH=$TOOLS

# Enrolling and signing refuse with the same words.
both_refuse() {
	refuses "$1" enroll "$WORK/no" -O no-touch-required
	refuses "$1" sign "$WORK/k"
	[ ! -e "$WORK/no" ]
}

no_device() {
	SK_TPM_TCTI=/dev/no-such-tpm both_refuse "no TPM at /dev/no-such-tpm"
	SK_TPM_TCTI=device:/dev/no-such-tpm both_refuse "enable the TPM"
	[ -e /dev/tpmrm0 ] ||
		(unset SK_TPM_TCTI; both_refuse "no TPM at /dev/tpmrm0")
}

# A device node of our own where we may make one; else any that is closed.
no_permission() {
	local dev=$WORK/tpm-device lib=$WORK/libsk-tpm.so owner group
	cp "$LIB" "$lib"
	mkdir -m 777 "$WORK/open"
	export SK_TPM_CONFIG=/dev/null
	cp "$WORK/k" "$WORK/open/k"
	cp "$WORK/k.pub" "$WORK/open/k.pub"
	[ "$(id -u)" -ne 0 ] || chown 65534 "$WORK/open/k"
	mknod "$dev" c 10 224 || cannot "no right to make device nodes"
	chgrp daemon "$dev"
	owner=$(stat -c %U "$dev") group=$(stat -c %G "$dev")
	LIB=$lib
	export -f sign
	export LIB HOME=$WORK/open
	chmod 060 "$dev"
	SK_TPM_TCTI=$dev refuses \
		"$dev (owner $owner, group $group, mode 0060); join its group and log in again: sudo usermod -aG $group $(unprivileged id -un)" \
		unprivileged bash -c "sign $WORK/open/k"
	chmod 000 "$dev"
	SK_TPM_TCTI=$dev refuses "no group to join for it" \
		unprivileged bash -c "sign $WORK/open/k"
	# Somebody whom the databases do not know, in another group besides.
	[ "$(id -u)" -eq 0 ] || return 0
	chmod 060 "$dev"
	cp "$BUILD/sk-tpm" "$WORK/open/sk-tpm"
	SK_TPM_TCTI=$dev refuses "sudo usermod -aG $group 54321" \
		setpriv --reuid=54321 --regid=54321 --groups=54322 \
		"$WORK/open/sk-tpm" list
}

not_a_tpm() {
	SK_TPM_TCTI=device:/dev/null both_refuse "/dev/null opens but does not answer"
}

unreachable() {
	SK_TPM_TCTI=swtpm:port=1 both_refuse "cannot reach a TPM through swtpm:port=1"
	SK_TPM_TCTI=swtpm:path=/no/such/socket both_refuse "cannot reach a TPM"
}

bad_tcti() {
	local bad
	for bad in '' ':' 'a b' 'swtpm port=1'; do
		SK_TPM_TCTI=$bad both_refuse "is not a TCTI"
	done
	SK_TPM_TCTI=nonsense: both_refuse 'no TCTI called "nonsense"'
	SK_TPM_TCTI=$(head -c 2000 /dev/zero | tr '\0' a) \
		both_refuse "is not a TCTI"
	refuses "-O device" enroll "$WORK/no" -O device='a b'
}

bad_presence_setting() {
	SK_TPM_USER_PRESENCE=yes both_refuse "use auto, askpass, terminal"
}

tpm12() {
	tpm_start old
	both_refuse "speaks TPM 1.2"
}

failure_mode() {
	SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="1:rc=0x101*99" \
		both_refuse "failure mode"
}

not_started() {
	tpm_start cold --tpm2 --flags not-need-init
	both_refuse "failure mode or was not started"
}

# At every command of a signature. Nothing of ours stays in the TPM.
gone_in_the_middle() {
	local n
	for n in 1 2 3 4 5; do
		SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="$n:drop" \
			refuses "lost the TPM while it was to" sign "$WORK/k" ||
			[ "$n" -eq 4 ] # FlushContext, tried again past tpm2-tss
		TPM2TOOLS_TCTI=$GOOD tpm_is_empty
	done
}

# After an answer that it cannot read, tpm2-tss refuses to flush as well.
malformed_answers() {
	local n offset
	for n in 2 3 5; do
		for offset in 3 5 14; do
			SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="$n:flip=$offset" \
				sign "$WORK/k" || :
			TPM2TOOLS_TCTI=$GOOD tpm_is_empty
		done
	done
}

# Without a resource manager an interrupt waits until the key is flushed.
interrupted() {
	local n status
	for n in 1 2 3 4 5 6; do
		status=0
		helper_with ""
		SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="$n:interrupt" \
			sign "$WORK/k" || status=$?
		echo "command $n: exit $status"
		[ "$status" -ne 0 ]
		TPM2TOOLS_TCTI=$GOOD tpm_is_empty
	done
}

# has_sighup PID FIELD: whether that line of /proc/PID/status has it.
has_sighup() {
	local mask
	mask=$(sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status") &&
		[ -n "$mask" ] && [ $((0x$mask & 1)) -ne 0 ]
}

# While it waits for an answer, the signal is handled and not blocked. (The shell
# that is to become the command handles it as well.)
waits_interruptibly() {
	grep -qx sk-tpm "/proc/$1/comm" && has_sighup "$1" SigCgt &&
		! has_sighup "$1" SigBlk
}

has_taken_sighup() {
	! has_sighup "$1" ShdPnd && ! has_sighup "$1" SigPnd
}

# Where no answer comes, the first signal waits for it, and the second does not.
second_signal_ends_it() {
	local how pid status
	tpm_new hanging
	for how in hang deaf; do
		SK_TPM_TCTI=fault:$SK_TPM_TCTI SK_TPM_FAULT="1:$how" \
			"$BUILD/sk-tpm" test "$WORK/k" &
		pid=$!
		ends_with_us "$pid"
		wait_until waits_interruptibly "$pid"
		kill -HUP "$pid"
		wait_until has_taken_sighup "$pid"
		kill -0 "$pid"
		kill -TERM "$pid"
		wait_until ended "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq $((128 + 15)) ]
	done
}

# A setuid caller's environment counts for nothing.
setuid_caller() {
	cp "$TOOLS/print-tcti" "$WORK/print-tcti"
	export TSS2_LOG=all+trace TSS2_LOGFILE=$WORK/anywhere
	[ "$("$WORK/print-tcti")" = "$GOOD $TSS2_LOG $TSS2_LOGFILE" ]
	[ "$(id -u)" -eq 0 ] ||
		cannot "only root can make a file set-user-ID for another"
	chown 65534 "$WORK/print-tcti"
	chmod 4755 "$WORK/print-tcti"
	[ "$("$WORK/print-tcti")" = \
		"device:/dev/tpmrm0 all+NONE stderr" ]
}

# TPM commands must not be written into what is not a TPM.
files_are_not_devices() {
	echo precious >"$WORK/precious"
	cp "$WORK/precious" "$WORK/copy"
	mkfifo "$WORK/fifo"
	SK_TPM_TCTI=$WORK/precious both_refuse "precious is not a TPM device"
	SK_TPM_TCTI=device:$WORK/precious both_refuse "is not a TPM device"
	SK_TPM_TCTI=pcap:device:$WORK/precious both_refuse "is not a TPM device"
	SK_TPM_TCTI=$WORK/fifo both_refuse "is not a TPM device"
	SK_TPM_TCTI=$WORK both_refuse "is not a TPM device"
	cmp "$WORK/precious" "$WORK/copy"
}

# An object changed on its way is not taken for a new key.
forged_key() {
	local offset
	for offset in 20 170 200; do
		SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="3:flip=$offset" \
			refuses "do not trust this TPM" \
			enroll "$WORK/no" -O no-touch-required
		[ ! -e "$WORK/no" ]
		TPM2TOOLS_TCTI=$GOOD tpm_is_empty
	done
}

busy_for_a_while() {
	export SK_TPM_TCTI=fault:$GOOD
	SK_TPM_FAULT="1:rc=0x922*3" sign "$WORK/k"
	SK_TPM_FAULT="2:rc=0x90a*9" sign "$WORK/k"
	SK_TPM_FAULT="3:rc=0x908" sign "$WORK/k"
	SK_TPM_FAULT="4:rc=0x922*2" sign "$WORK/k"
	SK_TPM_FAULT="3:rc=0x922*9" enroll "$WORK/late" -O no-touch-required
	export TPM2TOOLS_TCTI=$GOOD
	tpm_is_empty
}

locked_out() {
	SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="1:rc=0x921*99" \
		both_refuse "locked out"
}

wrong_signature() {
	tpm_persist_srk
	# ReadPublic, Load, Sign: the third answer is the signature.
	SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="3:flip=-6" \
		refuses "does not verify" sign "$WORK/k"
	SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="3:flip=15.2" \
		refuses "a signature of algorithm 0x001c" sign "$WORK/k"
	tpm_is_empty
}

# first CODE COMMAND...: which of its TPM commands is the first of that code.
first() {
	local code=$1
	shift
	TCTI=$GOOD commands "$@" | grep -n -m 1 "^$code\$" | cut -d: -f1
}

# Listing them would never end.
out_of_order() {
	local n
	tpm2_nvdefine -Q -C o -s 8 0x01800001
	finally tpm2_nvundefine -Q -C o 0x01800001
	tpm2_nvdefine -Q -C o -s 8 0x01a00000
	finally tpm2_nvundefine -Q -C o 0x01a00000
	n=$(first 17a "$BUILD/sk-tpm" list) # GetCapability
	SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="$n:flip=24.5" \
		refuses "lists its NV indices out of order" \
		"$BUILD/sk-tpm" list
}

# What an index is like is told once, where nobody is asked; its size is altered
# there.
forged_index() {
	local n index refused=0
	for ((n = 3; n < 20; n++)); do
		"$BUILD/sk-tpm" list -j | grep -q 0x01 ||
			"$BUILD/sk-tpm" enroll -n -r -f "$WORK/index$n"
		index=$("$BUILD/sk-tpm" list -j | jq -r '.resident[0].index')
		SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="$n:flip=56.0" \
			"$BUILD/sk-tpm" remove -y "$index" 2>"$WORK/err" &&
			continue
		cat "$WORK/err"
		grep -q "not what the TPM said it is\|nothing was removed" \
			"$WORK/err"
		"$BUILD/sk-tpm" list -j | grep -q "$index"
		refused=$((refused + 1))
	done
	[ "$refused" -ge 1 ]
	tpm_is_empty
}

# Without its lockout state, no PIN is tried; nor is an owner's password asked
# for where it is not told whether there is one.
tells_something_else() {
	local n
	askpass_says 123456
	"$BUILD/sk-tpm" enroll -P -f "$WORK/telling"
	n=$(first 17a sign "$WORK/telling")
	SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="$n:flip=22" \
		refuses "does not tell its lockout state" sign "$WORK/telling"
	SK_TPM_TCTI=fault:$GOOD SK_TPM_FAULT="1:flip=22" \
		refuses "does not tell property 0x200" \
		"$BUILD/sk-tpm" enroll -n -r -f "$WORK/told"
	tpm_is_empty
}

# Fills the TPM with objects until the try has ended.
fill_the_tpm() {
	local i
	finally env "TPM2TOOLS_TCTI=$TPM2TOOLS_TCTI" tpm2_flushcontext -t
	for i in 1 2 3; do
		tpm2_createprimary -Q -C n -G ecc -c "$WORK/full.$i"
	done
	[ "$(tpm2_getcap handles-transient | wc -l)" -eq 3 ]
}

# waits_for_room COMMAND...: the TPM is full; it waits until somebody makes room,
# and works. What it says is in $WORK/out.
waits_for_room() {
	local pid
	fill_the_tpm
	"$@" >"$WORK/out" 2>&1 &
	pid=$!
	wait_until grep -q 'waiting for other programs' "$WORK/out"
	tpm2_flushcontext -t
	wait "$pid"
	tpm_is_empty
}

full_then_free() {
	waits_for_room sign "$WORK/k"
}

command_when_full() {
	askpass_says 123456
	"$BUILD/sk-tpm" enroll -P -f "$WORK/full-pin"
	askpass_says 123456 abcdefgh
	waits_for_room "$BUILD/sk-tpm" pin "$WORK/full-pin"
	waits_for_room "$BUILD/sk-tpm" show "$WORK/full-pin"
	grep '^Works here: *yes' "$WORK/out"
	tpm_new not-set-up
	waits_for_room "$BUILD/sk-tpm" setup
	grep 'Made the storage root key persistent' "$WORK/out"
	tpm2_changeauth -Q -c owner secret
	askpass_says secret
	waits_for_room "$BUILD/sk-tpm" enroll -n -r -f "$WORK/full-rk"
	waits_for_room "$BUILD/sk-tpm" remove -y "$("$BUILD/sk-tpm" list -j |
		jq -r '.resident[0].index')"
}

full_for_good() {
	local out
	fill_the_tpm
	out=$(fails sign "$WORK/k" 2>&1)
	echo "$out"
	grep -q '^sk-tpm: the TPM has no room left for a key.*tpm2_flushcontext' \
		<<<"$out"
	tpm2_flushcontext -t
	sign "$WORK/k"
}

# helper_with REDIRECTION: only the helper's stderr is so; ssh-keygen's own
# lines would end it.
helper_with() {
	printf '#!/bin/bash\nexec %s "$@" %s\n' "$(sk_helper)" "$1" \
		>"$WORK/helper"
	chmod +x "$WORK/helper"
	export SSH_SK_HELPER=$WORK/helper
}

stderr_closed() {
	local how
	for how in '2>&-' '2> >(:)' '2>/dev/full'; do
		helper_with "$how"
		sign "$WORK/k"
		SK_TPM_TCTI=swtpm:port=1 fails sign "$WORK/k"
	done
	unset SSH_SK_HELPER
	sign "$WORK/k"
	export TPM2TOOLS_TCTI=$GOOD
	tpm_is_empty
}

# tpm2-abrmd answers a client too many as it answers nothing at all.
more_than_it_serves() {
	local i pid pids=()
	resource_manager --max-connections=2
	for ((i = 0; i < 8; i++)); do
		sign "$WORK/k" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	SK_TPM_TCTI=$TCTI,bus_name=com.example.None fails sign "$WORK/k" \
		2>"$WORK/err"
	grep '^sk-tpm: .*not running.*--max-connections' "$WORK/err"
	# It takes no lock for a PIN as the kernel's does.
	askpass_says 123456
	"$BUILD/sk-tpm" enroll -P -f "$WORK/managed"
	sign "$WORK/managed"
	tpm_is_empty
}

try "no TPM device" no_device
try "no permission: names owner, group and the command" no_permission
try "a device that is no TPM" not_a_tpm
try "unreachable TCTI" unreachable
try "bad TCTI string" bad_tcti
try "bad SK_TPM_USER_PRESENCE" bad_presence_setting
try "TPM 1.2" tpm12
try "TPM in failure mode" failure_mode
try "TPM that was not started" not_started
try "TPM gone in the middle" gone_in_the_middle
try "a malformed answer leaves nothing loaded" malformed_answers
try "an interrupt leaves nothing loaded" interrupted
try "a TPM that hangs: a second signal ends it" second_signal_ends_it
try "a setuid caller's environment is ignored" setuid_caller
try "files, pipes and directories are not written to" files_are_not_devices
try "a key that was changed on its way is refused" forged_key
try "TPM busy for a while: tried again" busy_for_a_while
try "TPM in lockout: said, not tried again" locked_out
try "a wrong signature is not returned" wrong_signature
try "NV indices out of order: said, not read for ever" out_of_order
try "an NV index that is not as it was told is not removed" forged_index
try "answers about something else: said, nothing is tried" \
	tells_something_else
try "full TPM: waits, and works once slots free up" full_then_free
try "full TPM: the command waits, too" command_when_full
try "full TPM: says so in the end" full_for_good
try "stderr closed or broken" stderr_closed
try "more clients than tpm2-abrmd serves: they wait" more_than_it_serves
echo "1..$N"
