# shellcheck shell=bash
# A CA of the test's own: sk-tpm-ca, its service from systemd-socket-activate, and
# sshd's lines for it. sshd runs an AuthorizedKeysCommand of root's alone, on a path
# on which nobody else could have written: ca_begin ends a test that is not root's.

# Sets SAFE, a directory like that with the programs, CONF, STATE and SOCKET.
ca_begin() {
	not_for_debian_11 "sk-tpm-ca is for Debian 12 and later"
	[ "$(id -u)" -eq 0 ] ||
		skip_all "sshd runs an AuthorizedKeysCommand of root's alone"
	SAFE=$(mktemp -d /var/lib/sk-tpm-test.XXXXXX)
	trap 'rm -rf "$SAFE"; cleanup' EXIT
	chmod 755 "$SAFE"
	mkdir "$SAFE/libexec" "$SAFE/run"
	cp "$BUILD/sk-tpm-ca" "$SAFE"
	cp "$BUILD"/libexec/* "$SAFE/libexec"
	export PATH=$SAFE:$BUILD:$PATH
	CONF=$SAFE/ca.conf STATE=$SAFE/state SOCKET=$SAFE/socket
	settings
}

# settings [LINE...]: of the CA, with what is needed before and behind.
# shellcheck disable=SC2120 # by the test files
settings() {
	cat >"$CONF" <<-EOT
		Names 127.0.0.1 ca.example.com
		Store $STATE/store.db
		RuntimeDirectory $SAFE/run
		LoginAccount $ME
		ServiceAccount $ME
		UserCAKey $STATE/user_ca
		HostCAKey $STATE/host_ca
	EOT
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$CONF"
}

ca() {
	"$SAFE/sk-tpm-ca" --config "$CONF" "$@"
}

service_start() {
	systemd-socket-activate --accept --inetd -l "$SOCKET" -E SK_TPM_TCTI \
		"$@" "$SAFE/libexec/serve" "$CONF" \
		>/dev/null 2>>"$WORK/service.log" &
	ends_with_us $!
	echo $! >"$WORK/service.pid"
	wait_until [ -S "$SOCKET" ]
}

service_stop() {
	local pid
	pid=$(<"$WORK/service.pid")
	kill "$pid"
	wait_until ended "$pid"
	rm -f "$SOCKET"
}

service_again() {
	service_stop
	service_start "$@"
}

# service_at SECONDS: its clock is so many ahead, until the end of the try.
service_at() {
	[ -n "${SHIFTED-}" ] || finally service_again
	SHIFTED=yes
	service_again -E "LD_PRELOAD=$TOOLS/shift-clock.so" -E "SHIFT_CLOCK=$1"
}

# sshd's lines for it, as `sk-tpm-ca init` prints them, in $WORK/snippet; but the
# account of machines is ours, and the socket elsewhere.
ca_snippet() {
	ca init --dry-run | sed -n '/^Match User/,/^Match all/p' |
		sed "s,%t %k,& $SOCKET,; /ForceCommand/d
			s,AuthorizedKeysCommandUser .*,AuthorizedKeysCommandUser $ME," \
		>"$WORK/snippet"
}

# The service and an sshd of ours before it: sets CA, its address.
ca_serve() {
	ca_snippet
	service_start
	sshd_start ca "$(cat "$WORK/snippet")"
	CA=ssh://$ME@127.0.0.1:$SSHD_PORT
}

# machine_id_of HANDLE: of a persistent endorsement key, by tpm2-tools and openssl.
machine_id_of() {
	tpm2_readpublic -Q -c "$1" -f der -o "$WORK/ek.der"
	echo "SHA256:$(openssl dgst -sha256 -binary "$WORK/ek.der" | base64)"
}

# Lets sk-tpm request use an ssh that knows the test's hosts, and our library.
ca_client() {
	cat >"$WORK/ssh_config" <<-EOT
		IdentitiesOnly yes
		UserKnownHostsFile $WORK/known_hosts
		StrictHostKeyChecking yes
	EOT
	mkdir "$WORK/bin"
	cat >"$WORK/bin/ssh" <<-EOT
		#!/bin/sh
		exec $(command -v ssh) -F "$WORK/ssh_config" \
			-o "SecurityKeyProvider=$LIB" "\$@"
	EOT
	chmod +x "$WORK/bin/ssh"
	export PATH=$WORK/bin:$PATH
}

# new FILE [OPTION...]: a key; a PIN is $PIN.
new() {
	local file=$1
	shift
	askpass_says "$PIN"
	"$BUILD/sk-tpm" enroll -f "$file" "$@" >/dev/null
	askpass_says no
}

asks() {
	local file=$1
	shift
	"$BUILD/sk-tpm" request -f "$file" "$@" "$CA"
}

# relay, as sshd runs it for a login by the key in $LOGIN, or by that of
# tests/attest/machine in $WORK/talk.
logged_in() {
	local login=${LOGIN:-$WORK/talk/blob}
	wait_until [ -s "$login" ]
	wait_until whole "$login"
	echo "publickey sk-ecdsa-sha2-nistp256@openssh.com $(base64 -w 0 \
		"$login")" >"$WORK/talk/auth"
	SSH_USER_AUTH=$WORK/talk/auth "$SAFE/libexec/relay" "$SOCKET"
}

whole() {
	[ "$(stat -c %s "$1")" -eq 127 ]
}

# says STATUS TEXT COMMAND...
says() {
	local status=0 expected=$1 text=$2
	shift 2
	"$@" >"$WORK/out" 2>&1 || status=$?
	cat "$WORK/out"
	[ "$status" -eq "$expected" ] || { echo "status $status"; return 1; }
	grep -qF -- "$text" "$WORK/out" || { echo "lacks: $text"; return 1; }
}

# The last row of the audit log has these members.
last_row() {
	ca audit >"$WORK/audit"
	tail -n 1 "$WORK/audit"
	tail -n 1 "$WORK/audit" | jq -e "$1"
}

rows() {
	sqlite3 "$STATE/store.db" "SELECT count(*) FROM $1"
}

# refuses_ca TEXT ARGUMENT...: with one line, which has this text.
refuses_ca() {
	local text=$1 out
	shift
	if out=$(ca "$@" 2>&1); then
		echo "not refused: $*: $out"
		return 1
	fi
	echo "$out"
	[ "$(grep -c '^sk-tpm-ca: ' <<<"$out")" -eq 1 ] &&
		grep '^sk-tpm-ca: ' <<<"$out" | grep -qF -- "$text"
}
