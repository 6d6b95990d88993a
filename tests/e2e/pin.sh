#!/usr/bin/env bash
# PINs: enrolled, asked for, wrong, forgotten, locked out; on every way in.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
tpm_persist_srk
sshd_start server
PIN='pass phräse'

# No terminal here, so ssh-keygen reads the new PIN from stdin.
enroll_pin() {
	local file=$1 pin=$2
	shift 2
	echo "$pin" | ssh-keygen -q -t ecdsa-sk -O verify-required -N '' \
		-w "$LIB" -f "$file" -C pin "$@"
}

enrols() {
	enroll_pin "$WORK/k" "$PIN"
	enroll_pin "$WORK/quiet" "$PIN" -O no-touch-required
	tpm_is_empty
}

signs() {
	askpass_says "$PIN"
	sign_and_verify "$WORK/k"
	# Nobody sees a terminal: what the PIN was for is asked besides.
	grep -q '^: Enter PIN for ECDSA-SK key' "$WORK/asked"
	grep -q '^confirm: .*Sign a file' "$WORK/asked"
	[ "$(grep -vc '^again:' "$WORK/asked")" -eq 2 ]
	tpm_is_empty
}

logs_in() {
	askpass_says "$PIN"
	echo "verify-required $(cat "$WORK/k.pub")" >"$WORK/server.keys"
	log_in -o BatchMode=no -i "$WORK/k"
	# Both flags are there: presence by the PIN, verification by the TPM.
	grep -q 'Accepted publickey' "$SSHD_LOG"
	echo "verify-required,no-touch-required $(cat "$WORK/quiet.pub")" \
		>"$WORK/server.keys"
	log_in -o BatchMode=no -i "$WORK/quiet"
	# Without its option the server wants presence of that key as well.
	echo "verify-required $(cat "$WORK/quiet.pub")" >"$WORK/server.keys"
	fails log_in -o BatchMode=no -i "$WORK/quiet"
}

# A server that demands verification refuses a key without a PIN.
no_pin_no_verification() {
	enroll "$WORK/free" -O no-touch-required
	echo "verify-required,no-touch-required $(cat "$WORK/free.pub")" \
		>"$WORK/server.keys"
	fails log_in -i "$WORK/free"
	grep -q 'user verification' "$SSHD_LOG"
}

logs_in_with_certificate() {
	askpass_says "$PIN"
	certifies_verification ||
		cannot "this OpenSSH certifies no verify-required"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/ca"
	ssh-keygen -q -s "$WORK/ca" -I pin -n "$ME" -O verify-required \
		"$WORK/k.pub"
	sshd_start trusting "TrustedUserCAKeys $WORK/ca.pub"
	log_in -o BatchMode=no -i "$WORK/k" \
		-o "CertificateFile=$WORK/k-cert.pub"
	grep -q 'Accepted publickey.*-CERT' "$SSHD_LOG"
	rm "$WORK/k-cert.pub"
}

agent_asks_with_askpass() {
	needs_pins_in_agent
	askpass_says "$PIN"
	agent_start -P "$(agent_list)"
	ssh-add -q -S "$LIB" "$WORK/k"
	echo "verify-required $(cat "$WORK/k.pub")" >"$WORK/server.keys"
	cp "$WORK/k.pub" "$WORK/only.pub"
	unset SSH_ASKPASS DISPLAY
	log_in -i "$WORK/only.pub"
	grep -q 'Enter PIN and confirm user presence for ECDSA-SK key' "$WORK/asked"
}

agent_without_askpass() {
	needs_pins_in_agent
	agent_start -P "$(agent_list)"
	ssh-add -q -S "$LIB" "$WORK/k"
	echo "verify-required $(cat "$WORK/k.pub")" >"$WORK/server.keys"
	cp "$WORK/k.pub" "$WORK/only.pub"
	fails log_in -i "$WORK/only.pub"
	grep -q '^sk-tpm: this key needs its PIN' "$WORK/agent.log"
	[ "$(wrong_tries)" -eq 0 ]
}

