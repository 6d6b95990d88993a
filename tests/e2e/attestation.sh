#!/usr/bin/env bash
# ssh-keygen -O challenge= -O write-attestation=, verified by libfido2.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
head -c 100 /dev/urandom >"$WORK/challenge"

attest() {
	enroll "$1" -O challenge="$WORK/challenge" \
		-O write-attestation="$1.att" "${@:2}"
}

verify() {
	"$TOOLS/verify-attestation" "$1.att" "$WORK/challenge" "$2" "$1.pub"
}

verified() {
	SK_TPM_USER_PRESENCE=assume attest "$WORK/a"
	verify "$WORK/a" ssh:
	SK_TPM_USER_PRESENCE=assume attest "$WORK/b" \
		-O application=ssh:work -O no-touch-required
	verify "$WORK/b" ssh:work
	tpm_is_empty
}

refused() {
	fails verify "$WORK/a" ssh:other
	cp "$WORK/a.att" "$WORK/c.att"
	cp "$WORK/b.pub" "$WORK/c.pub"
	fails verify "$WORK/c" ssh:
	echo >>"$WORK/challenge"
	fails verify "$WORK/a" ssh:
}

none_without_presence() {
	local out
	out=$(attest "$WORK/d" 2>&1)
	echo "$out"
	grep -q '^sk-tpm: no attestation is given' <<<"$out"
	fails verify "$WORK/d" ssh:
}

# With a challenge and without one, the file is empty and a line says why.
none_for_32_bytes() {
	local line='^sk-tpm: no attestation is given, for nobody was asked: the challenge has 32 bytes'
	export SK_TPM_USER_PRESENCE=auto
	askpass_says yes
	head -c 32 /dev/urandom >"$WORK/short"
	enroll "$WORK/e" -O challenge="$WORK/short" -O no-touch-required \
		-O write-attestation="$WORK/e.att" 2>&1 | tee "$WORK/out"
	grep -q "$line" "$WORK/out"
	enroll "$WORK/f" -O no-touch-required \
		-Owrite-attestation="$WORK/f.att" 2>&1 | tee "$WORK/out"
	grep -q "$line" "$WORK/out"
	# As it says.
	attest "$WORK/g" -O no-touch-required 2>&1 | tee "$WORK/out"
	fails grep '^sk-tpm:' "$WORK/out"
	verify "$WORK/g" ssh:
	# Where nobody wants one, there is nothing to say.
	enroll "$WORK/h" -O no-touch-required 2>&1 | tee "$WORK/out"
	fails grep '^sk-tpm:' "$WORK/out"
}

try "libfido2 accepts the attestation" verified
try "and refuses another application, key or challenge" refused
try "none is made where nobody was asked" none_without_presence
try "none for a challenge that may be made up, and a line says so" \
	none_for_32_bytes
echo "1..$N"
