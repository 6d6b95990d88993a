#!/usr/bin/env bash
# The endorsement key: which one is found, its certificate, and this machine's id.
# TPMs as swtpm_setup makes them, and odd ones made by hand.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# found: what sk-tpm doctor says of endorsement keys.
found() {
	# It warns of other things, that are no matter here.
	{ "$BUILD/sk-tpm" doctor --json || :; } |
		jq -r '.checks[] | select(.check == "endorsement key") | .text'
}

# says TEXT COMMAND...: TEXT is in what it prints.
says() {
	local text=$1 out
	shift
	out=$("$@")
	echo "$out"
	grep -qF -- "$text" <<<"$out"
}

# id_of HANDLE: the machine id, by tpm2-tools and openssl.
id_of() {
	tpm2_readpublic -Q -c "$1" -f der -o "$WORK/spki"
	echo "SHA256:$(openssl dgst -sha256 -binary "$WORK/spki" | base64)"
}

# setup [OPTION]: sk-tpm setup without its lines for OpenSSH.
# shellcheck disable=SC2120 # says passes options
setup() {
	"$BUILD/sk-tpm" setup "$@" | sed '/^$/,$d'
}

# evict HANDLE...
evict() {
	local handle
	for handle; do
		tpm2_evictcontrol -Q -C o -c "$handle"
	done
}

# --- TPMs of a maker -------------------------------------------------------

# as_made KIND HANDLE
as_made() {
	found >"$WORK/found"
	cat "$WORK/found"
	[ "$(wc -l <"$WORK/found")" -eq 2 ]
	grep -qF "P-384 at 0x81010016, $(id_of 0x81010016), with a certificate" \
		"$WORK/found"
	grep -qF "$1 at $2, $(id_of "$2"), with a certificate" "$WORK/found"
	says "The endorsement key (P-384) is persistent already, at 0x81010016." \
		setup
	says "This machine's id is $(id_of 0x81010016)." setup
	tpm_is_empty
}

