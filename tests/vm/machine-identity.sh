# shellcheck shell=bash
# The page examples/machine-identity.md on a real boot, its blocks as they stand,
# with the units as `make install` puts them there. tests/vm/guest sources this.
# The CA and the management server are this machine's own sshd, at addresses of
# their own.

PAGE=$TOP/examples/machine-identity.md
SERVICE=sk-tpm-identity.service
STATE=/var/lib/sk-tpm-identity

example_text() {
	page_block "$1" "$PAGE"
}

example() {
	eval "$(example_text "$1")"
}

sudo() {
	"$@"
}

# --- the first boot ----------------------------------------------------------

add_servers() {
	local sshd_config=/etc/ssh/sshd_config.d
	printf '%s\n' '127.0.0.2 ca.example.com' \
		'127.0.0.3 management.example.com' >>/etc/hosts
	sed 's/^/ca.example.com,management.example.com /' \
		/etc/ssh/ssh_host_ed25519_key.pub >>/etc/ssh/ssh_known_hosts
	example ca-account
	example account
	example ca
	example_text expose >"$sshd_config/ca.conf"
	example_text management >"$sshd_config/management.conf"
	example principals
	systemctl restart ssh.service
	# The CA of others is up when their machines boot.
	drop_in "$SERVICE" 'After=ssh.service'
}

# drop_in UNIT SETTING...: of a timer's section, or of [Unit].
drop_in() {
	local section=Unit
	[ "${1##*.}" != timer ] || section=Timer
	mkdir "/etc/systemd/system/$1.d"
	printf '%s\n' "[$section]" "${@:2}" \
		>"/etc/systemd/system/$1.d/for-tests.conf"
	systemctl daemon-reload
}

systemd_takes_the_units() {
	systemd-analyze verify --man=no "$SERVICE" sk-tpm-identity.timer \
		>"$WORK/out" 2>&1
	cat "$WORK/out"
	fails test -s "$WORK/out"
}

said() {
	journalctl -b -o cat -u "$SERVICE" --grep "$1"
}

# What a person sees who sets it up. The timer does without its leeway here, which
# is two minutes.
enable_identity() {
	drop_in sk-tpm-identity.timer RandomizedDelaySec=0 AccuracySec=1s
	example_text machine >/etc/sk-tpm-identity.conf
	example enable
	wait_until said 'Permission denied'
	said 'made a key, for the CA to know'
	said '^sk-ecdsa' >/root/identity.pub
	wc -l </root/identity.pub | grep -qx 1
	fails test -e "$STATE/id_machine-cert.pub"
}

tell_the_ca() {
	install -d -o ca -g ca -m 700 ~ca/.ssh
	example_text known | sed "s|KEY\$|$(cat /root/identity.pub)|" \
		>~ca/.ssh/authorized_keys
}

# A daemon, with what the page says that its unit needs.
add_daemon() {
	cat >/etc/systemd/system/daemon.service <<-EOT
		[Unit]
		Description=Daemon that speaks to the management server
		StartLimitIntervalSec=0

		[Service]
		Type=oneshot
		User=sk-tpm-identity
		SupplementaryGroups=tss
		ExecStart=/bin/sh /run/daemon
	EOT
	systemctl daemon-reload
}

# --- the second boot ---------------------------------------------------------

# The timer has it run at about ten seconds; nobody but it has logged in.
identity_from_boot() {
	wait_until said 'certificate valid'
	cmp /root/identity.pub "$STATE/id_machine.pub"
	ssh-keygen -L -f "$STATE/id_machine-cert.pub" >"$WORK/out"
	grep -A1 'Principals:' "$WORK/out" | grep -qw web1
	journalctl -b -o cat -u ssh.service --grep '^Accepted' >"$WORK/out"
	cat "$WORK/out"
	fails grep -v '^Accepted publickey for ca ' "$WORK/out"
}

# connect [ACCOUNT]: as a daemon does.
# shellcheck disable=SC2120
connect() {
	example_text connect | sed "s/machines@/${1:-machines}@/" >/run/daemon
	systemctl start daemon.service
}

let_in_by_principal() {
	connect
	journalctl -b -o cat -u ssh.service --grep '^Accepted.* for machines' |
		grep 'ECDSA-SK-CERT.*ID web1'
	fails connect root
	fails connect alice
	sed -i 's/web1/web2/' /etc/ssh/machine_principals
	fails connect
	sed -i 's/web2/web1/' /etc/ssh/machine_principals
}

# The clock is set to just before the timer is due.
renews_when_due() {
	local due
	cp "$STATE/id_machine-cert.pub" "$WORK/before"
	systemctl list-timers sk-tpm-identity.timer
	due=$(date -d "$(systemctl show -P NextElapseUSecRealtime \
		sk-tpm-identity.timer)" +%s)
	[ "$due" -gt "$(date +%s)" ]
	[ "$due" -le "$(date -d '6 hours 5 seconds' +%s)" ]
	date -s "@$((due - 1))"
	wait_until renewed
	connect
	systemctl list-timers sk-tpm-identity.timer
}

renewed() {
	! cmp -s "$STATE/id_machine-cert.pub" "$WORK/before"
}

# alice is in group tss, because she was put there; bob is anybody.
the_services_alone() {
	local somebody
	useradd -m bob
	[ "$(stat -c '%U %a' "$STATE" "$STATE/id_machine" | xargs)" = \
		"sk-tpm-identity 700 sk-tpm-identity 600" ]
	for somebody in alice bob; do
		fails runuser -u "$somebody" -- cat "$STATE/id_machine"
	done
	[ "$(getent group tss | cut -d: -f4)" = alice ]
	for somebody in bob sk-tpm-identity; do
		fails runuser -u "$somebody" -- dd if=/dev/tpmrm0 count=0
	done
	# Not even with a copy of the handle.
	install -o bob -m 600 "$STATE/id_machine" ~bob/copy
	install -o bob "$STATE/id_machine.pub" ~bob/copy.pub
	refuses "no permission on the TPM device /dev/tpmrm0" runuser -l bob -c \
		"echo text | ssh-keygen -Y sign -n n -w $LIB -f copy"
}

# --- the disk in another machine ---------------------------------------------

MADE_ELSEWHERE='sk-tpm: this key was made in another TPM'

refused_elsewhere() {
	wait_until said "$MADE_ELSEWHERE"
	said "$MADE_ELSEWHERE"
	fails said 'certificate valid'
	fails connect
	fails journalctl -b -o cat -u ssh.service --grep '^Accepted'
}
