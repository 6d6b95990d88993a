#!/usr/bin/env bash
# User certificates: issued for a TPM key, trusted by servers without any
# authorized_keys, and refused where they should be.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
tpm_persist_srk
PIN=246813
KEY=$HOME/.ssh/id_ecdsa_sk
# ssh may ask for the PIN here.
client_config 'Host *' 'BatchMode no'

# issued [option...]: issues the certificate anew with other terms.
issued() {
	ssh-keygen -q -s user_ca -I alice@laptop -n "$ME" "$@" "$KEY.pub"
}

# The serial number of the certificate.
serial() {
	ssh-keygen -L -f "$KEY-cert.pub" | sed -n 's/^ *Serial: //p'
}

# turned_away TEXT: the server refuses, with TEXT in its log.
turned_away() {
	: >"$SSHD_LOG"
	fails ssh "${@:2}" -i "$KEY" server true
	grep -qF -- "$1" "$SSHD_LOG" || { cat "$SSHD_LOG"; return 1; }
}

# The page's own blocks, which certify_a_key runs for other pages.
set_up() {
	askpass_says "$PIN"
	example authority
	example trust
	example enrol
	example issue
}

# Two certificates of one second have different numbers, and large ones: of 63
# random bits, the highest are not all 0.
numbered_apart() {
	local first
	first=$(serial)
	example issue
	[ "$first" -gt $((1 << 40)) ]
	[ "$(serial)" -gt $((1 << 40)) ]
	[ "$first" != "$(serial)" ]
}

# Without AuthorizedKeysFile none, listed keys still log in.
locks_nobody_out() {
	ssh-keygen -q -t ed25519 -N '' -f listed
	cp listed.pub server.keys
	ssh -i listed server true
}

# With it, only certificates log in, those of either authority.
certificates_alone() {
	fails ssh -i listed server true
	askpass_says "$PIN"
	ssh -i "$KEY" server true
	ssh-keygen -q -t ed25519 -N '' -f second_ca
	cat second_ca.pub >>"$ETC/user_ca.pub"
	ssh-keygen -q -s second_ca -I alice@listed -n "$ME" -V +1h listed.pub
	ssh -i listed server true
}

logs_in() {
	askpass_says "$PIN"
	example login
	grep -q "Accepted publickey for $ME .*ECDSA-SK-CERT .*ID $ME@laptop (serial $(serial)) CA ED25519" \
		"$SSHD_LOG"
	tpm_is_empty
}

# A warning that people know from keys whose certificate came later.
certificate_file_elsewhere() {
	askpass_says "$PIN"
	mv "$KEY-cert.pub" elsewhere-cert.pub
	fails ssh -i "$KEY" server true
	ssh -vvv -i "$KEY" -o CertificateFile=elsewhere-cert.pub server true \
		2>log
	fails grep -i 'no separate private key' log
	mv elsewhere-cert.pub "$KEY-cert.pub"
	ssh -vvv -i "$KEY" server true 2>log
	fails grep -i 'no separate private key' log
}

