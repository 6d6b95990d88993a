#!/usr/bin/env bash
# Chains of endorsement certificates (sk/attest/ek-chain.c): those that swtpm's CA
# issues, and the roots of TPMs' makers that Debian has. Odd certificates are in
# tests/unit/test-ek-chain.c.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# The package ruby-tpm-key-attestation; its version is in the path.
MAKERS=(/usr/share/rubygems-integration/all/gems/tpm-key_attestation-*/lib/tpm/certificates)

# certificate INDEX: from NV memory, in $WORK/INDEX.
certificate() {
	tpm2_nvread -C o "$1" -o "$WORK/$1"
}

# roots FILE...: a bundle of those of the CA, in $WORK/roots.
roots() {
	(cd "$WORK/ca" && cat "$@") >"$WORK/roots"
}

of_a_maker() {
	tpm_certified certified --rsa-keysize 2048
	certificate 0x01c00002
	certificate 0x01c00016
	certificate 0x01c08000
	openssl x509 -in "$WORK/ca/issuercert.pem" -outform DER -out "$WORK/issuer"
	roots swtpm-localca-rootca-cert.pem
	for cert in 0x01c00002 0x01c00016; do
		"$TOOLS/ek-chain" "$WORK/roots" "$WORK/$cert" "$WORK/issuer"
		fails "$TOOLS/ek-chain" "$WORK/roots" "$WORK/$cert" 2>"$WORK/err"
		grep -q 'none of the roots; .*CN=swtpm-localca' "$WORK/err"
	done
	roots issuercert.pem swtpm-localca-rootca-cert.pem
	"$TOOLS/ek-chain" "$WORK/roots" "$WORK/0x01c00002"
	# That of the platform is by the same CA.
	fails "$TOOLS/ek-chain" "$WORK/roots" "$WORK/0x01c08000" 2>"$WORK/err"
	cat "$WORK/err"
	grep -q 'is not one of an endorsement key' "$WORK/err"
}

# All are read, and of each that is signed by itself the signature is right.
roots_of_makers() {
	local file n=0
	[ -d "${MAKERS[0]}" ] || cannot "no ruby-tpm-key-attestation here"
	while IFS= read -r -d '' file; do
		openssl x509 -in "$file" -out "$WORK/cert" 2>"$WORK/err" ||
			openssl x509 -inform DER -in "$file" -out "$WORK/cert"
		cat "$WORK/cert" >>"$WORK/makers"
		[ "$(openssl x509 -in "$WORK/cert" -noout -subject_hash)" = \
			"$(openssl x509 -in "$WORK/cert" -noout -issuer_hash)" ] ||
			continue
		openssl verify -check_ss_sig -no_check_time \
			-CAfile "$WORK/cert" "$WORK/cert" >"$WORK/err" 2>&1 ||
			{ echo "$file:"; cat "$WORK/err"; return 1; }
		n=$((n + 1))
	done < <(find "${MAKERS[0]}" -type f -print0)
	[ "$n" -ge 20 ]
	[ "$("$TOOLS/ek-chain" "$WORK/makers")" = "$n" ]
}

try "certificates of swtpm's CA verify, and no other of it" of_a_maker
try "the roots of TPMs' makers are read" roots_of_makers
echo "1..$N"
