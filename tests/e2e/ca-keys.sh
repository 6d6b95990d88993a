#!/usr/bin/env bash
# A CA's key in the TPM, on a PKCS#11 token and in a file; for users and hosts.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
PIN=1234567
client_config 'Host *' 'BatchMode no'
askpass_says "$PIN"
enroll id -O verify-required
mkdir tokens
echo "directories.tokendir = $WORK/tokens" >softhsm2.conf
export SOFTHSM2_CONF=$WORK/softhsm2.conf

# server_of CA: trusts users that CA certifies.
server_of() {
	rm -f ssh_host_ed25519_key*
	host "server" "TrustedUserCAKeys $WORK/$1.pub" "AuthorizedKeysFile none"
}

logs_in_by() {
	ssh -i id server true
	grep -q "Accepted publickey for $ME .*ID $ME@laptop.* CA $1 " \
		"$SSHD_LOG" || { cat "$SSHD_LOG"; return 1; }
	tpm_is_empty
}

in_the_tpm() {
	askpass_says "$PIN"
	example tpm | grep 'Signing CA: ECDSA-SK'
	server_of ca_tpm
	logs_in_by ECDSA-SK
}

# The limit holds: this CA's key signs nothing else.
for_certificates_only() {
	askpass_says "$PIN"
	refuses 'limit' ssh-keygen -Y sign -n file -f ca_tpm id.pub
	cat ca_tpm.pub >plain.keys
	host plain
	refuses 'limit' ssh -o BatchMode=no -i ca_tpm plain true
}

wrong_pin_signs_nothing() {
	local before
	before=$(wrong_tries)
	askpass_says 7654321
	rm -f id-cert.pub
	fails ssh-keygen -q -s ca_tpm -I x -n "$ME" id.pub
	[ ! -e id-cert.pub ]
	[ "$(wrong_tries)" -le $((before + 3)) ]
	tpm2_dictionarylockout -c
}

signs_hosts() {
	askpass_says "$PIN"
	ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key
	example host
	cp ssh_host_ed25519_key server.host
	cp ssh_host_ed25519_key.pub server.host.pub
	ssh-keygen -q -s ca_tpm -I "$ME@laptop" -n "$ME" -V +1h \
		-O verify-required id.pub
	host server "HostCertificate $WORK/ssh_host_ed25519_key-cert.pub" \
		"TrustedUserCAKeys $WORK/ca_tpm.pub"
	# The plain host key is not known here: the certificate it is.
	: >"$HOME/.ssh/known_hosts"
	fails ssh -i id server true
	example known-hosts
	ssh -v -i id server true 2>log
	grep -q 'Server host certificate:.* ID "server" CA ecdsa-sk\|Server host certificate:.*CA sk-ecdsa' log
	# And only for its own name.
	fails ssh -o HostKeyAlias=other -i id server true
}

on_a_token() {
	local module=/usr/lib/softhsm/libsofthsm2.so
	softhsm2-util --init-token --free --label ca --so-pin 1234 --pin "$PIN"
	pkcs11-tool --module "$module" --token-label ca --login --pin "$PIN" \
		--keypairgen --key-type EC:prime256v1 --id 01 --label ca
	askpass_says "$PIN"
	example token
	ssh-keygen -L -f id-cert.pub | grep 'Signing CA: ECDSA '
	server_of ca_token
	logs_in_by ECDSA
}

in_a_file() {
	askpass_says a-passphrase
	example file
	askpass_says "$PIN"
	server_of ca_file
	logs_in_by ED25519
}

# A server that trusts one CA refuses another's certificates.
not_each_others() {
	server_of ca_tpm
	fails ssh -i id server true
}

try "a user CA in the TPM" in_the_tpm
try "its key signs certificates only" for_certificates_only
try "a wrong PIN signs nothing" wrong_pin_signs_nothing
try "a host CA in the TPM" signs_hosts
try "a user CA on a PKCS#11 token" on_a_token
try "a user CA in a file" in_a_file
try "a server takes only its own CA's" not_each_others
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
