#!/usr/bin/env bash
# A CA's challenge for a key of ours and an endorsement key, made by tpm2-tools,
# is answered by the TPM that has both, and by no other; see sk/attest/activate.c.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

PIN=123456
PASSWORD='endorsement password'
tpm_new tpm
tpm_persist_srk
enroll "$WORK/plain" -O no-touch-required
echo "$PIN" | ssh-keygen -q -t ecdsa-sk -O verify-required -N '' -w "$LIB" \
	-f "$WORK/pin" -C pin -O no-touch-required 2>/dev/null

# endorsement_key KIND HANDLE: persistent until the end of the try, and in
# $WORK/ek.pub.
endorsement_key() {
	tpm2_createek -Q -G "$1" -c "$WORK/ek.ctx" -u "$WORK/ek.pub" -f tss \
		2>"$WORK/out" || {
		cat "$WORK/out"
		grep -q "Invalid key algorithm" "$WORK/out" &&
			cannot "this tpm2-tools makes no endorsement key $1"
	}
	tpm2_evictcontrol -Q -C o -c "$WORK/ek.ctx" "$2"
	finally tpm2_evictcontrol -Q -C o -c "$2"
	tpm2_flushcontext -t
}

# challenge KEY [BYTES]: of that many new bytes, 32, for the EK and the key.
challenge() {
	dd if=/dev/urandom of="$WORK/secret" bs="${2-32}" count=1 status=none
	tpm2_makecredential -Q -T none -u "$WORK/ek.pub" -s "$WORK/secret" \
		-n "$("$TOOLS/activate" name "$WORK/$1")" -o "$WORK/credential"
	# Behind a magic and a version: TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET.
	perl -0777 -e 'open(F, $ARGV[0]); $_ = <F>; $_ = substr($_, 8);
		$n = 2 + unpack("n", $_);
		open(I, ">$ARGV[1]"); print I substr($_, 0, $n);
		open(E, ">$ARGV[2]"); print E substr($_, $n);' \
		"$WORK/credential" "$WORK/id" "$WORK/encrypted"
}

