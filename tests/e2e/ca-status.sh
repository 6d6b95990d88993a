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

# The machines are those of this CA, and not of one that is installed.
completes_begin() {
	mkdir -p "$WORK/bin"
	printf '#!/bin/sh\nexec "%s" --config "%s" "$@"\n' "$BUILD/sk-tpm-ca" \
		"$CONF" >"$WORK/bin/sk-tpm-ca"
	chmod +x "$WORK/bin/sk-tpm-ca"
	export PATH=$WORK/bin:$PATH
}

# completed WORD...: what bash offers for the last of them.
completed() {
	# As where somebody types.
	(trap - ERR
		set +e
		. "$WORK/bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_sk_tpm_ca
		printf '%s\n' "${COMPREPLY[@]}" | sort | xargs)
}

completes() {
	completes_begin
	ca completions bash >"$WORK/bash"
	bash -n "$WORK/bash"
	cd "$WORK"
	[ "$(completed sk-tpm-ca st)" = status ]
	[ "$(completed sk-tpm-ca machine re)" = "refuse remove rename" ]
	[ "$(completed sk-tpm-ca machine remove '')" = "web1 web2" ]
	[ "$(completed sk-tpm-ca machine add '')" = "" ]
	[ "$(completed sk-tpm-ca machine add --p)" = --profile ]
	[ "$(completed sk-tpm-ca revoke --machine w)" = "web1 web2" ]
	[ "$(completed sk-tpm-ca revoke --machine = web2)" = web2 ]
	[ "$(completed sk-tpm-ca rotate '')" = "host user" ]
	[ "$(completed sk-tpm-ca metrics metr)" = metrics ]
	[ "$(completed sk-tpm-ca machine list --s)" = "" ]
	refuses_ca "use bash, zsh or fish" completions csh
}

completes_in_fish() {
	[ "$(type -P fish)" ] || cannot "there is no fish"
	fish --no-config -c true || cannot "start this fish without its files"
	completes_begin
	ca completions fish >"$WORK/fish"
	offered() {
		fish --no-config -c "source $WORK/fish; complete -C '$1'" 2>&1 |
			cut -f1 | sort | xargs
	}
	cd "$WORK"
	[ "$(offered 'sk-tpm-ca st')" = status ]
	[ "$(offered 'sk-tpm-ca machine re')" = "refuse remove rename" ]
	[ "$(offered 'sk-tpm-ca machine remove ')" = "web1 web2" ]
	[ "$(offered 'sk-tpm-ca revoke --machine w')" = "web1 web2" ]
	[ "$(offered 'sk-tpm-ca rotate ')" = "host user" ]
	[ "$(offered 'sk-tpm-ca machine add --pr')" = --profile ]
}

# zsh completes only at a terminal.
completes_in_zsh() {
	[ "$(type -P zsh)" ] || cannot "there is no zsh"
	completes_begin
	mkdir -p "$WORK/functions"
	ca completions zsh >"$WORK/functions/_sk-tpm-ca"
	cat >"$WORK/zsh" <<-EOF
		fpath=($WORK/functions \$fpath)
		autoload -Uz compinit
		compinit -u -D
		bindkey -e
		PS1='ready> '
		cd $WORK
	EOF
	person 'run "TERM=dumb zsh -f"
		expect "%"
		send "source '"$WORK"'/zsh\r"
		want "ready> "
		proc type {words completed} {
			send "$words\t"
			want $completed
			send "\025"
		}
		type "sk-tpm-ca stat" "us "
		type "sk-tpm-ca machine ren" "ame "
		type "sk-tpm-ca machine add --pro" "file"
		type "sk-tpm-ca rotate us" "er "
		type "sk-tpm-ca metrics metri" "cs"
		type "sk-tpm-ca machine remove we" "b"
		send "exit\r"
		expect eof'
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
try "bash completes commands, options, machines and files" completes
try "fish completes them" completes_in_fish
try "zsh completes them" completes_in_zsh
echo "1..$N"
