#!/usr/bin/env bash
# The libraries as files: exports, hardening; and each API against a TPM.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

LIBRARIES="libsk-tpm.so libsk-tpm-api9.so libsk-tpm-api7.so"

exports() {
	local lib
	for lib in $LIBRARIES; do
		[ "$(nm -D --defined-only "$BUILD/$lib" | awk '{print $3}' |
			sort | xargs)" = \
			"sk_api_version sk_enroll sk_load_resident_keys sk_sign" ]
	done
}

hardened() {
	local lib headers
	for lib in $LIBRARIES; do
		headers=$(readelf -lW "$BUILD/$lib")
		grep -q GNU_RELRO <<<"$headers"
		grep GNU_STACK <<<"$headers" | grep -q 'RW '
		readelf -dW "$BUILD/$lib" | grep -q NOW
		nm -D "$BUILD/$lib" | grep -q __stack_chk_fail
		nm -D "$BUILD/$lib" | grep -q '__.*_chk@'
	done
}

installs() {
	make -s -C "$TOP" B="$BUILD" DESTDIR="$WORK/dest" PREFIX=/usr install
	[ -f "$WORK/dest/usr/lib/libsk-tpm.so" ]
	[ -f "$WORK/dest/usr/share/man/man8/libsk-tpm.8" ]
	[ -f "$WORK/dest/usr/share/man/man5/sk-tpm.conf.5" ]
	make -s -C "$TOP" B="$BUILD" DESTDIR="$WORK/dest" PREFIX=/usr uninstall
	[ -z "$(find "$WORK/dest" -type f)" ]
}

try "exactly the four entry points are exported" exports
try "hardened build" hardened
try "make install and uninstall" installs

for major in 7 9 10; do
	tpm_new "tpm$major"
	lib=libsk-tpm-api$major.so
	[ "$major" -ne 10 ] || lib=libsk-tpm.so
	relay "API $major" "$BUILD/tests/tpm/test-provider-$major" "$BUILD/$lib"
	try "API $major: nothing is left in the TPM" tpm_is_empty
done
echo "1..$N"
