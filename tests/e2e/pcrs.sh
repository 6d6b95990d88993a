#!/usr/bin/env bash
# Keys that depend on PCRs: made, used, refused after another boot, in words.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

PIN=123456
SECURE_BOOT="PCR 7 (Secure Boot: whether it is on, its keys and databases)"
BOTH="PCRs 4 (the boot loader, or a kernel that the firmware starts) and 7 ("

sk() {
	"$BUILD/sk-tpm" "$@"
}

# measure PCR NUMBER: as firmware does for what it is about to run.
measure() {
	tpm2_pcrextend "$1:sha256=$(printf '%064d' "$2")"
}

# boot [PCR NUMBER]...: resets the TPM, as turning a machine on does, and measures
# these.
boot() {
	local port=${TCTI##*=}
	# Else it takes what it was doing for a guess at a PIN.
	tpm2_shutdown -c
	swtpm_ioctl --tcp "127.0.0.1:$((port + 1))" -i
	tpm2_startup -c
	while [ $# -gt 0 ]; do
		measure "$1" "$2"
		shift 2
	done
}

# boots ARGUMENT...: for this try alone.
boots() {
	boot "$@"
	finally boot 4 1 7 1
}

# Nobody was asked anything.
nobody_was_asked() {
	[ ! -s "$WORK/asked" ] || { cat "$WORK/asked"; return 1; }
}

made_with_values() {
	askpass_says "$PIN"
	sk enroll -n --pcrs 7 -f "$WORK/k" | tee "$WORK/out"
	grep -xF "Boot state:       $SECURE_BOOT" "$WORK/out"
	sk enroll -n -P --pcrs 7+4 -f "$WORK/pin"
	sk enroll -j --pcrs 7,4 -f "$WORK/asks" | tee "$WORK/out"
	jq -e --arg both "$BOTH" '.boot_state | startswith($both)' "$WORK/out"
	sk enroll -n --pcrs 0+1+2+3+4+5+6+7+8+9+10+11+12+13+14+15 \
		-f "$WORK/none" 2>&1 | tee "$WORK/out"
	grep -F "measured into PCRs 0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 13, 14 and 15" \
		"$WORK/out"
	[ ! -e "$WORK/none" ]
	tpm_is_empty
}

sign_while_they_hold() {
	askpass_says "$PIN"
	sign_and_verify "$WORK/k"
	sign_and_verify "$WORK/pin"
	sign_and_verify "$WORK/asks"
	{
		echo "no-touch-required $(cat "$WORK/k.pub")"
		echo "no-touch-required,verify-required $(cat "$WORK/pin.pub")"
	} >"$WORK/server.keys"
	log_in -i "$WORK/k"
	log_in -o BatchMode=no -i "$WORK/pin"
	tpm_is_empty
}

# More than one command tells.
sixteen() {
	local i all=()
	for i in {0..15}; do all+=("$i" $((i + 1))); done
	boots "${all[@]}"
	sk enroll -n --pcrs 0+1+2+3+4+5+6+7+8+9+10+11+12+13+14+15 \
		-f "$WORK/all"
	sign_and_verify "$WORK/all"
	measure 13 1
	refuses "PCR 13 (extensions for a unified kernel image) is not as" \
		sign "$WORK/all"
	all[1]=7 all[31]=7
	boot "${all[@]}"
	refuses "PCRs 0 (the firmware's code) and 15 (" sign "$WORK/all"
}

lists() {
	local list
	for list in "" x 07 "7 4" 7:sha256 secure-boot-policy 7+ 24; do
		refuses "PCR" sk enroll -n --pcrs "$list" -f "$WORK/none"
	done
	for list in 16 23 7+16 23,7; do
		refuses "anybody can reset that one" \
			sk enroll -n --pcrs "$list" -f "$WORK/none"
	done
	refuses "names PCR 7 twice" sk enroll -n --pcrs 7+4+7 -f "$WORK/none"
	[ ! -e "$WORK/none" ]
}

# Before a PIN is asked for.
zeros() {
	boots 4 1
	askpass_says "$PIN"
	refuses "nothing was measured into PCR 7 in this boot" \
		sk enroll -P --pcrs 7+4 -f "$WORK/none"
	nobody_was_asked
	[ ! -e "$WORK/none" ]
}

after_a_reboot() {
	boot 4 1 7 1
	askpass_says "$PIN"
	sign_and_verify "$WORK/k"
	sign_and_verify "$WORK/pin"
}

another_state() {
	boots 4 1 7 2
	askpass_says "$PIN"
	refuses "$SECURE_BOOT is not as it was when this key was made" \
		sign "$WORK/k"
	refuses "boot as then, or make a new key" sign "$WORK/asks"
	refuses "$SECURE_BOOT is not" sk test "$WORK/pin"
	refuses "$SECURE_BOOT is not" sk pin "$WORK/pin"
	# (Older ones ask for the PIN before they call us.)
	[ "$OPENSSH" -lt 809 ] ||
		refuses "$SECURE_BOOT is not" log_in -o BatchMode=no \
			-i "$WORK/pin"
	nobody_was_asked
	# With a file's own flag, ssh-keygen asks for the PIN before it asks us.
	refuses "$SECURE_BOOT is not" sign "$WORK/pin"
	boot 4 2 7 2
	refuses "$SECURE_BOOT is not" sign "$WORK/k"
	refuses "$BOTH" sk test "$WORK/pin"
	refuses "databases) are not as they were when" sign "$WORK/asks"
	[ "$(wrong_tries)" -eq 0 ]
	tpm_is_empty
	# As good as new, booted as before.
	boot 4 1 7 1
	sign_and_verify "$WORK/k"
	sign_and_verify "$WORK/pin"
}

# It is found out by the TPM, not by us: another extend comes after we looked.
told_apart_by_the_tpm() {
	boots 4 1 7 1
	askpass_says "$PIN"
	export SSH_ASKPASS=$WORK/extends
	printf '#!/bin/sh\n%s >&2\nexec %s "$@"\n' \
		"tpm2_pcrextend 7:sha256=$(printf '%064d' 5)" "$WORK/askpass" \
		>"$WORK/extends"
	chmod +x "$WORK/extends"
	refuses "$SECURE_BOOT is not" sk test "$WORK/pin"
	grep -q PIN "$WORK/asked"
	[ "$(wrong_tries)" -eq 0 ]
	tpm_is_empty
}

told_by_show_and_doctor() {
	sk show "$WORK/k" | tee "$WORK/out"
	grep -xF "Boot state:        $SECURE_BOOT" "$WORK/out"
	grep -x 'Boot state holds:  yes' "$WORK/out"
	grep -x 'Works here: *yes' "$WORK/out"
	boots 4 1 7 2
	sk show -j "$WORK/k" | tee "$WORK/out"
	jq -e '.boot_state_holds == false and .works_here == false' "$WORK/out"
	jq -e '.why_not | startswith("PCR 7 (Secure Boot")' "$WORK/out"
	fails sk doctor "$WORK/k" >"$WORK/out"
	grep "^wrong .*key in this TPM .*PCR 7 (Secure Boot" "$WORK/out"
	# A key without says nothing of it.
	sk enroll -n -f "$WORK/plain"
	sk show "$WORK/plain" | tee "$WORK/out"
	fails grep -i 'boot state' "$WORK/out"
}

wrong_pin() {
	askpass_says wrong-one
	refuses "wrong PIN" sk test "$WORK/pin"
	[ "$(wrong_tries)" -eq 1 ]
	tpm_is_empty
	tpm2_dictionarylockout -Q -c
	# Without a PIN there is nothing to lock.
	tpm2_dictionarylockout -Q -s -n 1 -t 1000 -l 1000
	finally tpm2_dictionarylockout -Q -s -n 10 -t 1000 -l 1000
	finally tpm2_dictionarylockout -Q -c
	SK_TPM_SPEND_LAST_TRY=yes refuses "has locked itself" sk test "$WORK/pin"
	sign_and_verify "$WORK/k"
}

another_pin() {
	cp "$WORK/pin" "$WORK/changed"
	cp "$WORK/pin.pub" "$WORK/changed.pub"
	askpass_says "$PIN" 654321
	sk pin "$WORK/changed"
	askpass_says 654321
	sign_and_verify "$WORK/changed"
	askpass_says "$PIN"
	refuses "wrong PIN" sk test "$WORK/changed"
	tpm2_dictionarylockout -Q -c
	boots 4 1 7 2
	askpass_says 654321
	refuses "$SECURE_BOOT is not" sk test "$WORK/changed"
	tpm_is_empty
}

# Neither an HMAC nor a password opens it: the TPM wants the policy.
by_its_policy_alone() {
	local area
	boots 4 1 7 2
	handle_of "$WORK/k" >"$WORK/handle"
	perl -0777 -ne '/(\0\x78\0\x23\0\x0b.{116})\x03\x58(.)(.*)/s or exit 1;
		open F, ">", "'"$WORK"'/area"; print F $1; close F;
		print substr($3, 0, ord $2)' "$WORK/handle" >"$WORK/private"
	area=$(tpm2_print -t TPM2B_PUBLIC "$WORK/area")
	echo "$area"
	grep 'fixedtpm|fixedparent|sensitivedataorigin|noda|sign' <<<"$area"
	tpm2_load -Q -C 0x81000001 -u "$WORK/area" -r "$WORK/private" \
		-c "$WORK/k.ctx"
	finally tpm2_flushcontext -t
	fails tpm2_sign -c "$WORK/k.ctx" -g sha256 -o "$WORK/sig" "$WORK/area"
}

# What PCRs cannot tell: whoever has the TPM measure the same has the same.
same_measurements() {
	boots 7 1
	refuses "$BOTH" sk test "$WORK/asks" && return 1
	sign_and_verify "$WORK/k"
}

absent_bank() {
	finally boot 4 1 7 1
	finally tpm2_pcrallocate -Q sha1:all+sha256:all
	tpm2_pcrallocate -Q sha1:all+sha256:none ||
		cannot "this tpm2-tools allocates no PCRs by bank"
	boot
	askpass_says "$PIN"
	refuses "this TPM has no PCR 7 in a SHA-256 bank" \
		sk enroll -P --pcrs 7 -f "$WORK/none"
	refuses "this TPM has no PCR 7 in a SHA-256 bank" sign "$WORK/k"
	refuses "this TPM has no PCRs 4 and 7 in a SHA-256 bank" \
		sk test "$WORK/pin"
	nobody_was_asked
	tpm_is_empty
}

# with_measurements N COMMAND...: N times, the machine measures before a Sign.
with_measurements() {
	LD_LIBRARY_PATH=$TOOLS SK_TPM_TCTI=extend:$TCTI SK_TPM_EXTEND=$1 "${@:2}"
}

measured_meanwhile() {
	askpass_says "$PIN"
	with_measurements 1 sign_and_verify "$WORK/k"
	with_measurements 8 sign_and_verify "$WORK/k"
	with_measurements 8 sign_and_verify "$WORK/pin"
	tpm_is_empty
	refuses "PCR have changed" with_measurements 9 sign "$WORK/k"
	refuses "PCR have changed" with_measurements 9 sk test "$WORK/pin"
	[ "$(wrong_tries)" -eq 0 ]
	tpm_is_empty
}

without_a_persistent_parent() {
	tpm2_evictcontrol -Q -C o -c 0x81000001
	finally tpm_persist_srk
	askpass_says "$PIN"
	sign_and_verify "$WORK/k"
	sign_and_verify "$WORK/pin"
	sk enroll -n --pcrs 4 -f "$WORK/transient"
	sign_and_verify "$WORK/transient"
	with_measurements 2 sign_and_verify "$WORK/k"
	boots 4 2 7 1
	refuses "PCR 4 (" sign "$WORK/transient"
	tpm_is_empty
}

kept_in_the_tpm() {
	local index
	sk enroll -n -r --pcrs 7+4 -f "$WORK/kept"
	index=$(sk list -j | jq -r '.resident[0].index')
	sk list -j | jq -e '.resident[0].boot_state | startswith("PCRs 4 (")'
	sk test "$index"
	(cd "$WORK" && ssh-keygen -q -K -N '' -w "$LIB" </dev/null)
	SK_TPM_USER_PRESENCE=assume sign_and_verify "$WORK/id_ecdsa_sk_rk"
	boots 4 1 7 2
	refuses "$SECURE_BOOT is not" sk test "$index"
	refuses "$SECURE_BOOT is not" sign "$WORK/id_ecdsa_sk_rk"
	sk remove -y "$index"
}

# The PIN counts for a while, and only in that state.
with_a_lifetime() {
	export XDG_RUNTIME_DIR=$WORK/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	askpass_says "$PIN"
	sk enroll -n -P --pin-lifetime 10m --pcrs 7 -f "$WORK/while"
	sign_and_verify "$WORK/while"
	sk show "$WORK/while" | grep -x 'Boot state holds: *yes'
	boots 4 1 7 2
	askpass_says "$PIN"
	refuses "$SECURE_BOOT is not" sk test "$WORK/while"
	nobody_was_asked
	[ "$(wrong_tries)" -eq 0 ]
	tpm_is_empty
}

tpm_new tpm
sshd_start server
tpm_persist_srk
boot 4 1 7 1
try "keys are made with the values of now, and say so" made_with_values
try "they sign while these hold" sign_while_they_hold
try "sixteen at once, and each is named" sixteen
try "what is no list, and what cannot be depended on, is refused" lists
try "a PCR that nothing was measured into is refused" zeros
try "a reboot that measures the same changes nothing" after_a_reboot
try "another state: refused in words, unasked, no try spent" another_state
try "extended after the PIN was asked for: refused, no try spent" \
	told_apart_by_the_tpm
try "show and doctor tell whether it holds" told_by_show_and_doctor
try "a wrong PIN costs one try, as ever" wrong_pin
try "a new PIN keeps the condition" another_pin
try "the TPM wants the policy, and no password" by_its_policy_alone
try "whoever has the TPM measure the same has the same" same_measurements
try "a TPM without a SHA-256 bank: refused, in words" absent_bank
try "what is measured meanwhile is waited for, within bounds" measured_meanwhile
try "under a storage root key that is made for each call" \
	without_a_persistent_parent
try "with a PIN that has a lifetime" with_a_lifetime
try "a resident key" kept_in_the_tpm
echo "1..$N"
