#!/usr/bin/env bash
# Credentials made in software (sk/attest/make-credential.c), as a CA makes them:
# swtpm gives their secret back to tpm2-tools and to the TSS of the package tss2,
# for each kind of endorsement key, and only to the key that they are for.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
tpm_persist_srk
KINDS='rsa rsa3072 ecc ecc384'
EK_AT=0x81010001 KEY_AT=0x81000101 OTHER_AT=0x81000102

# key_at HANDLE: a new key that signs, made persistent; its Name in $WORK/HANDLE.
key_at() {
	tpm2_create -Q -C 0x81000001 -G ecc256:ecdsa -u "$WORK/pub" -r "$WORK/priv"
	tpm2_load -Q -C 0x81000001 -u "$WORK/pub" -r "$WORK/priv" \
		-c "$WORK/key.ctx" -n "$WORK/$1"
	tpm2_evictcontrol -Q -C o -c "$WORK/key.ctx" "$1"
	tpm2_flushcontext -t
}

# endorsement_key KIND: in $WORK/ek.pub, and at $EK_AT.
endorsement_key() {
	tpm2_createek -Q -G "$1" -c "$WORK/ek.ctx" -u "$WORK/ek.pub" -f tss \
		2>"$WORK/out" || {
		cat "$WORK/out"
		grep -q "Invalid key algorithm" "$WORK/out" &&
			cannot "this tpm2-tools makes no endorsement key $1"
	}
	tpm2_evictcontrol -Q -C o -c "$WORK/ek.ctx" "$EK_AT"
	finally tpm2_evictcontrol -Q -C o -c "$EK_AT"
	finally flush_sessions
	tpm2_flushcontext -t
}

flush_sessions() {
	tpm2_flushcontext -l
	tpm2_flushcontext -s
}

# credential NAME [OPTION]: for the key of this Name, of 32 new bytes in
# $WORK/secret; as two files, and as the one that tpm2-tools has.
credential() {
	dd if=/dev/urandom of="$WORK/secret" bs=32 count=1 status=none
	"$TOOLS/make-credential" ${2+"$2"} "$WORK/ek.pub" "$1" "$WORK/secret" \
		"$WORK/id" "$WORK/encrypted"
	{
		printf '\272\334\300\336\0\0\0\001'
		cat "$WORK/id" "$WORK/encrypted"
	} >"$WORK/credential"
}

# The high range of the profile takes an empty password as well.
needs_policy() {
	[ "$KIND" = rsa ] || [ "$KIND" = ecc ]
}

# tpm2_activates KEY: what the TPM gives for the credential, in $WORK/answer.
tpm2_activates() {
	local session=$WORK/session.ctx
	set -- -Q -c "$1" -C "$EK_AT" -i "$WORK/credential" -o "$WORK/answer"
	if needs_policy; then
		tpm2_startauthsession --policy-session -S "$session"
		tpm2_policysecret -Q -S "$session" -c endorsement
		set -- "$@" -P "session:$session"
	fi
	tpm2_activatecredential "$@"
}

# tss_activates KEY: the same by the other TSS.
tss_activates() {
	local port=${TCTI##*=} session
	command -v tssactivatecredential >/dev/null || cannot "no tss2 here"
	export TPM_INTERFACE_TYPE=socsim TPM_SERVER_TYPE=raw \
		TPM_SERVER_NAME=127.0.0.1 TPM_COMMAND_PORT=$port \
		TPM_PLATFORM_PORT=$((port + 1)) TPM_DATA_DIR=$WORK TPM_ENCRYPT_SESSIONS=0
	tssreadpublic -ho "${1#0x}" >"$WORK/out"
	tssreadpublic -ho "${EK_AT#0x}" >"$WORK/out" ||
		cannot "this tss2 reads no such key: $(head -n 1 "$WORK/out")"
	set -- -ha "${1#0x}" -hk "${EK_AT#0x}" -icred "$WORK/id" \
		-is "$WORK/encrypted" -ocred "$WORK/answer"
	if needs_policy; then
		session=$(tssstartauthsession -se p | sed -n 's/^Handle //p')
		tsspolicysecret -ha 4000000b -hs "$session"
		set -- "$@" -se0 40000009 0 -se1 "$session" 0
	fi
	tssactivatecredential "$@"
}

gives_the_secret() {
	rm -f "$WORK/answer"
	"$@"
	cmp "$WORK/answer" "$WORK/secret"
}

# activated TSS: tpm2, or tss
activated() {
	endorsement_key "$KIND"
	credential "$WORK/$KEY_AT"
	gives_the_secret "$1_activates" "$KEY_AT"
}

# The x of the ephemeral point begins with a zero once in 256 times. tpm2-tools 5.4
# does not pad it then, and the TPM computes with what is sent.
padded() {
	endorsement_key "$KIND"
	credential "$WORK/$KEY_AT" -z
	gives_the_secret tpm2_activates "$KEY_AT"
	od -An -tx1 -j4 -N1 "$WORK/encrypted" | grep -q ' 00'
}

refused_for_another() {
	endorsement_key "$KIND"
	credential "$WORK/$OTHER_AT"
	fails tpm2_activates "$KEY_AT" 2>"$WORK/err"
	cat "$WORK/err"
	grep -qi 0x1df "$WORK/err"
	flush_sessions
	gives_the_secret tpm2_activates "$OTHER_AT"
}

key_at "$KEY_AT"
key_at "$OTHER_AT"
for KIND in $KINDS; do
	try "$KIND: the TPM gives the secret to tpm2-tools" activated tpm2
	try "$KIND: and to tss2" activated tss
	try "$KIND: another key's credential is refused" refused_for_another
done
KIND=ecc
try "an ephemeral point whose x begins with a zero" padded
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
