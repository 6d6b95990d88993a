#!/usr/bin/env bash
# sk-tpm as a new user would use it, on a TPM of its own.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
sshd_start server
export PATH=$BUILD:$PATH

usage_errors() {
	local status
	for args in "" "nonsense" "show" "show a b" "list a b" "enroll --nonsense" \
		"enroll -f" "remove"; do
		status=0
		# shellcheck disable=SC2086 # words
		sk-tpm $args >"$WORK/out" 2>&1 || status=$?
		cat "$WORK/out"
		[ "$status" -eq 2 ]
	done
	refuses "list has no option --nonsense" sk-tpm list --nonsense
	refuses "list has no option -x" sk-tpm list -x
	refuses "--no-touch takes no argument" sk-tpm enroll --no-touch=x
	refuses "--a is the beginning of several options" sk-tpm enroll --a
	refuses "--file wants an argument" sk-tpm enroll --file
	refuses "-f wants an argument" sk-tpm enroll -f
	refuses "show takes FILE|INDEX" sk-tpm show
	sk-tpm --help | grep -q enroll
	sk-tpm --version | grep -q '^sk-tpm [0-9]'
	sk-tpm enroll --help | grep -q -- --limit
}

sets_up() {
	# Root's home is the password database's: nothing is written there.
	sk-tpm setup --dry-run | grep 'Would make the storage root key'
	fails tpm2_readpublic -Q -c 0x81000001
	sk-tpm setup | tee "$WORK/out"
	grep -q 'Made the storage root key persistent' "$WORK/out"
	# The one for this OpenSSH.
	grep -q "SecurityKeyProvider /.*/${LIB##*/}$" "$WORK/out"
	tail -n 1 "$WORK/out" | grep -qx 'sk-tpm setup --write adds them\.'
	tpm2_readpublic -Q -c 0x81000001
	sk-tpm setup | grep -q 'persistent already'
	tpm_is_empty
}

sets_up_with_owner_password() {
	tpm_new owned
	tpm2_changeauth -Q -c owner secret
	askpass_says wrong
	refuses "the TPM's owner has another password" sk-tpm setup
	askpass_says "$(head -c 65 /dev/zero | tr '\0' s)"
	refuses "the owner password is longer than a TPM takes" sk-tpm setup
	askpass_says no
	refuses "refused in $WORK/askpass" sk-tpm setup
	askpass_says secret
	sk-tpm setup | grep -q 'Made the storage root key persistent'
	tpm_is_empty
	enroll "$WORK/owned-key" -O no-touch-required
	sign_and_verify "$WORK/owned-key"
}

# Another program's key at the handle, and a TPM without room for one more.
cannot_set_up() {
	local n
	tpm_new taken
	for ((n = 1; n < 20; n++)); do
		LD_LIBRARY_PATH=$TOOLS SK_TPM_TCTI=fault:$TCTI \
			SK_TPM_FAULT="$n:rc=0x14b" sk-tpm setup && break
		tpm_is_empty
	done >"$WORK/out" 2>&1
	cat "$WORK/out"
	grep '^sk-tpm: .* no slot free for another persistent key' "$WORK/out"
	grep 'Made the storage root key persistent' "$WORK/out"
	tpm2_evictcontrol -Q -C o -c 0x81000001
	tpm2_createprimary -Q -C o -G ecc -c "$WORK/theirs.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/theirs.ctx" 0x81000001
	tpm2_flushcontext -t
	sk-tpm setup | grep \
		"The key at 0x81000001 is another program's (.*it lacks noDA"
	tpm2_readpublic -Q -c 0x81000001
	tpm_is_empty
}

adds_lines() {
	mkdir "$WORK/nobody"
	[ "$(id -u)" -ne 0 ] || chown 65534 "$WORK/nobody"
	cp "$BUILD/sk-tpm" "$WORK/sk-tpm-copy"
	export HOME=$WORK/nobody SK_TPM_CONFIG=/dev/null
	unprivileged "$WORK/sk-tpm-copy" setup --write --dry-run |
		grep -q 'Would add to'
	[ ! -e "$HOME/.ssh" ]
	unprivileged "$WORK/sk-tpm-copy" setup --write
	grep -q '^Host \*$' "$HOME/.ssh/config"
	grep -q SSH_SK_PROVIDER "$HOME/.profile"
	unprivileged "$WORK/sk-tpm-copy" setup --write |
		grep -c 'left as it is' | grep -qx 2
	[ "$(grep -c SecurityKeyProvider "$HOME/.ssh/config")" -eq 1 ]
	# Once it is recorded, another TPM is refused.
	fails grep -q EndorsementKey "$HOME/.ssh/sk-tpm.conf"
	unprivileged env -u SK_TPM_CONFIG "$WORK/sk-tpm-copy" setup --write
	unprivileged env -u SK_TPM_CONFIG "$WORK/sk-tpm-copy" setup --write
	[ "$(grep -c '^EndorsementKey SHA256:' "$HOME/.ssh/sk-tpm.conf")" -eq 1 ]
	{ unprivileged env -u SK_TPM_CONFIG "$WORK/sk-tpm-copy" doctor || :; } |
		grep '; EndorsementKey names it'
	refuses "does not have the endorsement key" unprivileged \
		"$WORK/sk-tpm-copy" setup --endorsement-key \
		SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
	# A last line without its end, and a comment, are no obstacle.
	unprivileged sh -c "printf '# SecurityKeyProvider\nHost a\n\tUser me' \
		>$HOME/.ssh/config"
	unprivileged "$WORK/sk-tpm-copy" setup --write
	ssh -F "$HOME/.ssh/config" -G anywhere | grep -i securitykeyprovider |
		grep -q "/${LIB##*/}$"
}

# Every error is one JSON object on standard output, and our line on standard
# error.
errors_in_json() {
	local words
	for words in "show $WORK/none --json" "--json show 0x01800000" \
		"test -j $WORK/none" "list --json --nonsense" "show --json" \
		"enroll --json -f $WORK/none -l nothing" \
		"pin $WORK/none --json" "list --json -T /dev/no-tpm"; do
		# shellcheck disable=SC2086 # words
		fails sk-tpm $words >"$WORK/out" 2>"$WORK/err"
		cat "$WORK/out" "$WORK/err"
		jq -s -e 'length == 1 and (.[0].error | length > 0)' "$WORK/out"
		grep -qF "sk-tpm: $(jq -r .error "$WORK/out")" "$WORK/err"
	done
	# What could be told is told all the same.
	jq -e '.remedy and .files' "$WORK/out"
}

