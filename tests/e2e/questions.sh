#!/usr/bin/env bash
# What a person is told about a request, from real programs' requests.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
enroll "$WORK/ca" -O no-touch-required
ssh-keygen -q -t ed25519 -N '' -f "$WORK/id"

# request COMMAND...: prints our words for what the command has us sign.
request() {
	SSH_SK_PROVIDER=$LIB SK_TPM_LOG_LEVEL=debug "$@" >"$WORK/out" 2>&1 || {
		cat "$WORK/out"
		return 1
	}
	sed -n 's/^sk-tpm: request: //p' "$WORK/out"
}

# certify FILE.pub [ssh-keygen option...]: the same for a certificate
certify() {
	local file=$1
	shift
	request ssh-keygen -q -s "$WORK/ca" -I id -z 9 "$@" "$file"
}

certificates_differ() {
	local plain words
	plain=$(certify "$WORK/id.pub" -n alice)
	echo "$plain"
	[ "$plain" = "Issue a user certificate to the key $(fingerprint "$WORK/id.pub") for \"alice\", valid without end, id \"id\", serial number 9" ]
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/other"
	certify "$WORK/other.pub" -n alice | grep -F "$(fingerprint "$WORK/other.pub")"
	words=$(certify "$WORK/id.pub" -n alice -O force-command=uptime \
		-O source-address=10.0.0.0/8)
	echo "$words"
	[ "$words" = "${plain/, id/, with the critical options \"force-command\" \"uptime\", \"source-address\" \"10.0.0.0\/8\", id}" ]
	certify "$WORK/id.pub" -n alice -O clear |
		grep -F ', without extensions, id'
	certify "$WORK/id.pub" -n alice -O no-touch-required |
		grep -F '", "permit-user-rc", id'
	certify "$WORK/id.pub" |
		grep -F 'for no name (OpenSSH before 10.3 takes that for any), valid'
	certify "$WORK/id.pub" -h -n host.example |
		grep "^Issue a host certificate .* for \"host.example\", valid without end, id"
}

# The key types that OpenSSH 10.4 and 10.6 brought, under both names.
post_quantum_types() {
	local type
	ssh-keygen -q -t mldsa44-ed25519 -N '' -f "$WORK/pq" ||
		cannot "this ssh-keygen makes no ML-DSA keys"
	"$BUILD/sk-tpm" enroll -n -l ca -f "$WORK/ca-only"
	SSH_SK_PROVIDER=$LIB ssh-keygen -q -s "$WORK/ca-only" -I id -n alice \
		"$WORK/pq.pub"
	certify "$WORK/pq.pub" -n alice | tee "$WORK/words" |
		grep -F "to the key $(fingerprint "$WORK/pq.pub") for"
	fails grep unknown "$WORK/words"
	type=$(cut -d' ' -f1 "$WORK/pq.pub")
	cp "$WORK/pq" "$WORK/newest.host"
	cp "$WORK/pq.pub" "$WORK/newest.host.pub"
	sshd_start newest "HostKeyAlgorithms $type"
	"$BUILD/sk-tpm" enroll -n -s "$(fingerprint "$WORK/pq.pub")" \
		-f "$WORK/limited"
	(printf 'no-touch-required '; cat "$WORK/limited.pub") >"$WORK/newest.keys"
	log_in -i "$WORK/limited" -o "HostKeyAlgorithms=$type"
}

# Somebody with settings as Debian 12 ships them, in HOMEDIR, and a key there.
# ssh goes by the password database's home, so it is told the files.
debian_user() {
	needs_openssh 809 "server's host key in what is signed"
	HOMEDIR=$WORK/nobody.$N
	mkdir -m 777 "$HOMEDIR" "$HOMEDIR/.ssh"
	cp "$LIB" "$HOMEDIR/lib.so"
	enroll "$HOMEDIR/k" -O no-touch-required
	(printf 'no-touch-required '; cat "$HOMEDIR/k.pub") >"$WORK/server.keys"
	cat >"$HOMEDIR/.ssh/config" <<-EOF
		Host *
		    SendEnv LANG LC_*
		    HashKnownHosts yes
		    GSSAPIAuthentication yes
	EOF
	[ "$(id -u)" -ne 0 ] || chown -R 65534 "$HOMEDIR"
	export HOME=$HOMEDIR SK_TPM_CONFIG=/dev/null SK_TPM_LOG_LEVEL=debug
}

