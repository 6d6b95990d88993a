#!/usr/bin/env bash
# The storage root key: persistent, absent, moved, replaced, behind a password.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm

absent() {
	enroll "$WORK/before" -O no-touch-required
	sign_and_verify "$WORK/before"
	tpm_is_empty
}

made_persistent_later() {
	tpm_persist_srk
	sign_and_verify "$WORK/before"
	enroll "$WORK/under" -O no-touch-required
	sign_and_verify "$WORK/under"
	tpm_is_empty
}

evicted_later() {
	tpm2_evictcontrol -Q -C o -c 0x81000001
	sign_and_verify "$WORK/under"
	tpm_is_empty
}

# Windows and older provisioning put an RSA key there.
replaced() {
	tpm2_createprimary -Q -C o -G rsa -a "$SRK_ATTRIBUTES" \
		-c "$WORK/rsa.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/rsa.ctx" 0x81000001
	tpm2_flushcontext -t
	sign_and_verify "$WORK/under"
	enroll "$WORK/rsa" -O no-touch-required
	sign_and_verify "$WORK/rsa"
	tpm2_evictcontrol -Q -C o -c 0x81000001
	# No template of ours makes that one again.
	refuses "made in another TPM" sign "$WORK/rsa"
	tpm_is_empty
}

# The other SRK of the field: unique of 32 + 32 zero bytes.
other_template() {
	# As tpm2-tools takes it: two TPM2B_ECC_PARAMETER of 128 bytes.
	{ printf '\x20\x00'; head -c 128 /dev/zero
	  printf '\x20\x00'; head -c 128 /dev/zero; } >"$WORK/unique"
	tpm_persist_srk -u "$WORK/unique"
	enroll "$WORK/zeros-key" -O no-touch-required
	tpm2_evictcontrol -Q -C o -c 0x81000001
	sign_and_verify "$WORK/zeros-key"
	tpm_is_empty
}

not_a_storage_key() {
	tpm2_createprimary -Q -C o -G ecc:ecdsa-sha256 \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' \
		-c "$WORK/sign.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/sign.ctx" 0x81000001
	tpm2_flushcontext -t
	refuses "0x81000001 is not a storage root key" \
		enroll "$WORK/no" -O no-touch-required
	[ ! -e "$WORK/no" ]
	tpm2_evictcontrol -Q -C o -c 0x81000001
	tpm_is_empty
}

srk_with_a_password() {
	tpm2_createprimary -Q -C o -G ecc -p secret -c "$WORK/auth.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/auth.ctx" 0x81000001
	tpm2_flushcontext -t
	refuses "has a password of its own" \
		enroll "$WORK/no" -O no-touch-required
	tpm2_evictcontrol -Q -C o -c 0x81000001
	tpm_is_empty
}

owner_password() {
	tpm2_changeauth -c owner secret
	refuses "needs the TPM's owner password" \
		enroll "$WORK/no" -O no-touch-required
	refuses "needs the TPM's owner password" sign "$WORK/before"
	tpm_is_empty
}

owner_password_with_srk() {
	tpm2_createprimary -Q -C o -P secret -G ecc -a "$SRK_ATTRIBUTES" \
		-c "$WORK/srk.ctx"
	tpm2_evictcontrol -Q -C o -P secret -c "$WORK/srk.ctx" 0x81000001
	tpm2_flushcontext -t
	sign_and_verify "$WORK/before"
	enroll "$WORK/owned" -O no-touch-required
	sign_and_verify "$WORK/owned"
}

cleared() {
	tpm2_clear -c l
	refuses "this TPM has been cleared" sign "$WORK/owned"
	tpm_persist_srk
	refuses "this TPM has been cleared" sign "$WORK/owned"
	tpm_is_empty
}

try "no persistent SRK: created for each call" absent
try "made persistent later: old and new keys sign" made_persistent_later
try "evicted later: still signs" evicted_later
try "replaced by an RSA SRK: old keys sign, new ones use it" replaced
try "SRK of the template with zeros: used, and found again" other_template
try "another kind of key at the SRK's handle is refused" not_a_storage_key
try "an SRK with a password is refused" srk_with_a_password
try "owner password and no SRK: refused with the remedy" owner_password
try "owner password and an SRK: works" owner_password_with_srk
try "a cleared TPM is told apart" cleared
echo "1..$N"
