#!/usr/bin/env bash
# What an operator of sk-tpm-ca looks at: status, and metrics for Prometheus.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"

ca_begin
PIN=314159
tpm_new tpm
tpm_persist_ek
tpm_persist_srk
ID=$(machine_id_of 0x81010002)
ca init --names 127.0.0.1 >/dev/null
printf '%s\n' 'Profile default' 'FirstKey accept' >>"$CONF"
ca_serve
ca_client

nothing_yet() {
	ca status | tee "$WORK/out"
	grep -x 'machines:  *0 known, 0 disabled, 0 waiting, 0 refused' "$WORK/out"
	grep -x 'last issued:  *none' "$WORK/out"
	grep -x 'denied, last day:  *none' "$WORK/out"
	ca metrics | grep -x 'sk_tpm_ca_machines{state="enabled"} 0'
}

# Two refusals of one kind, one of them long ago, as the log has them.
counts() {
	new "$WORK/k" -n -l login -l sign
	says 5 'says unknown' asks "$WORK/k"
	says 5 'says unknown' asks "$WORK/k"
	sqlite3 "$STATE/store.db" 'UPDATE audit SET time = time - 90000
		WHERE number = (SELECT min(number) FROM audit
			WHERE CAST(row AS TEXT) LIKE '"'%refused%'"')'
	ca machine add web1 "$ID"
	ca machine add web2 "SHA256:$(head -c 32 /dev/urandom | base64)"
	ca machine disable web2
	asks "$WORK/k"
	"$BUILD/sk-tpm" enroll -n -l host -f "$WORK/host"
	echo "IdentityFile $WORK/k" >>"$WORK/ssh_config"
	asks "$WORK/host" --type host
	asks "$WORK/host" --type host
	ca status --json | tee "$WORK/out"
	jq -e '.machines == 1 and .disabled == 1 and .keys_pending == 0 and
		.certificates.user.valid == 1 and .certificates.host.valid == 2 and
		.denied_last_day == { unknown: 1 } and .revoked == 0' "$WORK/out"
	[ "$(jq -r .certificates.user.next_expiry "$WORK/out")" = \
		"$(date -u -d "$(ssh-keygen -L -f "$WORK/k-cert.pub" |
			sed -n 's/.*Valid: from .* to //p')" +%Y-%m-%dT%H:%M:%SZ)" ]
	ca revoke --machine web1 --reason test >/dev/null
	ca status | tee "$WORK/out"
	grep -x 'certificates:  *0 of users, 0 of hosts, 3 revoked' "$WORK/out"
	grep -x 'denied, last day:  *1 unknown' "$WORK/out"
}

# promtool is Prometheus's own reader of what its collector is given.
metrics() {
	ca metrics | tee "$WORK/metrics"
	grep -x 'sk_tpm_ca_refused_total{code="unknown"} 2' "$WORK/metrics"
	grep -x 'sk_tpm_ca_certificates_issued_total{type="host"} 2' "$WORK/metrics"
	grep -x 'sk_tpm_ca_certificates_revoked 3' "$WORK/metrics"
	[ "$(tail -n 1 "$WORK/metrics")" = '# EOF' ]
	[ "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$WORK/metrics" | sort | uniq -d |
		wc -l)" -eq 0 ]
	command -v promtool >/dev/null || cannot "no promtool here"
	promtool check metrics <"$WORK/metrics"
}

to_a_file() {
	mkdir "$WORK/textfile"
	ca metrics "$WORK/textfile/ca.prom"
	ca metrics "$WORK/textfile/ca.prom"
	[ "$(stat -c %a "$WORK/textfile/ca.prom")" = 644 ]
	[ "$(ls "$WORK/textfile")" = ca.prom ]
	diff "$WORK/textfile/ca.prom" "$WORK/metrics"
	refuses_ca 'cannot write' metrics "$WORK/none/ca.prom"
}

# Passed over in silence, one that narrows a revocation would be missed late.
other_options() {
	refuses_ca 'machine list has no option --serial' machine list --serial 5
	refuses_ca 'krl has no option --json' krl --json
	refuses_ca 'certificates has no option --machine' certificates \
		--machine web1
	refuses_ca 'init has no option --reason' init --reason x
	ca status --json >/dev/null
}

try "a new CA" nothing_yet
try "an option of another command is refused" other_options
try "machines, certificates and what was denied are counted" counts
try "metrics that Prometheus takes" metrics
try "into a file, whole" to_a_file
echo "1..$N"