# finds CHECK STATUS WORDS: the doctor reports this of CHECK.
finds() {
	SSH_SK_PROVIDER=${SSH_SK_PROVIDER-$LIB} sk-tpm doctor >"$WORK/out" || :
	grep "^$2  *$1 .*$3" "$WORK/out" || { cat "$WORK/out"; return 1; }
}

# set_up_as NAME SHELL: setup writes its lines for a person with that shell.
set_up_as() {
	export HOME=$WORK/$1 SHELL=/bin/$2 SK_TPM_CONFIG=/dev/null
	mkdir -p "$HOME"
	cp "$BUILD/sk-tpm" "$HOME/sk-tpm"
	[ "$(id -u)" -ne 0 ] || chown -R 65534 "$HOME"
	unprivileged "$HOME/sk-tpm" setup --write | tee "$WORK/out"
}

# logs_in_to SHELL...: what is set in a login shell afterwards.
logs_in_to() {
	unprivileged env -i HOME="$HOME" PATH="$PATH" TERM=dumb "$@" \
		<<<'echo "has: $SSH_SK_PROVIDER"' | tee "$WORK/has"
	grep -qx "has: .*/${LIB##*/}" "$WORK/has"
}

# Each shell has at its next login what was written, and keeps what it had.
writes_where_shells_read() {
	set_up_as in-bash bash
	logs_in_to bash -l
	mkdir "$WORK/in-bash-profile"
	touch "$WORK/in-bash-profile/.bash_profile" \
		"$WORK/in-bash-profile/.profile"
	set_up_as in-bash-profile bash
	logs_in_to bash -l
	set_up_as in-zsh zsh
	logs_in_to zsh -l
	set_up_as in-fish fish
	logs_in_to fish -l
	line=$(sed -n 's/^  set/set/p' "$WORK/out")
	[ "$line" = "$(cat "$HOME/.config/fish/conf.d/sk-tpm.fish")" ]
	fails unprivileged "$HOME/sk-tpm" doctor -T /dev/no-tpm >"$WORK/out"
	grep -A1 "not set here, but $HOME/.config/fish/" "$WORK/out" |
		grep -qF "log in again, or type: $line"
	set_up_as in-tcsh tcsh
	logs_in_to tcsh -l
	set_up_as in-dash dash
	logs_in_to dash -l
}

# systemd's own program reads what was written for user services.
writes_for_the_manager() {
	local generators=/usr/lib/systemd/user-environment-generators
	mkdir -p "$WORK/run/systemd"
	XDG_RUNTIME_DIR=$WORK/run set_up_as managed bash
	grep -q 'graphical sessions and user services once you have logged out' \
		"$WORK/out"
	logs_in_to bash -l
	[ -x "$generators/30-systemd-environment-d-generator" ] ||
		cannot "systemd's generator is not here"
	unprivileged env -i HOME="$HOME" \
		"$generators/30-systemd-environment-d-generator" |
		grep -qx "SSH_SK_PROVIDER=.*/${LIB##*/}"
}

