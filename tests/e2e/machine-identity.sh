#!/usr/bin/env bash
# examples/machine-identity.md, its blocks as they stand: a CA, a server that joins
# it, and one that asks which machine that is. (make check-vm runs them at a real
# boot.)
# shellcheck source=tests/lib/own-host.sh
. "$(dirname "$0")/../lib/own-host.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"

ca_begin
host_begin
PAGE=$TOP/examples/machine-identity.md
STATE_DIR=/var/lib/sk-tpm-identity
# Settings and store are where the page has them.
CONF=/etc/ssh/sk-tpm-ca.conf
STATE=/var/lib/sk-tpm-ca
rm -f "$SAFE/ca.conf"

# shellcheck source=tests/lib/as-it-stands.sh
. "$TOP/tests/lib/as-it-stands.sh"

# The three hosts of the page are this one, in turn.
names() {
	echo '127.0.0.1 ca.example.com management.example.com web1' >>/etc/hosts
	tpm_new tpm
	tpm_persist_ek
	tpm_persist_srk
}

sshd_begin() {
	pkill_sshd
	/usr/sbin/sshd -D -e -p 22 >/dev/null 2>"$WORK/sshd.log" &
	ends_with_us $!
	echo $! >"$WORK/sshd.pid"
	wait_until grep -q 'Server listening' "$WORK/sshd.log"
}

pkill_sshd() {
	[ ! -e "$WORK/sshd.pid" ] || kill "$(cat "$WORK/sshd.pid")"
	rm -f "$WORK/sshd.pid"
}

# What its packages do: accounts and sockets.
ca_is_made() {
	systemd-sysusers "$BUILD/ca/sysusers.conf" || cannot "no systemd-sysusers"
	install -d -o sk-tpm-ca-service -m 700 "$STATE"
	install -d /run/sk-tpm-ca
	example ca
	example settings
	chown -R sk-tpm-ca-service: "$STATE"
	systemd-socket-activate --accept --inetd -l /run/sk-tpm-ca/socket \
		setpriv --reuid sk-tpm-ca-service --regid sk-tpm-ca-service \
		--clear-groups "$SAFE/libexec/serve" "$CONF" \
		>/dev/null 2>>"$WORK/service.log" &
	ends_with_us $!
	wait_until [ -S /run/sk-tpm-ca/socket ]
	chmod 666 /run/sk-tpm-ca/socket
	install -d -o sk-tpm-ca-service -m 700 /run/sk-tpm-ca-service
	sshd_begin
	example ca-key | cut -d ' ' -f 2 >"$WORK/ca-key"
}

joins() {
	local status=0
	example_text join | sed "s|SHA256:...|$(cat "$WORK/ca-key")|" \
		>"$WORK/join.sh"
	(. "$WORK/join.sh") >"$WORK/out" 2>&1 || status=$?
	cat "$WORK/out"
	[ "$status" -eq "$1" ]
}

approved() {
	joins 4
	# sk-tpm-ca runs as root here, and the service does not.
	example_text approve |
		sed "s|SHA256:...|$(machine_id_of 0x81010002)|" >"$WORK/approve.sh"
	. "$WORK/approve.sh"
	renews
	sshd -T | grep -ix 'trustedusercakeys /etc/ssh/sk-tpm/user_ca_keys'
	ssh-keygen -L -f /etc/ssh/ssh_host_ecdsa_sk_key-cert.pub | grep -x ' *web1'
	sshd_begin
}

# alice's certificate, and the one line that her known_hosts has.
alice_reaches_it() {
	HOME=$WORK/home example known-hosts
	[ "$(wc -l <"$WORK/home/.ssh/known_hosts")" -eq 1 ]
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/alice"
	ssh-keygen -q -s "$STATE/user_ca" -I alice -n alice "$WORK/alice.pub"
	[ "$(ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes \
		-o GlobalKnownHostsFile=none \
		-o UserKnownHostsFile="$WORK/home/.ssh/known_hosts" \
		-i "$WORK/alice" alice@web1 whoami)" = alice ]
	# Nobody else's account.
	fails ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes \
		-o UserKnownHostsFile="$WORK/home/.ssh/known_hosts" \
		-i "$WORK/alice" root@web1 true
}

