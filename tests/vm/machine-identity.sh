# shellcheck shell=bash
# The page examples/machine-identity.md on a real boot, its blocks as they stand,
# with units, accounts and sockets as `make install` and `make install-ca` put them
# there. tests/vm/guest sources this. The CA and the management server are this
# machine's own sshd, at addresses of their own.

PAGE=$TOP/examples/machine-identity.md
SERVICE=sk-tpm-renew.service
STATE=/var/lib/sk-tpm-identity

# shellcheck source=tests/lib/as-it-stands.sh
. "$TOP/tests/lib/as-it-stands.sh"

# --- the first boot ----------------------------------------------------------

# People reach this one host by the names of all three.
add_servers() {
	local sshd_config=/etc/ssh/sshd_config.d
	printf '%s\n' '127.0.0.2 ca.example.com' \
		'127.0.0.3 management.example.com' >>/etc/hosts
	systemd-sysusers
	systemctl daemon-reload
	example ca
	example settings
	sed -i 's/HostPrincipals .*/& localhost management.example.com/' \
		/etc/ssh/sk-tpm-ca.conf
	example ca-key | cut -d ' ' -f 2 >/root/ca-key
	example account
	example_text management >"$sshd_config/zz-management.conf"
	example principals
	systemctl restart ssh.service
	systemctl is-active sk-tpm-ca.socket
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
	systemd-analyze verify --man=no "$SERVICE" sk-tpm-renew.timer \
		sk-tpm-ca.socket sk-tpm-ca-inventory.socket >"$WORK/out" 2>&1
	cat "$WORK/out"
	fails test -s "$WORK/out"
}

said() {
	journalctl -b -o cat -u "$SERVICE" --grep "$1"
}

# What an administrator sees who sets it up. The timer does without its leeway
# here. sshd is as it was.
join_the_ca() {
	local status=0
	drop_in sk-tpm-renew.timer RandomizedDelaySec=0 AccuracySec=1s
	example_text join | sed "s|SHA256:...|$(cat /root/ca-key)|" >/root/join.sh
	(. /root/join.sh) >"$WORK/out" 2>&1 || status=$?
	cat "$WORK/out"
	[ "$status" -eq 4 ]
	systemctl is-active sk-tpm-renew.timer
	fails test -e /etc/ssh/sshd_config.d/sk-tpm-join.conf
	wait_until said 'waits for approval'
}