attests_verification() {
	head -c 99 /dev/urandom >"$WORK/challenge"
	enroll_pin "$WORK/att" "$PIN" -O challenge="$WORK/challenge" \
		-O write-attestation="$WORK/att.att"
	"$TOOLS/verify-attestation" "$WORK/att.att" "$WORK/challenge" ssh: \
		"$WORK/att.pub"
}

too_short() {
	refuses_at_enrolment "12345" "too short"
	refuses_at_enrolment "äöü" "too short"
	[ ! -e "$WORK/no" ]
}

refuses_at_enrolment() {
	local out
	out=$(fails enroll_pin "$WORK/no" "$1" 2>&1)
	echo "$out"
	grep -q "$2" <<<"$out"
}

no_pin_no_command() {
	local sent
	askpass_says ''
	sent=$(commands fails sign "$WORK/k")
	# How many tries are left, by TPM2_GetCapability.
	[ "$sent" = 17a ]
}

# A PIN's authValue in hex, as key_auth makes it of the PIN.
auth_value() {
	printf 'sk-tpm PIN v1\0%s' "$1" | sha256sum | cut -c1-64
}

# not_in_hex PIN: neither that nor its authValue, in any shortened form.
not_in_hex() {
	local auth
	auth=$(auth_value "$1")
	fails grep -q "${auth:0:40}" "$WORK/hex"
	fails grep -q "$(printf %s "$1" | od -An -tx1 | tr -d ' \n')" \
		"$WORK/hex"
}

# The bus shows neither PIN nor authValue, in an enrolment, a signature or a
# change of the PIN.
nothing_on_the_bus() {
	askpass_says "$PIN"
	commands enroll_pin "$WORK/bus" "$PIN" >"$WORK/sent"
	grep -q 153 "$WORK/sent" # Create
	cp "$WORK/pcap" "$WORK/pcap.enrol"
	commands sign "$WORK/bus" >"$WORK/sent"
	grep -q 15d "$WORK/sent" # Sign
	cp "$WORK/pcap" "$WORK/pcap.sign"
	askpass_says "$PIN" "$PIN anew" "$PIN anew"
	commands "$BUILD/sk-tpm" pin "$WORK/bus" >"$WORK/sent"
	grep -q 150 "$WORK/sent" # ObjectChangeAuth
	cat "$WORK/pcap.enrol" "$WORK/pcap.sign" "$WORK/pcap" | od -An -v -tx1 | tr -d ' \n' \
		>"$WORK/hex"
	# What is looked for would be found: the template's policy is there.
	grep -q 80010000 "$WORK/hex"
	not_in_hex "$PIN"
	not_in_hex "$PIN anew"
}

# sessions_in PCAP: of each session that was started, the key it was salted to,
# what it was bound to, and the size of the salt. TPM 2.0 part 3, 11.1: behind
# the code come tpmKey, bind, nonceCaller (here of 32 bytes) and encryptedSalt.
sessions_in() {
	od -An -v -tx1 "$1" | tr -d ' \n' |
		grep -o '8001.\{8\}00000176.\{16\}0020.\{64\}.\{4\}' |
		sed 's/.\{20\}\(.\{8\}\)\(.\{8\}\).\{68\}/\1 \2 /'
}

# Bound or unsalted, a listener could guess what is used in it. 0x44 bytes are a
# point of P-256; 40000007 is TPM_RH_NULL.
all_are_salted() {
	local started
	started=$("$TOOLS/pcap-commands" "$WORK/pcap" | grep -c '^176$')
	sessions_in "$WORK/pcap" | tee "$WORK/sessions"
	[ "$(wc -l <"$WORK/sessions")" -eq "$started" ]
	[ "$started" -ge 1 ]
	fails grep -v '^8[01]...... 40000007 0044$' "$WORK/sessions"
}

