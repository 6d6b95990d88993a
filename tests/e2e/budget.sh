#!/usr/bin/env bash
# TPM commands, counted from a recording of all traffic.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# enrol_with_pin FILE [ssh-keygen option...]
enrol_with_pin() {
	echo 123456 | ssh-keygen -q -t ecdsa-sk -O verify-required -N '' \
		-w "$LIB" -f "$@"
}

tpm_new tpm
tpm_persist_srk
enroll "$WORK/k" -O no-touch-required
enrol_with_pin "$WORK/pin" >/dev/null 2>&1
tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
(
	askpass_says 123456
	for options in -n: -nP:-pin :-touch; do
		# shellcheck disable=SC2086 # it may be none
		"$BUILD/sk-tpm" enroll ${options%:*} --pcrs 7 \
			-f "$WORK/pcrs${options#*:}" >/dev/null
	done
)

recording_works() {
	# ReadPublic, Create; and the proof: Load, Sign, Flush
	[ "$(commands enroll "$WORK/e" -O no-touch-required | xargs)" = \
		"173 153 157 15d 165" ]
}

# A manager frees what a connection leaves; without one each key is flushed.
FLUSH=" 165"

# signs FILE COMMAND...: with no command but these. Where it ends by flushing its
# key, that is left to a manager.
signs() {
	local file=$1 sent
	shift
	sent=$(commands sign "$file" | xargs)
	echo "$sent"
	[ "$sent" = "$*$FLUSH" ]
}

# ReadPublic, Load, Sign
signing() {
	signs "$WORK/k" 173 157 15d
}

# GetCapability, ReadPublic, StartAuthSession, Load, Sign
signing_with_pin() {
	askpass_says 123456
	signs "$WORK/pin" 17a 173 176 157 15d
}

# ReadPublic, StartAuthSession, PolicyPCR, PolicyOR, Load, Sign. The parent is
# judged, as for any key.
signing_with_pcrs() {
	signs "$WORK/pcrs" 173 176 17f 171 157 15d
}

# GetCapability, ReadPublic, StartAuthSession, Load, PolicyPCR, PolicyAuthValue,
# PolicyOR, Sign
signing_with_pcrs_and_pin() {
	askpass_says 123456
	signs "$WORK/pcrs-pin" 17a 173 176 157 17f 16b 171 15d
}

# PCR_Read comes before; eight PCRs at a time.
signing_with_pcrs_asks_first() {
	askpass_says yes
	signs "$WORK/pcrs-touch" 17e 173 176 17f 171 157 15d
}

# Its handle is read once, whether it is the SRK's or another.
signing_under_another_parent() {
	tpm2_createprimary -Q -C o -G rsa -a "$SRK_ATTRIBUTES" \
		-c "$WORK/elsewhere.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/elsewhere.ctx" 0x81000042
	tpm2_flushcontext -t
	finally tpm2_evictcontrol -Q -C o -c 0x81000042
	SK_TPM_PARENT=0x81000042 enroll "$WORK/under" -O no-touch-required
	signs "$WORK/under" 173 157 15d
}

# CreatePrimary between; the parent is flushed before its key is used.
signing_without_srk() {
	askpass_says 123456
	tpm2_evictcontrol -Q -C o -c 0x81000001
	finally tpm_persist_srk
	signs "$WORK/k" 173 131 157 165 15d
	signs "$WORK/pin" 17a 173 131 176 157 165 15d
	signs "$WORK/pcrs" 173 131 157 165 176 17f 171 15d
	signs "$WORK/pcrs-pin" 17a 173 131 176 157 165 17f 16b 171 15d
}

