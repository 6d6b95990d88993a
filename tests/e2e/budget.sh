#!/usr/bin/env bash
# TPM commands, counted from a recording of all traffic.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
tpm_persist_srk
enroll "$WORK/k" -O no-touch-required

recording_works() {
	# ReadPublic, Create; and the proof: ReadPublic, Load, Sign, Flush
	[ "$(commands enroll "$WORK/e" -O no-touch-required | xargs)" = \
		"173 153 173 157 15d 165" ]
}

signing() {
	local sent
	sent=$(commands sign "$WORK/k" | xargs)
	echo "$sent"
	# ReadPublic, Load, Sign, FlushContext
	[ "$sent" = "173 157 15d 165" ]
}

signing_with_pin() {
	local sent
	askpass_says 123456
	echo 123456 | ssh-keygen -q -t ecdsa-sk -O verify-required -N '' \
		-w "$LIB" -f "$WORK/pin"
	sent=$(commands sign "$WORK/pin" | xargs)
	echo "$sent"
	# GetCapability, ReadPublic, StartAuthSession, Load, Sign, FlushContext
	[ "$sent" = "17a 173 176 157 15d 165" ]
}

# The password goes to what it is for. (130 is what has it wiped, unsent.)
owner_password() {
	local sent
	tpm2_changeauth -Q -c owner secret
	finally tpm2_changeauth -Q -c owner -p secret
	sent=$(commands setsid -w ssh-keygen -q -t ecdsa-sk -O resident \
		-O no-touch-required -N '' -w "$LIB" -f "$WORK/owned" \
		<<<secret | xargs)
	echo "$sent"
	# NV_DefineSpace and NV_Write are in it, ClockRateAdjust is not.
	[[ $sent = *' 12a 137 '* && " $sent " != *' 130 '* ]]
}

try "the recording shows what enrolling sends" recording_works
try "signing without PIN sends at most 4 commands" signing
try "signing with PIN sends at most 6 commands" signing_with_pin
try "with the owner's password none is sent to wipe it" owner_password
echo "1..$N"
