#!/usr/bin/env bash
# sshd's host key in the TPM: beside plain ones and alone, known, certified,
# replaced, copied, cleared, and under load.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
SK=sk-ecdsa-sha2-nistp256@openssh.com
KEY=$ETC/ssh_host_ecdsa_sk_key
ssh-keygen -q -t ed25519 -N '' -f id
client_config "Host *" "IdentityFile $WORK/id"
cp id.pub server.keys
SSHD_LOG=$WORK/server.log
for type in ed25519 ecdsa rsa; do
	ssh-keygen -q -t "$type" -N '' -f "$ETC/ssh_host_${type}_key"
done

# knows TEXT...: the client knows these keys and no others.
knows() {
	printf '%s\n' "$@" >"$HOME/.ssh/known_hosts"
}

# the_key [FILE]: as a line of known_hosts.
the_key() {
	echo "server $(cut -d' ' -f1-2 "${1:-$KEY}.pub")"
}

# is_known FILE: the client knows this key.
is_known() {
	grep -qF "$(cut -d' ' -f2 "$1.pub")" "$HOME/.ssh/known_hosts"
}

is_not_known() {
	! is_known "$1"
}

# It may have been ended by what failed before.
end_sshd() {
	[ -e server.sshd ] || return 0
	kill "$(<server.sshd)"
	wait_until ended "$(<server.sshd)"
	rm server.sshd
}

port() {
	sed -n 's/^Port //p' server.conf
}

# serves LINE...: sshd with these in its configuration. What the client knows
# stays as it is.
serves() {
	end_sshd
	cp "$HOME/.ssh/known_hosts" known
	host server "$@"
	cp known "$HOME/.ssh/known_hosts"
}

# restarted [config line...]: as after a new start of the machine, with the key
# alone.
restarted() {
	serves "${alone[@]}" "MaxStartups 100" "$@"
}

# Clients that know an older key go on using it: where they know both, it is the
# plain one.
starts_beside() {
	local type
	example enrol
	knows
	serves "${server[@]}"
	for type in ed25519 ecdsa rsa; do
		knows "$(the_key "$ETC/ssh_host_${type}_key")"
		ssh server true
	done
	knows "$(the_key)" "$(the_key "$ETC/ssh_host_ed25519_key")"
	ssh -v server true 2>log
	# Before 8.5 ssh put all of ecdsa first.
	if [ "$OPENSSH" -ge 805 ]; then
		grep -q 'Server host key: ssh-ed25519' log
	else
		grep -q 'Server host key: sk-ecdsa' log
	fi
}

# ssh-keyscan asks for a name; the test's servers have names in ~/.ssh/config
# only.
ssh-keyscan() {
	command ssh-keyscan -p "$(port)" "${@/server/127.0.0.1}" |
		sed "s/^\[127.0.0.1\]:$(port)/server/"
}

is_scanned() {
	knows
	fails ssh server true
	example keyscan
	grep -q "^server $SK " "$HOME/.ssh/known_hosts"
	ssh server true
	tpm_is_empty
}

insisting() {
	knows "$(the_key "$ETC/ssh_host_ed25519_key")"
	client_config "$(example_text insist)" "Host *" "IdentityFile $WORK/id"
	fails ssh server true
	knows "$(the_key)" "$(the_key "$ETC/ssh_host_ed25519_key")"
	ssh -v server true 2>log
	grep -q "Server host key: $SK" log
}

# A client that comes by twice: it learns the new key, and then forgets the old
# ones, which a copy of the disk from before has.
learns_and_forgets() {
	local plain=$ETC/ssh_host_ed25519_key
	knows "$(the_key "$plain")"
	cp "$HOME/.ssh/known_hosts" never_came_by
	serves "${server[@]}"
	ssh -o UpdateHostKeys=yes server true
	wait_until is_known "$KEY"
	is_known "$plain"
	restarted
	ssh -o UpdateHostKeys=yes server true
	wait_until is_not_known "$plain"
	# As a thief, with another TPM; the old files are in a backup.
	end_sshd
	tpm_new backup
	serves "${server[@]}"
	fails ssh server true
	grep -q 'sk-tpm: this key was made in another TPM' "$SSHD_LOG"
	cp never_came_by "$HOME/.ssh/known_hosts"
	ssh server true
}