# What setup and doctor say helps; once it is done, both find nothing more.
beside_another_provider() {
	local home=$WORK/other library other=$WORK/other/other.so
	mkdir -p "$home/.ssh"
	cp "$TOOLS/provider-soft${LIB##*/libsk-tpm}" "$other"
	cp "$LIB" "$home"
	echo "SecurityKeyProvider $other" >"$home/.ssh/config"
	echo "export SSH_SK_PROVIDER=$other" >"$home/.profile"
	set_up_as other bash
	grep -q "config names another provider, $other; it is left" "$WORK/out"
	grep -q "profile names another provider, $other; it is left" "$WORK/out"
	grep -qx "FallbackProvider $other" "$WORK/out"
	library=$(sed -n 's/^Name \(.*\) there in its place\.$/\1/p' "$WORK/out" |
		sort -u)
	[ "${library##*/}" = "${LIB##*/}" ]
	sees_ssh_config
	export SSH_SK_PROVIDER=$other
	finds ssh warning "SecurityKeyProvider is $other"
	grep -cF -- "-> name $library in its place, and for its keys \
FallbackProvider $other in sk-tpm.conf" "$WORK/out" | grep -qx 2
	# As they say.
	echo "FallbackProvider $other" >"$WORK/fallback.conf"
	library=$home/${LIB##*/}
	sed -i "s|$other|$library|" "$HOME/.ssh/config" "$HOME/.profile"
	unprivileged "$HOME/sk-tpm" setup --write | grep -c 'left as it is' |
		grep -qx 2
	export SK_TPM_CONFIG=$WORK/fallback.conf SSH_SK_PROVIDER=$library
	chmod 644 "$SK_TPM_CONFIG"
	finds ssh ok "SecurityKeyProvider is $library"
	grep -q "^ok  *other keys  *go to $other" "$WORK/out"
	# Ours for one host only: setup has nothing to add, and doctor knows.
	printf 'Host one\n\tSecurityKeyProvider %s\n' "$library" \
		>"$HOME/.ssh/config"
	finds ssh warning "SecurityKeyProvider is internal"
	grep -q -- '-> move SecurityKeyProvider in ~/.ssh/config under Host \*' \
		"$WORK/out"
}

# From here on ssh reads $HOME/.ssh/config, and doctor is run as they are: for
# root, both would go by the password database.
sees_ssh_config() {
	sk-tpm() {
		unprivileged "$HOME/sk-tpm" "$@"
	}
	mkdir -p "$WORK/home-ssh"
	printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(type -P ssh)" \
		"$HOME/.ssh/config" >"$WORK/home-ssh/ssh"
	chmod 755 "$WORK/home-ssh/ssh"
	export PATH=$WORK/home-ssh:$PATH
}

# old_openssh VERSION: from here on ssh says that it is that one.
old_openssh() {
	mkdir -p "$WORK/old"
	printf '#!/bin/sh\n[ "$1" != -V ] || echo OpenSSH_%s, old >&2\n' "$1" \
		>"$WORK/old/ssh"
	chmod 755 "$WORK/old" "$WORK/old/ssh"
	export PATH=$WORK/old:$PATH
}

names_library_for_old_openssh() {
	local version library
	while read -r version library; do
		old_openssh "$version"
		sk-tpm setup | tee "$WORK/out"
		[ "$(grep -c "/$library$" "$WORK/out")" -eq 2 ]
		sk-tpm enroll -n -f "$WORK/old-$version" | tee "$WORK/out"
		grep -q "SecurityKeyProvider /.*/$library$" "$WORK/out"
		sk-tpm enroll -n -f "$WORK/git-$version" -l sign:git |
			tee "$WORK/out"
		grep -q "export SSH_SK_PROVIDER=/.*/$library$" "$WORK/out"
	done <<-EOF
		8.4p1 libsk-tpm-api7.so
		8.8p1 libsk-tpm-api7.so
		8.9p1 libsk-tpm-api9.so
		9.0 libsk-tpm-api9.so
		9.1p1 libsk-tpm.so
		10.0p2 libsk-tpm.so
	EOF
}

# What setup wrote is not yet in the environment of the shell it ran in.
tells_of_this_shell() {
	local line
	mkdir -m 755 "$WORK/shell"
	[ "$(id -u)" -ne 0 ] || chown 65534 "$WORK/shell"
	cp "$BUILD/sk-tpm" "$WORK/shell/sk-tpm"
	export HOME=$WORK/shell SK_TPM_CONFIG=/dev/null
	fails unprivileged "$HOME/sk-tpm" doctor -T /dev/no-tpm >"$WORK/out"
	grep -A1 '^warning  *ssh-keygen' "$WORK/out" | grep -q 'setup --write'
	unprivileged "$HOME/sk-tpm" setup --write | tee "$WORK/out"
	line=$(sed -n 's/^  export/export/p' "$WORK/out")
	[ "$line" = "$(cat "$HOME/.profile")" ]
	grep -q 'next login' "$WORK/out"
	fails unprivileged "$HOME/sk-tpm" doctor -T /dev/no-tpm >"$WORK/out"
	grep -A1 '^warning  *ssh-keygen' "$WORK/out" |
		grep -qF "log in again, or type: $line"
	eval "$line"
	unprivileged "$HOME/sk-tpm" setup --write | tee "$WORK/out"
	fails grep -q export "$WORK/out"
	fails unprivileged "$HOME/sk-tpm" doctor -T /dev/no-tpm >"$WORK/out"
	grep -q '^ok  *ssh-keygen' "$WORK/out"
}

enrols_and_logs_in() {
	sk-tpm enroll -n -f "$WORK/k" -C 'a comment' | tee "$WORK/out"
	[ "$(stat -c %a "$WORK/k")" = 600 ]
	[ "$(stat -c %a "$WORK/k.pub")" = 644 ]
	ssh-keygen -y -f "$WORK/k" | diff - "$WORK/k.pub"
	# The line it prints is the one that the server needs.
	sed -n 's/^Authorized keys: *//p' "$WORK/out" >"$WORK/server.keys"
	grep -q '^no-touch-required sk-ecdsa' "$WORK/server.keys"
	log_in -i "$WORK/k"
	refuses "exists already" sk-tpm enroll -n -f "$WORK/k"
	cp "$WORK/k.pub" "$WORK/before"
	sk-tpm enroll -n -f "$WORK/k" --force
	fails cmp "$WORK/k.pub" "$WORK/before"
	find "$WORK" -maxdepth 1 -name 'k.??????' | grep -v '\.pub$' >"$WORK/left" || :
	[ ! -s "$WORK/left" ]
}

# For what sets machines up: a second time nothing is done, and nobody is asked.
enrols_unattended() {
	local pin
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	printf 'a PIN of theirs\nrest' >"$WORK/pins"
	{
		sk-tpm enroll --if-absent --pin-fd 7 -f "$WORK/unattended" --json \
			>"$WORK/first"
		read -r pin <&7 || :
	} 7<"$WORK/pins"
	[ "$pin" = rest ]
	jq -e '.authorized_keys | test("^verify-required ")' "$WORK/first"
	cp "$WORK/unattended" "$WORK/before"
	sk-tpm enroll --if-absent --pin-fd 7 -f "$WORK/unattended" --json \
		7</dev/null | diff "$WORK/first" -
	cmp "$WORK/unattended" "$WORK/before"
	askpass_says 'a PIN of theirs'
	sk-tpm test "$WORK/unattended"
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	for fd in x -1 1 2 99999 ''; do
		refuses "is not the number of a file descriptor" \
			sk-tpm enroll --pin-fd "$fd" -f "$WORK/none"
	done
	refuses "cannot read: Bad file descriptor" \
		sk-tpm enroll --pin-fd 9 -f "$WORK/none"
	refuses "too short" sk-tpm enroll --pin-fd 0 -f "$WORK/none" </dev/null
	refuses "is no PIN" sk-tpm enroll --pin-fd 0 -f "$WORK/none" </dev/zero
	refuses "is no PIN" sk-tpm enroll --pin-fd 0 -f "$WORK/none" \
		< <(head -c 5000 /dev/zero | tr '\0' x)
	refuses "leave one out" sk-tpm enroll --if-absent --force \
		-f "$WORK/unattended"
	# Another TPM's key is no key of this machine.
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/plain-key"
	fails sk-tpm enroll --if-absent -n -f "$WORK/plain-key"
	[ ! -e "$WORK/none" ]
	tpm_is_empty
}

enrols_with_pin() {
	askpass_says 123456
	sk-tpm enroll -P -f "$WORK/pin" | tee "$WORK/out"
	sed -n 's/^Authorized keys: *//p' "$WORK/out" >"$WORK/server.keys"
	grep -q '^verify-required sk-ecdsa' "$WORK/server.keys"
	log_in -o BatchMode=no -i "$WORK/pin"
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	refuses "ask a person on; run it at a terminal, or with SSH_ASKPASS" \
		sk-tpm enroll -P -f "$WORK/short"
	SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=/no/askpass refuses \
		"cannot run /no/askpass: No such file or directory; run it at" \
		sk-tpm test "$WORK/pin"
	askpass_says 12345
	refuses "too short" sk-tpm enroll -P -f "$WORK/short"
	askpass_says 123456 123457
	refuses "the two PINs differ" sk-tpm enroll -P -f "$WORK/short"
	[ ! -e "$WORK/short" ]
}

# At a terminal with a window to ask in, and at one without.
asks_twice_alike() {
	askpass_says 123456
	person 'run "sk-tpm enroll -P -f '"$WORK"'/windows"
		expect "again" { exit 5 } eof { exit [lindex [wait] 3] }'
	grep -c 'Choose a PIN\|new PIN again' "$WORK/asked" | grep -qx 2
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	person 'run "sk-tpm enroll -P -f '"$WORK"'/terminal"
		want "Choose a PIN for the new key:"
		send "123456\r"
		want "Enter the new PIN again:"
		send "123456\r"
		expect "again" { exit 5 } eof { exit [lindex [wait] 3] }'
	[ -f "$WORK/terminal" ]
}

attests() {
	head -c 70 /dev/urandom >"$WORK/challenge"
	askpass_says 123456
	sk-tpm enroll -P -f "$WORK/att" --challenge "$WORK/challenge" \
		--attestation "$WORK/att.att"
	"$TOOLS/verify-attestation" "$WORK/att.att" "$WORK/challenge" ssh: \
		"$WORK/att.pub"
	# The largest that is taken, and one byte more.
	head -c 65536 /dev/urandom >"$WORK/challenge"
	sk-tpm enroll -P -f "$WORK/big" --challenge "$WORK/challenge" \
		--attestation "$WORK/big.att"
	"$TOOLS/verify-attestation" "$WORK/big.att" "$WORK/challenge" ssh: \
		"$WORK/big.pub"
	echo >>"$WORK/challenge"
	refuses "has more than 65536 bytes" sk-tpm enroll -P -f "$WORK/bigger" \
		--challenge "$WORK/challenge"
	[ ! -e "$WORK/bigger" ]
	# Without a person there is no attestation, and yet no key is lost.
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	refuses "the key is made, but there is no attestation" sk-tpm enroll \
		-f "$WORK/unatt" --attestation "$WORK/unatt.att"
	sk-tpm test "$WORK/unatt"
	[ ! -e "$WORK/unatt.att" ]
}

# A file that cannot be written is found before a key is made.
enrols_all_or_nothing() {
	local before
	before=$(sk-tpm list -j | jq '.resident | length')
	mkdir -p "$WORK/dir.pub" "$WORK/isdir"
	touch "$WORK/lone.pub" "$WORK/there.att"
	refuses "is a directory" sk-tpm enroll -n -r -u x -f "$WORK/isdir" --force
	refuses "is a directory" sk-tpm enroll -n -r -u x -f "$WORK/dir" --force
	refuses "exists already" sk-tpm enroll -n -r -u x -f "$WORK/lone"
	refuses "cannot write into" sk-tpm enroll -n -r -u x -f "$WORK/no/k"
	refuses "has no name" sk-tpm enroll -n -r -u x -f ""
	# The attestation's file is no other matter.
	refuses "cannot write into" sk-tpm enroll -n -r -u x -f "$WORK/x" \
		--attestation "$WORK/no/att"
	refuses "is a directory" sk-tpm enroll -n -r -u x -f "$WORK/x" \
		--attestation "$WORK/isdir" --force
	refuses "exists already" sk-tpm enroll -n -r -u x -f "$WORK/x" \
		--attestation "$WORK/there.att"
	[ ! -s "$WORK/there.att" ]
	refuses "the key's own file" sk-tpm enroll -n -r -u x -f "$WORK/x" \
		--attestation "$WORK/x.pub"
	refuses "the key's own file" sk-tpm enroll -n -r -u x -f "$WORK/x" \
		--attestation "$WORK/isdir/../x" --force
	refuses "control characters" sk-tpm enroll -n -f "$WORK/x" \
		-C $'two\nlines'
	refuses "not UTF-8" sk-tpm enroll -n -f "$WORK/x" -C $'\xff'
	refuses "begin with ssh:" sk-tpm enroll -n -f "$WORK/x" -a web
	refuses "add --resident" sk-tpm enroll -n -f "$WORK/x" -u me
	[ ! -e "$WORK/lone" ] && [ ! -e "$WORK/x" ] && [ ! -e "$WORK/dir" ]
	[ "$(sk-tpm list -j | jq '.resident | length')" -eq "$before" ]
}

# A key file that contradicts its key.
edited_files_do_not_work() {
	sk-tpm enroll -n -f "$WORK/edit"
	grep -v -- ----- "$WORK/edit" | base64 -d >"$WORK/edit.raw"
	perl -0777 -pe 's/(.*)ssh:/$1ssh;/s' "$WORK/edit.raw" >"$WORK/edit.new"
	{ echo '-----BEGIN OPENSSH PRIVATE KEY-----'
	  base64 -w 70 "$WORK/edit.new"
	  echo '-----END OPENSSH PRIVATE KEY-----'; } >"$WORK/edited"
	refuses "made for another application" sk-tpm show "$WORK/edited"
	refuses "made for another application" sk-tpm test "$WORK/edited"
}

limits_are_kept() {
	sk-tpm enroll -n -f "$WORK/git" -l sign:git | tee "$WORK/out"
	# It has no business in authorized_keys.
	fails grep -qi 'authorized\|no-touch-required' "$WORK/out"
	grep -q "^Public key:  *sk-ecdsa" "$WORK/out"
	grep -q "export SSH_SK_PROVIDER=/.*/${LIB##*/}$" "$WORK/out"
	sk-tpm enroll -n -f "$WORK/both" -l sign:git -l login |
		grep -q '^Authorized keys:  *no-touch-required sk-ecdsa'
	echo text | ssh-keygen -Y sign -n git -w "$LIB" -f "$WORK/git" \
		>/dev/null
	refuses 'limited to signatures for "git", and this was: Sign a file' \
		sign "$WORK/git"
	refuses "is not a kind of request" sk-tpm enroll -n -f "$WORK/x" -l all
}

servers_are_kept_to() {
	local host
	refuses "is not a fingerprint" sk-tpm enroll -n -f "$WORK/x" -s MD5:0
	host=$(fingerprint "$WORK/server.host.pub")
	sk-tpm enroll -n -f "$WORK/one" -s "$host"
	sk-tpm enroll -n -f "$WORK/two" \
		-s SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
	sed 's/^/no-touch-required /' "$WORK/one.pub" "$WORK/two.pub" \
		>"$WORK/server.keys"
	refuses "limited to logins to the host key SHA256:AAAA" \
		log_in -i "$WORK/two"
	# Where ssh does not say to which, it may be any other.
	if [ "$OPENSSH" -lt 809 ]; then
		refuses "on a server that the request does not name" \
			log_in -i "$WORK/one"
	else
		log_in -i "$WORK/one"
	fi
}

shows_and_lists() {
	sk-tpm enroll -n -f "$WORK/rk" -r -u alice -a ssh:work
	sk-tpm list | tee "$WORK/out"
	grep -q '^  0x01[89ab].*ssh:work alice  no-touch  [0-9]* bytes$' \
		"$WORK/out"
	index=$(sk-tpm list --json | jq -r '.resident[0].index')
	[ "$(sk-tpm show --json "$index" | jq -r .works_here)" = true ]
	[ "$(sk-tpm show --json "$index" | jq -r .user)" = alice ]
	[ "$(sk-tpm show -j "$WORK/git" | jq -r '.limits[0]')" = \
		'sign for "git"' ]
	sk-tpm show "$WORK/git" | grep -q '^Works here: *yes$'
	[ "$(sk-tpm show -j "$WORK/rk" | jq -r .fingerprint)" = \
		"$(fingerprint "$WORK/rk.pub")" ]
	sk-tpm --json list | jq -e '.resident | length == 1'
	sk-tpm show "$WORK/pin" | grep -q '^PIN: *yes$'
	sk-tpm show "$index" | grep -q '^NV bytes: *[0-9]*$'
	refuses "/etc/passwd is not a key file of ours" sk-tpm show /etc/passwd
	refuses "git.pub is not a key file of ours: not OpenSSH's format; name \
the private file" sk-tpm pin "$WORK/git.pub"
	# The public half leads to the key, and the other way round.
	sk-tpm show "$WORK/git.pub" | diff - <(sk-tpm show "$WORK/git")
	sk-tpm show "$WORK/git" | sed -n 's/^Public key:  *//p' |
		diff - "$WORK/git.pub"
	sk-tpm show -j "$index" | jq -r .public_key |
		diff - <(cut -d' ' -f1-2 "$WORK/rk.pub")
	sk-tpm test -j "$WORK/git.pub" | jq -e .signature_verified
	mv "$WORK/rk.pub" "$WORK/rk.pub.was"
	cp "$WORK/git.pub" "$WORK/rk.pub"
	refuses "rk.pub is the public half of another key" \
		sk-tpm show "$WORK/rk.pub"
	: >"$WORK/rk.pub"
	refuses "rk.pub is empty" sk-tpm show "$WORK/rk.pub"
	mv "$WORK/rk.pub.was" "$WORK/rk.pub"
	cp "$WORK/git.pub" "$WORK/alone.pub"
	refuses "alone.pub is a public key, and its key file $WORK/alone is not \
here" sk-tpm show "$WORK/alone.pub"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/plain"
	refuses "it holds no ecdsa-sk key" sk-tpm show "$WORK/plain"
	refuses "there is no resident key of ours at 0x01800000" \
		sk-tpm show 0x01800000
	tpm_is_empty
}

shows_a_foreign_key() {
	tpm_new foreign
	sk-tpm show --json "$WORK/k" | tee "$WORK/out"
	[ "$(jq -r .works_here "$WORK/out")" = false ]
	jq -r .why_not "$WORK/out" | grep -q 'made in another TPM'
}

tests_a_key() {
	sk-tpm test "$WORK/k" | grep -q '^TPM commands: *4$'
	[ "$(sk-tpm test -j "$WORK/git" | jq -r .signature_verified)" = true ]
	askpass_says 123456
	[ "$(sk-tpm test -j "$WORK/pin" | jq -r .tpm_commands)" -eq 6 ]
	env --ignore-signal=CHLD sk-tpm test "$WORK/pin"
	askpass_says 000000
	refuses "wrong PIN" sk-tpm test "$WORK/pin"
	tpm_is_empty
}

changes_a_pin() {
	local owner
	tpm2_dictionarylockout -Q -c
	cp "$WORK/pin" "$WORK/pin.old"
	# Root changes the PIN of somebody's key, who keeps the file.
	owner=$(id -u)
	[ "$owner" -ne 0 ] || { owner=12345; chown "$owner" "$WORK/pin"; }
	askpass_says 123456 abcdefgh
	sk-tpm pin "$WORK/pin" | grep -q 'still signs with'
	[ "$(stat -c '%a %u' "$WORK/pin")" = "600 $owner" ]
	[ "$owner" -ne 12345 ] || chown 0 "$WORK/pin"
	askpass_says abcdefgh
	sign "$WORK/pin"
	# The old blob with the old PIN, as it says.
	askpass_says 123456
	sign "$WORK/pin.old"
	refuses "wrong PIN" sign "$WORK/pin"
	[ "$(wrong_tries)" -eq 1 ]
	askpass_says abcdefgh 123456 123457
	refuses "the two PINs differ" sk-tpm pin "$WORK/pin"
	askpass_says 999999 abcdefgh
	cp "$WORK/pin" "$WORK/pin.same"
	refuses "wrong PIN" sk-tpm pin "$WORK/pin"
	cmp "$WORK/pin" "$WORK/pin.same"
	refuses "made without a PIN" sk-tpm pin "$WORK/k"
	tpm_is_empty
}

changes_a_resident_pin() {
	tpm2_dictionarylockout -Q -c
	askpass_says 123456
	sk-tpm enroll -P -r -u pin -f "$WORK/rpin"
	index=$(sk-tpm list -j | jq -r '.resident[] | select(.user=="pin").index')
	askpass_says 123456 abcdefgh
	sk-tpm pin "$index"
	[ "$(sk-tpm list -j | jq '[.resident[] | select(.user=="pin")] | length')" -eq 1 ]
	index=$(sk-tpm list -j | jq -r '.resident[] | select(.user=="pin").index')
	askpass_says abcdefgh
	sk-tpm test "$index"
}

# The key file is replaced while the new PIN is typed.
pin_of_a_key_that_changed() {
	cat >"$WORK/meddler" <<-EOF
		#!/bin/bash
		case \$1 in
		*new*) SSH_ASKPASS=$WORK/askpass sk-tpm enroll -P --force \
			-f "$WORK/meddled" >/dev/null; echo 777777 ;;
		*) echo 123456 ;;
		esac
	EOF
	chmod +x "$WORK/meddler"
	askpass_says 123456
	sk-tpm enroll -P -f "$WORK/meddled"
	SSH_ASKPASS=$WORK/meddler refuses "was changed meanwhile" \
		sk-tpm pin "$WORK/meddled"
	sk-tpm test "$WORK/meddled"
	ln -s meddled "$WORK/link"
	askpass_says 123456 888888
	sk-tpm pin "$WORK/link"
	[ -L "$WORK/link" ]
	askpass_says 888888
	sk-tpm test "$WORK/meddled"
}