# connect [ACCOUNT]: as a daemon of the machine's does. The host is called as its
# certificate has it.
# shellcheck disable=SC2120
connect() {
	example_text connect | sed "s/machines@/${1:-machines}@/
		s|-F none|& -o HostKeyAlias=web1|" >"$WORK/connect.sh"
	env -i PATH="$PATH" "SK_TPM_TCTI=$SK_TPM_TCTI" \
		"SK_TPM_CONFIG=$SK_TPM_CONFIG" HOME="$STATE_DIR" \
		setpriv --reuid sk-tpm-identity \
		--regid "$(id -g sk-tpm-identity)" --clear-groups \
		sh -eu <"$WORK/connect.sh" 2>"$WORK/connect.log" ||
		{ cat "$WORK/connect.log"; tail -5 "$WORK/sshd.log"; return 1; }
}

management_lets_it_in() {
	example account
	example_text management >/etc/ssh/sshd_config.d/zz-management.conf
	sshd_begin
	fails connect
	example principals
	connect
	grep 'Accepted publickey for machines.*ECDSA-SK-CERT.*ID web1' "$WORK/sshd.log"
	tpm_is_empty
}

management_keeps_others_out() {
	sed -i 's/web1/web2/' /etc/ssh/machine_principals
	fails connect
	sed -i 's/web2/web1/' /etc/ssh/machine_principals
	connect
	# It logs in to no other account of the server, least of all root's.
	fails connect root
	fails connect alice
	fails ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no \
		-i "$WORK/alice" machines@127.0.0.1 true
}

disabled() {
	sk-tpm-ca machine disable web1
	fails renews
	sk-tpm-ca krl /etc/ssh/sk-tpm/krl.new
	mv /etc/ssh/sk-tpm/krl.new /etc/ssh/sk-tpm/krl
	fails connect
	sk-tpm-ca machine enable web1
	renews
	connect
}

# With the disk in another machine nothing is renewed, no login succeeds, and our
# line says why.
other_machine() {
	local tcti=$SK_TPM_TCTI
	tpm_new thief
	fails renews 2>"$WORK/log"
	grep '^sk-tpm: this key was made in another TPM' "$WORK/log"
	fails connect
	grep '^sk-tpm: this key was made in another TPM' "$WORK/connect.log"
	export SK_TPM_TCTI=$tcti TPM2TOOLS_TCTI=$tcti
}

units_are_valid() {
	local unit
	command -v systemd-analyze >/dev/null ||
		cannot "no systemd-analyze"
	printf '[Service]\nExecStart=/bin/true\n' >"$WORK/plain.service"
	systemd-analyze verify --man=no "$WORK/plain.service" ||
		cannot "systemd-analyze takes no unit here"
	mkdir "$WORK/units"
	for unit in sk-tpm-renew.service sk-tpm-renew.timer; do
		sed "s|/usr/local/bin/|$SAFE/|" "$BUILD/join/$unit" \
			>"$WORK/units/$unit"
	done
	SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no \
		"$WORK"/units/* >"$WORK/log" 2>&1
	cat "$WORK/log"
	# What other units of this machine are warned of is not ours.
	fails grep sk-tpm "$WORK/log"
}

# systemd's own measure of how much a service may do: 0 nothing, 10 all.
unit_is_confined() {
	command -v systemd-analyze >/dev/null ||
		cannot "no systemd-analyze"
	systemd-analyze --help | grep -q -- --offline ||
		cannot "this systemd-analyze has no --offline"
	systemd-analyze security --offline=yes --threshold=30 \
		"$WORK/units/sk-tpm-renew.service" >"$WORK/log" || return 1
	tail -n 1 "$WORK/log"
}

names
try "the CA is made" ca_is_made
try "a server joins once it is approved" approved
try "a person reaches it by certificates and one line" alice_reaches_it
try "the management server lets it in by name" management_lets_it_in
try "no other machine, person or account" management_keeps_others_out
try "one that is disabled is kept out" disabled
try "in another machine: refused, with our line" other_machine
try "systemd takes the units" units_are_valid
try "systemd finds the service confined" unit_is_confined
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
