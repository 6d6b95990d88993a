#!/usr/bin/env bash
# The libraries as files: exports, hardening; and each API against a TPM.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

LIBRARIES="libsk-tpm.so libsk-tpm-api9.so libsk-tpm-api7.so"

exports() {
	local lib
	for lib in $LIBRARIES; do exports_entry_points "$BUILD/$lib"; done
}

hardened() {
	local lib
	for lib in $LIBRARIES; do is_hardened "$BUILD/$lib"; done
}

try "exactly the four entry points are exported" exports
try "hardened build" hardened

for major in 7 9 10; do
	tpm_new "tpm$major"
	lib=libsk-tpm-api$major.so
	[ "$major" -ne 10 ] || lib=libsk-tpm.so
	relay "API $major" "$BUILD/tests/tpm/test-provider-$major" "$BUILD/$lib"
	try "API $major: nothing is left in the TPM" tpm_is_empty
done
echo "1..$N"
