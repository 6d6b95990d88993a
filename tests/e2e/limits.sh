#!/usr/bin/env bash
# What is bound into a key: limits on its use, a person's presence, its parent.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# Keys of another program, with a password and without noDA, at a handle of its
# own and at the SRK's.
foreign_keys() {
	tpm2_createprimary -Q -C o -G ecc -p secret -c "$WORK/foreign.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/foreign.ctx" 0x81000055
	tpm2_evictcontrol -Q -C o -c "$WORK/foreign.ctx" 0x81000001
	tpm2_flushcontext -t
}

# The flags stand behind the application in the private part of a key file.
without_presence() {
	{
		head -n 1 "$1"
		sed '1d;$d' "$1" | base64 -d |
			perl -0777 -pe 's/(\0\0\0\x04ssh:)\x01/$1\0/ or exit 1' |
			base64 -w 70
		tail -n 1 "$1"
	} >"$2"
	chmod 600 "$2"
	fails cmp -s "$1" "$2"
}

edited_presence() {
	enroll "$WORK/asks"
	without_presence "$WORK/asks" "$WORK/edited"
	ssh-keygen -y -f "$WORK/edited" >/dev/null
	refuses "this key needs a person" sign "$WORK/edited"
	# It is the key still, and signs where somebody agrees.
	SK_TPM_USER_PRESENCE=assume sign_and_verify "$WORK/edited"
}

tpm_new tpm
cd "$TOP" || exit
foreign_keys
tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
TEST_PARENTS="0x81000055 0x81000001" \
	relay limits "$BUILD/tests/tpm/test-credential"
try "a key that was made to ask asks, whatever its file says" edited_presence
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
