#!/usr/bin/env bash
# The package, built in each Debian release against its own libraries, and
# installed in another copy of that release that has never seen the source.
# shellcheck source=tests/debian/trees.sh
. "$(dirname "$0")/trees.sh"

SUITES=${SUITES:-bookworm trixie}

furnish_build() {
	add_packages "$1" make
	add_needed "$1" deb
}

furnish_user() {
	add_packages "$1" openssh-server swtpm git
}

builds() {
	local tree=$TREES/$1-source
	make_base "$1" build
	unpack "$1-build" "$1-source"
	copy_source "$tree" .
	inside "$tree" make -s -C /src deb
	# Other compilers warn of other things.
	fails grep 'warning:' "$tree/src/build/deb/log"
	mv "$tree"/src/build/deb/sk-tpm_*.deb "$TREES/$1.deb"
	mv "$tree"/src/build/deb/sk-tpm-ca_*.deb "$TREES/$1-ca.deb"
	rm -rf --one-file-system "$tree"
}

has_tss() {
	# shellcheck disable=SC2016 # for dpkg-query
	inside "$1" dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
		'libtss2-*' | grep '^installed'
}

installs() {
	local tree=$TREES/$1
	make_base "$1" user
	unpack "$1-user" "$1"
	# Nothing in it yet that the package has to ask for.
	fails has_tss "$tree"
	cp "$TREES/$1.deb" "$tree/tmp/sk-tpm.deb"
	inside "$tree" apt-get update
	inside "$tree" apt-get install -y --no-install-recommends \
		/tmp/sk-tpm.deb
	copy_source "$tree" tests examples
}

# From the package to a CA that sshd would answer for, in one command. systemd does
# not run there.
certifies() {
	local tree=$TREES/$1
	cp "$TREES/$1-ca.deb" "$tree/tmp/sk-tpm-ca.deb"
	inside "$tree" apt-get install -y --no-install-recommends \
		/tmp/sk-tpm-ca.deb
	mkdir -p "$tree/run/sshd"
	inside "$tree" sk-tpm-ca init --names ca.example.com --write |
		grep '^CA of users: SHA256:'
	inside "$tree" sh -c 'stat -c "%U %a" /var/lib/sk-tpm-ca/*' |
		sort | uniq -c >"$WORK/modes"
	cat "$WORK/modes"
	fails grep -v sk-tpm-ca-service "$WORK/modes"
	inside "$tree" sshd -T -C user=sk-tpm-ca |
		grep '^authorizedkeyscommand /usr/libexec/sk-tpm/authorized-keys'
	inside "$tree" grep '^sk-tpm-ca:\*:' /etc/shadow
	inside "$tree" sk-tpm-ca machine add web1 \
		SHA256:8vDq+NwpXRCVnJBKTUtMt2S18VtCY2KMOp38rnhdeGs=
	inside "$tree" sk-tpm-ca audit | grep '"what":"machine add"'
	inside "$tree" apt-get purge -y sk-tpm-ca
	rm -rf "$tree/var/lib/sk-tpm-ca" "$tree/etc/ssh/sk-tpm-ca.conf" \
		"$tree/etc/ssh/sshd_config.d/sk-tpm-ca.conf"
}

used() {
	inside "$TREES/$1" /src/tests/debian/installed.sh
}

goes() {
	local tree=$TREES/$1
	[ -x "$tree/usr/bin/sk-tpm" ]
	inside "$tree" apt-get purge -y sk-tpm
	find "$tree/etc" "$tree/usr" "$tree/lib" "$tree/var/lib" \
		-xdev -name '*sk-tpm*' ! -path '*/var/lib/apt/*' \
		! -path "$tree/etc/ssh/ssh_config.d/*" >"$WORK/left"
	cat "$WORK/left"
	[ ! -s "$WORK/left" ]
}

versions() {
	# shellcheck disable=SC2016 # for the shell inside
	inside "$TREES/$1" sh -c '
		. /etc/os-release
		echo "$PRETTY_NAME"
		ssh -V 2>&1 | sed "s/  [0-9].*//"
		dpkg-query -W -f "\${db:Status-Status} \${Package} \${Version}\n" \
			"libtss2-esys*" "libcbor*" 2>/dev/null |
			sed -n "s/^installed //p"' |
		paste -sd, | sed 's/^/# note: /;s/,/, /g'
}

reason=$(why_not)
if [ -n "$reason" ]; then
	skip "the package in $SUITES" "$reason"
	echo "# note: $SUITES: not tried here: $reason"
else
	for suite in $SUITES; do
		try "$suite: make deb, against its own libraries" builds "$suite"
		[ -e "$TREES/$suite.deb" ] || continue
		try "$suite: apt-get installs the package" installs "$suite"
		[ -x "$TREES/$suite/src/tests/debian/installed.sh" ] || continue
		relay "$suite" used "$suite"
		versions "$suite"
		try "$suite: sk-tpm-ca's package, and init, make a CA" \
			certifies "$suite"
		try "$suite: apt-get purge leaves nothing of it" goes "$suite"
		rm -rf --one-file-system "${TREES:?}/$suite"
	done
fi
echo "1..$N"