sessions_are_salted() {
	local new=9753113
	askpass_says "$PIN"
	commands enroll_pin "$WORK/salted" "$PIN" >"$WORK/sent"
	all_are_salted
	commands sign "$WORK/salted" >"$WORK/sent"
	all_are_salted
	askpass_says "$PIN" "$new" "$new"
	commands "$BUILD/sk-tpm" pin "$WORK/salted" >"$WORK/sent"
	all_are_salted
	tpm2_changeauth -Q -c owner secret
	finally tpm2_changeauth -Q -c owner -p secret
	askpass_says secret
	echo secret | commands ssh-keygen -q -t ecdsa-sk -N '' -O resident \
		-O no-touch-required -O application=ssh:salted -w "$LIB" \
		-f "$WORK/kept" >"$WORK/sent"
	all_are_salted
	tpm2_evictcontrol -Q -C o -P secret -c 0x81000001 || :
	commands "$BUILD/sk-tpm" setup >"$WORK/sent"
	all_are_salted
}

# tpm2-tss would print the authValue at its debug level.
nothing_in_its_log() {
	local auth
	auth=$(printf 'sk-tpm PIN v1\0%s' "$PIN" | sha256sum | cut -c1-16)
	askpass_says "$PIN"
	TSS2_LOG=all+trace enroll_pin "$WORK/logged" "$PIN" 2>"$WORK/log"
	TSS2_LOG=all+trace sign "$WORK/logged" 2>>"$WORK/log"
	fails grep -qi "$auth" "$WORK/log"
	fails grep -q 'DEBUG\|TRACE\|debug:\|trace:' "$WORK/log"
}

wrong_pin_costs_one() {
	askpass_says 654321
	refuses "wrong PIN; 2 tries are left" sign "$WORK/k"
	[ "$(wrong_tries)" -eq 1 ]
	tpm_is_empty
	askpass_says "$PIN"
	sign "$WORK/k"
}

last_try_is_not_spent() {
	askpass_says 654321
	refuses "1 try is left" sign "$WORK/k"
	[ "$(wrong_tries)" -eq 2 ]
	refuses "one more wrong PIN would lock the TPM" sign "$WORK/k"
	askpass_says "$PIN"
	refuses "one more wrong PIN would lock the TPM" sign "$WORK/k"
	[ "$(wrong_tries)" -eq 2 ]
	SK_TPM_SPEND_LAST_TRY=yes sign "$WORK/k"
	tpm_is_empty
}

# Nobody is asked for a PIN that would be refused anyway.
last_try_is_told_before() {
	local text='one more wrong PIN would lock the TPM'
	needs_openssh 809 "call of ours before its question for the PIN"
	[ "$(wrong_tries)" -eq 2 ]
	echo "verify-required $(cat "$WORK/k.pub")" >"$WORK/server.keys"
	export LOGIN="ssh -F none -p $SSHD_PORT -l $ME -i $WORK/k \
		-o UserKnownHostsFile=$WORK/known_hosts -o IdentitiesOnly=yes \
		-o SecurityKeyProvider=$LIB 127.0.0.1 true"
	person 'run $env(LOGIN)
		expect "Enter PIN" { exit 5 } "sk-tpm: '"$text"'" {}
		want "put \"SpendLastTry yes\" into '"$SK_TPM_CONFIG"', or without an agent SK_TPM_SPEND_LAST_TRY=yes in front of the command"
		expect "Enter PIN" { exit 6 } eof {}'
	SK_TPM_SPEND_LAST_TRY=yes person 'run $env(LOGIN)
		want "Enter PIN"
		send "\003"
		expect eof'
	askpass_says "$PIN"
	refuses "$text" "$BUILD/sk-tpm" test "$WORK/k"
	refuses "$text" "$BUILD/sk-tpm" pin "$WORK/k"
	[ ! -s "$WORK/asked" ]
	needs_pins_in_agent
	agent_start -P "$(agent_list)"
	ssh-add -q -S "$LIB" "$WORK/k"
	cp "$WORK/k.pub" "$WORK/only.pub"
	fails log_in -i "$WORK/only.pub"
	grep -q "^none: sk-tpm: $text" "$WORK/asked"
	fails grep '^confirm\|PIN and\|PIN for' "$WORK/asked"
	[ "$(wrong_tries)" -eq 2 ]
	tpm_is_empty
}

