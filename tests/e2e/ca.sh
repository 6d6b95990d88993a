#!/usr/bin/env bash
# sk-tpm-ca behind a real sshd: its service from systemd-socket-activate, its
# helpers as sshd runs them, machines that are sk-tpm request and, made of
# tpm2-tools, tests/attest/machine.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP sshd runs an AuthorizedKeysCommand of root's alone"
	exit 0
fi

# sshd wants a path to its command on which nobody else could have written.
SAFE=$(mktemp -d /var/lib/sk-tpm-test.XXXXXX)
trap 'rm -rf "$SAFE"; cleanup' EXIT
chmod 755 "$SAFE"
mkdir "$SAFE/libexec"
cp "$BUILD/sk-tpm-ca" "$SAFE"
cp "$BUILD"/libexec/* "$SAFE/libexec"
export PATH=$SAFE:$BUILD:$PATH
CONF=$SAFE/ca.conf STATE=$SAFE/state SOCKET=$SAFE/socket
PIN=314159

tpm_new tpm
tpm_persist_srk
tpm2_createek -Q -G ecc -c "$WORK/ek.ctx"
tpm2_evictcontrol -Q -C o -c "$WORK/ek.ctx" 0x81010002
tpm2_flushcontext -t
ID=SHA256:$(tpm2_readpublic -Q -c 0x81010002 -f der -o "$WORK/ek.der" &&
	openssl dgst -sha256 -binary "$WORK/ek.der" | base64)

# settings [LINE...]: of the CA, with what is needed before and behind.
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

mkdir "$SAFE/run"
settings

# The socket, and sshd as init sets it up.
service_start() {
	systemd-socket-activate --accept --inetd -l "$SOCKET" \
		"$SAFE/libexec/serve" "$CONF" 2>>"$WORK/service.log" &
	ends_with_us $!
	wait_until [ -S "$SOCKET" ]
}

init() {
	ca init --names 127.0.0.1
	[ "$(stat -c %a "$STATE" "$STATE/store.db" "$STATE/user_ca" | xargs)" = \
		"700 600 600" ]
	sha256sum "$STATE"/* >"$WORK/before"
	ca init >"$WORK/out"
	grep "^Keeping $STATE/user_ca$" "$WORK/out"
	grep '^CA of hosts: SHA256:' "$WORK/out"
	sha256sum -c "$WORK/before"
	ca init --dry-run >"$WORK/out"
	sed -n '/^Match User/,/^Match all/p' "$WORK/out" >"$WORK/snippet"
	grep 'AuthorizedKeysCommand .*/authorized-keys %t %k' "$WORK/snippet"
}

try "init makes keys and store, and keeps what is there" init
# sshd's account of machines is ours here, and the socket elsewhere.
sed -i "s,%t %k,& $SOCKET,; s,AuthorizedKeysCommandUser .*,AuthorizedKeysCommandUser $ME,; /ForceCommand/d" \
	"$WORK/snippet"
service_start
sshd_start ca "$(cat "$WORK/snippet")"
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
CA=ssh://$ME@127.0.0.1:$SSHD_PORT

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

unknown() {
	new "$WORK/k" -n
	says 5 'says unknown: "this CA does not know this machine"' \
		asks "$WORK/k"
	last_row '.what == "refused" and .code == "unknown" and
		.id == "'"$ID"'"'
}

first_key() {
	ca machine add web1 "$ID"
	says 4 'has to be approved' asks "$WORK/k"
	last_row '.what == "pending" and .machine == "web1" and
		.type == "user"'
	ca machine list --pending | grep web1
	ca machine approve web1
	asks "$WORK/k"
	ssh-keygen -L -f "$WORK/k-cert.pub" | tee "$WORK/listed"
	grep "Key ID: \"web1 $ID\"" "$WORK/listed"
	[ "$(sed -n '/Principals:/,/Critical/p' "$WORK/listed" | sed '1d;$d' |
		xargs)" = web1 ]
	last_row '.what == "issued" and .machine == "web1" and
		(.serial | test("^[0-9]+$"))'
	tpm_is_empty
}

try "an unknown machine is refused" unknown
try "a known one's first key waits until it is approved" first_key
echo "1..$N"