agent_logs_in() {
	needs_pins_in_agent
	askpass_says "$PIN"
	agent_start -P "$(agent_list)"
	: >"$SSHD_LOG"
	client_config 'Host *' 'BatchMode no' 'IdentitiesOnly no'
	example agent >log 2>&1 || { cat log; return 1; }
	[ "$(ssh-add -l | wc -l)" -eq 2 ]
	ssh-add -l | grep -q 'ECDSA-SK-CERT'
	ssh -vvv server true 2>log
	fails grep -i 'no separate private key' log
	# The agent has all: no file is needed beside it.
	mkdir away
	mv "$KEY" "$KEY.pub" "$KEY-cert.pub" away
	ssh server true
	mv away/* "$HOME/.ssh"
	[ "$(grep -c 'Accepted publickey.*ECDSA-SK-CERT' "$SSHD_LOG")" -eq 3 ]
}

# verify-required in the certificate: the PIN, or nothing.
verify_required() {
	example unattended
	certifies_verification ||
		cannot "this OpenSSH certifies no verify-required"
	cp "$HOME/.ssh/id_backup.pub" plain.pub
	ssh-keygen -q -s user_ca -I no-pin -n "$ME" -V +1h \
		-O verify-required -O no-touch-required plain.pub
	: >"$SSHD_LOG"
	fails ssh -i "$HOME/.ssh/id_backup" -o CertificateFile=plain-cert.pub \
		-o BatchMode=yes server true
	grep -q 'user verification requirement not met' "$SSHD_LOG"
}

# A server that names the authority in authorized_keys alone: what is not allowed
# in the line or not in the certificate is not allowed.
authority_in_authorized_keys() {
	local ca backup=$HOME/.ssh/id_backup
	ca=$(cut -d' ' -f1-2 user_ca.pub)
	host listing
	listed() {
		echo "$1 $ca" >listing.keys
		ssh -i "$backup" -o CertificateFile="$2" -o BatchMode=yes \
			-o IdentitiesOnly=yes listing true
	}
	cp "$backup-cert.pub" allowed-cert.pub
	cp "$backup.pub" bare.pub
	ssh-keygen -q -s user_ca -I bare -n "$ME" -V +1h bare.pub
	mv "$backup-cert.pub" away-cert.pub
	listed "cert-authority,no-touch-required" allowed-cert.pub
	: >listing.log
	fails listed "cert-authority" allowed-cert.pub
	fails listed "cert-authority,no-touch-required" bare-cert.pub
	[ "$(grep -c 'touch) requirement not met' listing.log)" -eq 2 ]
	mv away-cert.pub "$backup-cert.pub"
	# With TrustedUserCAKeys, the certificate's word is enough.
	ssh -i "$backup" -o BatchMode=yes server true
}

# Without no-touch-required in the certificate, a key that asks nobody cannot log
# in, and one that asks can.
touch_required() {
	cp "$HOME/.ssh/id_backup.pub" plain.pub
	ssh-keygen -q -s user_ca -I touch -n "$ME" -V +1h plain.pub
	mv "$HOME/.ssh/id_backup-cert.pub" .
	: >"$SSHD_LOG"
	fails ssh -i "$HOME/.ssh/id_backup" -o CertificateFile=plain-cert.pub \
		-o BatchMode=yes server true
	mv id_backup-cert.pub "$HOME/.ssh"
	grep -q 'user presence' "$SSHD_LOG"
	enroll asks
	ssh-keygen -q -s user_ca -I asks -n "$ME" -V +1h asks.pub
	askpass_says yes
	ssh -i asks server true
	grep '^confirm: sk-tpm.*: Sign in ' asked
	# Before 8.9, ssh does not tell which server it is.
	[ "$OPENSSH" -lt 809 ] ||
		grep -q 'confirm: sk-tpm.*: Sign in to a server with host key SHA256' asked
	askpass_says no
	fails ssh -i asks server true
}

expired() {
	askpass_says "$PIN"
	issued -V -2h:-1h
	turned_away 'Certificate invalid: expired'
}

not_yet_valid() {
	askpass_says "$PIN"
	issued -V +1h:+2h
	turned_away 'Certificate invalid: not yet valid'
}

other_principal() {
	askpass_says "$PIN"
	ssh-keygen -q -s user_ca -I alice@laptop -n nobody-else -V +1h "$KEY.pub"
	turned_away 'Certificate invalid: name is not a listed principal'
}

other_authority() {
	askpass_says "$PIN"
	ssh-keygen -q -t ed25519 -N '' -f other_ca
	ssh-keygen -q -s other_ca -I alice@laptop -n "$ME" -V +1h "$KEY.pub"
	turned_away 'Failed publickey'
}

revoked() {
	local first
	askpass_says "$PIN"
	example issue
	first=$(serial)
	ssh -i "$KEY" server true
	example revoke
	turned_away 'revoked'
	# Another serial of the same key is none of the list's business.
	issued -z 3 -V +1h
	ssh -i "$KEY" server true
	# A second one on the list leaves the first on it.
	example revoke
	turned_away 'revoked'
	issued -z "$first" -V +1h
	turned_away 'revoked'
}

revoked_with_its_key() {
	askpass_says "$PIN"
	issued -V +1h
	ssh -i "$KEY" server true
	example revoke-key
	turned_away 'revoked'
}

try "an authority, a trusting server, a key and its certificate" set_up
try "each certificate has a number of its own" numbered_apart
mapfile -t trusting < <(example_text server)
: >"$ETC/revoked_keys"
host server "${trusting[@]}"
try "the certificate logs in; sshd's log names it" logs_in
try "keys that are listed still log in" locks_nobody_out
try "CertificateFile finds it elsewhere" certificate_file_elsewhere
try "the agent takes key and certificate at once" agent_logs_in
try "a certificate with no-touch-required, one with verify-required" \
	verify_required
try "without no-touch-required a person is asked" touch_required
try "a cert-authority line has to allow no-touch-required, too" \
	authority_in_authorized_keys
kill "$(<server.sshd)"
wait_until ended "$(<server.sshd)"
host server "${trusting[@]}" "$(example_text alone)"
try "AuthorizedKeysFile none: certificates alone, of either authority" \
	certificates_alone
try "refused after its time" expired
try "refused before its time" not_yet_valid
try "refused for another principal" other_principal
try "refused from another authority" other_authority
try "refused once revoked, and when another is" revoked
try "refused once its key is revoked" revoked_with_its_key
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