lockout_is_told() {
	askpass_says 654321
	SK_TPM_SPEND_LAST_TRY=yes refuses "has locked itself now" \
		sign "$WORK/k"
	askpass_says "$PIN"
	refuses "it forgets one every 16 minutes" sign "$WORK/k"
	refuses "disks included" sign "$WORK/k"
	SK_TPM_SPEND_LAST_TRY=yes refuses "locked after 3 wrong tries" \
		sign "$WORK/k"
	tpm_is_empty
}

# A key without a PIN has noDA, so that a lockout does not affect it.
lockout_spares_others() {
	sign "$WORK/free"
	tpm2_dictionarylockout -Q -c
	askpass_says "$PIN"
	sign "$WORK/k"
}

# With a NUL byte in it, only a part would be the PIN.
nul_is_refused() {
	askpass_says "$PIN"
	cat >"$WORK/nul" <<-'EOF'
		#!/bin/sh
		printf '123456\0007\n'
	EOF
	chmod +x "$WORK/nul"
	SSH_ASKPASS=$WORK/nul refuses \
		"$WORK/nul gave a NUL byte, which a PIN or password cannot have" \
		"$BUILD/sk-tpm" enroll -P -f "$WORK/cut"
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	person 'run "'"$BUILD"'/sk-tpm enroll -P -f '"$WORK"'/cut"
		want "Choose a PIN for the new key:"
		send "123456\0007\r"
		want "sk-tpm: a NUL byte was typed (Control-Space is one)"
		expect eof'
	[ ! -e "$WORK/cut" ]
}

