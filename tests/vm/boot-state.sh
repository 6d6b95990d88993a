# shellcheck shell=bash
# Keys that depend on PCR 7, as UEFI firmware measures Secure Boot into it.
# tests/vm/guest sources this. tests/vm/run boots the same disk and the same TPM
# four times: first, again, with other databases of Secure Boot, and as at first.

firmware_measures() {
	chip tpm2_pcrread sha256:0,4,7 | tee "$WORK/pcrs"
	fails grep -E ': 0x0+$' "$WORK/pcrs"
}

# Nobody has been here, if this is all that is tried.
have_alice() {
	id alice || add_alice
	usermod -aG tss alice
	make_sshd_patient
	# That this TPM is another one than in the first boots is known.
	rm -f /home/alice/.ssh/sk-tpm.conf
	: >/home/alice/.ssh/authorized_keys
}

make_state_keys() {
	have_alice
	alice "sk-tpm enroll -n --pcrs 7 -f .ssh/state"
	alice "sk-tpm enroll -n -P --pcrs 7 -f .ssh/state-pin"
	alice "sk-tpm enroll -n -f .ssh/stateless"
	sed 's/^/no-touch-required /' /home/alice/.ssh/state*.pub \
		>/home/alice/.ssh/authorized_keys
}

log_in_by() {
	alice "ssh -o SecurityKeyProvider=$LIB -o IdentitiesOnly=yes -i .ssh/$1 \
		localhost id -un" | grep -qx alice
}

state_keys_log_in() {
	log_in_by state
	log_in_by state-pin
	alice "sk-tpm show .ssh/state" | tee "$WORK/out"
	grep -q '^Boot state: .*PCR 7 (Secure Boot' "$WORK/out"
	grep -q '^Boot state holds: *yes' "$WORK/out"
	chip tpm_is_empty
}

REFUSED="PCR 7 (Secure Boot: whether it is on, its keys and databases)"

# The one with a PIN is not asked for it, and costs no try.
state_keys_are_refused() {
	refuses "$REFUSED" alice "sk-tpm test .ssh/state"
	refuses "$REFUSED" alice "sk-tpm test .ssh/state-pin"
	refuses "$REFUSED" alice "ssh -o SecurityKeyProvider=$LIB \
		-o IdentitiesOnly=yes -i .ssh/state localhost true"
	[ "$(chip wrong_tries)" -eq 0 ]
	log_in_by stateless
	chip tpm_is_empty
}

extend_pcr_7() {
	chip tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
}

# This TPM has none of the keys of the first boots; ssh would take the host key by
# its certificate, and sshd could not sign.
sshd_does_without() {
	[ -e /etc/ssh/sshd_config.d/sk-tpm-join.conf ] ||
		cannot "this machine has not joined"
	wait_until said "is none of this TPM's: sshd does without it"
	wait_until said '^Reloading sshd'
	fails grep HostCertificate /etc/ssh/sshd_config.d/sk-tpm-join.conf
}

state_first_boot() {
	try "UEFI firmware has measured into PCRs 0, 4 and 7" firmware_measures
	try "sshd goes on without the host key that this TPM does not have" \
		sshd_does_without
	try "keys that depend on PCR 7 are made" make_state_keys
	try "they log in" state_keys_log_in
}

state_again_boot() {
	try "after a reboot they log in" state_keys_log_in
	try "PCR 7 is extended" extend_pcr_7
	try "they are refused, in words" state_keys_are_refused
}

state_other_boot() {
	try "with other databases of Secure Boot they are refused, in words" \
		state_keys_are_refused
}

state_back_boot() {
	try "booted as before, they log in" state_keys_log_in
}
