#!/usr/bin/env bash
# sk-tpm join, renew and leave: a server whose host key is in its TPM, certified by
# a CA, and its sshd that takes people's certificates of that CA.

# shellcheck source=tests/lib/own-host.sh
. "$(dirname "$0")/../lib/own-host.sh"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"

ca_begin
host_begin
STATE_DIR=/var/lib/sk-tpm-identity
TRUST=/etc/ssh/sk-tpm
SNIPPET_FILE=/etc/ssh/sshd_config.d/sk-tpm-join.conf

tpm_new tpm
tpm_persist_ek
tpm_persist_srk
ID=$(machine_id_of 0x81010002)
ca init --names 127.0.0.1 >/dev/null
# Its first key of either type is taken, once the machine is approved.
ca_settings() {
	settings
	sed -i '1iAdmission pending' "$CONF"
	printf '%s\n' 'Profile default' 'FirstKey accept' >>"$CONF"
}
ca_settings
ca_serve
CA_KEY=$(fingerprint "$WORK/ca.host.pub")

state_of_host() {
	# (The login programs keep copies of their files, and lists of their own.)
	(cd /etc && find . -type f ! -name '*-' ! -name 'sub[ug]id' -print0 |
		sort -z | xargs -0 sha256sum)
	find /var/lib -maxdepth 1 ! -name 'sk-tpm-test*' | sort
	tpm2_getcap handles-persistent
}

joins() {
	"$SKTPM" join --ca-key "$CA_KEY" --name web1 "$@" "$CA"
}

# The CA takes a first key of it again.
known_anew() {
	ca machine remove web1 >/dev/null 2>&1
	ca machine add web1 "$ID" >/dev/null
}

unchanged() {
	state_of_host >"$WORK/now"
	diff "$WORK/before" "$WORK/now"
}

# --- before -----------------------------------------------------------------

dry_run() {
	state_of_host >"$WORK/before"
	"$SKTPM" join --dry-run --ca-key "$CA_KEY" "$CA" | tee "$WORK/said"
	for what in 'Making the account sk-tpm-identity' \
		"Writing /etc/ssh/sk-tpm-join.conf" 'Making the host key'; do
		grep -F "$what" "$WORK/said"
	done
	unchanged
	"$SKTPM" join --dry-run --json --ca-key "$CA_KEY" "$CA" >"$WORK/said"
	jq -e '.state == "not joined" and (.steps | length > 4)' "$WORK/said"
	unchanged
	says 1 'run it with sudo' setpriv --reuid nobody --clear-groups \
		"$SKTPM" join "$CA"
	says 1 'this machine has joined no CA' "$SKTPM" renew
}

# The first connection is not on trust.
ca_is_pinned() {
	says 1 'is not known here: give --ca-key' "$SKTPM" join "$CA"
	says 5 'is none of --ca-key' "$SKTPM" join \
		--ca-key "SHA256:$(head -c 32 /dev/urandom | base64 | tr -d =)" "$CA"
	says 1 'is not a fingerprint' "$SKTPM" join --ca-key nonsense "$CA"
	says 6 'no sshd answers' "$SKTPM" join --ca-key "$CA_KEY" \
		ssh://ca@127.0.0.1:1
	says 1 'ssh://' "$SKTPM" join --ca-key "$CA_KEY" ca.example.com
	says 1 'ssh://' "$SKTPM" join --ca-key "$CA_KEY" ssh://ca@
	# A line @cert-authority is not the CA's own host key.
	echo "@cert-authority * $(cut -d ' ' -f 1-2 /etc/ssh/ssh_host_ed25519_key.pub)" \
		>/etc/ssh/ssh_known_hosts
	says 1 'is not known here: give --ca-key' "$SKTPM" join "$CA"
	rm /etc/ssh/ssh_known_hosts
	says 1 "is no host's name" "$SKTPM" join --ca-key "$CA_KEY" \
		--name $'web1\nCA ssh://mallory@192.0.2.1' "$CA"
	says 1 'join takes ssh://CA' "$SKTPM" join
	[ ! -e "$STATE_DIR/id_machine" ]
	[ ! -e /etc/ssh/sk-tpm-join.conf ]
	"$SKTPM" leave
	unchanged
}