# It is not done before the next boot: the unit comes again in five minutes.
approve_the_machine() {
	local id
	id=$(sk-tpm-ca machine list --pending --json |
		sed -n 's/.*"id": *"\(SHA256:[^"]*\)".*/\1/p' | head -n 1)
	example_text approve | sed "s|SHA256:...|$id|" >/root/approve.sh
	. /root/approve.sh
	sk-tpm-ca machine list | grep web1
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

is_done() {
	[ "$(systemctl show -P ActiveState "$SERVICE")" = inactive ]
}

# The timer has it run at about ten seconds; nobody but it has logged in, and sshd
# has its certificate.
joined_from_boot() {
	wait_until said '^Writing /etc/ssh/sshd_config.d/sk-tpm-join.conf'
	wait_until is_done
	said "^renewed: the machine's certificate for web1, valid until"
	said '^renewed: the host certificate for web1,.*, valid until'
	ssh-keygen -L -f /etc/ssh/ssh_host_ecdsa_sk_key-cert.pub >"$WORK/out"
	grep -A1 'Principals:' "$WORK/out" | grep -qw web1
	journalctl -b -o cat -u ssh.service --grep '^Accepted' >"$WORK/out"
	cat "$WORK/out"
	fails grep -v '^Accepted publickey for sk-tpm-ca ' "$WORK/out"
	[ "$(stat -c '%U %a' /etc/ssh/sk-tpm/krl)" = "root 644" ]
}

# A person with a certificate, to a host that she knows by one line.
certificates_both_ways() {
	local home=/home/alice address
	cp "$home/.ssh/k.pub" "$home/by-cert.pub"
	ssh-keygen -q -s /var/lib/sk-tpm-ca/user_ca -I alice -n alice \
		-O no-touch-required "$home/by-cert.pub"
	grep '^@cert-authority' /etc/ssh/ssh_known_hosts >"$home/one-line"
	[ "$(wc -l <"$home/one-line")" -eq 1 ]
	chmod 644 "$home/one-line" "$home/by-cert-cert.pub"
	mv "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys.off"
	finally mv "$home/.ssh/authorized_keys.off" "$home/.ssh/authorized_keys"
	# Whatever its address is now.
	for address in localhost 127.0.0.9; do
		alice ssh -o SecurityKeyProvider="$LIB" -o IdentitiesOnly=yes \
			-o GlobalKnownHostsFile=none \
			-o UserKnownHostsFile=one-line \
			-o StrictHostKeyChecking=yes -o HostKeyAlias=web1 \
			-o CertificateFile=by-cert-cert.pub -i .ssh/k \
			"$address" id -un | grep -qx alice
	done
	journalctl -b -o cat -u ssh.service --grep '^Accepted.* for alice' |
		grep 'ECDSA-SK-CERT.*ID alice'
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

# The clock is set to just before the timer is due: it brings the list of what is
# revoked. The certificate is renewed once less than a third of its time is left.
renews_when_due() {
	local due until
	cp "$STATE/id_machine-cert.pub" "$WORK/before"
	systemctl list-timers sk-tpm-renew.timer
	due=$(date -d "$(systemctl show -P NextElapseUSecRealtime \
		sk-tpm-renew.timer)" +%s)
	[ "$due" -gt "$(date +%s)" ]
	[ "$due" -le "$(date -d '1 hour 5 seconds' +%s)" ]
	date -s "@$((due - 1))"
	wait_until said '^fetched: the lists of the CA'
	wait_until is_done
	fails renewed
	until=$(date -d "$(ssh-keygen -L -f "$STATE/id_machine-cert.pub" |
		sed -n 's/.*Valid: from .* to //p')" +%s)
	date -s "@$((until - 8 * 3600))"
	wait_until renewed
	connect
	systemctl list-timers sk-tpm-renew.timer
}

renewed() {
	! cmp -s "$STATE/id_machine-cert.pub" "$WORK/before"
}

# With a CA key in this TPM, and the service's unit as the manual says then.
ca_key_in_the_tpm() {
	local key=/var/lib/sk-tpm-ca/tpm_ca conf=/etc/ssh/sk-tpm-ca.conf
	local unit=/etc/systemd/system/sk-tpm-ca@.service.d
	# A run that goes on would be taken for the one that is started.
	wait_until is_done
	sk-tpm enroll -n -l ca -f "$key"
	chown sk-tpm-ca-service: "$key" "$key.pub"
	mkdir "$unit"
	sed -n '/^\[Service\]/,/^SupplementaryGroups/p' \
		/usr/local/share/man/man5/sk-tpm-ca.conf.5 >"$unit/tpm.conf"
	cat "$unit/tpm.conf"
	systemctl daemon-reload
	cp "$conf" "$conf.before"
	finally mv "$conf.before" "$conf"
	sed -i "/^UserCAKey/d; 1i UserCAKey $key\nSecurityKeyProvider $LIB" "$conf"
	rm "$STATE/id_machine-cert.pub"
	systemctl start "$SERVICE" || :
	ssh-keygen -L -f "$STATE/id_machine-cert.pub" |
		grep 'Signing CA: ECDSA-SK' || {
		journalctl -b -o cat -n 30
		return 1
	}
	mv "$conf.before" "$conf"
	wait_until is_done
	rm "$STATE/id_machine-cert.pub"
	systemctl start "$SERVICE"
	cp "$conf" "$conf.before"
	connect
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
		"sk-tpm test copy"
}

# --- the disk in another machine ---------------------------------------------

MADE_ELSEWHERE='sk-tpm: this key was made in another TPM'

refused_elsewhere() {
	wait_until said "$MADE_ELSEWHERE"
	said "$MADE_ELSEWHERE"
	fails said '^renewed:'
	fails connect
	fails journalctl -b -o cat -u ssh.service --grep '^Accepted'
}