# Without the last one, and the first FlushContext, where a manager does that.
within_a_lifetime() {
	local sent
	needs_openssh 900 "PIN that it does not ask for by itself"
	export XDG_RUNTIME_DIR=$WORK/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	askpass_says 123456
	"$BUILD/sk-tpm" enroll -P -n --pin-lifetime 1h -f "$WORK/hour"
	sshd_start server
	sed 's/^/no-touch-required /' "$WORK/hour.pub" >"$WORK/server.keys"
	sent=$(commands log_in -i "$WORK/hour" | xargs)
	echo "$sent"
	# GetCapability, when the PIN is asked for. And then: GetCapability;
	# StartAuthSession for the policy; ReadPublic; StartAuthSession, Load and
	# PolicySecret for the PIN, FlushContext; Load, Sign, FlushContext
	[ "$sent" = "17a 17a 176 173 176 157 151 165 157 15d 165" ]
	sent=$(commands log_in -i "$WORK/hour" | xargs)
	echo "$sent"
	# StartAuthSession, PolicyTicket, Load, Sign, FlushContext
	[ "$sent" = "176 172 157 15d 165" ]
	# The same by a copy, with nothing to load or to flush at the end.
	"$BUILD/sk-tpm" persist "$WORK/hour"
	finally "$BUILD/sk-tpm" evict "$WORK/hour"
	"$BUILD/sk-tpm" forget "$WORK/hour"
	sent=$(commands log_in -i "$WORK/hour" | xargs)
	echo "$sent"
	[ "$sent" = "17a 17a 176 173 176 157 151 165 15d" ]
	sent=$(commands log_in -i "$WORK/hour" | xargs)
	echo "$sent"
	# StartAuthSession, PolicyTicket, Sign
	[ "$sent" = "176 172 15d" ]
}

# Nothing is loaded, and nothing is left to flush.
signing_by_copy() {
	local sent
	"$BUILD/sk-tpm" persist "$WORK/k"
	finally "$BUILD/sk-tpm" evict "$WORK/k"
	sent=$(commands sign "$WORK/k" | xargs)
	echo "$sent"
	# ReadPublic, Sign
	[ "$sent" = "173 15d" ]
}