# as_user [ssh option...]: a login of theirs; what is said is in $WORK/err.
as_user() {
	unprivileged ssh -F "$HOMEDIR/.ssh/config" -l "$ME" -o BatchMode=yes \
		-o "UserKnownHostsFile=${KNOWN:-$HOMEDIR/.ssh/known_hosts}" \
		-o StrictHostKeyChecking=accept-new -o IdentitiesOnly=yes \
		-i "$HOMEDIR/k" -o "SecurityKeyProvider=$HOMEDIR/lib.so" \
		"$@" echo logged-in 2>"$WORK/err" | grep logged-in ||
		{ cat "$WORK/err"; return 1; }
}

# named NAME [FILE]: the question names the server so.
named() {
	grep '^sk-tpm: request: ' "${2:-$WORK/err}"
	grep -qF "sk-tpm: request: Sign in to $1 with host key SHA256:" \
		"${2:-$WORK/err}"
}

hashed_names() {
	debian_user
	as_user -p "$SSHD_PORT" LocalHost
	as_user -p "$SSHD_PORT" 127.0.0.1
	# Only hashes, one for each name.
	[ "$(wc -l <"$HOMEDIR/.ssh/known_hosts")" -eq 2 ]
	fails grep -v '^|1|' "$HOMEDIR/.ssh/known_hosts"
	as_user -p "$SSHD_PORT" localhost
	named "\"[localhost]:$SSHD_PORT\""
	as_user "-p$SSHD_PORT" 127.0.0.1
	named "\"[127.0.0.1]:$SSHD_PORT\""
	as_user "ssh://LocalHost:$SSHD_PORT"
	named "\"[localhost]:$SSHD_PORT\""
	as_user -o "Port=$SSHD_PORT" -o HostName=127.0.0.1 alias
	named "\"[127.0.0.1]:$SSHD_PORT\""
	# An alias of the settings, and one for which known_hosts has a name.
	printf 'Host build\n HostName localhost\n Port %s\n' "$SSHD_PORT" \
		>>"$HOMEDIR/.ssh/config"
	as_user build
	named "\"[localhost]:$SSHD_PORT\""
	# A hash of none of the words is nobody's name.
	echo "elsewhere.example $(cut -d' ' -f1,2 "$WORK/server.host.pub")" \
		>"$HOMEDIR/.ssh/known_hosts"
	unprivileged ssh-keygen -q -H -f "$HOMEDIR/.ssh/known_hosts"
	KNOWN=$HOMEDIR/accepted as_user build
	named 'a server'
	KNOWN=$HOMEDIR/accepted as_user build : elsewhere.example \;
	named '"elsewhere.example"'
}

# The agent does not tell who asks it, but an ssh of the person's runs.
hashed_names_by_agent() {
	debian_user
	as_user -p "$SSHD_PORT" localhost
	SSH_AUTH_SOCK=$HOMEDIR/agent
	export SSH_AUTH_SOCK
	# shellcheck disable=SC2016 # for the shell inside
	unprivileged sh -c 'echo $$ >"$HOME/pid" && exec ssh-agent -D "$@"' sh \
		-a "$SSH_AUTH_SOCK" -P "$HOMEDIR/*" >/dev/null 2>"$WORK/agent.log" &
	wait_until [ -s "$HOMEDIR/pid" ]
	ends_with_us "$(cat "$HOMEDIR/pid")"
	wait_until unprivileged_agent_answers
	unprivileged ssh-add -q -S "$HOMEDIR/lib.so" "$HOMEDIR/k"
	# By the agent alone.
	rm "$HOMEDIR/k"
	cp "$HOMEDIR/k.pub" "$HOMEDIR/only.pub"
	: >"$WORK/agent.log"
	as_user -i "$HOMEDIR/only.pub" -p "$SSHD_PORT" localhost
	fails grep '^sk-tpm: request' "$WORK/err"
	named "\"[localhost]:$SSHD_PORT\"" "$WORK/agent.log"
}

unprivileged_agent_answers() {
	local status=0
	unprivileged ssh-add -l >/dev/null 2>&1 || status=$?
	[ "$status" -ne 2 ]
}

# As in a chroot.
hashed_names_without_proc() {
	[ "$(id -u)" -eq 0 ] || cannot "only root can hide /proc"
	unshare -m true || cannot "no namespace for mounts here"
	debian_user
	as_user -p "$SSHD_PORT" localhost
	unprivileged() {
		unshare -m sh -c 'mount -t tmpfs none /proc && exec setpriv \
			--reuid=65534 --regid=65534 --clear-groups "$@"' sh "$@"
	}
	as_user -p "$SSHD_PORT" localhost
	named 'a server'
}

sshd_start server
try "certificates that differ read differently" certificates_differ
try "post-quantum keys are certified, and limits to them hold" \
	post_quantum_types
try "hashed names of known_hosts: that which ssh was called with" hashed_names
try "hashed names, through an agent" hashed_names_by_agent
try "hashed names, without /proc" hashed_names_without_proc
echo "1..$N"
