#!/usr/bin/env bash
# TPM commands, counted from a recording of all traffic.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
tpm_persist_srk
enroll "$WORK/k" -O no-touch-required

# commands FUNCTION...: runs it, prints the command codes it sent.
commands() {
	rm -f "$WORK/pcap"
	SK_TPM_TCTI=pcap:$TCTI TCTI_PCAP_FILE=$WORK/pcap "$@" >&2
	"$TOOLS/pcap-commands" "$WORK/pcap"
}

recording_works() {
	# ReadPublic, Create
	[ "$(commands enroll "$WORK/e" -O no-touch-required | xargs)" = \
		"173 153" ]
}

signing() {
	local sent
	sent=$(commands sign "$WORK/k" | xargs)
	echo "$sent"
	# ReadPublic, Load, Sign, FlushContext
	[ "$sent" = "173 157 15d 165" ]
}

try "the recording shows what enrolling sends" recording_works
try "signing without PIN sends at most 4 commands" signing
echo "1..$N"