# What an administrator set is not overridden by what comes before it.
settings_of_others() {
	local line
	for line in 'TrustedUserCAKeys /etc/ssh/mine.pub' \
		'RevokedKeys /etc/ssh/mine.krl' \
		'SecurityKeyProvider /usr/lib/other.so'; do
		touch /etc/ssh/mine.pub /etc/ssh/mine.krl
		echo "$line" >>/etc/ssh/sshd_config
		says 1 "sshd has ${line%% *}" joins || return 1
		sed -i '$d' /etc/ssh/sshd_config
	done
	rm /etc/ssh/mine.pub /etc/ssh/mine.krl
	sed -i 's/^Include/#Include/' /etc/ssh/sshd_config
	says 1 'does not read snippets' joins
	sed -i 's/^#Include/Include/' /etc/ssh/sshd_config
	unchanged
}

# --- joining ----------------------------------------------------------------

pending() {
	says 4 'lets this machine wait for approval' joins
	[ "$(stat -c '%U %a' "$STATE_DIR")" = "sk-tpm-identity 700" ]
	[ "$(stat -c '%U %a' /etc/ssh/ssh_host_ecdsa_sk_key)" = "root 600" ]
	"$SKTPM" show --json /etc/ssh/ssh_host_ecdsa_sk_key |
		jq -e '.limits | tostring | test("host")'
	[ "$(tpm2_getcap handles-persistent | grep -c 0x814)" -eq 2 ] ||
		tpm2_getcap handles-persistent
	# sshd is as it was.
	[ ! -e "$SNIPPET_FILE" ]
	[ ! -e /etc/ssh/ssh_known_hosts ]
	ca machine list --pending --json | jq -e '.[0].asks_for == "web1"'
	# What is not said again stays.
	says 4 'wait for approval' joins --hosts '*.example.com'
	says 4 'wait for approval' "$SKTPM" join --ca-key "$CA_KEY" "$CA"
	grep -x 'Hosts \*.example.com' /etc/ssh/sk-tpm-join.conf
	grep -x 'Name web1' /etc/ssh/sk-tpm-join.conf
	says 4 'wait for approval' joins --hosts '*'
	says 4 'waits for approval' renews
}

