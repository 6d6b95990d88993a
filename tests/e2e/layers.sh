#!/usr/bin/env bash
# tests/includes, which `make lint` runs, on the tree and on copies with an
# include that goes up, sideways or to the wrong header; and the pages about it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# found FILE HEADER WHY: with that include the check fails, and says why.
found() {
	local copy=$WORK/copy
	rm -rf "$copy"
	mkdir "$copy"
	cp -R "$TOP/sk" "$TOP/enroll" "$copy"
	echo "#include $2" >>"$copy/$1"
	fails "$TOP/tests/includes" "$copy" >"$WORK/found"
	cat "$WORK/found"
	grep -q "^$1:[0-9]*: includes [^ ]*$3" "$WORK/found"
}

tree_is_layered() {
	"$TOP/tests/includes" -v
}

upward() {
	found sk/base/text.c '"tpm/tpm.h"' ': base may not include tpm'
	found sk/tpm/session.h '"key/parent.h"' ': tpm may not include key'
	found sk/tpm/rc.c '"config.h"' ': tpm may not include config'
	found sk/config.c '"ssh/sshkey.h"' ': config may not include ssh'
	found sk/key/limits.c '"enroll/command.h"' ', which is not written'
	found sk/key/limits.c '"command.h"' ': key may not include enroll'
	found enroll/keyref.c '"doctor/check.h"' ': enroll may not'
}

sideways() {
	found sk/key/key.c '"ssh/sshkey.h"' ': key may not include ssh'
	found sk/user/pin.c '"fallback/fallback.h"' ': user may not include'
}

api_of_openssh() {
	found enroll/main.c '"sk-api.h"' ': enroll may not include top'
	found sk/authenticator/credential.c '"sk-api.h"' \
		': authenticator may not include top'
}

tss_headers() {
	found sk/ssh/sshkey.c '<tss2/tss2_esys.h>' ': TSS headers are for'
}

other_spelling() {
	found sk/tpm/rc.c '"../key/key.h"' ', which is not written'
	found sk/tpm/rc.c '"tpm.h"' ', which is not written'
}

new_folder() {
	local copy=$WORK/folder
	mkdir "$copy"
	cp -R "$TOP/sk" "$TOP/enroll" "$copy"
	mkdir "$copy/sk/new"
	echo '#include "base/log.h"' >"$copy/sk/new/new.c"
	fails "$TOP/tests/includes" "$copy" >"$WORK/found"
	cat "$WORK/found"
	grep -q '^sk/new/new.c:1: .*its folder is not in the table' \
		"$WORK/found"
}

pages_name_files() {
	local file dir found
	while read -r file; do
		found=
		for dir in . sk sk/user enroll enroll/doctor; do
			[ ! -e "$TOP/$dir/$file" ] || found=$dir
		done
		[ "$found" ] || { echo "no such file: $file"; return 1; }
	done < <(grep -oh '`[a-z][a-z/-]*\.[ch]`' "$TOP/ARCHITECTURE.md" \
		"$TOP/CONTRIBUTING.md" | tr -d '`' | sort -u)
}

try "each folder includes only from those below it" tree_is_layered
try "an include that goes up is found" upward
try "and one that goes sideways" sideways
try "sk-api.h is for provider and response alone" api_of_openssh
try "TSS headers are for those who speak to the TPM" tss_headers
try "and one that is not written from sk/ or enroll/" other_spelling
try "a folder that the table does not have" new_folder
try "ARCHITECTURE.md and CONTRIBUTING.md name files that exist" \
	pages_name_files
echo "1..$N"