removes() {
	local before
	before=$(sk-tpm list -j | jq '.resident | length')
	index=$(sk-tpm list -j | jq -r '.resident[] | select(.user=="alice").index')
	refuses "nobody to ask; use --yes" sk-tpm remove "$index"
	askpass_says no
	refuses "refused" sk-tpm remove "$index"
	[ "$(sk-tpm list -j | jq '.resident | length')" -eq "$before" ]
	askpass_says yes
	sk-tpm remove "$index"
	grep -q 'Remove the resident key .* of "ssh:work", user "alice", for good' \
		"$WORK/asked"
	[ "$(sk-tpm list -j | jq '.resident | length')" -eq $((before - 1)) ]
	refuses "there is no resident key of ours" sk-tpm remove -y "$index"
	refuses "is not the index of a resident key" \
		sk-tpm remove -y "$WORK/k"
	refuses "is not the index" sk-tpm remove -y 0x81000001
}

full_disk() {
	fails sk-tpm list >/dev/full
	fails sk-tpm show "$WORK/k" >/dev/full
}

doctor_checks() {
	tpm_new patient
	# There may be no library where it would be installed.
	sk-tpm doctor >"$WORK/out" || :
	cat "$WORK/out"
	grep -q '^warning  *storage root key .*not persistent' "$WORK/out"
	grep -q -- '-> sk-tpm setup' "$WORK/out"
	fails grep -q $'\e' "$WORK/out"
	tpm_persist_srk
	SSH_SK_PROVIDER=$LIB exits 3 sk-tpm doctor >"$WORK/out"
	cat "$WORK/out"
	grep -q '^ok  *storage root key .*TCG template with empty unique' \
		"$WORK/out"
	grep -q '^ok  *signature .*for 4 commands' "$WORK/out"
	grep -q '^ok  *library .*fits this OpenSSH' "$WORK/out"
	grep -q "^warning  *ssh-agent's list .*without -P refuses" "$WORK/out"
	tpm_is_empty
}