# tss_challenge KEY HANDLE: the same by the TSS of the package tss2.
tss_challenge() {
	local port=${TCTI##*=} key=$1 handle=${2#0x}
	command -v tssmakecredential >/dev/null || cannot "no tss2 here"
	export TPM_INTERFACE_TYPE=socsim TPM_SERVER_TYPE=raw \
		TPM_SERVER_NAME=127.0.0.1 TPM_COMMAND_PORT=$port \
		TPM_PLATFORM_PORT=$((port + 1)) TPM_DATA_DIR=$WORK
	tssreadpublic -ho "$handle" >"$WORK/out" ||
		cannot "this tss2 reads no such key: $(head -n 1 "$WORK/out")"
	dd if=/dev/urandom of="$WORK/secret" bs=32 count=1 status=none
	"$TOOLS/activate" name "$WORK/$key" |
		perl -ne 'chomp; print pack "H*", $_' >"$WORK/name"
	tssmakecredential -ha "$handle" -icred "$WORK/secret" -in "$WORK/name" \
		-ocred "$WORK/id" -os "$WORK/encrypted"
}

answer() {
	"$TOOLS/activate" "$WORK/$1" "$WORK/id" "$WORK/encrypted" "${@:2}"
}

# answers KEY [ID]: right, and nothing is left.
answers() {
	[ "$(answer "$@")" = "$(od -An -v -tx1 "$WORK/secret" | tr -d ' \n')" ]
	tpm_is_empty
	[ "$(wrong_tries)" -eq 0 ]
}

# says TEXT KEY [ID]: refused with TEXT; nothing is left.
says() {
	refuses "$1" answer "${@:2}"
	tpm_is_empty
}

# --- right ------------------------------------------------------------------

# answered KIND HANDLE: keys with and without a PIN.
answered() {
	endorsement_key "$1" "$2"
	challenge plain
	answers plain
	challenge pin
	ACTIVATE_PIN=$PIN answers pin
}

answered_to_tss() {
	endorsement_key "$1" "$2"
	tss_challenge plain "$2"
	answers plain
	tss_challenge pin "$2"
	ACTIVATE_PIN=$PIN answers pin
}

# created KIND: no EK is persistent; which one it is, its id says.
created() {
	local id
	tpm2_createek -Q -G "$1" -c "$WORK/ek.ctx" -u "$WORK/ek.pub" -f tss
	tpm2_readpublic -Q -c "$WORK/ek.ctx" -f der -o "$WORK/spki"
	tpm2_flushcontext -t
	id=SHA256:$(openssl dgst -sha256 -binary "$WORK/spki" | base64)
	challenge plain
	answers plain "$id"
	challenge pin
	ACTIVATE_PIN=$PIN answers pin "$id"
}

# The TPM goes by the authValue alone: not by PCRs, nor by a PIN that has a
# lifetime, whose key has an empty one.
with_conditions() {
	endorsement_key ecc 0x81010002
	tpm2_pcrextend "11:sha256=$(printf '%064d' 1)"
	askpass_says "$PIN"
	"$BUILD/sk-tpm" enroll -n --pcrs 11 -f "$WORK/pcrs"
	"$BUILD/sk-tpm" enroll -n -P --pcrs 11 -f "$WORK/pcrs.pin"
	"$BUILD/sk-tpm" enroll -n -P --pin-lifetime 60 -f "$WORK/lifetime"
	challenge pcrs
	answers pcrs
	tpm2_pcrextend "11:sha256=$(printf '%064d' 2)"
	answers pcrs
	challenge pcrs.pin
	ACTIVATE_PIN=$PIN answers pcrs.pin
	refuses "this key needs its PIN" answer pcrs.pin
	challenge lifetime
	answers lifetime
}

no_such_id() {
	endorsement_key ecc 0x81010002
	challenge plain
	says "does not have the endorsement key SHA256:47DEQpj8HBSa" plain \
		SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
}

# What answer sends behind the commands that find the EK.
sends() {
	commands answer "$@" | xargs | sed 's/.*\(173 157\|17a 173 176 157\)/\1/'
}

counted() {
	endorsement_key rsa 0x81010001
	challenge plain
	# ReadPublic, Load, StartAuthSession, PolicySecret, ActivateCredential,
	# FlushContext
	[ "$(sends plain)" = "173 157 176 151 147 165" ]
	challenge pin
	export ACTIVATE_PIN=$PIN
	# GetCapability, StartAuthSession and its FlushContext besides
	[ "$(sends pin)" = "17a 173 176 157 176 151 147 165 165" ]
}

# PolicyOR besides.
counted_policy_b() {
	endorsement_key ecc384 0x81010016
	challenge plain
	[ "$(sends plain)" = "173 157 176 151 171 147 165" ]
}

# The secret of a key with a PIN is not on the bus, nor is the PIN's authValue.
encrypted() {
	local hex
	endorsement_key ecc 0x81010002
	challenge plain
	hex=$(answer plain)
	commands answer plain >"$WORK/sent"
	od -An -v -tx1 "$WORK/pcap" | tr -d ' \n' | grep -q "$hex"
	challenge pin
	export ACTIVATE_PIN=$PIN
	hex=$(answer pin)
	commands answer pin >"$WORK/sent"
	fails grep -q "$hex" <(od -An -v -tx1 "$WORK/pcap" | tr -d ' \n')
}

# --- wrong ------------------------------------------------------------------

# not_ours KIND HANDLE OTHER-KIND: of another key, of another TPM, of another kind, damaged.
not_ours() {
	local text="is not for this key in this TPM, or was damaged"
	endorsement_key "$1" "$2"
	challenge pin
	says "$text" plain
	challenge plain
	cp "$WORK/id" "$WORK/good"
	printf '\xff' | dd of="$WORK/id" bs=1 seek=20 conv=notrunc status=none
	says "$text" plain
	cp "$WORK/good" "$WORK/id"
	printf '\xff' | dd of="$WORK/encrypted" bs=1 seek=9 conv=notrunc \
		status=none
	says "$text" plain
	cp "$WORK/$1.other" "$WORK/ek.pub"
	challenge plain
	says "$text" plain
	cp "$WORK/$3.other" "$WORK/ek.pub"
	challenge plain
	says "$text" plain
	: >"$WORK/id"
	says "is damaged" plain
	challenge plain
	echo >>"$WORK/encrypted"
	says "is damaged" plain
}

# This machine answers for nobody else's protocol.
another_length() {
	endorsement_key ecc 0x81010002
	challenge plain 16
	says "has a secret of another length than ours" plain
	challenge plain 31
	says "has a secret of another length than ours" plain
}

without_pin() {
	endorsement_key ecc 0x81010002
	challenge pin
	refuses "this key needs its PIN" answer pin
	fails commands answer pin >"$WORK/sent"
	# No Load, and no session.
	fails grep -Eqx '157|176' "$WORK/sent"
	[ "$(wrong_tries)" -eq 0 ]
}

wrong_pin() {
	endorsement_key ecc 0x81010002
	challenge pin
	export ACTIVATE_PIN=wrong
	says "wrong PIN; 2 tries are left" pin
	[ "$(wrong_tries)" -eq 1 ]
	tpm2_dictionarylockout -s -n 2 -t 1000 -l 1000
	finally tpm2_dictionarylockout -s -n 3 -t 1000 -l 1000
	finally tpm2_dictionarylockout -c
	export ACTIVATE_PIN=$PIN
	says "one more wrong PIN would lock the TPM" pin
	[ "$(wrong_tries)" -eq 1 ]
	SK_TPM_SPEND_LAST_TRY=yes ACTIVATE_PIN=wrong says "wrong PIN" pin
	says "the TPM is locked" pin
	# A key without a PIN goes on, and so does the EK by its policy.
	challenge plain
	[ "$(answer plain)" = "$(od -An -v -tx1 "$WORK/secret" | tr -d ' \n')" ]
}

endorsement_password() {
	endorsement_key "$1" "$2"
	challenge plain
	tpm2_changeauth -c endorsement "$PASSWORD"
	finally tpm2_changeauth -c endorsement -p "$PASSWORD"
	says "endorsement hierarchy has a password" plain
	ACTIVATE_PASSWORD=wrong says "hierarchy has another password" plain
	export ACTIVATE_PASSWORD=$PASSWORD
	answers plain
	challenge pin
	ACTIVATE_PIN=$PIN answers pin
	challenge plain
	commands answer plain >"$WORK/sent"
	fails grep -qF "$PASSWORD" "$WORK/pcap"
}

# Whichever command fails, nothing is left, and no PIN's try is gone.
whatever_fails() {
	local n
	endorsement_key ecc384 0x81010016
	challenge pin
	export ACTIVATE_PIN=$PIN
	for ((n = 1; n < 40; n++)); do
		LD_LIBRARY_PATH=$TOOLS SK_TPM_TCTI=fault:$TCTI \
			SK_TPM_FAULT="$n:rc=0x101" answer pin && break
		tpm_is_empty
	done
	[ "$n" -gt 12 ] && [ "$n" -lt 40 ]
	[ "$(wrong_tries)" -eq 0 ]
}

for kind in "rsa 0x81010001" "rsa3072 0x8101001c" "ecc 0x81010002" \
	"ecc384 0x81010016"; do
	# shellcheck disable=SC2086 # two words
	try "${kind% *}: answered, without PIN and with" answered $kind
	# shellcheck disable=SC2086
	try "${kind% *}: and to the other TSS" answered_to_tss $kind
done
try "an endorsement key that is not persistent: ECC" created ecc
try "an endorsement key that is not persistent: RSA" created rsa
try "keys with conditions: PCRs, and a PIN's lifetime, play no part" with_conditions
try "an id that this TPM does not have" no_such_id
try "six commands, with a PIN nine" counted
try "one more where the endorsement key's policy is the later one" counted_policy_b
try "the secret of a key with a PIN is not on the bus" encrypted
try "a challenge without its secret's 32 bytes is refused" another_length
try "without its PIN nothing is sent" without_pin
try "a wrong PIN costs a try, and the last one is kept" wrong_pin
try "the endorsement hierarchy's password, by an HMAC" \
	endorsement_password ecc 0x81010002
try "the same for the later policy" endorsement_password ecc384 0x81010016
try "whichever command fails, nothing is left in the TPM" whatever_fails
mine=$TCTI
tpm_new other
tpm2_createek -Q -G rsa -c "$WORK/ek.ctx" -u "$WORK/rsa.other" -f tss
tpm2_flushcontext -t
tpm2_createek -Q -G ecc -c "$WORK/ek.ctx" -u "$WORK/ecc.other" -f tss
TCTI=$mine
export SK_TPM_TCTI=$mine TPM2TOOLS_TCTI=$mine
try "challenges for another key or TPM, or damaged: RSA" \
	not_ours rsa 0x81010001 ecc
try "challenges for another key or TPM, or damaged: ECC" \
	not_ours ecc 0x81010002 rsa
echo "1..$N"
