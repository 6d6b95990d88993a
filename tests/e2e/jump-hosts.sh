#!/usr/bin/env bash
# Through two jump hosts with the certificate and without an agent; and one
# connection, for which the TPM signs once, under several sessions.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
tpm_persist_srk
PIN=246813
mapfile -t trusting < <(example_text server "$CERTIFICATES")
mapfile -t jump < <(example_text jump | sed "s/Group jump/Group $(id -gn)/")
mapfile -t laptop < <(example_text laptop)
mapfile -t share < <(example_text share)

# Connections that are kept open outlive the server process.
disconnect() {
	local name
	for name in third fourth second first; do
		ssh -O exit "$name" 2>/dev/null || :
	done
}
trap 'disconnect; cleanup' EXIT

# The page's configuration with more lines, and ssh may ask.
laptop_config() {
	client_config "${laptop[@]}" "$@" 'Host *' 'BatchMode no'
}

# costs COMMAND...: prints the PINs asked for and the logins to each server.
costs() {
	local name
	for name in first second third fourth; do
		: >"$name.log"
	done
	askpass_says "$PIN"
	"$@" >&2 || printf 'failed: '
	printf '%s PINs,' "$(grep -c '^: Enter PIN for ECDSA-SK key' asked || :)"
	for name in first second third fourth; do
		printf ' %s' "$(logins "$name" ECDSA-SK-CERT)"
	done
	echo
}

jumps() {
	[ "$(costs example login)" = "3 PINs, 1 1 1 0" ]
	tpm_is_empty
	# Without the certificate there is no way in, nor a question.
	askpass_says "$PIN"
	mv "$HOME/.ssh/id_ecdsa_sk-cert.pub" .
	[ "$(costs ssh third true)" = "failed: 0 PINs, 0 0 0 0" ]
	mv id_ecdsa_sk-cert.pub "$HOME/.ssh"
}

jumps_once() {
	client_config 'Host first second' "IdentityFile $HOME/.ssh/id_ecdsa_sk" \
		'Host *' 'BatchMode no'
	[ "$(costs example once)" = "3 PINs, 1 1 1 0" ]
	# As the page says of -i.
	client_config 'Host *' 'BatchMode no'
	[ "$(costs example once)" = "failed: 0 PINs, 0 0 0 0" ]
	laptop_config
}

# A jump host passes connections on and runs nothing. Where an agent is forwarded
# it is to the last server, past those in between.
jump_host_runs_nothing() {
	local out
	out=$(costs ssh first echo ran 2>&1)
	echo "$out"
	fails grep -qx ran <<<"$out"
	grep -q 'failed: 1 PINs, 1 0 0 0' <<<"$out"
	agent_start
	askpass_says "$PIN"
	# shellcheck disable=SC2016 # it is the server's
	[ "$(ssh third 'echo "${SSH_AUTH_SOCK-none}"')" = none ]
	[ "$(ssh -v -A third 'echo "${SSH_AUTH_SOCK+some}"' 2>log)" = some ]
	grep -Ec 'Requesting (authentication )?agent forwarding' log | grep -qx 1
}

# An agent asks at each hop as well, and passes nothing on.
agent_asks_each_time() {
	needs_pins_in_agent
	askpass_says "$PIN"
	agent_start -P "$(agent_list)"
	ssh-add -q "$HOME/.ssh/id_ecdsa_sk"
	askpass_says "$PIN"
	ssh third true
	[ "$(grep -c '^: Enter PIN and confirm user presence' asked)" -eq 3 ]
}

# At a terminal, one after the other, from processes that ssh starts.
asks_at_a_terminal() {
	export -f ssh
	LOGIN=$(example_text login) person 'run $env(LOGIN)
		foreach hop {first second third} {
			want "Enter PIN for ECDSA-SK key"
			send "'"$PIN"'\r"
		}
		status'
}

# Presence: the question tells the hops apart by their host keys.
names_each_hop() {
	needs_openssh 809 "server's host key in what is signed"
	local name
	enroll asks
	ssh-keygen -q -s user_ca -I asks -n "$ME" -V +1h asks.pub
	client_config "${laptop[@]//$HOME\/.ssh\/id_ecdsa_sk/$WORK/asks}"
	export -f ssh
	for name in first second third; do
		fingerprint "$name.host.pub"
	done >fingerprints
	mapfile -t hops <fingerprints
	LOGIN=$(example_text login) person 'run $env(LOGIN)
		foreach hop {'"${hops[*]}"'} {
			want "Sign in to a server with host key $hop"
			want "Press y"
			send "y"
		}
		status'
	# No at the second ends it there.
	askpass_says yes no
	: >second.log
	fails ssh third true
	[ "$(grep -c '^confirm: sk-tpm.*: Sign in to a server' asked)" -eq 2 ]
	[ "$(logins second)" -eq 0 ]
	laptop_config
}

shares_one_connection() {
	local sent
	laptop_config "${share[@]}"
	# One signature for the first, and none for those that follow.
	askpass_says "$PIN"
	sent=$(commands fails ssh first true)
	[ "$(grep -c '^15d$' <<<"$sent")" -eq 1 ]
	sent=$(commands fails ssh first true)
	[ -z "$sent" ]
	disconnect
	[ "$(costs ssh third true)" = "3 PINs, 1 1 1 0" ]
	[ "$(costs several_sessions)" = "0 PINs, 0 0 0 0" ]
	sent=$(commands several_sessions)
	[ -z "$sent" ]
	[ "$(costs ssh fourth true)" = "1 PINs, 0 0 0 1" ]
	ssh -O exit fourth
	example end
	fails ssh -O check third
	[ "$(costs ssh third true)" = "3 PINs, 1 1 1 0" ]
}

several_sessions() {
	local pids=() i
	for i in 1 2 3; do
		[ "$(ssh third echo "session $i")" = "session $i" ]
	done
	for i in 1 2 3; do
		ssh third true &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	echo text >sent
	scp -q sent "third:$WORK/received"
	cmp sent received
}

# As the page says: sshd looks at the certificate at the login only.
outlives_the_certificate() {
	laptop_config "${share[@]}"
	askpass_says "$PIN"
	ssh third true
	example revoke "$CERTIFICATES"
	ssh third true
	disconnect
	fails ssh third true
	grep -q revoked first.log
}

try "a key with its certificate" certify_a_key
host first "${jump[@]}" "${trusting[@]}"
host second "${jump[@]}" "${trusting[@]}"
host third "${trusting[@]}" "Subsystem sftp internal-sftp"
host fourth "${trusting[@]}"
laptop_config
try "through two jump hosts, with the certificate at each" jumps
try "the same with -J" jumps_once
try "a jump host runs nothing and gets no agent" jump_host_runs_nothing
try "an agent asks for the PIN at each hop" agent_asks_each_time
try "at a terminal the PIN is asked for at each hop" asks_at_a_terminal
try "a question names each hop by its host key" names_each_hop
try "sessions that share a connection need one signature" \
	shares_one_connection
try "a shared connection outlives its certificate" outlives_the_certificate
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