doctor_finds_what_is_wrong() {
	# One that is for older OpenSSH, or newer.
	local other=$BUILD/libsk-tpm-api7.so interface=7
	[ "$LIB" != "$other" ] || other=$BUILD/libsk-tpm.so interface=10
	SSH_SK_PROVIDER=$other exits 1 sk-tpm doctor >"$WORK/out"
	grep -q "^wrong  *library .*has interface $interface" "$WORK/out"
	SSH_SK_PROVIDER=$LIB exits 1 sk-tpm doctor -T /dev/no-tpm >"$WORK/out"
	grep -q '^wrong  *TPM  *no TPM at /dev/no-tpm' "$WORK/out"
	SSH_SK_PROVIDER=$LIB exits 1 sk-tpm doctor -T none: >"$WORK/out"
	grep -q '^wrong  *TPM  *no TCTI called "none" is installed; .*library$' \
		"$WORK/out"
	SSH_ASKPASS=/no/askpass SSH_SK_PROVIDER=$LIB exits 3 sk-tpm doctor >"$WORK/out"
	grep -q '^warning  *askpass  */no/askpass is not there' "$WORK/out"
	SSH_ASKPASS=/bin/true SSH_SK_PROVIDER=$LIB exits 3 sk-tpm doctor >"$WORK/out"
	grep -q '^ok  *askpass  */bin/true' "$WORK/out"
	# What is wrong with the signature has the remedy that suits it.
	SK_TPM_PARENT=0x81000002 SSH_SK_PROVIDER=$LIB exits 1 sk-tpm doctor \
		>"$WORK/out"
	grep -A1 '^wrong  *signature' "$WORK/out" >"$WORK/found"
	grep -q 'there is no key at 0x81000002, which Parent names' "$WORK/found"
	fails grep -q 'sk-tpm setup' "$WORK/found"
	SSH_AUTH_SOCK=/no/agent SSH_SK_PROVIDER=$LIB exits 3 sk-tpm doctor >"$WORK/out"
	grep -q '^warning  *agent .*nothing answers' "$WORK/out"
	SK_TPM_FALLBACK_PROVIDER=/no/library SSH_SK_PROVIDER=$LIB \
		exits 1 sk-tpm doctor >"$WORK/out"
	grep -q '^wrong  *other keys  */no/library cannot be loaded' "$WORK/out"
	tpm_new owned-patient
	tpm2_changeauth -Q -c owner secret
	SSH_SK_PROVIDER=$LIB exits 1 sk-tpm doctor >"$WORK/out"
	grep -A1 '^wrong  *signature' "$WORK/out" | grep -q 'sk-tpm setup'
}

