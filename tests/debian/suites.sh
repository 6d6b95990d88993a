#!/usr/bin/env bash
# The package, built in each Debian release against its own libraries, and
# installed in another copy of that release that has never seen the source.
#
# What debootstrap and apt-get fetch is kept in $BASES (build/bases); remove
# that to have it fetched anew.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

BASES=${BASES:-$BUILD/bases}
SUITES=${SUITES:-bookworm trixie}

# Not in $WORK, which may be in memory: a tree is 700 MB.
mkdir -p "$BASES"
TREES=$(mktemp -d "$BASES/trees.XXXXXX")
trap 'rm -rf --one-file-system "$TREES"; cleanup' EXIT

why_not() {
	[ "$(id -u)" -eq 0 ] || { echo "not root"; return; }
	command -v debootstrap >/dev/null || { echo "no debootstrap"; return; }
	unshare --mount --pid --fork true 2>/dev/null ||
		echo "not allowed to make namespaces"
}

# inside TREE COMMAND...: in namespaces that end with it, so that no mount and
# no process outlives the command, however it ends.
inside() {
	# shellcheck disable=SC2016 # for the shell inside
	unshare --mount --pid --fork --kill-child --propagation private sh -c '
		tree=$1
		shift
		mount -t proc proc "$tree/proc" &&
		exec chroot "$tree" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			DEBIAN_FRONTEND=noninteractive "$@"' sh "$@"
}

# packages_for KIND: what a base has besides Debian's minimum.
packages_for() {
	case $1 in
	build) echo make ;;
	user) echo openssh-server swtpm git ;;
	esac
}

# keep TREE BASE
keep() {
	tar -C "$1" -I 'gzip -1' -cf "$TREES/new.tar.gz" .
	mv "$TREES/new.tar.gz" "$BASES/$2.tar.gz"
	rm -rf --one-file-system "$1"
}

# A minimal Debian. debootstrap leaves out what an installer would write; and
# what is installed later is not to start services.
make_minimal() {
	local suite=$1 tree=$TREES/$1-minimal
	[ ! -e "$BASES/$suite.tar.gz" ] || return 0
	debootstrap --variant=minbase "$suite" "$tree"
	echo '127.0.0.1 localhost' >"$tree/etc/hosts"
	printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
	chmod 755 "$tree/usr/sbin/policy-rc.d"
	keep "$tree" "$suite"
}

# unpack BASE TREE
unpack() {
	mkdir "$TREES/$2"
	tar -C "$TREES/$2" -xf "$BASES/$1.tar.gz"
	cp -L /etc/resolv.conf "$TREES/$2/etc/resolv.conf"
}

# make_base SUITE KIND
make_base() {
	local base=$1-$2 tree=$TREES/$1-$2-base
	[ ! -e "$BASES/$base.tar.gz" ] || return 0
	make_minimal "$1"
	unpack "$1" "$base-base"
	inside "$tree" apt-get update
	# shellcheck disable=SC2046 # words
	inside "$tree" apt-get install -y --no-install-recommends \
		$(packages_for "$2")
	if [ "$2" = build ]; then
		cp "$TOP/tests/install-packages" "$tree/tmp"
		inside "$tree" /tmp/install-packages deb
		rm "$tree/tmp/install-packages"
	fi
	inside "$tree" apt-get clean
	keep "$tree" "$base"
}

# copy_source TREE PATH...: what git knows of it, or all.
copy_source() {
	local tree=$1
	shift
	mkdir -p "$tree/src"
	if [ -e "$TOP/.git" ]; then
		git -C "$TOP" ls-files -z -- "$@"
	else
		(cd "$TOP" && find "$@" -name build -prune -o ! -type d -print0)
	fi | tar -C "$TOP" -c --null -T - | tar -C "$tree/src" -x
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
		try "$suite: apt-get purge leaves nothing of it" goes "$suite"
		rm -rf --one-file-system "${TREES:?}/$suite"
	done
fi
echo "1..$N"
