# shellcheck shell=bash
# The OpenSSH under test, and the library that it takes.

# The OpenSSH under test, as a number: 904 is 9.4.
openssh_version() {
	local version major minor
	version=$(ssh -V 2>&1)
	version=${version#OpenSSH_}
	major=${version%%.*}
	minor=${version#*.}
	minor=${minor%%[!0-9]*}
	echo $((major * 100 + minor))
}
OPENSSH=$(openssh_version)

# It compares majors exactly: pick the library for the one installed.
openssh_library() {
	if [ "$OPENSSH" -ge 901 ]; then
		echo "$BUILD/libsk-tpm.so"
	elif [ "$OPENSSH" -ge 809 ]; then
		echo "$BUILD/libsk-tpm-api9.so"
	else
		echo "$BUILD/libsk-tpm-api7.so"
	fi
}
# shellcheck disable=SC2034 # for the test files
LIB=$(openssh_library)

# The ssh-sk-helper of the OpenSSH under test.
sk_helper() {
	local dir
	for dir in openssh ../libexec/openssh ../libexec ssh; do
		dir=/usr/lib/$dir/ssh-sk-helper
		[ ! -x "$dir" ] || { echo "$dir"; return; }
	done
	return 1
}

# needs_openssh VERSION WHAT: for a try of what older ones cannot do; 809 is
# 8.9.
needs_openssh() {
	[ "$OPENSSH" -ge "$1" ] ||
		cannot "OpenSSH $((OPENSSH / 100)).$((OPENSSH % 100)) has no $2"
}

# older VERSION THAN
older() {
	[ "$1" != "$2" ] &&
		[ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

needs_git_signatures() {
	local version
	version=$(git --version)
	version=${version##* }
	! older "$version" 2.34 ||
		cannot "git $version has no signatures by SSH keys"
}

exports_entry_points() {
	[ "$(nm -D --defined-only "$1" | awk '{print $3}' | sort | xargs)" = \
		"sk_api_version sk_enroll sk_load_resident_keys sk_sign" ]
}

# What the compiler and the linker can do for a library or a program.
is_hardened() {
	local headers
	headers=$(readelf -lW "$1")
	grep -q GNU_RELRO <<<"$headers"
	grep GNU_STACK <<<"$headers" | grep -q 'RW '
	readelf -hW "$1" | grep -q 'Type: *DYN'
	readelf -dW "$1" | grep -q NOW
	nm -D "$1" | grep -q __stack_chk_fail
	nm -D "$1" | grep -q '__.*_chk@'
	# More than the compiler's own two functions begin as indirect jumps may.
	[ "$(uname -m)" != x86_64 ] ||
		[ "$(objdump -d "$1" | grep -c endbr64)" -gt 2 ]
}

# For what Debian 11 has no part of: its ssh asks for a PIN before it calls us, so
# that a lifetime saves nothing there; its tpm2-tools lack what the tests' own CA
# is made of; and sk-tpm-ca is for later releases.
not_for_debian_11() {
	[ "$OPENSSH" -ge 900 ] || skip_all "$1"
}