# By the maker's root, as an administrator has it; swtpm's CA is the maker here.
certified() {
	local root=$WORK/ca/swtpm-localca-rootca-cert.pem
	mkdir "$WORK/roots"
	export SK_TPM_ENDORSEMENT_ROOTS=$WORK/roots
	cp "$root" "$WORK/ca/issuercert.pem" "$WORK/roots"
	found >"$WORK/found"
	cat "$WORK/found"
	[ "$(grep -c ', certified by CN=swtpm-localca$' "$WORK/found")" -eq 2 ]
	SK_TPM_ENDORSEMENT_KEY=$(id_of 0x81010016) says \
		"certified by CN=swtpm-localca; EndorsementKey names it" found
	# Without the issuer; with somebody else's root; with none.
	rm "$WORK/roots/issuercert.pem"
	not_certified "leads to none of the roots"
	rm "$WORK"/roots/*
	openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=x \
		-out "$WORK/roots/x.pem" 2>/dev/null
	not_certified "leads to none of the roots"
	echo "no PEM" >"$WORK/roots/x.pem"
	not_certified "no certificate"
	SK_TPM_ENDORSEMENT_ROOTS=$WORK/nowhere not_certified \
		"cannot read EndorsementRoots $WORK/nowhere: No such file"
}

# not_certified WHY: and the id is told all the same.
not_certified() {
	found >"$WORK/found"
	cat "$WORK/found"
	[ "$(grep -cF ", not certified: " "$WORK/found")" -eq 2 ]
	grep -F "$(id_of 0x81010016), not certified: " "$WORK/found"
	grep -F "$1" "$WORK/found"
}

# The same ones are created again, by the certificate that is in NV; ECC first.
created_again() {
	local ecc rsa
	ecc=$(id_of 0x81010016)
	rsa=$(id_of "$2")
	evict 0x81010016
	says "($1) is persistent already, at $2." setup
	evict "$2"
	says "not persistent: sk-tpm setup makes it so (P-384)" found
	says "Would make the endorsement key (P-384) persistent at 0x81010016" \
		setup --dry-run
	says "Made the endorsement key (P-384) persistent at 0x81010016." setup
	[ "$(id_of 0x81010016)" = "$ecc" ]
	says "$ecc, with a certificate" found
	evict 0x81010016
	tpm2_nvundefine -Q -C p 0x01c00016
	says "Made the endorsement key ($1) persistent at $2; creating it took" \
		setup
	[ "$(id_of "$2")" = "$rsa" ]
	says "$rsa, with a certificate" found
	tpm_is_empty
}

# --- TPMs without certificates ----------------------------------------------

without_certificate() {
	says "not persistent: sk-tpm setup makes it so (P-256)" found
	says "Made the endorsement key (P-256) persistent at 0x81010002." setup
	tpm2_createek -Q -G ecc -c "$WORK/ek.ctx"
	[ "$(id_of "$WORK/ek.ctx")" = "$(id_of 0x81010002)" ]
	tpm2_flushcontext -t
	says "P-256 at 0x81010002, $(id_of 0x81010002), without a certificate" found
	tpm_is_empty
}

# A cleared TPM is the same machine; and clearing evicts what is persistent.
cleared() {
	local id
	id=$(id_of 0x81010002)
	tpm2_clear -c p
	says "not persistent" found
	says "This machine's id is $id." setup
}

# As other programs may have it.
elsewhere() {
	evict 0x81010002
	tpm2_createek -Q -G rsa -c 0x81010055
	says "RSA-2048 at 0x81010055, $(id_of 0x81010055), without" found
	says "(RSA-2048) is persistent already, at 0x81010055." setup
	evict 0x81010055
}

# Another program's key where ours would go, and one that is no EK beside it.
taken() {
	tpm2_createprimary -Q -C e -G ecc -c "$WORK/other.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/other.ctx" 0x81010002
	tpm2_flushcontext -t
	says "not persistent" found
	says "was not made persistent: another key is at 0x81010002 already." setup
	evict 0x81010002
	tpm_is_empty
}

# --- templates and nonces ---------------------------------------------------

# write_index INDEX FILE: as a maker would; anybody may read it.
write_index() {
	tpm2_nvdefine -Q -C p -s "$(stat -c %s "$2")" \
		-a "ppwrite|ppread|ownerread|authread|no_da|platformcreate" "$1"
	tpm2_nvwrite -Q -C p -i "$2" "$1"
}

# by_tools NONCE: the id of the P-256 EK that tpm2_createprimary makes by the TCG's
# template, with this nonce as x.
by_tools() {
	printf '%b' "$(sed 's/../\\x&/g' <<<"$POLICY_A")" >"$WORK/policy"
	# As tpm2-tools takes it: two TPM2B_ECC_PARAMETER of 128 bytes.
	{ printf '\x20\x00'; { printf %s "$1"; head -c 128 /dev/zero; } |
		head -c 128; printf '\x20\x00'; head -c 128 /dev/zero; } \
		>"$WORK/unique"
	tpm2_createprimary -Q -C e -G ecc256:null:aes128cfb -a \
		'fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|restricted|decrypt' \
		-L "$WORK/policy" -u "$WORK/unique" -c "$WORK/tools.ctx"
	id_of "$WORK/tools.ctx"
	tpm2_flushcontext -t
}

# PolicySecret of the endorsement hierarchy.
POLICY_A=837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa

nonce_and_template() {
	local id plain nonce="a maker's nonce"
	plain=$(by_tools "")
	printf %s "$nonce" >"$WORK/nonce"
	# TPMT_PUBLIC of P-256 with policy A; unique is 32 + 32 zeros.
	{ printf '\x00\x23\x00\x0b\x00\x03\x00\xb2\x00\x20'
	  printf '%b' "$(sed 's/../\\x&/g' <<<"$POLICY_A")"
	  printf '\x00\x06\x00\x80\x00\x43\x00\x10\x00\x03\x00\x10'
	  printf '\x00\x20'; head -c 32 /dev/zero; printf '\x00\x20'
	  head -c 32 /dev/zero; } >"$WORK/template"
	write_index 0x01c0000b "$WORK/nonce"
	write_index 0x01c0000c "$WORK/template"
	id=$(by_tools "$nonce")
	[ "$id" != "$plain" ]
	says "This machine's id is $id." setup
	evict 0x81010002
	tpm2_nvundefine -Q -C p 0x01c0000b
	says "This machine's id is $plain." setup
	evict 0x81010002
	tpm2_nvundefine -Q -C p 0x01c0000c
	head -c 100 "$WORK/template" >"$WORK/cut"
	write_index 0x01c0000c "$WORK/cut"
	says "template in the NV index 0x01c0000c cannot be read" setup
	tpm2_nvundefine -Q -C p 0x01c0000c
	head -c 33 /dev/zero >"$WORK/nonce"
	write_index 0x01c0000b "$WORK/nonce"
	says "nonce in the NV index 0x01c0000b is too long" setup
	tpm2_nvundefine -Q -C p 0x01c0000b
	tpm_is_empty
}

# --- odd certificates -------------------------------------------------------

# A certificate of the P-256 EK, by a key of ours.
certify() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$WORK/issuer.pem" -x509 -subj /CN=maker \
		-out "$WORK/issuer.crt" 2>/dev/null
	openssl x509 -new -force_pubkey "$1" -subj /CN=ek -days 2 \
		-CA "$WORK/issuer.crt" -CAkey "$WORK/issuer.pem" \
		-outform DER -out "$2" 2>/dev/null ||
		cannot "this openssl certifies no key that it does not have"
}

# with INDEX FILE TEXT: what doctor says while the file is in there.
with() {
	write_index "$1" "$2"
	says "$3" found || return
	tpm2_nvundefine -Q -C p "$1"
}

length_of() {
	printf '%b' "$(printf '\\x%02x\\x%02x' $(($1 >> 8)) $(($1 & 255)))"
}

odd_certificates() {
	local n good=", with a certificate" der=$WORK/ek.der
	local bad="and its certificate in the NV index 0x01c0000a do not belong together: the certificate"
	setup
	tpm2_readpublic -Q -c 0x81010002 -f pem -o "$WORK/ek.pem"
	certify "$WORK/ek.pem" "$der"
	n=$(stat -c %s "$der")
	with 0x01c0000a "$der" "$good"
	{ cat "$der"; head -c 300 /dev/zero; } >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$good"
	{ cat "$der"; head -c 99 /dev/zero | tr '\0' '\377'; } >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$good"
	{ printf '\x10\x01\x00'; length_of "$n"; cat "$der"; } >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$good"
	{ printf '\x10\x01'; length_of "$n"; cat "$der"; head -c 20 /dev/zero; } \
		>"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$good"
	{ printf '\x10\x01\x00'; length_of $((n + 1)); cat "$der"; } >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$bad has another length than its wrapper says"
	head -c $((n - 9)) "$der" >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$bad is cut off"
	{ cat "$der"; echo more; } >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$bad has something else behind it"
	head -c 500 /dev/zero >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$bad is not X.509 in DER"
	echo "no certificate" >"$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$bad is not X.509 in DER"
	certify <(openssl pkey -in "$WORK/issuer.pem" -pubout) "$WORK/odd"
	with 0x01c0000a "$WORK/odd" "$bad is of another key"
}

# Defined and not written is not there; what takes a password costs no try.
unreadable() {
	tpm2_nvdefine -Q -C p -s 8 \
		-a "ppwrite|ppread|authread|no_da|platformcreate" 0x01c0000a
	says "without a certificate" found
	tpm2_nvundefine -Q -C p 0x01c0000a
	tpm2_nvdefine -Q -C p -s 8 -p secret \
		-a "ppwrite|ppread|authread|platformcreate" 0x01c0000a
	echo 1234567 | tpm2_nvwrite -Q -C p -i- 0x01c0000a
	says "0x01c0000a cannot be read without a password" found
	tpm2_nvundefine -Q -C p 0x01c0000a
	tpm2_nvdefine -Q -C p -s 8 -p secret \
		-a "ppwrite|ppread|authread|no_da|platformcreate" 0x01c0000a
	echo 1234567 | tpm2_nvwrite -Q -C p -i- 0x01c0000a
	says "0x01c0000a cannot be read without a password" found
	tpm2_nvundefine -Q -C p 0x01c0000a
	[ "$(wrong_tries)" -eq 0 ]
}

# Intel's goes on from index to index.
chain() {
	certify "$WORK/ek.pem" "$WORK/ek.der"
	write_index 0x01c0000a "$WORK/ek.der"
	openssl x509 -in "$WORK/issuer.crt" -outform DER >"$WORK/issuer.der"
	cat "$WORK/issuer.der" "$WORK/issuer.der" >"$WORK/chain"
	head -c 500 "$WORK/chain" >"$WORK/chain.0"
	tail -c +501 "$WORK/chain" >"$WORK/chain.1"
	head -c 60 /dev/zero >>"$WORK/chain.1"
	write_index 0x01c00100 "$WORK/chain.0"
	write_index 0x01c00101 "$WORK/chain.1"
	says "and its chain" found
	tpm2_nvundefine -Q -C p 0x01c00101
	"$BUILD/sk-tpm" doctor >"$WORK/out" 2>&1 || :
	grep "chain only 1 are read: the certificate is cut off" "$WORK/out"
	tpm2_nvundefine -Q -C p 0x01c00100
	tpm2_nvundefine -Q -C p 0x01c0000a
}

# --- passwords and a disabled hierarchy -------------------------------------

passwords() {
	local id
	tpm2_changeauth -c owner secret
	tpm2_changeauth -c endorsement hidden
	# The owner's once, for both keys.
	askpass_says secret wrong
	says "not made persistent: the TPM's endorsement hierarchy has another password." \
		setup
	askpass_says secret hidden
	says "Made the endorsement key (P-256) persistent at 0x81010002." setup
	id=$(id_of 0x81010002)
	says "P-256 at 0x81010002, $id" found
	tpm_is_empty
	[ "$(wrong_tries)" -eq 0 ]
}

# swtpm's flags are as a firmware's setup would have them.
disabled() {
	tpm2_hierarchycontrol -C p ehEnable clear
	says "none: the endorsement hierarchy is disabled" found
	says "The TPM's endorsement hierarchy is disabled: there is no endorsement key." \
		setup
}

if command -v swtpm_setup >/dev/null; then
	tpm_certified made2048 --rsa-keysize 2048
	try "as a maker has it: P-384 and RSA-2048, certified" \
		as_made RSA-2048 0x81010001
	try "by the roots of EndorsementRoots it is certified, or why not" certified
	try "evicted, they are created again by what is in NV, ECC first" \
		created_again RSA-2048 0x81010001
	tpm_certified made3072 --rsa-keysize 3072
	try "as a maker has it: P-384 and RSA-3072, certified" \
		as_made RSA-3072 0x8101001c
	try "evicted, RSA-3072 is created again" \
		created_again RSA-3072 0x8101001c
else
	skip "TPMs as a maker has them" "no swtpm_setup here"
fi
tpm_new plain
try "without certificates: P-256, as tpm2_createek makes it" without_certificate
try "a cleared TPM has the same id" cleared
try "an endorsement key that is persistent elsewhere is found" elsewhere
try "another program's key in its place is left alone" taken
try "a maker's nonce and template in NV are gone by" nonce_and_template
try "odd certificates: padded, wrapped, cut, of another key" odd_certificates
try "an index that is not written or takes a password: no try is spent" unreadable
try "a chain goes on from one index to the next" chain
tpm_new owned
try "passwords of owner and endorsement hierarchy are asked for once" passwords
tpm_new disabled
try "a disabled hierarchy is called that" disabled
echo "1..$N"
