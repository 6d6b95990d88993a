#!/usr/bin/env bash
# Limits on a key's use, bound into the key.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
cd "$TOP" || exit
relay limits "$BUILD/tests/tpm/test-credential"
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
