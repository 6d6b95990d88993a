#!/usr/bin/env bash
# The storage root key: persistent, absent, moved, replaced, behind a password.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new other
enroll "$WORK/foreign" -O no-touch-required
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

# What the manual says to do, as it stands there.
as_in_the_manual() {
	tpm2_evictcontrol -Q -C o -c 0x81000001
	cd "$WORK" || return
	sed -n 's/\\&//g; /^tpm2_/p' "$TOP/man/libsk-tpm.8" >"$WORK/commands"
	[ "$(wc -l <"$WORK/commands")" -eq 3 ]
	sh -eux "$WORK/commands"
	sign_and_verify "$WORK/before"
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

# passed_over WORDS: what is at the SRK's handle is not used, and said to be.
passed_over() {
	local out
	rm -f "$WORK"/beside*
	out=$(enroll "$WORK/beside" -O no-touch-required 2>&1)
	echo "$out"
	[ "$(grep -c '^sk-tpm: ' <<<"$out")" -eq 1 ]
	grep -q "does not suit as a parent: $1" <<<"$out"
	SK_TPM_PARENT=0x81000001 refuses "$1" \
		enroll "$WORK/no" -O no-touch-required
	tpm2_evictcontrol -Q -C o -c 0x81000001
	sign_and_verify "$WORK/beside"
	tpm_is_empty
}

put_there() {
	tpm2_createprimary -Q -C o -c "$WORK/there.ctx" "$@"
	tpm2_evictcontrol -Q -C o -c "$WORK/there.ctx" 0x81000001
	tpm2_flushcontext -t
}

not_a_storage_key() {
	put_there -G ecc:ecdsa-sha256 -a \
		'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
	passed_over "it is not a storage key"
	put_there -G ecc -a \
		'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|decrypt'
	passed_over "it is not a storage key"
}

# What tpm2_createprimary makes unless told; with a password as well, which
# must not cost a try.
without_noda() {
	put_there -G ecc
	passed_over "it lacks noDA"
	put_there -G ecc -p secret
	passed_over "it lacks noDA"
	[ "$(wrong_tries)" -eq 0 ]
}

name_of_another_hash() {
	put_there -G ecc -g sha384 -a "$SRK_ATTRIBUTES"
	passed_over "its Name is not made with SHA-256"
}

srk_with_a_password() {
	put_there -G ecc -p secret -a "$SRK_ATTRIBUTES"
	refuses "has a password of its own" \
		enroll "$WORK/no" -O no-touch-required
	[ "$(wrong_tries)" -eq 0 ]
	tpm2_evictcontrol -Q -C o -c 0x81000001
	tpm_is_empty
}

# What a key file says may be old: another program's key has the handle now, with
# a password and without noDA.
stale_handle() {
	local where=$1
	tpm2_createprimary -Q -C o -G rsa -a "$SRK_ATTRIBUTES" \
		-c "$WORK/old.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/old.ctx" "$where"
	tpm2_flushcontext -t
	SK_TPM_PARENT=$where enroll "$WORK/stale.$where" -O no-touch-required
	SK_TPM_PARENT=$where enroll_with_pin "$WORK/stale-pin.$where"
	sign "$WORK/stale.$where"
	tpm2_evictcontrol -Q -C o -c "$where"
	tpm2_createprimary -Q -C o -G ecc -p secret -c "$WORK/new.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/new.ctx" "$where"
	tpm2_flushcontext -t
	refuses "made in another TPM" sign "$WORK/stale.$where"
	refuses "made in another TPM" sign "$WORK/stale-pin.$where"
	tpm2_evictcontrol -Q -C o -c "$where"
	[ "$(wrong_tries)" -eq 0 ]
	tpm_is_empty
}

stale_handles() {
	askpass_says 123456
	stale_handle 0x81000042
	stale_handle 0x81000001
}

enroll_with_pin() {
	echo 123456 | ssh-keygen -q -t ecdsa-sk -O verify-required \
		-O no-touch-required -N '' -w "$LIB" -f "$1"
}

named_parent() {
	SK_TPM_PARENT=0x81000042 refuses "there is no key at 0x81000042" \
		enroll "$WORK/no" -O no-touch-required
	tpm2_createprimary -Q -C o -G rsa -a "$SRK_ATTRIBUTES" \
		-c "$WORK/named.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/named.ctx" 0x81000042
	tpm2_flushcontext -t
	SK_TPM_PARENT=0x81000042 enroll "$WORK/named" -O no-touch-required
	sign_and_verify "$WORK/named"
	tpm2_evictcontrol -Q -C o -c 0x81000042
	refuses "made in another TPM" sign "$WORK/named"
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

# A key of another TPM is recognized in spite of an owner password.
owner_password_and_foreign_key() {
	refuses "made in another TPM" sign "$WORK/foreign"
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
try "made persistent as the manual says" as_in_the_manual
try "evicted later: still signs" evicted_later
try "replaced by an RSA SRK: old keys sign, new ones use it" replaced
try "SRK of the template with zeros: used, and found again" other_template
try "another kind of key at the SRK's handle is passed over" not_a_storage_key
try "a key without noDA there is passed over, and costs no try" without_noda
try "a key with a Name of another hash is passed over" name_of_another_hash
try "another program's key at the handle that a key file names: no try" \
	stale_handles
try "the setting Parent" named_parent
try "an SRK with a password is refused" srk_with_a_password
try "owner password and no SRK: refused with the remedy" owner_password
try "owner password and an SRK: works" owner_password_with_srk
try "owner password and a key of another TPM" owner_password_and_foreign_key
try "a cleared TPM is told apart" cleared
echo "1..$N"