# diagnoses FILE CHECK STATUS WORDS: what doctor says of a key, as its owner.
diagnoses() {
	unprivileged "$HOME/sk-tpm" doctor "$1" >"$WORK/out" || :
	grep "^$3  *$2  *.*$4" "$WORK/out" || { cat "$WORK/out"; return 1; }
}

doctor_looks_at_a_key() {
	export HOME=$WORK/keeper SK_TPM_CONFIG=/dev/null
	mkdir -p "$HOME/.ssh"
	cp "$BUILD/sk-tpm" "$HOME/sk-tpm"
	local key=$HOME/.ssh/id_tpm
	sk-tpm enroll -n -f "$key" -l login -l sign
	sk-tpm enroll -n -f "$HOME/git" -l sign:git
	[ "$(id -u)" -ne 0 ] || chown -R 65534 "$HOME"
	sees_ssh_config
	unprivileged touch "$HOME/.ssh/config"
	diagnoses "$key" key ok "$(fingerprint "$key.pub"), for ssh:$"
	grep -q '^ok  *key in this TPM  *it loads' "$WORK/out"
	grep -q "^ok  *key file  *$key, mode 0600$" "$WORK/out"
	grep -q "^ok  *public key  *$key.pub$" "$WORK/out"
	grep -q '^ok  *servers  *have to allow no-touch-required' "$WORK/out"
	diagnoses "$key.pub" logins warning 'ssh does not try it by itself'
	grep -qF -- "-> IdentityFile $key in ~/.ssh/config" "$WORK/out"
	# As it says.
	echo "IdentityFile $key" | unprivileged tee "$HOME/.ssh/config"
	diagnoses "$key" logins ok 'ssh tries it by itself'
	diagnoses "$HOME/git" logins ok 'its limits forbid them'
	unprivileged chmod 640 "$key"
	diagnoses "$key" 'key file' wrong '(mode 0640): ssh ignores it'
	grep -qF -- "-> chmod 600 $key" "$WORK/out"
	unprivileged chmod 600 "$key"
	unprivileged cp "$HOME/git.pub" "$key.pub"
	diagnoses "$key" 'public key' warning 'is the public half of another key'
	remedy=$(sed -n 's/^ *-> \(ssh-keygen -y .*\)/\1/p' "$WORK/out")
	unprivileged bash -c "$remedy"
	diagnoses "$key" 'public key' ok "$key.pub"
	diagnoses "$HOME/none" key wrong "cannot read $HOME/none"
	tpm_new strange
	diagnoses "$key" 'key in this TPM' wrong 'made in another TPM'
	exits 1 sk-tpm doctor "$key"
}

