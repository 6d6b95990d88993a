#!/usr/bin/env bash
# No example without a test: every code block of README.md and examples/ has a
# name that a test runs, or says that it is untested.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit

# A page's tests have its name; README.md's is readme.sh. What takes a kernel
# and systemd is run by the one in tests/vm, where there is one.
tests_of() {
	local name
	name=$(basename "$1" .md)
	echo "$TOP/tests/e2e/${name,,}.sh"
	# What other pages begin with.
	[ "$name" != certificates ] || echo "$TOP/tests/workflow.sh"
	ls "$TOP/tests/vm/${name,,}.sh" 2>/dev/null || :
}

# blocks PAGE: "LINE LANGUAGE NAME" of each, what is only shown left out.
blocks() {
	awk '/^```/ && !inside {
		inside = 1
		if ($1 != "```text" && $2 != "untested") print NR, substr($1, 4), $2
		next
	}
	/^```/ { inside = 0 }' "$1"
}

all_blocks_are_run() {
	local page=$1 line language name tests
	mapfile -t tests < <(tests_of "$page")
	[ -x "${tests[0]}" ]
	[ -z "$(blocks "$page" | cut -d' ' -f3 | sort | uniq -d)" ]
	while read -r line language name; do
		[ -n "$name" ] && grep -Eq "example(_text)? $name( |\$|\))" \
			"${tests[@]}" ||
			{ echo "$page:$line: $language block without a test"
				return 1; }
	done < <(blocks "$page")
}

# A certificate is revoked by its number: no page gives two the same.
serials_are_random() {
	cat "$TOP"/README.md "$TOP"/examples/*.md >pages
	grep -e '-z ["0-9]' pages >numbers
	fails grep -v -e '-z "$serial"' numbers
	[ "$(grep -c '^serial=.*/dev/urandom' pages)" -eq "$(wc -l <numbers)" ]
}

# SECURITY.md names the test behind each claim as *file: title*, or a unit of the
# program that the file relays.
claims() {
	tr '\n' ' ' <"$TOP/SECURITY.md" | tr -s ' ' |
		grep -o '\*[a-z][a-z-]*: [^*]*\*' | tr -d '*'
}

# has_test FILE TITLE
has_test() {
	local program
	grep -qF "try \"$2\"" "$1" && return
	while read -r program; do
		grep -qF "cmocka_unit_test($2)" "$TOP/$program.c" && return
	done < <(grep '^[[:space:]]*relay ' "$1" |
		grep -o 'tests/tpm/test-[a-z]*' || :)
	return 1
}

claims_have_their_tests() {
	local claim n=0
	while IFS= read -r claim; do
		has_test "$TOP/tests/e2e/${claim%%: *}.sh" "${claim#*: }" ||
			{ echo "no such test: $claim"; return 1; }
		n=$((n + 1))
	done < <(claims)
	[ "$n" -gt 20 ]
}

for page in "$TOP"/README.md "$TOP"/examples/*.md; do
	try "every block of ${page#"$TOP/"} is run" all_blocks_are_run "$page"
done
try "every page has random serial numbers" serials_are_random
try "every claim of SECURITY.md names a test that exists" \
	claims_have_their_tests
echo "1..$N"
