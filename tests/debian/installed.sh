#!/usr/bin/env bash
# The package where it is installed, used as README.Debian says. Runs inside a
# system that is thrown away, and writes to its /etc.
BUILD=$(dirname "$(dpkg -L sk-tpm | grep '/libsk-tpm\.so$')")
export BUILD
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
sshd_start server

provider() {
	ssh -G anywhere | sed -n 's/^securitykeyprovider //p'
}

has_its_place() {
	[ "$LIB" = "/usr/lib/$(dpkg --print-architecture |
		sed 's/amd64/x86_64/;s/arm64/aarch64/')-linux-gnu/libsk-tpm.so" ]
	[ "$(command -v sk-tpm)" = /usr/bin/sk-tpm ]
	[ "$(realpath "$LIB")" = "$LIB" ]
}

demonstrates() {
	"$TOP/examples/demo"
}

changes_nothing() {
	[ "$(provider)" = internal ]
}

snippet_names_it() {
	cp /usr/share/doc/sk-tpm/examples/ssh_config.d-sk-tpm.conf \
		/etc/ssh/ssh_config.d/sk-tpm.conf
	[ "$(provider)" = "$LIB" ]
}

# Nothing on its command line tells ssh what provides the key.
logs_in() {
	[ "$(ssh -p "$SSHD_PORT" -o BatchMode=yes \
		-o "UserKnownHostsFile=$WORK/known_hosts" -o IdentitiesOnly=yes \
		"$@" 127.0.0.1 echo logged-in)" = logged-in ]
}

enrols_and_logs_in() {
	sk-tpm setup
	sk-tpm enroll -n -f "$WORK/k"
	sed 's/^/no-touch-required /' "$WORK/k.pub" >"$WORK/server.keys"
	logs_in -i "$WORK/k"
}

agent_takes_it() {
	agent_start
	SSH_SK_PROVIDER=$LIB ssh-add "$WORK/k"
	logs_in -i "$WORK/k.pub"
}

host_key() {
	sshd_start hosted "HostKey $WORK/k" "SecurityKeyProvider $LIB"
	cp "$WORK/k.pub" "$WORK/hosted.host.pub"
	echo "[127.0.0.1]:$SSHD_PORT $(cut -d' ' -f1-2 "$WORK/k.pub")" \
		>>"$WORK/known_hosts"
	cp "$WORK/server.keys" "$WORK/hosted.keys"
	logs_in -i "$WORK/k" \
		-o HostKeyAlgorithms=sk-ecdsa-sha2-nistp256@openssh.com
}

doctor_is_content() {
	# The askpass is its only warning.
	exits 3 sk-tpm doctor >"$WORK/out"
	cat "$WORK/out"
	grep -q "^ok  *ssh  *SecurityKeyProvider is $LIB" "$WORK/out"
	grep -q "^ok  *library  *$LIB, interface 10, fits" "$WORK/out"
	grep -q "^ok  *ssh-agent's list  *.*allows $LIB" "$WORK/out"
	fails grep '^wrong' "$WORK/out"
}

try "the library is where ssh-agent allows it" has_its_place
try "make demo, with the installed library" demonstrates
try "installing has changed nothing for ssh" changes_nothing
try "the example, copied to ssh_config.d, names it" snippet_names_it
try "sk-tpm enrols, ssh logs in" enrols_and_logs_in
try "ssh-agent, started as it is, takes it" agent_takes_it
try "sshd has its host key in the TPM" host_key
try "sk-tpm doctor finds nothing wrong" doctor_is_content
echo "1..$N"
