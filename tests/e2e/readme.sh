#!/usr/bin/env bash
# README.md's three paths, as written, and the session that it shows.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

PAGE=$TOP/README.md
tpm_new tpm
PIN=314159

# `setup --write` writes where the password database says, which for root is
# not here.
sk-tpm() {
	if [ "$*" = "setup --write" ]; then
		mkdir -p nobody
		[ "$(id -u)" -ne 0 ] || chown 65534 nobody
		cp "$BUILD/sk-tpm" sk-tpm-copy
		HOME=$WORK/nobody SK_TPM_CONFIG=/dev/null \
			unprivileged ./sk-tpm-copy "$@"
	else
		"$BUILD/sk-tpm" "$@"
	fi
}

# What setup wrote, as the next login reads it, with our library's place.
next_login() {
	as_here <nobody/.profile >profile
	. ./profile
	as_here <nobody/.ssh/config | cat - <(printf '%s\n' \
		"Include $HOME/.ssh/hosts" 'Host *' \
		"UserKnownHostsFile $HOME/.ssh/known_hosts") \
		>"$HOME/.ssh/config"
}

# Puts the key where the servers of this test look for it.
ssh-copy-id() {
	[ "$1 $2 $4" = "-f -i server" ]
	cat "$3" >>server.keys
}

# ssh's default names are those in the password database's home directory.
finds_by_itself() {
	command ssh -F none -G server |
		grep -qx "identityfile ~/.ssh/$(basename "$1")"
	echo "IdentityFile $1" >>"$HOME/.ssh/config"
}

laptop() {
	unset SSH_SK_PROVIDER
	example setup
	tpm2_getcap handles-persistent | grep -q 0x81000001
	next_login
	askpass_says "$PIN"
	example laptop
	example authorize
	finds_by_itself "$HOME/.ssh/id_ecdsa_sk"
	# A login shell, and what a person would type there.
	echo exit >shell
	example login <shell
	grep -q 'Accepted publickey.*ECDSA-SK' "$SSHD_LOG"
	tpm_is_empty
}

fleet() {
	askpass_says "$PIN"
	ssh-keygen -q -t ed25519 -N '' -f user_ca
	cp "$HOME/.ssh/id_ecdsa_sk.pub" id_ecdsa_sk.pub
	example fleet
	cp id_ecdsa_sk-cert.pub "$HOME/.ssh"
	host trusting "TrustedUserCAKeys $WORK/user_ca.pub" \
		"AuthorizedKeysFile none"
	ssh -i "$HOME/.ssh/id_ecdsa_sk" trusting true
	grep -q 'Accepted publickey.*ECDSA-SK-CERT' "$SSHD_LOG"
}

# Clients that know any host key get in; those that insist take only the TPM's.
host_keys() {
	local key type
	mapfile -t lines < <(example_text host)
	for type in ed25519 ecdsa rsa; do
		ssh-keygen -q -t "$type" -N '' -f "$ETC/ssh_host_${type}_key"
	done
	example host-key
	ssh-keygen -q -t ed25519 -N '' -f plain
	cp plain.pub server.keys
	host server "${lines[@]}"
	for key in "$ETC"/ssh_host_*_key.pub; do
		echo "server $(cut -d' ' -f1-2 "$key")" \
			>"$HOME/.ssh/known_hosts"
		ssh -i plain server true
	done
	logins server | grep -qx 4
	sed 's/^/server /' "$ETC"/ssh_host_*_key.pub >"$HOME/.ssh/known_hosts"
	ssh -v -i plain server true 2>log
	# Before 8.5 ssh put all of ecdsa first.
	[ "$OPENSSH" -lt 805 ] || grep -q 'Server host key: ssh-ed25519' log
	client_config "$(example_text insist)"
	ssh -v -i plain server true 2>log
	grep -q 'Server host key: sk-ecdsa-sha2-nistp256@openssh.com' log
	tpm_new copied
	: >"$SSHD_LOG"
	kill "$(<server.sshd)"
	wait_until ended "$(<server.sshd)"
	host server "${lines[@]}"
	sed 's/^/server /' "$ETC"/ssh_host_*_key.pub >"$HOME/.ssh/known_hosts"
	fails ssh -i plain server true
	grep -q 'sk-tpm: this key was made in another TPM' "$SSHD_LOG"
}

# The commands of the table, each as it stands.
every_key_is_made() {
	local command file n=0
	mkdir table
	while IFS= read -r command; do
		command=$(sed "s|-f .*/|-f table/|;s|-f ca|-f table/ca|" \
			<<<"$command" | as_here)
		file=${command##* -f }
		echo "$ $command"
		askpass_says "$PIN"
		eval "$command"
		"$BUILD/sk-tpm" show "$file"
		n=$((n + 1))
	done < <(sed -n '/^## Which key/,/^## A fleet/s/^| [^|]* | `\([^|]*\)` |.*/\1/p' \
		"$PAGE")
	[ "$n" -eq 5 ]
	sk-tpm show table/id_ecdsa_sk | grep '^PIN: *yes'
	sk-tpm show table/id_ecdsa_sk | grep '^PIN lifetime: *10 minutes'
	sk-tpm show table/id_git | grep '^Limits:.*git'
	sk-tpm show table/id_git | grep '^PIN lifetime: *60 minutes'
	sk-tpm show table/ssh_host_ecdsa_sk_key | grep '^Limits:.*host'
	sk-tpm show table/ssh_host_ecdsa_sk_key | grep '^Persistent'
	sk-tpm show table/id_job | grep '^Presence: *no'
	sk-tpm show table/ca_tpm | grep '^PIN: *yes'
}

typed() {
	grep -o 'class="\(typed\|error\|note\)".*' "$1" | sed 's/^[^>]*>//'
}

# What the picture shows is what happens (keys and fingerprints differ), and what
# README.md says to type.
session_is_true() {
	local command
	while read -r command; do
		grep -qF -- "$command" "$PAGE" ||
			{ echo "not in README.md: $command"; return 1; }
	done < <(typed "$TOP/examples/session.svg" |
		sed -n 's/^\$ \(.*\)<.*/\1/p')
	"$TOP/examples/record-session" >fresh.svg
	diff <(typed "$TOP/examples/session.svg") <(typed fresh.svg)
	grep -q 'Welcome to the server' fresh.svg
	grep -q 'made in another TPM' fresh.svg
}

# The anchors that a page's headings have, as forges make them.
anchors() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:] ' '[:lower:]-' |
		tr -cd 'a-z0-9\n-'
}

links_lead_somewhere() {
	local page target file
	for page in "$TOP"/*.md "$TOP"/examples/*.md; do
		while read -r target; do
			file=$(dirname "$page")/${target%%#*}
			[ "${target%%#*}" ] || file=$page
			[ -e "$file" ] && { [[ $target != *#* ]] ||
				anchors "$file" | grep -qx -- "${target#*#}"; } ||
				{ echo "$page: $target"; return 1; }
		done < <(grep -o ']([^):]*)' "$page" | tr -d '()]')
	done
}

client_config 'Host *' 'BatchMode no'
host server
try "a laptop: set up, make a key with a PIN, log in" laptop
try "a fleet: a certificate for an hour" fleet
try "a host key in the TPM beside those from before, and who insists" host_keys
try "each command of the table makes the key it is for" every_key_is_made
try "the session in the picture is what happens" session_is_true
try "links lead somewhere" links_lead_somewhere
echo "1..$N"
