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

try "the recording shows what enrolling sends" recording_works
try "signing without PIN sends at most 4 commands" signing
try "signing with PIN sends at most 6 commands" signing_with_pin
echo "1..$N"
