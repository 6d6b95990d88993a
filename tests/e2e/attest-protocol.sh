#!/usr/bin/env bash
# sk-tpm-attest between a CA and a machine made of tpm2-tools, openssl and
# ssh-keygen, as PROTOCOL.md describes it (tests/attest). What they say is read and
# checked with sk/attest, and what is not right is refused by it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
not_for_debian_11 "its tpm2-tools make no CA"

tpm_new tpm
tpm_persist_srk
for kind in ecc rsa; do
	tpm2_createek -Q -G "$kind" -c "$WORK/ek.ctx"
	case $kind in ecc) at=0x81010002 ;; rsa) at=0x81010001 ;; esac
	tpm2_evictcontrol -Q -C o -c "$WORK/ek.ctx" "$at"
	tpm2_flushcontext -t
	tpm2_flushcontext -l
done

# converse MACHINE-ARGUMENT...: both talk; $TALK/ca.said and machine.said are what
# each of them said.
converse() {
	TALK=$(mktemp -d "$WORK/talk.XXXXXX")
	mkdir "$TALK/ca" "$TALK/machine"
	ssh-keygen -q -t ed25519 -N '' -f "$TALK/ca/user"
	ssh-keygen -q -t ed25519 -N '' -f "$TALK/ca/host"
	mkfifo "$TALK/to-ca"
	"$TOP/tests/attest/ca" "$TALK/ca" <"$TALK/to-ca" |
		tee "$TALK/ca.said" |
		"$TOP/tests/attest/machine" "$TALK/machine" "$@" |
		tee "$TALK/machine.said" >"$TALK/to-ca"
}

by_both() {
	converse "$1" "$2"
	"$TOOLS/attest-read" machine <"$TALK/machine.said" >"$TALK/read"
	cat "$TALK/read"
	[ "$(cat "$TALK/ca/name" "$TALK/ca/id-of-machine")" = \
		"$(cat "$TALK/read")" ]
	"$TOOLS/attest-read" ca "$1" "$TALK/machine/blob" <"$TALK/ca.said"
	ssh-keygen -L -f "$TALK/machine/certificate" | grep -q "Type: .* $1 cert"
	# Another type than was asked for.
	case $1 in user) other=host ;; *) other=user ;; esac
	refuses_ca "$other" "$TALK/machine/blob" "is for a $1 and not for a $other"
}

# refuses_ca TYPE KEY WHY
refuses_ca() {
	fails "$TOOLS/attest-read" ca "$1" "$2" <"$TALK/ca.said" 2>"$WORK/err"
	cat "$WORK/err"
	grep -q "$3" "$WORK/err"
}

# refuses_machine WHY
refuses_machine() {
	fails "$TOOLS/attest-read" machine <"$TALK/machine.said" 2>"$WORK/err"
	cat "$WORK/err"
	grep -q "$1" "$WORK/err"
}

# The TPM has the key, but it is none of ours: it could leave the TPM, say.
other_attributes() {
	ATTRIBUTES=$1 converse user 0x81010002
	refuses_machine 'altered (attributes)'
}

other_key() {
	converse user 0x81010002
	cp "$TALK/machine/blob" "$WORK/blob"
	OTHER_KEY=$WORK/blob converse user 0x81010002
	refuses_machine 'another than the key in the TPM'
	refuses_ca user "$TALK/machine/blob" 'is for another key'
}

# A challenge for the TPM's other key is not answered right.
other_endorsement_key() {
	tpm2_readpublic -Q -c 0x81010001 -o "$WORK/other-ek"
	OTHER_EK=$WORK/other-ek converse user 0x81010002
	[ "$("$TOOLS/attest-read" ca user "$TALK/machine/blob" \
		<"$TALK/ca.said")" = answer ]
	cat "$TALK/machine/activate.err"
}

try "a user's certificate by an endorsement key on P-256" \
	by_both user 0x81010002
try "a host's certificate by one of RSA" by_both host 0x81010001
ours='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda'
try "a key that may be duplicated is refused" other_attributes \
	"${ours#fixedtpm|fixedparent|}"
try "and one that whoever guesses can use" other_attributes "${ours%|noda}"
try "and one that a restart ends" other_attributes "$ours|stclear"
try "the SSH key of another key is refused" other_key
try "another endorsement key's challenge is not answered" \
	other_endorsement_key
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
