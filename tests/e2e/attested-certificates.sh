#!/usr/bin/env bash
# examples/attested-certificates.md: a CA, a machine, its certificates, and an end.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"
# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"
ca_begin
sed -i 's/^Names.*/Names ca/' "$CONF"

tpm_new tpm

# As the page has it, with this CA's settings; sshd and systemd are the test's.
sk-tpm-ca() {
	local arg args=()
	for arg; do
		[ "$arg" = --write ] || args+=("$arg")
	done
	ca "${args[@]}"
}

begins() {
	example init | tee out
	grep '^CA of users: SHA256:' out
}

# The server that is the CA's host, by the page's name.
ca_host() {
	ca_snippet
	service_start
	host ca "$(cat snippet)"
}

# sk-tpm runs ssh by its name, which reads the password database's ~/.ssh/config.
mkdir bin
cat >bin/ssh <<-EOT
	#!/bin/sh
	exec $(type -P ssh) -F "$HOME/.ssh/config" \
		-o "SecurityKeyProvider=$LIB" "\$@"
EOT
chmod +x bin/ssh
export PATH=$WORK/bin:$PATH

asks() {
	example_text config | sed "s/sk-tpm-ca/$ME/" >>"$HOME/.ssh/config"
	example id | tee out
	# shellcheck disable=SC2034 # for the page
	id=$(sed -n "s/^This machine's id is \(.*\)\.$/\1/p" out)
	example add
	example_text request | sed '$d' >first
	. ./first
	status=0
	example_text request | tail -n 1 >second
	. ./second || status=$?
	[ "$status" -eq 4 ]
	example approve
	example again | grep 'Key ID: "web1 SHA256:'
}

lets_in() {
	cp "$STATE/user_ca.pub" "$ETC/user_ca.pub"
	example_text principals >"$ETC/principals"
	host server "$(example_text trust)" "AuthorizedKeysFile none"
	ssh -i "$HOME/.ssh/id_machine" server true
	grep 'Accepted publickey.*ECDSA-SK-CERT.*ID web1 SHA256:' "$SSHD_LOG"
}

certifies_host() {
	example_text host >script
	rm "$ETC/user_ca.pub"
	status=0
	. ./script || status=$?
	[ "$status" -eq 4 ]
	ca machine approve web1
	tail -n 2 script >again
	. ./again
	ssh-keygen -L -f "$ETC/ssh_host_tpm_key-cert.pub" |
		grep 'host certificate'
	cmp "$ETC/user_ca.pub" <(cut -d ' ' -f 1-2 "$STATE/user_ca.pub")
	ssh-keygen -Q -f "$ETC/revoked" "$HOME/.ssh/id_machine-cert.pub"
}

# No file of known hosts has the host: the CA vouches for its name.
names_hosts() {
	example known
	cmp "$HOME/.ssh/host_ca.pub" <(cut -d ' ' -f 1-2 "$STATE/host_ca.pub")
	host web1 "HostKey $ETC/ssh_host_tpm_key" \
		"HostCertificate $ETC/ssh_host_tpm_key-cert.pub" \
		"SecurityKeyProvider $LIB" "$(example_text trust)" \
		"AuthorizedKeysFile none"
	cp "$HOME/.ssh/config" before
	finally cp before "$HOME/.ssh/config"
	example_text known-config | sed "s,/usr/local/bin,$BUILD,; s,%d/,$HOME/," |
		cat - before >"$HOME/.ssh/config"
	ssh -i "$HOME/.ssh/id_machine" -o UserKnownHostsFile=none \
		-o HostKeyAlgorithms=sk-ecdsa-sha2-nistp256-cert-v01@openssh.com \
		web1 true
	# Another CA's key, or none, vouches for nothing.
	cut -d ' ' -f 1-2 "$STATE/user_ca.pub" >"$HOME/.ssh/host_ca.pub"
	fails ssh -i "$HOME/.ssh/id_machine" -o UserKnownHostsFile=none web1 true
	rm "$HOME/.ssh/host_ca.pub"
	fails ssh -i "$HOME/.ssh/id_machine" -o UserKnownHostsFile=none web1 \
		true 2>err
	grep 'sk-tpm request --ca-keys writes it' err
	echo "ssh-ed25519 AAAA" >"$HOME/.ssh/host_ca.pub"
	refuses 'line 1 is no public key' "$BUILD/sk-tpm" known-hosts \
		"$HOME/.ssh/host_ca.pub"
	refuses 'is no pattern of hosts' "$BUILD/sk-tpm" known-hosts \
		"$STATE/host_ca.pub" 'a b'
}

# Within `ssh server`, of which no person sees anything.
renews() {
	local before
	cp "$HOME/.ssh/config" before
	finally cp before "$HOME/.ssh/config"
	example_text renew | sed 's/host \*/originalhost server/' >>"$HOME/.ssh/config"
	before=$(sha256sum <"$HOME/.ssh/id_machine-cert.pub")
	ssh -i "$HOME/.ssh/id_machine" server true
	[ "$before" = "$(sha256sum <"$HOME/.ssh/id_machine-cert.pub")" ]
	rm "$HOME/.ssh/id_machine-cert.pub"
	ssh -i "$HOME/.ssh/id_machine" server true
	[ -f "$HOME/.ssh/id_machine-cert.pub" ]
}

ends() {
	cp "$HOME/.ssh/id_machine-cert.pub" old-cert.pub
	example disable
	fails ssh-keygen -Q -f "$ETC/revoked" old-cert.pub
	. ./second 2>err || status=$?
	[ "$status" -eq 5 ]
	grep 'says disabled' err
	host strict "$(example_text trust)" "RevokedKeys $ETC/revoked" \
		"AuthorizedKeysFile none"
	fails ssh -i "$HOME/.ssh/id_machine" strict true
	example audit >log
	grep '"what":"machine disable".*lost on a train' log
}

try "a CA is set up" begins
ca_host
try "a machine asks, is approved, and has its certificate" asks
try "a server lets it in" lets_in
try "its host key is certified, with the list and the CA's key" certifies_host
try "a client knows hosts by the CA, and by no line of its own" names_hosts
try "a login renews what is missing, and nothing that is fresh" renews
try "a machine that is lost gets nothing, and is let in nowhere" ends
echo "1..$N"