# Of the same user as well, who reads the memory of any other process of theirs.
memory_is_kept() {
	local open=$WORK/open
	mkdir -m 777 "$open"
	cp "$LIB" "$BUILD/sk-tpm" "$open"
	cat >"$open/look" <<-EOF
		#!/bin/sh
		asks=\${2:-\$PPID}
		{
			grep '^Max core' /proc/\$asks/limits
			head -c 1 /proc/\$asks/environ >/dev/null 2>&1 &&
				echo readable || echo kept
		} >"$open/seen"
	EOF
	cat >"$open/askpass" <<-EOF
		#!/bin/sh
		"$open/look" the-PIN \$PPID
		echo "$PIN"
	EOF
	chmod 755 "$open/look" "$open/askpass"
	cp "$WORK/k" "$WORK/k.pub" "$open"
	[ "$(id -u)" -ne 0 ] || chown 65534 "$open/k" "$open"
	export SSH_ASKPASS=$open/askpass SSH_ASKPASS_REQUIRE=force \
		SK_TPM_CONFIG=/dev/null HOME=$open LIB=$open/${LIB##*/} \
		SK_TPM_USER_PRESENCE="command $open/look"
	export -f sign
	unprivileged bash -c 'ulimit -c "$(ulimit -Hc)"; "$1"; :' bash "$open/look"
	[ "$(tail -n 1 "$open/seen")" = readable ]
	# In the helper, which has the PIN, and in the command, before it has.
	unprivileged bash -c "sign $open/k"
	is_kept
	unprivileged "$open/sk-tpm" test "$open/k"
	is_kept
}

is_kept() {
	cat "$open/seen"
	grep -q '^Max core file size  *0  *0 ' "$open/seen"
	[ "$(tail -n 1 "$open/seen")" = kept ]
	rm "$open/seen"
}

# A note that nobody closes holds up an agent for a while only.
note_goes_by_itself() {
	askpass_says 654321
	sed -i 's/nonesk-tpm:.*) exit 0/none*) exec sleep 30/' "$SSH_ASKPASS"
	SK_TPM_LOG_LEVEL=debug SK_TPM_PRESENCE_TIMEOUT=1 fails sign "$WORK/k" \
		2>"$WORK/out"
	grep -q '^none: sk-tpm: wrong PIN; 2 tries' "$WORK/asked"
	grep '^sk-tpm: the note was not closed in time' "$WORK/out"
	grep '^sk-tpm: wrong PIN; 2 tries are left' "$WORK/out"
	tpm2_dictionarylockout -Q -c
}

# changes FILE OPTION: what ssh-keygen -p -O does since 10.5, by itself or, where
# that is older, by hand: a bit in the key file.
changes() {
	local bit=1 blob=$WORK/changed.blob
	if [ "$OPENSSH" -ge 1005 ]; then
		ssh-keygen -q -p -P '' -N '' -O "$2" -f "$1"
		return
	fi
	[ "${2%verify-required}" = "$2" ] || bit=4
	grep -v -- ----- "$1" | base64 -d >"$blob"
	BIT=$bit SET=$([ "${2#no-}" = "$2" ] && echo "$bit" || echo 0) \
		perl -0777 -pi -e 's/(.*ssh:)(.)/
			$1 . chr(ord($2) & ~$ENV{BIT} | $ENV{SET})/se' "$blob"
	{ echo '-----BEGIN OPENSSH PRIVATE KEY-----'
	  base64 -w 70 "$blob"
	  echo '-----END OPENSSH PRIVATE KEY-----'; } >"$1"
}

# It changes the flags in the key file; what is bound to the key stays.
flags_of_the_key_file() {
	local way="ssh-keygen -p -O no-verify-required"
	askpass_says yes
	enroll "$WORK/asks"
	changes "$WORK/asks" no-touch-required
	: >"$WORK/asked"
	sign "$WORK/asks"
	[ "$(grep -c '^confirm: .*Sign a file' "$WORK/asked")" -eq 1 ]
	enroll "$WORK/silent" -O no-touch-required
	: >"$WORK/asked"
	sign "$WORK/silent"
	fails grep 'Sign a file' "$WORK/asked"
	changes "$WORK/silent" touch-required
	sign "$WORK/silent"
	grep -q 'Sign a file' "$WORK/asked"
	changes "$WORK/silent" no-touch-required
	changes "$WORK/silent" verify-required
	refuses "verify-required, but the key has no PIN, and cannot get one; \
take that back with $way " sign "$WORK/silent"
	refuses "take that back with $way " "$BUILD/sk-tpm" show "$WORK/silent"
	# As it says.
	changes "$WORK/silent" no-verify-required
	sign "$WORK/silent"
	askpass_says 123456
	enroll_pin "$WORK/pinned" 123456
	changes "$WORK/pinned" no-verify-required
	refuses "this key needs its PIN" sign "$WORK/pinned"
	changes "$WORK/pinned" verify-required
	sign "$WORK/pinned"
}

try "ssh-keygen -O verify-required enrols" enrols
try "ssh-keygen -Y sign asks for it, once" signs
try "ssh logs in under verify-required" logs_in
try "a key without PIN does not pass verify-required" no_pin_no_verification
try "a certificate with verify-required" logs_in_with_certificate
try "ssh-agent asks with an askpass" agent_asks_with_askpass
try "ssh-agent without askpass: refused, no try spent" agent_without_askpass
try "attestation with verification" attests_verification
try "PINs that are too short" too_short
try "ssh-keygen -p -O changes the file, and not what is bound to the key" \
	flags_of_the_key_file
try "without a PIN, the TPM is asked for the tries that are left, no more" \
	no_pin_no_command
try "neither PIN nor authValue is on the bus" nothing_on_the_bus
try "sessions are salted, and bound to nothing" sessions_are_salted
try "nor in tpm2-tss's log" nothing_in_its_log
try "a PIN with a NUL in it is refused" nul_is_refused
try "what has a PIN keeps its memory, and leaves no core" memory_is_kept
try "a wrong PIN costs one try and says how many are left" wrong_pin_costs_one
try "the last try is not spent unasked" last_try_is_not_spent
try "the last try is refused before the PIN is asked for" \
	last_try_is_told_before
try "lockout: how long, and what else" lockout_is_told
try "lockout spares keys without PIN" lockout_spares_others
try "a note that nobody closes goes by itself" note_goes_by_itself
echo "1..$N"