signing_by_copy_with_pin() {
	local sent
	askpass_says 123456
	"$BUILD/sk-tpm" persist "$WORK/pin"
	finally "$BUILD/sk-tpm" evict "$WORK/pin"
	sent=$(commands sign "$WORK/pin" | xargs)
	echo "$sent"
	# GetCapability, ReadPublic, StartAuthSession, ReadPublic, Sign
	[ "$sent" = "17a 173 176 173 15d" ]
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
enrolling() {
	local sk=$BUILD/sk-tpm
	tpm_new unset
	askpass_says 123456
	# The storage root key is created once: CreatePrimary, and its flush.
	takes 7 1 "$sk" enroll -n -f "$WORK/e0"
	# Once after its start, a TPM has the use of a PIN sent again.
	takes 9 2 "$sk" enroll -P -f "$WORK/e1"
	takes 8 2 "$sk" enroll -P -f "$WORK/e2"
	tpm_new shared
	tpm_persist_srk
	"$sk" enroll -P -f "$WORK/e3"
	takes 5 1 "$sk" enroll -n -f "$WORK/e4"
	takes 6 2 "$sk" enroll -P -f "$WORK/e5"
	# ssh-keygen calls without the PIN, and again; that asks for it once more.
	# (Older ones ask for the PIN at once.)
	takes 6 "$([ "$OPENSSH" -lt 809 ] && echo 2 || echo 3)" \
		enrol_with_pin "$WORK/e6"
	askpass_says yes
	takes 5 2 enroll "$WORK/e7"
	SK_TPM_USER_PRESENCE=assume takes 5 1 enroll "$WORK/e8"
	takes 10 1 "$sk" enroll -n -r -a ssh:1 -f "$WORK/e9"
	# What is there is looked through once, or before the question and after.
	takes 12 1 "$sk" enroll -n -r -a ssh:2 -f "$WORK/e10"
	takes 19 2 "$sk" enroll -r -a ssh:3 -f "$WORK/e11"
	# And each record that is replaced is removed.
	takes 17 1 "$sk" enroll -n -r --force -a ssh:3 -f "$WORK/e11"
}

# Whether the owner has a password is asked for once. The copy gets its password
# by ReadPublic, StartAuthSession, Load, ObjectChangeAuth, FlushContext twice; and
# then: Load, EvictControl, FlushContext.
enrolling_copies() {
	local sk=$BUILD/sk-tpm
	tpm_new with-copies
	tpm_persist_srk
	askpass_says yes
	takes 16 1 "$sk" enroll -n --persistent -f "$WORK/c1"
	takes 16 2 "$sk" enroll --persistent -f "$WORK/c2"
	takes 20 1 "$sk" enroll -n -r --persistent -a ssh:c3 -f "$WORK/c3"
	# Of three copies, each is looked at.
	takes 9 1 "$sk" evict "$WORK/c1"
	takes 11 1 "$sk" persist "$WORK/c1"
	takes 13 1 "$sk" remove -y "$(index_of ssh:c3)"
	tpm2_changeauth -Q -c owner secret
	askpass_says secret
	takes 19 2 "$sk" enroll -n --persistent -f "$WORK/c4"
	takes 28 2 "$sk" enroll -n -r --persistent -a ssh:c5 -f "$WORK/c5"
}

resident_keys() {
	local sk=$BUILD/sk-tpm i
	tpm_new with-residents
	tpm_persist_srk
	askpass_says 123456
	"$sk" enroll -n -r -a ssh:other -f "$WORK/other" </dev/null
	"$sk" enroll -n -P -r -a ssh:kept -f "$WORK/resident" </dev/null
	i=$(index_of ssh:kept)
	# Each index is looked at once, and each record read once.
	takes 7 1 "$sk" list
	# Of one key, only its own.
	takes 7 1 "$sk" show "$i"
	takes 9 2 "$sk" test "$i"
	askpass_says 123456 abcdefgh
	takes 10 2 "$sk" pin "$WORK/resident"
	askpass_says 123456 abcdefgh
	takes 22 2 "$sk" pin "$i"
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
	tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
	sends "$sk" enroll -n -P --pcrs 7 -f "$WORK/booted"
	sends sign "$WORK/booted"
	sends "$sk" list
	sends "$sk" show "$WORK/plain"
	sends "$sk" persist "$WORK/plain"
	sends sign "$WORK/plain"
	sends "$sk" evict "$WORK/plain"
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
try "signing sends 4 commands" signing
try "signing with PIN sends 6" signing_with_pin
try "signing by a persistent copy sends 2" signing_by_copy
try "signing by a persistent copy with PIN sends 5" signing_by_copy_with_pin
try "signing with PCRs sends 7" signing_with_pcrs
try "and with a PIN besides 9" signing_with_pcrs_and_pin
try "and 8 before a person is asked" signing_with_pcrs_asks_first
try "signing under a parent elsewhere sends 4" signing_under_another_parent
try "signing without a persistent SRK sends 6, with PIN 8, with PCRs 9 and 11" signing_without_srk
try "within a PIN's lifetime 5 are sent, by a copy 3, no try is looked up" \
	within_a_lifetime
try "with the owner's password none is sent to wipe it" owner_password
try "enrolling sends and connects as little as it can" enrolling
try "and so does all that is done with persistent copies" enrolling_copies
try "and so does all that is done with resident keys" resident_keys
try "only commands are sent that every PC's TPM has" sends_what_all_have

resource_manager
FLUSH=
try "through tpm2-abrmd signing sends 3 commands" signing
try "and with PIN 5" signing_with_pin
try "with PCRs 6" signing_with_pcrs
try "and with a PIN besides 8" signing_with_pcrs_and_pin
try "and without a persistent SRK 5, with PIN 7, with PCRs 8 and 10" signing_without_srk
echo "1..$N"
