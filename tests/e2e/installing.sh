#!/usr/bin/env bash
# What make install and the Debian package put where.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# files_in DIRECTORY: mode and path of each.
files_in() {
	find "$1" ! -type d -printf '%m %P\n' | sort -k 2
}

# The pages of examples/, as they are listed.
pages() {
	(cd "$TOP" && printf '644 share/doc/sk-tpm/%s\n' examples/*.md \
		examples/*.svg)
}

installs() {
	make -s -C "$TOP" B="$BUILD" DESTDIR="$WORK/dest" install
	files_in "$WORK/dest/usr/local" | diff - <(sort -k 2 <<-EOF
		755 bin/sk-tpm
		644 lib/libsk-tpm-api7.so
		644 lib/libsk-tpm-api9.so
		644 lib/libsk-tpm.so
		644 lib/systemd/system/sk-tpm-renew.service
		644 lib/systemd/system/sk-tpm-renew.timer
		644 share/bash-completion/completions/sk-tpm
		644 share/doc/sk-tpm/PROTOCOL.md
		644 share/doc/sk-tpm/README.md
		644 share/doc/sk-tpm/SECURITY.md
		$(pages)
		644 share/doc/sk-tpm/examples/ssh_config.d-sk-tpm.conf
		644 share/fish/vendor_completions.d/sk-tpm.fish
		644 share/man/man1/sk-tpm.1
		644 share/man/man5/sk-tpm.conf.5
		644 share/man/man8/libsk-tpm.8
		644 share/zsh/site-functions/_sk-tpm
	EOF
	)
	[ "$(ls "$WORK/dest/usr")" = local ]
	links_lead_somewhere "$WORK/dest/usr/local"
	names_library "$WORK/dest" /usr/local /usr/local/lib
}

# What its pages link to is installed, too.
links_lead_somewhere() {
	local doc=$1/share/doc/sk-tpm page target
	for page in "$doc"/*.md "$doc"/examples/*.md; do
		while read -r target; do
			[ -e "$(dirname "$page")/$target" ] ||
				{ echo "$page: $target"; return 1; }
		done < <(grep -o ']([^)#:]*)' "$page" | tr -d '()]')
	done
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

# Of the CA's host, below a prefix: units elsewhere, and pages that may be packed.
ca_files() {
	files_in "$1" | grep -vE ' (lib/systemd|share/doc|share/licenses|share/lintian|lib/.build-id)/' |
		sed 's/\.gz$//; s|/vendor-completions/|/site-functions/|' |
		diff - <(sort -k 2 <<-EOF
		755 bin/sk-tpm-ca
		644 lib/sysusers.d/sk-tpm-ca.conf
		755 libexec/sk-tpm/authorized-keys
		755 libexec/sk-tpm/inventory
		755 libexec/sk-tpm/relay
		755 libexec/sk-tpm/serve
		644 share/bash-completion/completions/sk-tpm-ca
		644 share/fish/vendor_completions.d/sk-tpm-ca.fish
		644 share/man/man5/sk-tpm-ca.conf.5
		644 share/man/man8/sk-tpm-ca.8
		644 share/zsh/site-functions/_sk-tpm-ca
	EOF
	)
}

ca_installs() {
	local dest=$WORK/ca-dest
	make -s -C "$TOP" B="$BUILD" DESTDIR="$dest" install-ca
	ca_files "$dest/usr/local"
	grep -qx 'ExecStart=/usr/local/libexec/sk-tpm/serve' \
		"$dest/usr/local/lib/systemd/system/sk-tpm-ca@.service"
	for program in bin/sk-tpm-ca libexec/sk-tpm/{serve,relay,authorized-keys,inventory}; do
		is_hardened "$dest/usr/local/$program"
	done
	# A CA's host needs no TPM software.
	fails grep tss2 < <(ldd "$dest/usr/local/bin/sk-tpm-ca" \
		"$dest/usr/local/libexec/sk-tpm/serve")
	make -s -C "$TOP" B="$BUILD" DESTDIR="$dest" uninstall-ca
	fails find "$dest" ! -type d | grep .
}

# What the package of the CA has, and what it asks for.
ca_package() {
	multiarch || return
	dpkg-deb -x "$WORK/sk-tpm-ca.deb" "$WORK/ca-deb"
	ca_files "$WORK/ca-deb/usr"
	cat "$WORK"/ca-deb/{usr/,}lib/systemd/system/sk-tpm-ca@.service \
		2>/dev/null >"$WORK/unit" || :
	grep -qx 'ExecStart=/usr/libexec/sk-tpm/serve' "$WORK/unit"
	dpkg-deb -f "$WORK/sk-tpm-ca.deb" Depends >"$WORK/depends"
	grep -q libsqlite3 "$WORK/depends"
	fails grep tss2 "$WORK/depends"
}

# Whoever takes over the service gets little more; systemd's own figure.
ca_unit() {
	local exposure
	command -v systemd-analyze >/dev/null || cannot "no systemd-analyze"
	exposure=$(systemd-analyze security --offline=true --no-pager \
		"$BUILD/ca/sk-tpm-ca@.service" 2>/dev/null |
		sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
	[ -n "$exposure" ] || cannot "systemd-analyze is too old"
	echo "$exposure"
	awk -v e="$exposure" 'BEGIN { exit e > 1.5 }'
}

state_of_clone() {
	[ ! -e "$TOP/.git" ] || git -C "$TOP" status --porcelain --ignored
	find "$TOP/.." -maxdepth 1 -name '*sk-tpm*_*'
}

# Builds it once for all that follows, with lintian's word on it.
builds() {
	command -v dpkg-buildpackage >/dev/null || cannot "no dpkg-buildpackage"
	state_of_clone >"$WORK/before"
	make -s -C "$TOP" B="$WORK/b" deb
	state_of_clone | diff "$WORK/before" -
	ls "$WORK"/b/deb/sk-tpm_*.dsc "$WORK"/b/deb/sk-tpm_*.orig.tar.gz
	mv "$WORK"/b/deb/sk-tpm_*.deb "$WORK/sk-tpm.deb"
	mv "$WORK"/b/deb/sk-tpm-ca_*.deb "$WORK/sk-tpm-ca.deb"
	dpkg-deb -x "$WORK/sk-tpm.deb" "$WORK/deb"
	ln -s "$(dpkg-architecture -q DEB_HOST_MULTIARCH)" "$WORK/multiarch"
}

multiarch() {
	readlink "$WORK/multiarch" || cannot "there is no package to look at"
}

contents() {
	local lib libdir
	libdir=lib/$(multiarch) || return
	files_in "$WORK/deb/usr" | grep -v ' lib/systemd/' | diff - <(sort -k 2 <<-EOF
		755 bin/sk-tpm
		644 $libdir/libsk-tpm-api7.so
		644 $libdir/libsk-tpm-api9.so
		644 $libdir/libsk-tpm.so
		644 share/bash-completion/completions/sk-tpm
		644 share/doc/sk-tpm/README.Debian
		644 share/doc/sk-tpm/PROTOCOL.md.gz
		644 share/doc/sk-tpm/README.md.gz
		644 share/doc/sk-tpm/SECURITY.md.gz
		644 share/doc/sk-tpm/changelog.Debian.gz
		644 share/doc/sk-tpm/changelog.gz
		644 share/doc/sk-tpm/copyright
		$(pages)
		644 share/doc/sk-tpm/examples/ssh_config.d-sk-tpm.conf
		644 share/fish/vendor_completions.d/sk-tpm.fish
		644 share/lintian/overrides/sk-tpm
		644 share/man/man1/sk-tpm.1.gz
		644 share/man/man5/sk-tpm.conf.5.gz
		644 share/man/man8/libsk-tpm.8.gz
		644 share/zsh/vendor-completions/_sk-tpm
	EOF
	)
	# Nothing in /etc: ssh is as it was until someone wants it otherwise.
	[ ! -e "$WORK/deb/etc" ]
	# Where this release has its units, with our places in them.
	cat "$WORK"/deb/{usr/,}lib/systemd/system/sk-tpm-renew.service \
		2>/dev/null >"$WORK/unit" || :
	grep -qx 'ExecStart=/usr/bin/sk-tpm renew' "$WORK/unit"
	for lib in libsk-tpm.so libsk-tpm-api9.so libsk-tpm-api7.so; do
		exports_entry_points "$WORK/deb/usr/$libdir/$lib"
		is_hardened "$WORK/deb/usr/$libdir/$lib"
	done
	is_hardened "$WORK/deb/usr/bin/sk-tpm"
	names_library "$WORK/deb" /usr "/usr/$libdir"
}

field() {
	dpkg-deb -f "$WORK/sk-tpm.deb" "$1"
}

control() {
	local word
	multiarch || return
	[ "$(field Package)" = sk-tpm ]
	[ "$(field Version | sed 's/-[^-]*$//')" = \
		"$(sed -n 's/^VERSION = //p' "$TOP/Makefile")" ]
	[ "$(field Architecture)" = "$(dpkg --print-architecture)" ]
	for word in openssh-client libtss2-esys libtss2-sys libtss2-tctildr \
		libcbor libssl libjson-c; do
		field Depends | grep -q "$word"
	done
	# Fingers are asked for only where libsystemd is there anyway.
	fails grep -q libsystemd < <(field Depends)
	# It makes no account, as sk-tpm join does, starts nothing, enables only
	# what was enabled before, and changes nobody's groups.
	dpkg-deb -e "$WORK/sk-tpm.deb" "$WORK/control"
	fails grep -E 'deb-systemd-invoke|usermod|adduser|sysusers' \
		"$WORK/control/postinst"
	grep 'deb-systemd-helper.*-enabled' "$WORK/control/postinst"
}

# What is asked of this test is not asked of the ones that it runs.
unset ONLY
tpm_new tpm
try "make install: these files, with the library's path in them" installs
try "make uninstall: none of them, and nothing of others" uninstalls
try "make install-ca, and uninstall-ca: a host without a TPM" ca_installs
try "the CA's unit keeps what it does not need from it" ca_unit
# Debian's rpmbuild makes it, and nothing here installs it.
builds_rpm() {
	local package
	command -v rpmbuild >/dev/null || cannot "no rpmbuild"
	state_of_clone >"$WORK/before"
	make -s -C "$TOP" B="$WORK/b" rpm
	state_of_clone | diff "$WORK/before" -
	ls "$WORK"/b/rpm/SRPMS/sk-tpm-*.src.rpm
	package=$(ls "$WORK"/b/rpm/RPMS/*/sk-tpm-[0-9]*.rpm)
	mkdir "$WORK/rpm"
	(cd "$WORK/rpm" && rpm2cpio "$package" | cpio -id --quiet)
	files_in "$WORK/rpm/usr" | grep -v ' lib/.build-id/' | diff - <(sort -k 2 <<-EOF
		755 bin/sk-tpm
		644 lib/systemd/system/sk-tpm-renew.service
		644 lib/systemd/system/sk-tpm-renew.timer
		644 lib64/libsk-tpm-api7.so
		644 lib64/libsk-tpm-api9.so
		644 lib64/libsk-tpm.so
		644 share/bash-completion/completions/sk-tpm
		644 share/doc/sk-tpm/CHANGELOG.md
		644 share/doc/sk-tpm/PROTOCOL.md
		644 share/doc/sk-tpm/README.md
		644 share/doc/sk-tpm/SECURITY.md
		$(pages)
		644 share/doc/sk-tpm/examples/ssh_config.d-sk-tpm.conf
		644 share/fish/vendor_completions.d/sk-tpm.fish
		644 $(cd "$WORK/rpm/usr" && ls -d share/licenses/sk-tpm*/LICENSE)
		644 share/man/man1/sk-tpm.1
		644 share/man/man5/sk-tpm.conf.5
		644 share/man/man8/libsk-tpm.8
		644 share/zsh/site-functions/_sk-tpm
	EOF
	)
	[ ! -e "$WORK/rpm/etc" ]
	exports_entry_points "$WORK/rpm/usr/lib64/libsk-tpm.so"
	is_hardened "$WORK/rpm/usr/lib64/libsk-tpm.so"
	is_hardened "$WORK/rpm/usr/bin/sk-tpm"
	mkdir "$WORK/ca-rpm"
	(cd "$WORK/ca-rpm" && rpm2cpio \
		"$WORK"/b/rpm/RPMS/*/sk-tpm-ca-[0-9]*.rpm | cpio -id --quiet)
	ca_files "$WORK/ca-rpm/usr"
	names_library "$WORK/rpm" /usr /usr/lib64
	rpm -qp --requires "$package" | grep 'openssh-clients >= 8.4'
	# Nothing is enabled or started.
	rpm -qp --scripts "$package" | fails grep .
}

try "make deb: built in a copy, lintian content" builds
try "the package: these files, hardened, with the library's path" contents
try "the package: dependencies, version, scripts" control
try "the CA's package: these files, and no TPM software" ca_package
try "make rpm: built in a copy; what is in it" builds_rpm
echo "1..$N"