# Under each way in which people start an agent.
doctor_asks_the_agent() {
	local library list="ssh-agent's list"
	library=$(realpath "$LIB")
	finds "$list" warning "without -P refuses $library: .*local/lib$"
	eval "$(ssh-agent)"
	ends_with_us "$SSH_AGENT_PID"
	finds agent ok "ssh-agent answers at $SSH_AUTH_SOCK, with 0 keys"
	finds "$list" warning "without -P refuses $library: .*local/lib$"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/in-agent"
	ssh-add -q "$WORK/in-agent"
	finds agent ok "with 1 key$"
	# Its process is not there to be looked at, and it answers.
	(unset SSH_AGENT_PID
		finds agent ok "one answers at .* which program it is"
		finds "$list" warning "what the agent here allows cannot be seen")
	kill "$SSH_AGENT_PID"
	wait_until ended "$SSH_AGENT_PID"
	finds agent warning "nothing answers at $SSH_AUTH_SOCK"
	unset SSH_AUTH_SOCK SSH_AGENT_PID
	export -f finds
	ssh-agent -P "${library%/*}/*" bash -c "WORK=$WORK LIB=$LIB
		finds agent ok 'ssh-agent answers at '
		finds \"$list\" ok 'of this agent, allows $library$'"
	ssh-agent -t 60 "-P/usr/lib/*,!$library,*" bash -c "WORK=$WORK LIB=$LIB
		finds \"$list\" warning 'ssh-agent -P /usr/lib.* refuses $library'"
	ssh-agent -D -a "$WORK/agent.foreground" -P '*' >/dev/null &
	ends_with_us "$!"
	export SSH_AUTH_SOCK=$WORK/agent.foreground
	wait_until test -S "$SSH_AUTH_SOCK"
	finds agent ok "ssh-agent answers at "
	finds "$list" ok "of this agent, allows $library$"
	# What listens and is no agent.
	swtpm socket --tpmstate "dir=$WORK" --tpm2 \
		--ctrl "type=unixio,path=$WORK/no-agent" --daemon \
		--pid "file=$WORK/no-agent.pid"
	ends_with_us "$(cat "$WORK/no-agent.pid")"
	SSH_AUTH_SOCK=$WORK/no-agent finds agent warning \
		"nothing answers at $WORK/no-agent: "
}

doctor_in_colour() {
	SSH_SK_PROVIDER=$LIB expect -c "spawn -noecho sk-tpm doctor
		expect eof" >"$WORK/out"
	grep -q $'\e\[32mok' "$WORK/out"
	NO_COLOR=1 SSH_SK_PROVIDER=$LIB expect -c "spawn -noecho sk-tpm doctor
		expect eof" >"$WORK/out"
	fails grep -q $'\e\[3' "$WORK/out"
}

# completed WORD...: what bash offers for the last of them.
completed() {
	# As where somebody types.
	(trap - ERR
		set +e
		. "$WORK/bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_sk_tpm
		printf '%s\n' "${COMPREPLY[@]}" | sort | xargs)
}

completes() {
	local index
	sk-tpm enroll -n -f "$WORK/completed" -r -u completed
	index=$(sk-tpm list -j |
		jq -r '.resident[] | select(.user == "completed").index')
	sk-tpm completions bash >"$WORK/bash"
	bash -n "$WORK/bash"
	cd "$WORK"
	[ "$(completed sk-tpm en)" = enroll ]
	[ "$(completed sk-tpm show --j)" = --json ]
	[ "$(completed sk-tpm completions '')" = "bash fish zsh" ]
	[ "$(completed sk-tpm enroll -l '')" = "ca host login sign sign:" ]
	[ "$(completed sk-tpm enroll --limit = h)" = host ]
	[ "$(completed sk-tpm enroll --limit =)" = "ca host login sign sign:" ]
	[ "$(completed sk-tpm enroll -f complete)" = \
		"$(echo complete*)" ]
	[ "$(completed sk-tpm enroll -C complete)" = "" ]
	[ "$(completed sk-tpm remove "${index%?}")" = "$index" ]
	[ "$(completed sk-tpm show "${index%?}")" = "$index" ]
	completed sk-tpm show "" >offered
	grep -q "$index.* completed" offered
	refuses "use bash, zsh or fish" sk-tpm completions csh
	sk-tpm remove -y "$index"
}

# fish tells what it would offer.
completes_in_fish() {
	local index
	[ "$(type -P fish)" ] || cannot "there is no fish"
	fish --no-config -c true || cannot "start this fish without its files"
	sk-tpm enroll -n -f "$WORK/fished" -r -u fished
	index=$(sk-tpm list -j |
		jq -r '.resident[] | select(.user == "fished").index')
	sk-tpm completions fish >"$WORK/fish"
	offered() {
		fish --no-config -c "source $WORK/fish; complete -C '$1'" 2>&1 |
			cut -f1 | sort | xargs
	}
	cd "$WORK"
	[ "$(offered 'sk-tpm com')" = completions ]
	[ "$(offered 'sk-tpm completions ')" = "bash fish zsh" ]
	[ "$(offered 'sk-tpm enroll -l ')" = "ca host login sign sign:" ]
	[ "$(offered 'sk-tpm enroll --limit=h')" = "--limit=host" ]
	[ "$(offered 'sk-tpm enroll -f fishe')" = "fished fished.pub" ]
	[ "$(offered 'sk-tpm setup fishe')" = "" ]
	[ "$(offered "sk-tpm remove ${index%?}")" = "$index" ]
	[ "$(offered "sk-tpm show ${index%?}")" = "$index" ]
	sk-tpm remove -y "$index"
}

# zsh completes only at a terminal.
completes_in_zsh() {
	local index
	[ "$(type -P zsh)" ] || cannot "there is no zsh"
	sk-tpm enroll -n -f "$WORK/zsh-key" -r -u zsh
	index=$(sk-tpm list -j |
		jq -r '.resident[] | select(.user == "zsh").index')
	mkdir -p "$WORK/functions"
	sk-tpm completions zsh >"$WORK/functions/_sk-tpm"
	cat >"$WORK/zsh" <<-EOF
		fpath=($WORK/functions \$fpath)
		autoload -Uz compinit
		compinit -u -D
		bindkey -e
		PS1='ready> '
		cd $WORK
	EOF
	INDEX=$index person 'run "TERM=dumb zsh -f"
		expect "%"
		send "source '"$WORK"'/zsh\r"
		want "ready> "
		proc type {words completed} {
			send "$words\t"
			want $completed
			send "\025"
		}
		type "sk-tpm comp" "completions "
		type "sk-tpm completions z" "zsh "
		type "sk-tpm enroll -l ho" "host "
		type "sk-tpm enroll --limit=lo" "login "
		type "sk-tpm enroll -f zsh-k" "zsh-key"
		type "sk-tpm show --js" "json "
		type "sk-tpm show zsh-key.p" "zsh-key.pub "
		type "sk-tpm remove [string range $env(INDEX) 0 end-1]" "$env(INDEX) "
		type "sk-tpm show [string range $env(INDEX) 0 end-1]" "$env(INDEX) "
		send "exit\r"
		expect eof'
	sk-tpm remove -y "$index"
}

