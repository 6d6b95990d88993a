#!/usr/bin/env bash
# sshd's host key in the TPM: known, certified, under load, replaced, copied.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
tpm_persist_srk
SK=sk-ecdsa-sha2-nistp256@openssh.com
KEY=$ETC/ssh_host_ecdsa_sk_key
ssh-keygen -q -t ed25519 -N '' -f id
client_config "Host *" "IdentityFile $WORK/id"
cp id.pub server.keys
mapfile -t server < <(example_text server)
server+=("MaxStartups 100")

# knows TEXT...: all that the client knows.
knows() {
	printf '%s\n' "$@" >"$HOME/.ssh/known_hosts"
}

the_key() {
	echo "server $(cut -d' ' -f1-2 "$KEY.pub")"
}

end_sshd() {
	kill "$(<server.sshd)"
	wait_until ended "$(<server.sshd)"
}

# restarted [config line...]: sshd as after a new start of the machine.
restarted() {
	end_sshd
	host server "${server[@]}" "$@"
}

starts() {
	example enrol
	# The public half and the handle is all that is on disk.
	host server "${server[@]}"
}

# ssh-keyscan asks for a name; the test's servers have names in ~/.ssh/config
# only.
ssh-keyscan() {
	command ssh-keyscan -p "$SSHD_PORT" "${@/server/127.0.0.1}" |
		sed "s/^\[127.0.0.1\]:$SSHD_PORT/server/"
}

is_scanned() {
	knows
	fails ssh server true
	example keyscan
	grep -q "^server $SK " "$HOME/.ssh/known_hosts"
	ssh server true
	tpm_is_empty
}

is_certified() {
	ssh-keygen -q -t ed25519 -N '' -f host_ca
	example certify
	restarted "$(example_text certificate)"
	knows
	example authority
	ssh -v server true 2>log
	grep -q 'Server host certificate: sk-ecdsa-sha2-nistp256-cert' log
	fails ssh -o HostKeyAlias=another server true
}

restart_and_reload() {
	knows "$(the_key)"
	restarted
	ssh server true
	: >"$SSHD_LOG"
	kill -HUP "$(<server.sshd)"
	wait_until grep -q 'Server listening' "$SSHD_LOG"
	ssh server true
}

two_hundred_in_turn() {
	local i
	knows "$(the_key)"
	restarted
	for ((i = 0; i < 200; i++)); do
		ssh server true || { echo "connection $i failed"; return 1; }
	done
	tpm_is_empty
}

twenty_at_once() {
	local pids=() pid
	knows "$(the_key)"
	restarted
	for ((i = 0; i < 20; i++)); do
		ssh server true &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	tpm_is_empty
}

# Taught over a connection that the old key made, and proven by the new one.
is_replaced() {
	# shellcheck disable=SC2033 # so is sudo
	sudo ssh-keygen -q -t ecdsa-sk -O no-touch-required -N '' -w "$LIB" \
		-f "$ETC/second"
	knows "$(the_key)"
	restarted "HostKey $ETC/second"
	ssh -o UpdateHostKeys=yes server true
	wait_until grep -qF "$(cut -d' ' -f2 "$ETC/second.pub")" \
		"$HOME/.ssh/known_hosts"
	end_sshd
	host server "${server[0]}" "HostKey $ETC/second"
	grep -vF "$(cut -d' ' -f2 server.host.pub)" "$HOME/.ssh/known_hosts" \
		>only && cp only "$HOME/.ssh/known_hosts"
	ssh server true
}

plain_beside() {
	local insist
	ssh-keygen -q -t ed25519 -N '' -f "$ETC/ssh_host_ed25519_key"
	restarted "$(example_text plain)"
	# A client that knows no sk algorithms is served,
	knows "server $(cut -d' ' -f1-2 "$ETC/ssh_host_ed25519_key.pub")"
	ssh -o HostKeyAlgorithms=-sk-* server true
	# and one that insists takes nothing else.
	insist=$(example_text insist)
	client_config "$insist" "Host *" "IdentityFile $WORK/id"
	fails ssh server true
	knows "$(the_key)"
	ssh server true
}

# All of /etc/ssh, but not the TPM.
copied_disk() {
	knows "$(the_key)"
	end_sshd
	tpm_new thief
	host server "${server[@]}"
	knows "$(the_key)"
	fails ssh server true
	grep -q 'sk-tpm: this key was made in another TPM' "$SSHD_LOG"
	tpm_is_empty
}

try "sshd starts with a key in the TPM" starts
mapfile -t server < <(example_text server)
server+=("MaxStartups 100")
host server "${server[@]}"
try "ssh-keyscan fetches it, and it is known by that" is_scanned
try "a host certificate and @cert-authority" is_certified
try "restart and reload" restart_and_reload
resource_manager
try "200 connections in turn, through tpm2-abrmd" two_hundred_in_turn
try "20 connections at once, through tpm2-abrmd" twenty_at_once
try "UpdateHostKeys teaches the next key" is_replaced
try "a plain key beside; clients that insist" plain_beside
try "a copied disk is not this host" copied_disk
echo "1..$N"
