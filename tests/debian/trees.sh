# shellcheck shell=bash
# Debian releases in trees of their own, for the tests that use one. A tree is
# unpacked from a base: a release's minimum (SUITE), or that and what the test
# that sources this furnishes it with (SUITE-KIND).
#
# What debootstrap and apt-get fetch is kept in $BASES (build/bases); remove
# that to have it fetched anew. $MIRROR is where debootstrap fetches from,
# unless empty: a release that has moved to an archive needs it said.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

BASES=${BASES:-$BUILD/bases}
MIRROR=${MIRROR:-}

# Not in $WORK, which may be in memory: a tree is 700 MB.
mkdir -p "$BASES"
TREES=$(mktemp -d "$BASES/trees.XXXXXX")
trap 'cleanup; rm -rf --one-file-system "$TREES"' EXIT

why_not() {
	[ "$(id -u)" -eq 0 ] || { echo "not root"; return; }
	command -v debootstrap >/dev/null || { echo "no debootstrap"; return; }
	unshare --mount --pid --fork true 2>/dev/null ||
		echo "not allowed to make namespaces"
}

# inside TREE COMMAND...: in namespaces that end with it, so that no mount and
# no process outlives the command, however it ends. It has terminals of its
# own.
inside() {
	# shellcheck disable=SC2016 # for the shell inside
	unshare --mount --pid --fork --kill-child --propagation private sh -c '
		tree=$1
		shift
		mount -t proc proc "$tree/proc" &&
		mount -t devpts -o newinstance,ptmxmode=666 devpts "$tree/dev/pts" &&
		exec chroot "$tree" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			DEBIAN_FRONTEND=noninteractive "$@"' sh "$@"
}

# keep TREE BASE
keep() {
	tar -C "$1" -I 'gzip -1' -cf "$TREES/new.tar.gz" .
	mv "$TREES/new.tar.gz" "$BASES/$2.tar.gz"
	rm -rf --one-file-system "$1"
}

# A minimal Debian. debootstrap leaves out what an installer would write; what is
# installed later is not to start services; and a mirror or an archive may keep a
# list for longer than it says it is valid. It has to be signed all the same.
make_minimal() {
	local suite=$1 tree=$TREES/$1-minimal
	[ ! -e "$BASES/$suite.tar.gz" ] || return 0
	debootstrap --variant=minbase "$suite" "$tree" ${MIRROR:+"$MIRROR"}
	echo '127.0.0.1 localhost' >"$tree/etc/hosts"
	printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
	chmod 755 "$tree/usr/sbin/policy-rc.d"
	echo 'Acquire::Check-Valid-Until "false";' \
		>"$tree/etc/apt/apt.conf.d/99valid-until"
	keep "$tree" "$suite"
}

# unpack BASE TREE
unpack() {
	mkdir "$TREES/$2"
	tar -C "$TREES/$2" -xf "$BASES/$1.tar.gz"
	cp -L /etc/resolv.conf "$TREES/$2/etc/resolv.conf"
}

# make_base SUITE KIND: by `furnish_KIND TREE` of the test's.
make_base() {
	local base=$1-$2 tree=$TREES/$1-$2-base
	[ ! -e "$BASES/$base.tar.gz" ] || return 0
	make_minimal "$1"
	unpack "$1" "$base-base"
	inside "$tree" apt-get update
	"furnish_$2" "$tree"
	inside "$tree" apt-get clean
	keep "$tree" "$base"
}

# add_packages TREE PACKAGE...
add_packages() {
	inside "$1" apt-get install -y --no-install-recommends "${@:2}"
}

# add_needed TREE TARGET: what tests/install-packages names for it.
add_needed() {
	cp "$TOP/tests/install-packages" "$1/tmp"
	inside "$1" /tmp/install-packages "$2"
	rm "$1/tmp/install-packages"
}

# A TPM to test with, and the program that starts it anew: the release's, or this
# machine's with all that they are linked with. (Debian 11 has none.)
add_swtpm() {
	! inside "$1" apt-cache show swtpm >"$WORK/swtpm" 2>/dev/null ||
		add_packages "$1" swtpm swtpm-tools
}

lend_swtpm() {
	local name program loader place=/opt/swtpm
	for name in swtpm swtpm_ioctl; do
		[ ! -e "$1/usr/bin/$name" ] || continue
		program=$(command -v "$name")
		mkdir -p "$1$place"
		ldd "$program" | grep -o '/[^ ]*' >"$WORK/linked"
		xargs cp -L -t "$1$place" "$program" <"$WORK/linked"
		loader=$place/$(basename "$(grep '/ld-[^/]*$' "$WORK/linked")")
		printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' \
			"$loader" "$place" "$place/$name" >"$1/usr/bin/$name"
		chmod 755 "$1/usr/bin/$name"
	done
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