# The timer goes on with it, and root's part is done behind that.
joins_when_approved() {
	ca machine approve web1 "$ID"
	# Without a list that is good sshd is given no name of one.
	fetches
	cp -p "$STATE_DIR/krl" "$WORK/krl"
	echo nonsense >"$STATE_DIR/krl"
	says 5 'revocation list is none' "$SKTPM" renew --write
	[ ! -e "$SNIPPET_FILE" ]
	cp -p "$WORK/krl" "$STATE_DIR/krl"
	rm "$STATE_DIR"/*-cert.pub
	renews >"$WORK/said"
	cat "$WORK/said"
	grep "^renewed: the machine's certificate for web1, valid until 20" \
		"$WORK/said"
	grep '^renewed: the host certificate for web1, valid until 20' "$WORK/said"
	ssh-keygen -L -f /etc/ssh/ssh_host_ecdsa_sk_key-cert.pub |
		grep 'host certificate'
	sshd -t
	sshd -T >"$WORK/sshd"
	grep -ix "trustedusercakeys $TRUST/user_ca_keys" "$WORK/sshd"
	grep -ix "revokedkeys $TRUST/krl" "$WORK/sshd"
	# All keys that it had, and one more.
	[ "$(grep -ic '^hostkey ' "$WORK/sshd")" -eq 4 ]
	fails grep -ix 'authorizedkeysfile none' "$WORK/sshd"
	[ "$(find "$TRUST" "$SNIPPET_FILE" ! -user root -o -perm /022 | wc -l)" -eq 0 ]
	grep -c '^@cert-authority' /etc/ssh/ssh_known_hosts | grep -x 1
}

idempotent() {
	state_of_host | grep -v 'ecdsa_sk_key-cert' >"$WORK/joined"
	joins | tee "$WORK/said"
	fails grep -E 'Writing|Making' "$WORK/said"
	grep '^Joined' "$WORK/said"
	joins --json | jq -e '.state == "joined"'
	"$SKTPM" renew --write
	state_of_host | grep -v 'ecdsa_sk_key-cert' | diff "$WORK/joined" -
	# Which hosts the CA is trusted for stays as it was said.
	joins --hosts '*.example.com'
	"$SKTPM" renew --write
	grep '^@cert-authority \*.example.com ' /etc/ssh/ssh_known_hosts
	joins --hosts '*'
	says 1 'is no pattern of hosts' joins --hosts '* ssh-ed25519'
	says 1 'has joined ssh://' "$SKTPM" join --ca-key "$CA_KEY" \
		"ssh://other@127.0.0.1:$SSHD_PORT"
}

# --- logins -----------------------------------------------------------------

server_start() {
	local port=$((20000 + RANDOM % 40000))
	echo "$port" >"$WORK/server.port"
	/usr/sbin/sshd -D -e -p "$port" >/dev/null 2>"$WORK/server.log" &
	ends_with_us $!
	echo $! >"$WORK/server.pid"
	wait_until grep -q 'Server listening' "$WORK/server.log"
}

server_has_started() {
	[ "$(grep -c 'Server listening on 0.0.0.0' "$WORK/server.log")" -eq "$1" ]
}

# alice COMMAND: to the server by her certificate; known_hosts has one line alone.
alice_logs_in() {
	ssh -F none -p "$(cat "$WORK/server.port")" "$@" -o BatchMode=yes -o IdentitiesOnly=yes \
		-o UserKnownHostsFile=none -o HostKeyAlias=web1 \
		-o StrictHostKeyChecking=yes -i "$WORK/alice" alice@127.0.0.1 \
		whoami 2>"$WORK/ssh.log" || {
		tail -n 5 "$WORK/ssh.log" "$WORK/server.log" >&2
		return 1
	}
}

logins() {
	server_start
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/alice"
	fails alice_logs_in
	ssh-keygen -q -s "$STATE/user_ca" -I alice -n alice -z 77 "$WORK/alice.pub"
	[ "$(alice_logs_in -v)" = alice ]
	grep 'Server host certificate: sk-ecdsa-sha2-nistp256-cert' "$WORK/ssh.log"
	# What the pages warn of: one that knows another key, and not the CA.
	sed 's/^/web1 /' /etc/ssh/ssh_host_ed25519_key.pub >"$WORK/known"
	fails alice_logs_in -o GlobalKnownHostsFile=none \
		-o UserKnownHostsFile="$WORK/known"
	grep 'IDENTIFICATION HAS CHANGED' "$WORK/ssh.log"
	alice_logs_in -o UserKnownHostsFile="$WORK/known"
	# Another name is not in the certificate.
	fails alice_logs_in -o HostKeyAlias=web2
}

revocation() {
	local serial
	# One that the CA issued, to have something to revoke: it makes a new list.
	serial=$(ca certificates --json | jq -r '.[0].serial')
	ca revoke --serial "$serial" >/dev/null
	renews
	cmp "$TRUST/krl" "$STATE_DIR/krl"
	[ "$(alice_logs_in)" = alice ]
	# An older list does not come back, whoever puts it there.
	ssh-keygen -q -k -f "$STATE_DIR/krl" -z 1 "$WORK/alice.pub"
	chown sk-tpm-identity "$STATE_DIR/krl"
	cp "$TRUST/krl" "$WORK/krl"
	says 5 'nothing more is revoked here' "$SKTPM" renew --write
	cmp "$TRUST/krl" "$WORK/krl"
	# Nor does one that no other could follow.
	ssh-keygen -q -k -f "$STATE_DIR/krl" -z 18446744073709551615 \
		"$WORK/alice.pub"
	says 5 'which no CA gets to' "$SKTPM" renew --write
	cmp "$TRUST/krl" "$WORK/krl"
	# The account's own is one that the CA can follow again.
	rm "$STATE_DIR/krl"
	renews
	[ "$(alice_logs_in)" = alice ]
}

# Both keys are trusted an hour before the next one signs; a stolen one's host
# certificate is asked for anew.
rotation() {
	local serial
	ca rotate user >/dev/null
	renews
	[ "$(wc -l <"$TRUST/user_ca_keys")" -eq 2 ]
	ca rotate user --switch
	ssh-keygen -q -s "$STATE/user_ca" -I alice -n alice "$WORK/alice.pub"
	[ "$(alice_logs_in)" = alice ]
	ca rotate host --stolen
	renews | grep '^renewed: the host certificate'
	kill -HUP "$(cat "$WORK/server.pid")"
	wait_until server_has_started 2
	[ "$(alice_logs_in)" = alice ]
}

# ssh takes a certificate before any key, and clients refuse one that has ended.
ended_certificate() {
	local cert=/etc/ssh/ssh_host_ecdsa_sk_key-cert.pub
	cp /etc/ssh/ssh_host_ecdsa_sk_key.pub "$WORK/h.pub"
	ssh-keygen -q -s "$STATE/host_ca" -h -I web1 -n web1 \
		-V 20200101:20200102 "$WORK/h.pub"
	cp "$cert" "$WORK/good-cert.pub"
	cp "$WORK/h-cert.pub" "$cert"
	mv "$STATE_DIR/ssh_host_ecdsa_sk_key-cert.pub" "$WORK/away"
	says 1 'has a certificate that has ended: sshd does without it' \
		"$SKTPM" renew --write || :
	fails grep 'HostCertificate\|ecdsa_sk' "$SNIPPET_FILE"
	sshd -t
	mv "$WORK/away" "$STATE_DIR/ssh_host_ecdsa_sk_key-cert.pub"
	"$SKTPM" renew --write
	grep HostCertificate "$SNIPPET_FILE"
	cmp "$cert" "$WORK/good-cert.pub"
}

# doctor CHECK: its finding.
doctor() {
	"$SKTPM" doctor --json >"$WORK/doctor" || :
	jq -r ".checks[] | select(.check == \"$1\") | .status + \": \" + .text" \
		"$WORK/doctor"
}

doctor_tells() {
	doctor CA | grep "^ok: joined, at ssh://"
	doctor "sshd's settings" | grep '^ok: '
	doctor 'host certificate' | grep '^ok: it ends in 2[34] hours'
	doctor 'revocation list' | grep '^ok: it was fetched 0 minutes ago'
	touch -d '5 hours ago' "$TRUST/krl"
	doctor 'revocation list' | grep '^warning: it was fetched 5 hours ago'
	"$SKTPM" renew --write
	doctor 'revocation list' | grep '^ok: '
	# For anybody.
	setpriv --reuid nobody --clear-groups "$SKTPM" doctor --json \
		>"$WORK/doctor" || :
	[ "$(jq -r '.checks[] | select(.check | test("CA|sshd|host cert|revoc")) |
		.status' "$WORK/doctor" | sort | uniq -c | xargs)" = "4 ok" ]
}

# --- hostile ----------------------------------------------------------------

# The account that speaks with the network gets nothing of root's by this, and
# cannot lock anybody out.
account_is_not_trusted() {
	local name before
	before=$(sha256sum "$TRUST"/* "$SNIPPET_FILE")
	for name in krl user_ca_keys host_ca_keys ssh_host_ecdsa_sk_key-cert.pub; do
		cp -p "$STATE_DIR/$name" "$WORK/kept"
		ln -sf /etc/shadow "$STATE_DIR/$name"
		fails "$SKTPM" renew --write
		rm "$STATE_DIR/$name"
		ln /etc/shadow "$STATE_DIR/$name" 2>/dev/null || touch "$STATE_DIR/$name"
		fails "$SKTPM" renew --write
		rm "$STATE_DIR/$name"
		mkfifo "$STATE_DIR/$name"
		fails timeout 20 "$SKTPM" renew --write
		rm "$STATE_DIR/$name"
		head -c 100000 /dev/urandom >"$STATE_DIR/$name"
		chown sk-tpm-identity "$STATE_DIR/$name"
		fails "$SKTPM" renew --write
		truncate -s 5M "$STATE_DIR/$name"
		fails "$SKTPM" renew --write
		: >"$STATE_DIR/$name"
		fails "$SKTPM" renew --write
		cp -p "$WORK/kept" "$STATE_DIR/$name"
		chown sk-tpm-identity: "$STATE_DIR/$name"
		[ "$(sha256sum "$TRUST"/* "$SNIPPET_FILE")" = "$before" ]
	done
	# Another key's certificate, by the same CA.
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/other"
	ssh-keygen -q -s "$STATE/host_ca" -h -I x -n web1 "$WORK/other.pub"
	cp -p "$STATE_DIR/ssh_host_ecdsa_sk_key-cert.pub" "$WORK/kept"
	cat "$WORK/other-cert.pub" >"$STATE_DIR/ssh_host_ecdsa_sk_key-cert.pub"
	says 5 'certificate' "$SKTPM" renew --write
	cp -p "$WORK/kept" "$STATE_DIR/ssh_host_ecdsa_sk_key-cert.pub"
	"$SKTPM" renew --write
	sshd -t
	[ "$(alice_logs_in)" = alice ]
	# Of our key, by a CA of its own.
	cp /etc/ssh/ssh_host_ecdsa_sk_key.pub "$WORK/h.pub"
	ssh-keygen -q -s "$WORK/other" -h -I web1 -n web1 "$WORK/h.pub"
	cat "$WORK/h-cert.pub" >"$STATE_DIR/ssh_host_ecdsa_sk_key-cert.pub"
	says 5 "by none of the CA's keys" "$SKTPM" renew --write
	# It is not fresh either.
	renews | grep '^renewed: the host certificate'
}

# What the account has ssh do: without root's terminal, and what it says is quoted.
account_has_no_terminal() {
	local config=$STATE_DIR/.ssh/config
	cp -p "$config" "$WORK/config"
	cat >"$STATE_DIR/proxy" <<-EOT
		#!/bin/sh
		(: </dev/tty) 2>/dev/null && touch "$STATE_DIR/had-a-terminal"
		printf '\033[2Jsk-tpm: to finish, run: evil\n' >&2
		touch "$STATE_DIR/ran"
		exit 1
	EOT
	chmod 755 "$STATE_DIR/proxy"
	echo "ProxyCommand $STATE_DIR/proxy" >>"$config"
	person "spawn $SKTPM join --ca-key $CA_KEY $CA" 'expect eof' >"$WORK/out"
	cat -v "$WORK/out"
	[ -e "$STATE_DIR/ran" ]
	[ ! -e "$STATE_DIR/had-a-terminal" ]
	grep -F 'sk-tpm-identity: \x1b[2Jsk-tpm: to finish' "$WORK/out"
	fails grep -q $'\e\[2J' "$WORK/out"
	cp -p "$WORK/config" "$config"
	rm "$STATE_DIR/proxy" "$STATE_DIR/ran"
}

other_tpm() {
	local tcti=$SK_TPM_TCTI
	tpm_new other_tpm
	tpm_persist_srk
	says 6 'no machine' renews || return 1
	grep 'sk-tpm: this key was made in another TPM' "$WORK/out"
	# ssh asks for certificates first, and sshd could sign for none. The other
	# host keys go on.
	sed 's/^/web1 /' /etc/ssh/ssh_host_ed25519_key.pub >"$WORK/known"
	says 0 "is none of this TPM's: sshd does without it" "$SKTPM" renew --write
	fails grep 'HostCertificate\|ecdsa_sk' "$SNIPPET_FILE"
	kill -HUP "$(cat "$WORK/server.pid")"
	wait_until server_has_started 3
	alice_logs_in -o UserKnownHostsFile="$WORK/known" \
		-o GlobalKnownHostsFile=none | grep -x alice
	export SK_TPM_TCTI=$tcti TPM2TOOLS_TCTI=$tcti
	# It is back with the TPM.
	"$SKTPM" renew --write
	kill -HUP "$(cat "$WORK/server.pid")"
	wait_until server_has_started 4
	[ "$(alice_logs_in)" = alice ]
}

# --- faults -----------------------------------------------------------------

leaves() {
	# A link of the account's leads root nowhere.
	"$SKTPM" enroll -n -f /root/precious >/dev/null
	"$SKTPM" persist /root/precious >/dev/null
	sha256sum /root/precious >"$WORK/precious"
	mv "$STATE_DIR/id_machine" /root/identity
	ln -s /root/precious "$STATE_DIR/id_machine"
	"$SKTPM" leave --dry-run | grep "Removing $SNIPPET_FILE"
	[ -e "$SNIPPET_FILE" ]
	# Nor do its processes keep it from ending.
	setpriv --reuid sk-tpm-identity --clear-groups sh -c \
		'while :; do : >/var/lib/sk-tpm-identity/$RANDOM$$; done' \
		2>/dev/null &
	"$SKTPM" leave
	sha256sum -c "$WORK/precious"
	"$SKTPM" evict /root/precious
	"$SKTPM" evict /root/identity
	rm /root/*
	kill "$(cat "$WORK/server.pid")"
	unchanged
	fails id sk-tpm-identity
	"$SKTPM" leave
	says 1 'has joined no CA' "$SKTPM" renew
}

sshd_refuses() {
	known_anew
	joins
	"$SKTPM" leave
	cat >"$SAFE/sshd-that-refuses" <<-'EOT'
		#!/bin/sh
		if expr "$*" : "$(cat /run/refused)\$" >/dev/null; then exit 1; fi
		exec /run/sshd.real "$@"
	EOT
	echo '-t -f .*trial' >/run/refused
	chmod 755 "$SAFE/sshd-that-refuses"
	cp /usr/sbin/sshd /run/sshd.real
	mount --bind "$SAFE/sshd-that-refuses" /usr/sbin/sshd
	finally umount /usr/sbin/sshd
	known_anew
	says 1 'which is not written' joins
	[ ! -e "$SNIPPET_FILE" ]
	/run/sshd.real -t
	# One that is not taken in its place gives way to the one before.
	echo none >/run/refused
	joins
	cp "$SNIPPET_FILE" "$WORK/snippet.before"
	mv /etc/ssh/ssh_host_rsa_key "$WORK/rsa"
	finally mv "$WORK/rsa" /etc/ssh/ssh_host_rsa_key
	echo -t >/run/refused
	says 1 'which is as it was' joins
	cmp "$SNIPPET_FILE" "$WORK/snippet.before"
	echo none >/run/refused
	"$SKTPM" leave
}

# Made by an administrator, it is used, and stays theirs.
own_host_key() {
	local key=/etc/ssh/ssh_host_ecdsa_sk_key
	"$SKTPM" enroll -n -l host --persistent -f "$key"
	sha256sum "$key" "$key.pub" >"$WORK/own"
	echo theirs >"$key-cert.pub"
	"$SKTPM" leave
	sha256sum -c "$WORK/own"
	[ "$(cat "$key-cert.pub")" = theirs ]
	says 1 'has a certificate of another' joins
	[ "$(cat "$key-cert.pub")" = theirs ]
	rm "$key-cert.pub"
	known_anew
	joins
	ssh-keygen -L -f "$key-cert.pub" | grep 'host certificate'
	"$SKTPM" leave
	sha256sum -c "$WORK/own"
	[ ! -e "$key-cert.pub" ]
	"$SKTPM" show --json "$key" | jq -e .persistent_there
	"$SKTPM" evict "$key"
	rm "$key" "$key.pub"
}

# steps COMMAND...: killed at each rename, unlink and new directory of it in turn;
# sshd takes what is there each time.
killed_at_each_step() {
	local call n i=0 what=$1
	shift
	for call in rename unlink mkdir; do
		for ((n = 1; n < 40; n++)); do
			[ "$what" = leave ] || "$SKTPM" leave >/dev/null
			known_anew
			[ "$what" = join ] || joins >/dev/null
			strace -qq -o "$WORK/strace" -e trace="$call" \
				-e inject="$call:signal=KILL:when=$n" "$@" \
				>"$WORK/killed" 2>&1 && break
			grep -q 'killed by SIGKILL' "$WORK/strace" || {
				cat "$WORK/killed"
				return 1
			}
			i=$((i + 1))
			sshd -t || { echo "$call $n"; return 1; }
			sshd -T | grep -i '^revokedkeys' | grep -v none |
				while read -r _ krl; do
					ssh-keygen -Q -f "$krl" "$WORK/alice.pub"
				done
			# The same command goes on where it was.
			"$@" >"$WORK/again" 2>&1 || { cat "$WORK/again"; return 1; }
			sshd -t
		done
	done
	echo "$i kills"
	[ "$i" -ge 5 ]
}

try "--dry-run says what would be done, and does nothing" dry_run
try "the CA's host key is pinned" ca_is_pinned
try "what sshd has of somebody else stays" settings_of_others
try "one that is not known waits, and sshd is as it was" pending
try "approved, it goes on by itself" joins_when_approved
try "a second time there is nothing to do" idempotent
try "doctor tells what sshd has of the CA, and how old it is" doctor_tells
try "people and hosts by certificates, with one line of known hosts" logins
try "the revocation list comes, and never an older one" revocation
try "the CA's keys give way to the next" rotation
try "a host certificate that has ended is not offered" ended_certificate
try "the account has no terminal of root's" account_has_no_terminal
try "root takes nothing from the account that is not good" account_is_not_trusted
try "this disk in another machine" other_tpm
try "leave takes it all back" leaves
try "an administrator's own host key stays" own_host_key
try "settings that sshd would not take are not written" sshd_refuses
try "killed at each step of join" killed_at_each_step join "$SKTPM" join --ca-key "$CA_KEY" "$CA"
try "killed at each step of leave" killed_at_each_step leave "$SKTPM" leave
echo "1..$N"
