#!/usr/bin/env bash
# What make install puts where.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# files_in DIRECTORY: mode and path of each.
files_in() {
	find "$1" ! -type d -printf '%m %P\n' | sort -k 2
}

installs() {
	make -s -C "$TOP" B="$BUILD" DESTDIR="$WORK/dest" install
	files_in "$WORK/dest/usr/local" | diff - <(cat <<-EOF
		755 bin/sk-tpm
		644 lib/libsk-tpm-api7.so
		644 lib/libsk-tpm-api9.so
		644 lib/libsk-tpm.so
		644 share/bash-completion/completions/sk-tpm
		644 share/doc/sk-tpm/README.md
		644 share/doc/sk-tpm/examples/how-it-works.svg
		644 share/doc/sk-tpm/examples/ssh_config.d-sk-tpm.conf
		644 share/fish/vendor_completions.d/sk-tpm.fish
		644 share/man/man1/sk-tpm.1
		644 share/man/man5/sk-tpm.conf.5
		644 share/man/man8/libsk-tpm.8
		644 share/zsh/site-functions/_sk-tpm
	EOF
	)
	[ "$(ls "$WORK/dest/usr")" = local ]
	names_library "$WORK/dest" /usr/local /usr/local/lib
}

# names_library ROOT PREFIX LIBDIR: the command, the manual and the snippet do.
names_library() {
	local prefix=$1$2 library=$3/libsk-tpm.so
	local snippet=$2/share/doc/sk-tpm/examples/ssh_config.d-sk-tpm.conf
	[ "$(ssh -F "$1$snippet" -G anywhere |
		grep -i '^securitykeyprovider')" = "securitykeyprovider $library" ]
	# It says how it is to be copied.
	grep -qF "cp $snippet" "$1$snippet"
	"$prefix/bin/sk-tpm" setup --dry-run | tee "$WORK/setup"
	grep -qF "SecurityKeyProvider $library" "$WORK/setup"
	zcat -f "$prefix"/share/man/man8/libsk-tpm.8* >"$WORK/page"
	grep -qF "$library" "$WORK/page"
	[ "$3" = /usr/local/lib ] || fails grep -r /usr/local/lib/libsk-tpm \
		"$prefix/bin" "$WORK/page" "$1$snippet"
}

uninstalls() {
	local doc=$WORK/dest/usr/local/share/doc/sk-tpm
	echo mine >"$doc/examples/mine"
	make -s -C "$TOP" B="$BUILD" DESTDIR="$WORK/dest" uninstall
	[ "$(find "$WORK/dest" ! -type d)" = "$doc/examples/mine" ]
	rm "$doc/examples/mine"
	make -s -C "$TOP" B="$BUILD" DESTDIR="$WORK/dest" uninstall
	find "$WORK/dest" -name '*sk-tpm*' >"$WORK/left"
	cat "$WORK/left"
	[ ! -s "$WORK/left" ]
}

tpm_new tpm
try "make install: these files, with the library's path in them" installs
try "make uninstall: none of them, and nothing of others" uninstalls
echo "1..$N"
