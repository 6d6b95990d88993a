#!/usr/bin/env bash
# Policy digests as sk-tpm computes them, against trial sessions of a TPM. This
# is the one place where there are such sessions.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm

hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

REF=$(printf '5a%.0s' {1..32})
OTHER=$(printf '6b%.0s' {1..32})

# A PIN object as ours are, and PCRs with something in them.
something_to_bind_to() {
	cd "$WORK" || return
	tpm2_pcrextend "7:sha256=$REF" "11:sha256=$OTHER"
	tpm2_createprimary -Q -C o -G ecc -c parent.ctx
	printf x >data
	tpm2_create -Q -C parent.ctx -i data -u pin.pub -r pin.priv -p 123456 \
		-a 'fixedtpm|fixedparent|userwithauth'
	tpm2_flushcontext -t
	tpm2_load -Q -C parent.ctx -u pin.pub -r pin.priv -c pin.ctx -n pin.name
	tpm2_flushcontext -t
	[ "$(($(stat -c %s pin.pub) + $(stat -c %s pin.priv)))" -eq 177 ]
}

trial() {
	tpm2_startauthsession -S "$WORK/trial"
	finally tpm2_flushcontext "$WORK/trial"
	finally tpm2_flushcontext -t
}

by_pcr() {
	tpm2_policypcr -Q -S "$WORK/trial" -l "sha256:$1" -L "$WORK/policy"
	tpm2_pcrread -Q -o "$WORK/values" "sha256:$1"
	VALUES=$(sha256sum "$WORK/values" | cut -d' ' -f1)
}

by_secret() {
	tpm2_policysecret -Q -S "$WORK/trial" -c "$WORK/pin.ctx" -q "$REF" \
		-L "$WORK/policy" 123456
}

by_auth_value() {
	tpm2_policyauthvalue -S "$WORK/trial" -L "$WORK/policy"
}

# Two branches, of which the session has met the second.
by_or() {
	printf '\x6b%.0s' {1..32} >"$WORK/other"
	cp "$WORK/policy" "$WORK/met"
	tpm2_policyor -Q -S "$WORK/trial" -L "$WORK/policy" \
		"sha256:$WORK/other,$WORK/met"
}

# ours WORD...: what we make of the same commands.
ours() {
	[ "$(hex "$WORK/policy")" = "$("$TOOLS/print-policy" "$@")" ]
}

# PCRs of each of the three bytes.
pcrs() {
	trial
	by_pcr 7,11,22
	ours pcr $((1 << 7 | 1 << 11 | 1 << 22)) "$VALUES"
	by_or
	ours pcr $((1 << 7 | 1 << 11 | 1 << 22)) "$VALUES" or "$OTHER"
}

pcrs_and_pin() {
	trial
	by_pcr 7
	by_auth_value
	ours pcr $((1 << 7)) "$VALUES" auth
	by_or
	ours pcr $((1 << 7)) "$VALUES" auth or "$OTHER"
}

pin_object() {
	trial
	by_secret
	ours secret "$(hex "$WORK/pin.name")" "$REF"
}

pcrs_and_pin_object() {
	trial
	by_pcr 11
	by_secret
	ours pcr $((1 << 11)) "$VALUES" secret "$(hex "$WORK/pin.name")" "$REF"
}

# The product computes; a session of the kind that only tries is none of its.
no_trial_sessions() {
	fails grep -rn "SE_TRIAL\|PolicyGetDigest" "$TOP/sk" "$TOP/enroll"
}

try "a PIN object of 177 bytes" something_to_bind_to
try "PCRs" pcrs
try "PCRs and a PIN" pcrs_and_pin
try "a PIN object" pin_object
try "PCRs and a PIN object" pcrs_and_pin_object
try "sk-tpm starts no trial session" no_trial_sessions
echo "1..$N"