# the_same WHAT CODE PAGE: two lists of words, which are not empty.
the_same() {
	[ -n "$2" ] && [ -n "$3" ] || { echo "no $1"; return 1; }
	diff <(sort -u <<<"$2") <(sort -u <<<"$3") ||
		{ echo "$1: < in the code, > in the page"; return 1; }
}

# Settings, variables and exit statuses: in the code and in the pages alike.
settings_are_documented() {
	local page=$TOP/man/sk-tpm.conf.5 word
	the_same "settings" "$(sed -n \
		's/^\t{ "\([A-Za-z]*\)", "SK_TPM_[A-Z_]*".*/\1/p' "$TOP/sk/config.c")" \
		"$(sed -n 's/^\.It Cm \([A-Z][A-Za-z]*\)$/\1/p' "$page")"
	the_same "variables of settings" \
		"$(sed -n 's/^\t{ "[A-Za-z]*", "\(SK_TPM_[A-Z_]*\)".*/\1/p' \
		"$TOP/sk/config.c"; echo SK_TPM_CONFIG)" \
		"$(sed -n 's/^\.It Ev \(SK_TPM_[A-Z_]*\)$/\1/p' "$page")"
	for word in $(grep -oh '"SK_TPM_[A-Z_]*"' "$TOP"/sk/*.c "$TOP"/sk/*/*.c | tr -d '"' |
		sort -u); do
		grep -q "^\.It Ev $word$" "$page" ||
			grep -q "Ev $word" "$TOP/man/libsk-tpm.8"
	done
	for word in $(sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$page"); do
		grep -q "\"${word}[\" ]" "$TOP/sk/config.c" ||
			{ echo "no value $word"; return 1; }
	done
	the_same "exit statuses" "$(sed -n 's/^\tSTATUS_[A-Z]* = \([0-9]*\),/\1/p' \
		"$TOP/enroll/command.h")" \
		"$(sed -n 's/^\.It \([0-9]*\)$/\1/p' "$TOP/man/sk-tpm.1")"
}

# Every command and option that there is, is in the page, and the reverse.
manual_is_complete() {
	local page=$TOP/man/sk-tpm.1 names
	names=$(sk-tpm --help | sed -n 's/^  \([a-z-]*\) .*/\1/p')
	the_same "commands" "$names" "$(sed -n '/^The commands:/,/^\.El/s/^\.It Cm //p' \
		"$page")"
	the_same "options" "$(for name in $names; do
		sk-tpm "$name" --help
	done | grep -o -- '--[a-z-]*'; echo --version)" \
		"$(sed -n 's/^\.It Fl .*\\-\([a-z-]*\).*/--\1/p' "$page")"
}

# The library's functions; and the -O options, which ssh-keygen knows or passes on.
library_is_documented() {
	local page=$TOP/man/libsk-tpm.8 word
	the_same "functions" "$(nm -D --defined-only "$LIB" | awk '{ print $3 }')" \
		"$(sed -n 's/^\.Fn \([a-z_]*\).*/\1/p' "$page")"
	for word in $(sed -n 's/.*option->name, "\([a-z]*\)".*/\1/p' \
		"$TOP/sk/provider.c"); do
		grep -q "^\.It Cm $word Ns = " "$page" ||
			{ echo "-O $word is not in the page"; return 1; }
	done
	needs_openssh 809 "all options in the page"
	for word in $(sed -n 's/^\.It Cm \([a-z-]*\).*/\1/p' "$page"); do
		grep -qaF "$word" "$(command -v ssh-keygen)" ||
			{ echo "no -O $word"; return 1; }
	done
}

try "usage errors, --help and --version" usage_errors
try "errors are JSON where that is asked for" errors_in_json
try "setup makes the SRK persistent, once" sets_up
try "setup with an owner password" sets_up_with_owner_password
try "setup where there is no room, or another program's key" cannot_set_up
try "setup --write adds lines that ssh reads" adds_lines
try "setup --write writes where each shell reads" writes_where_shells_read
try "setup --write writes where systemd's user manager reads" \
	writes_for_the_manager
try "setup and doctor beside another provider" beside_another_provider
try "setup and enroll name the library that OpenSSH takes" \
	names_library_for_old_openssh
try "setup --write and doctor tell how to go on in this shell" \
	tells_of_this_shell
try "enroll writes what ssh logs in with; nothing is overwritten" \
	enrols_and_logs_in
try "enroll --pin" enrols_with_pin
try "enroll --if-absent and --pin-fd, with nobody there" enrols_unattended
try "a new PIN is asked for twice in the same way" asks_twice_alike
try "enroll makes all or nothing" enrols_all_or_nothing
try "a key file that was edited is found out" edited_files_do_not_work
try "enroll --attestation, verified by libfido2" attests
try "enroll --limit" limits_are_kept
try "enroll --server" servers_are_kept_to
try "list and show, for a person and in JSON" shows_and_lists
try "show tells why a key does not work here" shows_a_foreign_key
try "test signs and counts" tests_a_key
try "pin changes a key file's PIN" changes_a_pin
try "pin changes a resident key's PIN" changes_a_resident_pin
try "pin leaves a key alone that changed meanwhile" pin_of_a_key_that_changed
try "remove asks first, and removes one" removes
try "doctor: a healthy TPM, and one without its SRK" doctor_checks
try "doctor: what is wrong; exit status 1, or 3 for warnings alone" doctor_finds_what_is_wrong
try "doctor: looks at a key, and whether ssh will use it" doctor_looks_at_a_key
try "doctor: asks the agent, however it was started" doctor_asks_the_agent
try "doctor: colour on a terminal, and NO_COLOR" doctor_in_colour
try "bash completes commands, options, values, files and indices" completes
try "fish completes them" completes_in_fish
try "zsh completes them" completes_in_zsh
try "settings, variables and exit statuses are in the pages" \
	settings_are_documented
try "an answer that cannot be written is a failure" full_disk
try "the manual has every command and option" manual_is_complete
try "the library's manual has its functions and options" library_is_documented
echo "1..$N"
