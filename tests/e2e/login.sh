#!/usr/bin/env bash
# The main job: enrol with ssh-keygen, log in with ssh, agent and certificate.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
sshd_start server

authorize() {
	echo "$*" >"$WORK/server.keys"
}

enrol_writes_a_handle() {
	enroll "$WORK/k" -O no-touch-required
	grep -q '^sk-ecdsa-sha2-nistp256@openssh.com ' "$WORK/k.pub"
	[ "$(stat -c %a "$WORK/k")" = 600 ]
	# A P-256 private key would be 32 bytes that the TPM alone has; what is
	# here is a CBOR map that begins with our magic.
	base64 -d < <(grep -v -- ----- "$WORK/k") | grep -q sk-tpm
	enroll "$WORK/touch"
	tpm_is_empty
}

plain_login() {
	authorize "no-touch-required $(cat "$WORK/k.pub")"
	log_in -i "$WORK/k"
	grep -q 'Accepted publickey' "$SSHD_LOG"
	tpm_is_empty
}

no_touch_needs_the_option() {
	authorize "$(cat "$WORK/k.pub")"
	fails log_in -i "$WORK/k"
	grep -q 'user presence' "$SSHD_LOG"
}

presence_is_refused_or_assumed() {
	authorize "$(cat "$WORK/touch.pub")"
	refuses "neither a terminal nor a display to ask on" log_in -i "$WORK/touch"
	SK_TPM_USER_PRESENCE=assume log_in -i "$WORK/touch"
}

agent_login() {
	agent_start -P "$(agent_list)"
	authorize "no-touch-required $(cat "$WORK/k.pub")"
	ssh-add -S "$LIB" "$WORK/k"
	ssh-add -l | grep -q ECDSA-SK
	cp "$WORK/k.pub" "$WORK/only.pub"
	log_in -o IdentityAgent="$SSH_AUTH_SOCK" -i "$WORK/only.pub"
	ssh-add -d "$WORK/k.pub"
	fails ssh-add -l
	ssh-add -S "$LIB" "$WORK/k"
	log_in -o IdentityAgent="$SSH_AUTH_SOCK" -i "$WORK/only.pub"
	tpm_is_empty
}

agent_refuses_other_places() {
	agent_start
	fails ssh-add -S "$LIB" "$WORK/k"
	grep -q 'not whitelisted\|not allowed\|refusing add' "$WORK/agent.log"
}

certificate_login() {
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/ca"
	cp "$WORK/k" "$WORK/certified"
	cp "$WORK/k.pub" "$WORK/certified.pub"
	ssh-keygen -q -s "$WORK/ca" -I test -n "$ME" -V +1h \
		-O no-touch-required "$WORK/certified.pub"
	: >"$WORK/server.keys"
	sshd_start trusting "TrustedUserCAKeys $WORK/ca.pub" \
		"AuthorizedKeysFile none"
	log_in -i "$WORK/certified"
	grep -q 'Accepted publickey.*-CERT' "$SSHD_LOG"
}

ed25519_is_refused() {
	refuses "use -t ecdsa-sk" ssh-keygen -q -t ed25519-sk -N '' -w "$LIB" \
		-f "$WORK/ed"
	[ ! -e "$WORK/ed" ]
}

no_keys_to_download() {
	cd "$WORK" || return
	ssh-keygen -K -w "$LIB" -N ''
}

application_and_user() {
	enroll "$WORK/app" -O no-touch-required -O application=ssh:work \
		-O user=alice -O device="$TCTI"
	ssh-keygen -y -f "$WORK/app" >/dev/null
	sign_and_verify "$WORK/app"
}

host_key() {
	enroll "$WORK/host" -O no-touch-required
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/plain"
	cp "$WORK/plain.pub" "$WORK/hosted.keys"
	sshd_start hosted "HostKey $WORK/host" "SecurityKeyProvider $LIB"
	echo "[127.0.0.1]:$SSHD_PORT $(cut -d' ' -f1-2 "$WORK/host.pub")" \
		>>"$WORK/known_hosts"
	log_in -i "$WORK/plain" -o HostKeyAlgorithms=sk-ecdsa-sha2-nistp256@openssh.com
	tpm_is_empty
}

other_tpm() {
	local mine=$TCTI
	authorize "no-touch-required $(cat "$WORK/k.pub")"
	tpm_new second
	refuses "made in another TPM" log_in -i "$WORK/k"
	[ "$TCTI" != "$mine" ]
	tpm_is_empty
}

try "ssh-keygen enrols; the key file holds a handle" enrol_writes_a_handle
try "ssh logs in" plain_login
try "sshd wants no-touch-required for it" no_touch_needs_the_option
try "presence: refused where nobody can be asked, or assumed" \
	presence_is_refused_or_assumed
try "ssh-agent logs in; delete and add again" agent_login
try "ssh-agent takes no library from elsewhere" agent_refuses_other_places
try "a certificate logs in" certificate_login
try "-t ed25519-sk is refused" ed25519_is_refused
try "ssh-keygen -K finds nothing yet" no_keys_to_download
try "-O application, user and device" application_and_user
try "sshd has its host key in the TPM" host_key
try "the same key file on another TPM is refused" other_tpm
echo "1..$N"
