# shellcheck shell=bash
# Servers, and logins to them.

# sshd_start NAME [config line...]: a private sshd on a free port; sets
# SSHD_PORT and SSHD_LOG, and writes its id to $WORK/NAME.sshd. authorized_keys
# is $WORK/NAME.keys, and its host key plain, unless a config line says otherwise.
sshd_start() {
	local name=$1 i pid hostkey="HostKey $WORK/$1.host"
	local keys="AuthorizedKeysFile $WORK/$1.keys" pam="UsePAM no"
	shift
	[ "${*#*HostKey }" = "$*" ] || hostkey=
	[ "${*#*UsePAM }" = "$*" ] || pam=
	# (In a Match block it is indented, and for some only.)
	! printf '%s\n' "$@" | grep -q '^AuthorizedKeysFile ' || keys=
	[ -f "$WORK/$name.host" ] ||
		ssh-keygen -q -t ed25519 -N '' -f "$WORK/$name.host"
	touch "$WORK/$name.keys"
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	SSHD_LOG=$WORK/$name.log
	: >"$SSHD_LOG"
	for ((i = 0; i < 50; i++)); do
		SSHD_PORT=$((20000 + RANDOM % 40000))
		cat >"$WORK/$name.conf" <<-EOF
			Port $SSHD_PORT
			ListenAddress 127.0.0.1
			$hostkey
			PidFile none
			$keys
			AuthenticationMethods publickey
			PermitRootLogin yes
			StrictModes no
			$pam
			LogLevel VERBOSE
		EOF
		# We are refused often, all from one address.
		[ "$OPENSSH" -lt 908 ] || [[ $* = *PerSourcePenalties* ]] ||
			echo PerSourcePenalties no >>"$WORK/$name.conf"
		printf '%s\n' "$@" >>"$WORK/$name.conf"
		"$(command -v sshd || echo /usr/sbin/sshd)" -D -e \
			-f "$WORK/$name.conf" 2>"$SSHD_LOG" &
		pid=$!
		wait_until sshd_is_up_or_gone "$pid" || return 1
		if ! ended "$pid"; then
			echo "$pid" >"$WORK/$name.sshd"
			ends_with_us "$pid"
			echo "[127.0.0.1]:$SSHD_PORT $(cut -d' ' -f1-2 \
				"$WORK/$name.host.pub")" >>"$WORK/known_hosts"
			return 0
		fi
	done
	cat "$SSHD_LOG" >&2
	return 1
}

sshd_is_up_or_gone() {
	grep -q 'Server listening' "$SSHD_LOG" || ended "$1"
}

# log_in [ssh option...]: runs a command on the last server; shows its answer.
log_in() {
	local out
	out=$(ssh -F none -p "$SSHD_PORT" -l "$ME" -o BatchMode=yes \
		-o "UserKnownHostsFile=$WORK/known_hosts" \
		-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes \
		-o "SecurityKeyProvider=$LIB" "$@" 127.0.0.1 echo logged-in)
	echo "$out"
	[ "$out" = logged-in ]
}
