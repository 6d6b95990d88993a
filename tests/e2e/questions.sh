#!/usr/bin/env bash
# What a person is told about a request, from real programs' requests.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
enroll "$WORK/ca" -O no-touch-required
ssh-keygen -q -t ed25519 -N '' -f "$WORK/id"

# request COMMAND...: the words for what it has us sign.
request() {
	SSH_SK_PROVIDER=$LIB SK_TPM_LOG_LEVEL=debug "$@" >"$WORK/out" 2>&1 || {
		cat "$WORK/out"
		return 1
	}
	sed -n 's/^sk-tpm: request: //p' "$WORK/out"
}

# fingerprint FILE
fingerprint() {
	ssh-keygen -lf "$1" | cut -d' ' -f2
}

# certify FILE.pub [ssh-keygen option...]: the words for it
certify() {
	local file=$1
	shift
	request ssh-keygen -q -s "$WORK/ca" -I id -z 9 "$@" "$file"
}

certificates_differ() {
	local plain words
	plain=$(certify "$WORK/id.pub" -n alice)
	echo "$plain"
	[ "$plain" = "Issue a user certificate to the key $(fingerprint "$WORK/id.pub") for \"alice\", valid without end, id \"id\", serial number 9" ]
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/other"
	certify "$WORK/other.pub" -n alice | grep -F "$(fingerprint "$WORK/other.pub")"
	words=$(certify "$WORK/id.pub" -n alice -O force-command=uptime \
		-O source-address=10.0.0.0/8)
	echo "$words"
	[ "$words" = "${plain/, id/, with the critical option \"force-command\" \"uptime\", \"source-address\" \"10.0.0.0\/8\", id}" ]
	certify "$WORK/id.pub" -n alice -O clear |
		grep -F ', without extensions, id'
	certify "$WORK/id.pub" -n alice -O no-touch-required |
		grep -F '", "permit-user-rc", id'
	certify "$WORK/id.pub" |
		grep -F 'for no name (OpenSSH before 10.3 takes that for any), valid'
	certify "$WORK/id.pub" -h -n host.example |
		grep "^Issue a host certificate .* for \"host.example\", valid without end, id"
}

# The key types that OpenSSH 10.4 and 10.6 brought, under both names.
post_quantum_types() {
	local type
	ssh-keygen -q -t mldsa44-ed25519 -N '' -f "$WORK/pq" ||
		cannot "this ssh-keygen makes no ML-DSA keys"
	"$BUILD/sk-tpm" enroll -n -l ca -f "$WORK/ca-only"
	SSH_SK_PROVIDER=$LIB ssh-keygen -q -s "$WORK/ca-only" -I id -n alice \
		"$WORK/pq.pub"
	certify "$WORK/pq.pub" -n alice | tee "$WORK/words" |
		grep -F "to the key $(fingerprint "$WORK/pq.pub") for"
	fails grep unknown "$WORK/words"
	type=$(cut -d' ' -f1 "$WORK/pq.pub")
	cp "$WORK/pq" "$WORK/server.host"
	cp "$WORK/pq.pub" "$WORK/server.host.pub"
	sshd_start server "HostKeyAlgorithms $type"
	"$BUILD/sk-tpm" enroll -n -s "$(fingerprint "$WORK/pq.pub")" \
		-f "$WORK/limited"
	(printf 'no-touch-required '; cat "$WORK/limited.pub") >"$WORK/server.keys"
	log_in -i "$WORK/limited" -o "HostKeyAlgorithms=$type"
}

try "certificates that differ read differently" certificates_differ
try "post-quantum keys are certified, and limits to them hold" \
	post_quantum_types
echo "1..$N"