# The CA's key is where the server's is not.
is_certified() {
	ssh-keygen -q -t ed25519 -N '' -f host_ca
	cp "$KEY.pub" .
	example certify
	example beside
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
	wait_until is_known "$ETC/second"
	serves "${alone[0]}" "HostKey $ETC/second"
	ssh server true
}

# A client that knows no sk algorithms is served.
plain_beside() {
	restarted "$(example_text plain)"
	knows "$(the_key "$ETC/ssh_host_ed25519_key")"
	ssh -o HostKeyAlgorithms=-sk-* server true
}

# Strangers hold connections without a word. A login succeeds again once one of
# them has gone.
limited_at_once() {
	local a b
	needs_openssh 805 "PerSourceMaxStartups"
	knows "$(the_key)"
	restarted "$(example_text limits)"
	exec {a}<>"/dev/tcp/127.0.0.1/$(port)" {b}<>"/dev/tcp/127.0.0.1/$(port)"
	# Each is counted when sshd has greeted it.
	read -ru "$a" && read -ru "$b"
	fails ssh server true
	exec {a}>&-
	wait_until ssh server true
	exec {b}>&-
}

# turned_away: one more connection is refused.
turned_away() {
	command ssh-keyscan -p "$(port)" -t ecdsa-sk 127.0.0.1 >scanned 2>&1
	fails grep -q "$SK" scanned
}

limited_in_turn() {
	needs_openssh 908 "PerSourcePenalties"
	knows "$(the_key)"
	restarted "$(example_text penalties)"
	ssh server true
	wait_until turned_away
	fails ssh server true
	grep -q 'penalty: connections without attempting authentication' \
		"$SSHD_LOG"
}

# A copy of all of /etc/ssh without the TPM.
copied_disk() {
	knows "$(the_key)"
	tpm_new thief
	restarted
	fails ssh server true
	grep -q 'sk-tpm: this key was made in another TPM' "$SSHD_LOG"
	tpm_is_empty
}

cleared() {
	local old
	knows "$(the_key)"
	old=$(the_key)
	tpm2_clear
	restarted "$(example_text certificate)"
	fails ssh server true
	grep -q 'sk-tpm: this key was made in another TPM, or this TPM has been cleared since' \
		"$SSHD_LOG"
	example cleared
	cp "$KEY.pub" .
	example certify
	example beside
	restarted "$(example_text certificate)"
	# Who knows the authority notices nothing; the others have to be told.
	cp "$HOME/.ssh/known_hosts" known_hosts.key
	knows
	example authority
	ssh server true
	cp known_hosts.key "$HOME/.ssh/known_hosts"
	[ "$(<"$HOME/.ssh/known_hosts")" = "$old" ]
	restarted
	fails ssh server true
	example forget
	example keyscan
	ssh server true
}

mapfile -t server < <(example_text server)
mapfile -t alone < <(example_text alone)
try "beside the old keys no client is lost, and none gains" starts_beside
try "ssh-keyscan fetches it, and it is known by that" is_scanned
try "a client that insists takes nothing else" insisting
client_config "Host *" "IdentityFile $WORK/id"
try "alone: clients forget the old keys, and a backup is not this host" \
	learns_and_forgets
try "a host certificate and @cert-authority" is_certified
try "restart and reload" restart_and_reload
try "UpdateHostKeys teaches the next key" is_replaced
try "a plain key beside" plain_beside
try "an address has so many connections before a login" limited_at_once
try "an address that only connects is turned away" limited_in_turn
try "a copied disk is not this host" copied_disk
try "a cleared TPM: a new key, and who has to be told" cleared
tpm_persist_srk
resource_manager
try "200 connections in turn, through tpm2-abrmd" two_hundred_in_turn
try "20 connections at once, through tpm2-abrmd" twenty_at_once
echo "1..$N"
