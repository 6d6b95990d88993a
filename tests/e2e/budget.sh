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

# The password authorizes only what needs it. (130 is never sent: it has
# tpm2-tss wipe the password.)
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

# takes COMMANDS CONNECTIONS COMMAND...: it sends so many commands at most, in so
# many connections.
takes() {
	local most=$1 expected=$2 sent connected
	shift 2
	sent=$(SK_TPM_LOG_LEVEL=debug commands "$@" 2>"$WORK/err" </dev/null | xargs)
	connected=$(grep -c ' connected to ' "$WORK/err")
	echo "$*: $(wc -w <<<"$sent") commands, $connected connections: $sent"
	[ "$(wc -w <<<"$sent")" -le "$most" ] && [ -n "$sent" ] &&
		[ "$connected" -eq "$expected" ]
}

index_of() {
	"$BUILD/sk-tpm" list -j |
		jq -r ".resident[] | select(.application == \"$1\").index"
}

# Before a person is asked, and after: an open connection would keep others off
# the TPM for as long as somebody types. Where nobody is asked, once.
connections() {
	local sk=$BUILD/sk-tpm i
	tpm_new shared
	tpm_persist_srk
	askpass_says 123456
	"$sk" enroll -n -r -a ssh:other -f "$WORK/other" </dev/null
	"$sk" enroll -n -P -r -a ssh:kept -f "$WORK/resident" </dev/null
	i=$(index_of ssh:kept)
	# Each index is looked at once, and each record read once.
	takes 5 1 "$sk" list
	# Of one key, only its own.
	takes 7 1 "$sk" show "$i"
	takes 9 2 "$sk" test "$i"
	askpass_says 123456 abcdefgh
	takes 13 2 "$sk" pin "$WORK/resident"
	askpass_says 123456 abcdefgh
	takes 25 2 "$sk" pin "$i"
	askpass_says yes
	takes 9 2 "$sk" remove "$(index_of ssh:kept)"
	takes 5 1 "$sk" remove -y "$(index_of ssh:other)"
}

# sends COMMAND...: adds what it sends to $WORK/sent.
sends() {
	local sent
	sent=$(commands "$@")
	[ -n "$sent" ] || { echo "nothing sent: $*"; return 1; }
	echo "$sent" >>"$WORK/sent"
}

# enrol_with_pin FILE [ssh-keygen option...]
enrol_with_pin() {
	echo 123456 | ssh-keygen -q -t ecdsa-sk -O verify-required -N '' \
		-w "$LIB" -f "$@"
}

download() {
	(cd "$WORK" && ssh-keygen -q -K -N '' -w "$LIB" </dev/null)
}

# Everything a person does with a TPM, from one that nobody has set up.
sends_what_all_have() {
	local sk=$BUILD/sk-tpm index code missing=
	tpm_new new
	: >"$WORK/sent"
	askpass_says 123456
	sends enroll "$WORK/early" -O no-touch-required
	sends sign "$WORK/early"
	sends "$sk" setup
	sends "$sk" enroll -n -f "$WORK/plain"
	sends sign "$WORK/plain"
	sends enrol_with_pin "$WORK/with-pin"
	sends sign "$WORK/with-pin"
	sends enrol_with_pin "$WORK/kept" -O resident
	sends download
	sends "$sk" list
	sends "$sk" show "$WORK/plain"
	sends "$sk" test "$WORK/plain"
	# 3: it warns of what is no matter here.
	SSH_SK_PROVIDER=$LIB sends sh -c '"$0" doctor || [ $? -eq 3 ]' "$sk"
	index=$("$sk" list -j | jq -r '.resident[0].index')
	askpass_says 123456 abcdefgh
	sends "$sk" pin "$WORK/with-pin"
	sends "$sk" remove -y "$index"
	# It went all the ways: CreatePrimary, EvictControl, NV_Write,
	# ObjectChangeAuth, NV_UndefineSpace.
	for code in 131 120 137 150 122; do
		grep -qx "$code" "$WORK/sent"
	done
	for code in $(sort -u "$WORK/sent"); do
		grep -q "^$code " "$TOP/tests/e2e/pc-tpm-commands" ||
			missing+=" $code"
	done
	[ -z "$missing" ] || { echo "not on every PC:$missing"; return 1; }
}

try "the recording shows what enrolling sends" recording_works
try "signing without PIN sends at most 4 commands" signing
try "signing with PIN sends at most 6 commands" signing_with_pin
try "with the owner's password none is sent to wipe it" owner_password
try "each operation sends and connects as little as it can" connections
try "only commands are sent that every PC's TPM has" sends_what_all_have
echo "1..$N"
