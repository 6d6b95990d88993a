#!/usr/bin/env bash
# sk-tpm-ca behind a real sshd: its service from systemd-socket-activate, its
# helpers as sshd runs them, machines that are sk-tpm request and, made of
# tpm2-tools, tests/attest/machine.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"
ca_begin
PIN=314159

tpm_new tpm
tpm_persist_srk
tpm_persist_ek
ID=$(machine_id_of 0x81010002)

init() {
	ca init --names 127.0.0.1
	[ "$(stat -c %a "$STATE" "$STATE/store.db" "$STATE/user_ca" | xargs)" = \
		"700 600 600" ]
	sha256sum "$STATE"/* >"$WORK/before"
	ca init >"$WORK/out"
	grep "^Keeping $STATE/user_ca$" "$WORK/out"
	grep '^CA of hosts: SHA256:' "$WORK/out"
	sha256sum -c "$WORK/before"
	ca_snippet
	grep 'AuthorizedKeysCommand .*/authorized-keys %t %k' "$WORK/snippet"
}

try "init makes keys and store, and keeps what is there" init
service_start
sshd_start ca "$(cat "$WORK/snippet")"
ca_client
CA=ssh://$ME@127.0.0.1:$SSHD_PORT

unknown() {
	new "$WORK/k" -n
	says 5 'says unknown: "this CA does not know this machine"' \
		asks "$WORK/k"
	last_row '.what == "refused" and .code == "unknown" and
		.id == "'"$ID"'"'
}

first_key() {
	local before
	ca machine add web1 "$ID"
	says 4 'has to be approved' asks "$WORK/k"
	last_row '.what == "pending" and .machine == "web1" and
		.type == "user"'
	ca machine list --pending | grep web1
	# It asks again and again: that is no other decision.
	before=$(rows audit)
	says 4 'has to be approved' asks "$WORK/k"
	[ "$(rows audit)" -eq "$before" ]
	ca machine approve web1
	asks "$WORK/k"
	ssh-keygen -L -f "$WORK/k-cert.pub" | tee "$WORK/listed"
	grep "Key ID: \"web1 $ID\"" "$WORK/listed"
	[ "$(sed -n '/Principals:/,/Critical/p' "$WORK/listed" | sed '1d;$d' |
		xargs)" = web1 ]
	last_row '.what == "issued" and .machine == "web1" and
		(.serial | test("^[0-9]+$"))'
	tpm_is_empty
}


logs_in() {
	echo "no-touch-required web1" >"$WORK/principals"
	sshd_start trusting "TrustedUserCAKeys $STATE/user_ca.pub" \
		"AuthorizedPrincipalsFile $WORK/principals"
	log_in -i "$WORK/k"
	grep 'Accepted publickey.*ECDSA-SK-CERT' "$SSHD_LOG"
}

# A host's key cannot log in: the approved user's key does, and one waits for the
# other's approval as any does.
host_key() {
	"$BUILD/sk-tpm" enroll -n -l host -f "$WORK/host"
	echo "IdentityFile $WORK/k" >>"$WORK/ssh_config"
	finally sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	says 4 'has to be approved' asks "$WORK/host" --type host
	ca machine approve web1 "$(fingerprint "$WORK/host.pub")"
	asks "$WORK/host" --type host
	ssh-keygen -L -f "$WORK/host-cert.pub" | grep 'host certificate'
}

# By the login of the key that it replaces, and not by any other.
replaced() {
	new "$WORK/next" -n
	says 4 'has to be approved' asks "$WORK/next"
	rm "$WORK/k-cert.pub"
	new "$WORK/third" -n -l sign
	echo "IdentityFile $WORK/k" >>"$WORK/ssh_config"
	finally sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	asks "$WORK/third"
	last_row '.text | test("in place of the key that logged in")'
	says 5 'another key has taken' asks "$WORK/k"
	ca machine show web1
	ca machine show web1 --json | jq -e '[.keys[] |
		select(.type == "user") | .state] | sort ==
		["approved", "pending", "replaced"]'
	# The administrator's word gives the place to another again.
	ca machine approve web1 "$(fingerprint "$WORK/next.pub")"
	asks "$WORK/next"
	mv "$WORK/next" "$WORK/k"
	mv "$WORK/next.pub" "$WORK/k.pub"
	rm "$WORK/next-cert.pub"
}

expected() {
	ca machine remove web1
	says 5 'says unknown' asks "$WORK/k"
	ca machine add web1 "$ID" --key "$(fingerprint "$WORK/k.pub")"
	new "$WORK/other" -n
	says 4 'has to be approved' asks "$WORK/other"
	asks "$WORK/k"
	ca machine remove web1
	settings "Profile quick" "FirstKey accept"
	finally settings
	ca machine add web1 "$ID" --profile quick
	asks "$WORK/k"
	says 4 'has to be approved' asks "$WORK/other"
	ca machine remove web1
	settings
	known
}

# The state that the tries below start from.
known() {
	ca machine add web1 "$ID" --key "$(fingerprint "$WORK/k.pub")"
	asks "$WORK/k" >/dev/null
}

# What a host's sshd reads of the CA comes along, and is never set back.
trust_files() {
	local version
	echo "IdentityFile $WORK/k" >>"$WORK/ssh_config"
	finally sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	asks "$WORK/host" --type host --krl "$WORK/krl" \
		--ca-keys "$WORK/ca-keys" --json |
		jq -e '.krl == "'"$WORK/krl"'"'
	cmp "$WORK/ca-keys" <(cut -d ' ' -f 1-2 "$STATE/user_ca.pub")
	asks "$WORK/k" --ca-keys "$WORK/ca-keys"
	cmp "$WORK/ca-keys" <(cut -d ' ' -f 1-2 "$STATE/host_ca.pub")
	ssh-keygen -Q -f "$WORK/krl" "$WORK/k.pub"
	version=$(krl_version)
	# They are asked for where they are not there, though the rest is fresh.
	rm "$WORK/krl"
	asks "$WORK/k" --if-needed --krl "$WORK/krl" >/dev/null
	[ "$(krl_version)" -eq "$version" ]
	[ -z "$(asks "$WORK/k" --if-needed --krl "$WORK/krl")" ]
	ssh-keygen -q -k -z 1000000 -f "$WORK/krl" /dev/null
	asks "$WORK/k" --krl "$WORK/krl" 2>&1 | grep 'is kept: it has version'
	[ "$(krl_version)" -eq 1000000 ]
	echo "nothing" >"$WORK/krl"
	asks "$WORK/k" --krl "$WORK/krl"
	[ "$(krl_version)" -eq "$version" ]
	refuses 'write into the directory of' asks "$WORK/k" \
		--krl "$WORK/none/krl"
}

names() {
	refuses_ca 'is the id of the machine web1' machine add web2 "$ID"
	for bad in "" -x .x UPPER 'a b' a,b $'a\nb' a_b "$(printf '%065d' 0)"; do
		refuses_ca "cannot be a machine's name" machine add -- "$bad" "$ID"
	done
	refuses_ca "is not a machine's id" machine add web2 SHA256:short
	refuses_ca 'needs an id' machine add web2
	refuses_ca 'is not a fingerprint' machine add web2 "$ID" --key x
	refuses_ca 'there is no "none"' machine add web2 "$ID" --profile none
	ca machine rename web1 web.one
	asks "$WORK/k"
	ssh-keygen -L -f "$WORK/k-cert.pub" | grep "Key ID: \"web.one $ID\""
	ca machine rename web.one web1
	# Lines, and which of them was bad.
	{
		echo "# a comment"
		for i in 1 2; do
			echo "many$i SHA256:$(head -c 32 /dev/urandom | base64)"
		done
		echo "many3 nonsense"
	} >"$WORK/lines"
	refuses_ca 'line 4: "nonsense"' machine add - <"$WORK/lines"
	[ "$(ca machine list | grep -c '^many')" -eq 2 ]
	refuses_ca 'there is a machine web1 already' machine rename many1 web1
	ca machine list --json | jq -e 'length == 3 and .[0].name == "many1"'
}

# revoked FILE: by the list that the CA gives.
revoked() {
	ca krl "$WORK/krl"
	fails ssh-keygen -Q -f "$WORK/krl" "$1" || return 1
	ssh-keygen -Q -f "$WORK/krl" "$STATE/user_ca.pub"
}

# To who has a key that was certified, with no challenge, no certificate and no row.
lists_alone() {
	local before serial sent
	asks "$WORK/k" >/dev/null
	serial=$(ssh-keygen -L -f "$WORK/k-cert.pub" | sed -n 's/^ *Serial: //p')
	before=$(rows audit).$(rows certificates)
	rm -f "$WORK/krl" "$WORK/ca-keys"
	sent=$(commands asks "$WORK/k" --lists --krl "$WORK/krl" \
		--ca-keys "$WORK/ca-keys" | xargs)
	echo "note: TPM commands for lists alone, all of them ssh's: $sent"
	[ "$sent" = "173 157 15d 165" ]
	ssh-keygen -Q -f "$WORK/krl" "$WORK/k.pub"
	cmp "$WORK/ca-keys" <(cut -d ' ' -f 1-2 "$STATE/host_ca.pub")
	asks "$WORK/k" --if-needed --lists --krl "$WORK/krl" --json |
		jq -e '(has("certificate") | not) and .krl == "'"$WORK/krl"'"'
	[ "$(rows audit).$(rows certificates)" = "$before" ]
	says 1 'name the files by --krl and --ca-keys' asks "$WORK/k" --lists
	# A certificate that the list revokes is not fresh.
	ca revoke --serial "$serial"
	asks "$WORK/k" --if-needed --lists --krl "$WORK/krl" --json |
		jq -e '.replaced == true'
	[ "$serial" != "$(ssh-keygen -L -f "$WORK/k-cert.pub" |
		sed -n 's/^ *Serial: //p')" ]
	ssh-keygen -Q -f "$WORK/krl" "$WORK/k-cert.pub"
	# Others are told nothing.
	new "$WORK/stranger" -n
	says 5 'says login' asks "$WORK/stranger" --lists --krl "$WORK/none.krl"
	last_row '.what == "refused" and .code == "login"'
	fails test -e "$WORK/none.krl"
}

disabled() {
	local version
	cp "$WORK/k-cert.pub" "$WORK/old-cert.pub"
	ca krl "$WORK/krl"
	ssh-keygen -Q -f "$WORK/krl" "$WORK/old-cert.pub"
	version=$(krl_version)
	ca machine disable web1 --reason "lost on a train"
	last_row '.what == "machine disable" and .text == "lost on a train"'
	says 5 'says disabled' asks "$WORK/k"
	revoked "$WORK/old-cert.pub"
	[ "$(krl_version)" -gt "$version" ]
	# It is made anew only where there is something new.
	version=$(krl_version)
	ca krl "$WORK/krl"
	[ "$(krl_version)" -eq "$version" ]
	ca machine enable web1
	asks "$WORK/k"
	ca krl "$WORK/krl"
	ssh-keygen -Q -f "$WORK/krl" "$WORK/k-cert.pub"
	revoked "$WORK/old-cert.pub"
}

krl_version() {
	ssh-keygen -Q -l -f "$WORK/krl" "$STATE/user_ca.pub" |
		sed -n 's/^# KRL version //p'
}

by_serial() {
	local serial
	serial=$(ssh-keygen -L -f "$WORK/k-cert.pub" |
		sed -n 's/^ *Serial: //p')
	ca certificates web1 --json | jq -e '.[0].serial == "'"$serial"'" and
		.[0].state == "valid"'
	ca revoke --serial "$serial"
	revoked "$WORK/k-cert.pub"
	refuses_ca 'no certificate of that serial' revoke --serial "$serial"
	refuses_ca 'is not a serial number' revoke --serial 0x1
	refuses_ca 'takes one of' revoke
	refuses_ca 'takes one of' revoke --serial 1 --machine web1
	asks "$WORK/k"
	ca revoke --machine web1
	revoked "$WORK/k-cert.pub"
	ca certificates web1
}

by_key() {
	ca revoke --key "$(fingerprint "$WORK/k.pub")" --reason stolen
	revoked "$WORK/k.pub"
	says 5 'this key was revoked' asks "$WORK/k"
	# Forgotten with its machine and expected anew, it is what it was.
	ca machine remove web1
	ca machine add web1 "$ID" --key "$(fingerprint "$WORK/k.pub")"
	says 5 'this key was revoked' asks "$WORK/k"
	new "$WORK/k2" -n
	for end in "" .pub; do mv "$WORK/k2$end" "$WORK/k$end"; done
	rm -f "$WORK/k-cert.pub"
	ca machine remove web1
	known
}

# demands LINE TEXT: of a profile of its own.
demands() {
	settings "Profile strict" "$1"
	says 5 "$2" asks "$WORK/k"
}

profiles() {
	finally settings
	ca machine remove web1
	settings "Profile strict" "FirstKey accept"
	ca machine add web1 "$ID" --profile strict
	asks "$WORK/k"
	demands "Require pin" 'lacks a PIN'
	demands "Require presence" 'question for a person'
	demands "Require limits:login" 'lacks the limits'
	demands "Require pcrs:7" 'lacks the PCRs'
	demands "UserPrincipals none" 'gets no user certificates'
	settings "Profile strict" "UserPrincipals %m.example.com svc-%m" \
		"UserValidity 1h" "Extensions permit-pty" \
		"ForceCommand echo hello world" "SourceAddress 127.0.0.0/8"
	asks "$WORK/k"
	ssh-keygen -L -f "$WORK/k-cert.pub" | tee "$WORK/listed"
	tr -s ' \n' ' ' <"$WORK/listed" >"$WORK/line"
	grep -F 'Principals: web1.example.com svc-web1 Critical Options: force-command echo hello world source-address 127.0.0.0/8 Extensions: no-touch-required permit-pty' \
		"$WORK/line" ||
		grep -F 'Extensions: permit-pty no-touch-required' "$WORK/line"
	settings
	says 6 'says unavailable' asks "$WORK/k"
	ca machine remove web1
	known
}

bad_settings() {
	finally settings
	while IFS='|' read -r line text; do
		settings "$line"
		refuses_ca "$text" machine list
	done <<-'EOT'
		Nonsense 1|there is no setting Nonsense
		Admission anybody|known, pending or certified
		MaxPending none|a number that makes sense here
		PendingFor 1s|a time from 1m to 10 years
		Names other|Names is there twice
		Timeout|has no value
		Timeout 11m|a time from 1s to 10m
		MaxConnections 0|a number that makes sense here
		CAKeyAgent agent|the full path of a file
		FirstKey accept|belongs below a line Profile
		Profile UPPER|a profile's name
	EOT
	settings "Profile a" "Names x"
	refuses_ca 'belongs above the first Profile' machine list
	settings "Profile a" "Profile a"
	refuses_ca 'for a second time' machine list
	settings "Profile a" "UserPrincipals a,b"
	refuses_ca 'is not a principal' machine list
	settings "Profile a" "Extensions permit-everything"
	refuses_ca 'is not an extension' machine list
	settings "Profile a" "Require pcrs:16"
	refuses_ca 'is not pin' machine list
	settings
	chmod g+w "$CONF"
	finally chmod g-w "$CONF"
	refuses_ca 'others could have written it' machine list
}

# --- the audit log ----------------------------------------------------------

audited() {
	ca audit >"$WORK/audit"
	jq -es 'length > 30 and ([.[].number] == [range(1; length + 1)])' \
		"$WORK/audit"
	ca audit --from 3 | head -n 1 | jq -e '.number == 3'
	# What syslog has anchors the end.
	mirror >"$WORK/syslog"
	ca audit --syslog "$WORK/syslog" >/dev/null
	sed 's/.*: audit/audit/' "$WORK/syslog" >"$WORK/cat"
	ca audit --syslog "$WORK/cat" >/dev/null
	# Names that strangers log in by are in such a file, too.
	cp "$WORK/syslog" "$WORK/others"
	printf 'Nov 27 08:00:00 ca sshd[7]: Invalid user %s from ::1\n' \
		"audit 999999999 $(printf %064d 0) {" \
		"x sk-tpm-ca[1]: audit 999999999 $(printf %064d 0) {" \
		>>"$WORK/others"
	ca audit --syslog "$WORK/others" >/dev/null
	cp -r "$STATE" "$SAFE/copy"
	finally rm -rf "$SAFE/copy"
	sed "s,$STATE/store,$SAFE/copy/store," "$CONF" >"$SAFE/copy.conf"
	damaged "DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)" \
		'its end was cut off'
	damaged "DELETE FROM audit WHERE number = 7" 'lacks row 7'
	damaged "UPDATE audit SET row = replace(row, 'web1', 'web2')
		WHERE number = 9" 'row 9 of the audit log was changed'
	damaged "UPDATE audit SET time = time + 1 WHERE number = 9" \
		'row 9 of the audit log was changed'
}

# What rsyslog would have.
mirror() {
	sqlite3 "$STATE/store.db" "SELECT 'Nov 27 08:00:00 ca sk-tpm-ca[7]: audit '
		|| number || ' ' || lower(hex(hash)) || ' ' || row FROM audit"
}

# Who can write the store can write all hashes anew, and go on from there.
written_anew() {
	finally restore
	cp "$STATE"/store.db* "$SAFE"
	mirror >"$WORK/syslog"
	rehash 3 "UPDATE audit SET row = replace(row, 'web1', 'web9')
		WHERE number = 3"
	ca machine add later "SHA256:$(head -c 32 /dev/urandom | base64)"
	mirror | tail -n 1 >>"$WORK/syslog"
	ca audit >/dev/null
	refuses_ca 'row 3 of the audit log is not what syslog has' audit \
		--syslog "$WORK/syslog"
	# Its end cut off, and others in its place.
	restore
	mirror >"$WORK/syslog"
	sqlite3 "$STATE/store.db" 'DELETE FROM audit WHERE number >
		(SELECT max(number) - 3 FROM audit)'
	for name in a b c d; do
		ca machine add "$name" "SHA256:$(head -c 32 /dev/urandom | base64)"
	done
	mirror | tail -n 4 >>"$WORK/syslog"
	refuses_ca 'syslog has two different rows' audit --syslog "$WORK/syslog"
	# What somebody wrote into it does nothing to the terminal.
	restore
	rehash 3 "UPDATE audit SET row = replace(row, 'web1', char(27) || '[2J')
		WHERE number = 3"
	ca audit >"$WORK/out" 2>&1 || :
	fails grep -q $'\e' "$WORK/out"
}

restore() {
	rm -f "$STATE"/store.db*
	cp "$SAFE"/store.db* "$STATE"
}

# rehash N CHANGE: all hashes from row N on, after a change.
rehash() {
	sqlite3 "$STATE/store.db" "$2"
	sqlite3 "$STATE/store.db" "SELECT number || ' ' || time || ' ' || hex(row)
		|| ' ' || (SELECT hex(hash) FROM audit WHERE number = $1 - 1)
		FROM audit WHERE number >= $1 ORDER BY number" |
		perl -MDigest::SHA=sha256 -ane '
			$before = pack("H*", $F[3]) if $. == 1;
			$before = sha256($before . pack("Q>Q>", @F[0, 1]) .
				pack("H*", $F[2]));
			printf "UPDATE audit SET hash = x\x27%s\x27 WHERE number = %d;\n",
				unpack("H*", $before), $F[0];' |
		sqlite3 "$STATE/store.db"
}

damaged() {
	cp "$STATE"/store.db* "$SAFE/copy"
	sqlite3 "$SAFE/copy/store.db" "$1"
	fails "$SAFE/sk-tpm-ca" --config "$SAFE/copy.conf" audit \
		--syslog "$WORK/syslog" 2>"$WORK/err" >/dev/null
	cat "$WORK/err"
	grep -qF -- "$2" "$WORK/err"
}

# --- machines that share no code with us ------------------------------------

# plays TYPE [VARIABLE=VALUE...]: tests/attest/machine, through relay; its login
# is by the key in $LOGIN, or by its own one.
plays() {
	local type=$1
	shift
	rm -rf "$WORK/talk"
	mkdir "$WORK/talk"
	mkfifo "$WORK/talk/back"
	env "$@" "$TOP/tests/attest/machine" "$WORK/talk" "$type" 0x81010002 \
		<"$WORK/talk/back" 2>"$WORK/talk/err" |
		tee "$WORK/talk/said" | logged_in >"$WORK/talk/back" || :
	cat "$WORK/talk/err"
}

# What sshd runs for a login, once it is known by which key that is.

plays_machine() {
	finally settings
	ca machine remove web1
	settings "Profile quick" "FirstKey accept"
	ca machine add web1 "$ID" --profile quick
	plays user DESTINATION=ca.example.com
	ssh-keygen -L -f "$WORK/talk/certificate" | grep "Key ID: \"web1 $ID\""
	cp "$WORK/talk/said" "$WORK/talk/blob" "$WORK"
	# The key of another login is not this machine's.
	ssh_blob "$WORK/k.pub" >"$WORK/k.blob"
	LOGIN=$WORK/k.blob refused login DESTINATION=ca.example.com
	refused destination DESTINATION=evil.example.com
	refused destination DESTINATION=somebody@ca.example.com
	ours='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda'
	refused key "ATTRIBUTES=${ours#fixedtpm|fixedparent|}"
	refused key "ATTRIBUTES=${ours%|noda}"
	OTHER_KEY=$WORK/k.blob refused key "OTHER_KEY=$WORK/k.blob"
	tpm2_createek -Q -G rsa -c "$WORK/rsa.ctx" -u "$WORK/rsa.pub"
	tpm2_readpublic -Q -c "$WORK/rsa.ctx" -o "$WORK/rsa.ek"
	tpm2_flushcontext -t
	refused answer "OTHER_EK=$WORK/rsa.ek"
	head -c 100 "$WORK/rsa.ek" >"$WORK/bad.ek"
	refused ek "OTHER_EK=$WORK/bad.ek"
	ca machine remove web1
	settings
	known
}

# What was said in one conversation is worth nothing in another, whole or cut.
replayed() {
	local n before
	before=$(rows certificates)
	mkdir -p "$WORK/talk"
	says_lines "$WORK/said"
	grep '^error answer ' "$WORK/raw"
	last_row '.code == "answer"'
	for ((n = 1; n < $(wc -l <"$WORK/said"); n++)); do
		head -n "$n" "$WORK/said" >"$WORK/cut"
		says_lines "$WORK/cut"
		# Each line twice, and left out.
		sed "${n}p" "$WORK/said" >"$WORK/cut"
		says_lines "$WORK/cut"
		grep -E '^error (syntax|version) ' "$WORK/raw"
		sed "${n}d" "$WORK/said" >"$WORK/cut"
		says_lines "$WORK/cut"
	done
	[ "$(rows certificates)" -eq "$before" ]
	ca audit >/dev/null
}

# Lines of a machine that logged in by the key that it asks for.
says_lines() {
	echo "publickey sk-ecdsa-sha2-nistp256@openssh.com $(base64 -w 0 \
		"$WORK/blob")" >"$WORK/talk/auth"
	SSH_USER_AUTH=$WORK/talk/auth "$SAFE/libexec/relay" "$SOCKET" <"$1" \
		>"$WORK/raw" || :
}

ssh_blob() {
	cut -d ' ' -f 2 "$1" | base64 -d
}

# refused CODE [VARIABLE=VALUE...]: with an audit row, and no certificate.
refused() {
	local code=$1 before
	shift
	before=$(rows certificates)
	plays user DESTINATION=ca.example.com "$@"
	grep "error $code " "$WORK/talk/err"
	last_row '.what == "refused" and .code == "'"$code"'"'
	[ "$(rows certificates)" -eq "$before" ]
}

# says_raw TEXT CODE: a login that says that, and nothing more.
says_raw() {
	local pid
	"$SAFE/libexec/relay" "$SOCKET" <"$WORK/raw.fifo" >"$WORK/raw" &
	pid=$!
	# shellcheck disable=SC2059
	{
		printf "$1"
		wait "$pid"
	} >"$WORK/raw.fifo"
	cat "$WORK/raw"
	grep "^error $2 " "$WORK/raw"
}

raw_lines() {
	local big
	mkfifo "$WORK/raw.fifo"
	big=$(head -c 40000 /dev/zero | tr '\0' A)
	says_raw 'sk-tpm-attest 2\n' version
	says_raw 'hello\n' syntax
	says_raw 'sk-tpm-attest 1\nfor a\nfor a\n' syntax
	says_raw 'sk-tpm-attest 1\ntype user\n' syntax
	says_raw 'sk-tpm-attest 1\nfor a\ntype user\nkey !!!!\n' syntax
	says_raw 'sk-tpm-attest 1\nfor \303\244\n' syntax
	says_raw 'sk-tpm-attest 1\nfor a\0\n' syntax
	says_raw "sk-tpm-attest 1\nfor a\ntype user\nkey $big\n" syntax
	says_raw 'sk-tpm-attest 1\nfor a\n.\n' syntax
	last_row '.what == "refused" and .code == "syntax"'
}

# --- certificates of endorsement keys ---------------------------------------

# roots FILE...: of swtpm's CA, as a maker's.
roots() {
	(cd "$WORK/ca" && cat "$@") >"$SAFE/roots.pem"
}

# In the log, as the machine was told: with a row, and no certificate.
refused_by_roots() {
	local before
	before=$(rows certificates)
	says 5 'says ek-cert' asks "$WORK/made"
	last_row '.code == "ek-cert"'
	[ "$(rows certificates)" -eq "$before" ]
}

of_a_maker() {
	local id
	finally settings
	rm "$WORK/ca" 2>/dev/null || :
	tpm_certified maker --rsa-keysize 2048
	tpm_persist_srk
	new "$WORK/made" -n
	settings "Profile quick" "FirstKey accept" "Require ek-certificate"
	sed -i "1i EndorsementRoots $SAFE/roots.pem" "$CONF"
	roots issuercert.pem swtpm-localca-rootca-cert.pem
	says 5 'says unknown' asks "$WORK/made"
	id=$(ca audit | tail -n 1 | jq -r .id)
	ca machine add maker "$id" --profile quick
	asks "$WORK/made"
	# Without the issuer, and with roots of somebody else.
	roots swtpm-localca-rootca-cert.pem
	refused_by_roots
	openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=x \
		-out "$SAFE/roots.pem" 2>/dev/null
	refused_by_roots
	# Where none is demanded the id alone counts, as it was added by hand.
	sed -i '/^Require/d' "$CONF"
	asks "$WORK/made"
	echo "no PEM" >"$SAFE/roots.pem"
	says 6 'says unavailable' asks "$WORK/made"
	rm "$SAFE/roots.pem"
	says 6 'says unavailable' asks "$WORK/made"
	ca machine remove maker
}

# --- crowds -----------------------------------------------------------------

# Who says nothing is counted, and not one row each.
silence() {
	local i before pids=()
	before=$(rows audit)
	for ((i = 0; i < 60; i++)); do
		"$SAFE/libexec/relay" "$SOCKET" </dev/null >/dev/null 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}" || :
	echo "$(($(rows audit) - before)) rows"
	[ "$(rows audit)" -le $((before + 2)) ]
	wait_until slots_free
}

slots_free() {
	! pgrep -f "^$SAFE/libexec/serve" >/dev/null
}

# Strangers that say nothing hold a quarter of the slots, and no known machine's.
busy() {
	local i pids=()
	finally settings
	settings "MaxConnections 8"
	sed -i 's/^MaxConnections.*//' "$CONF"
	sed -i '1i MaxConnections 8' "$CONF"
	mkfifo "$WORK/silent"
	for ((i = 0; i < 6; i++)); do
		"$SAFE/libexec/relay" "$SOCKET" <"$WORK/silent" \
			>"$WORK/silent.$i" 2>&1 &
		pids+=($!)
	done
	exec 7>"$WORK/silent"
	wait_until answered_all
	[ "$(cat "$WORK"/silent.? | grep -c '^error busy ')" -eq 4 ]
	[ "$(cat "$WORK"/silent.? | grep -c '^sk-tpm-attest 1')" -eq 2 ]
	asks "$WORK/k"
	exec 7>&-
	wait "${pids[@]}" || :
	wait_until slots_free
}

# One machine has no more than a quarter of them, however often it logs in.
of_one_machine() {
	local i pids=()
	finally settings
	settings
	sed -i '1i MaxConnections 16' "$CONF"
	echo "publickey $(cut -d ' ' -f 1-2 "$WORK/k.pub")" >"$WORK/auth"
	for ((i = 0; i < 6; i++)); do
		SSH_USER_AUTH=$WORK/auth "$SAFE/libexec/relay" "$SOCKET" \
			<"$WORK/silent" >"$WORK/silent.$i" 2>&1 &
		pids+=($!)
	done
	exec 7>"$WORK/silent"
	wait_until answered_all
	[ "$(cat "$WORK"/silent.? | grep -c '^error busy ')" -eq 2 ]
	[ "$(cat "$WORK"/silent.? | grep -c '^sk-tpm-attest 1')" -eq 4 ]
	exec 7>&-
	wait "${pids[@]}" || :
	wait_until slots_free
}

# Sixty a minute have rows of their own; how many had none is told behind that.
refusals() {
	local before i
	mkfifo "$WORK/open"
	exec 8<>"$WORK/open"
	service_at 100
	before=$(rows audit)
	for ((i = 0; i < 70; i++)); do
		says_nonsense
	done
	echo "$(($(rows audit) - before)) rows"
	[ "$(rows audit)" -eq $((before + 60)) ]
	service_at 200
	says_nonsense
	last_row '.code == "syntax" and
		(.text | test("; 10 before it have no row$"))'
	exec 8>&-
	rm -f "$SAFE"/run/refused.*
}

# And waits for the answer: who leaves first is only counted.
says_nonsense() {
	echo x >&8
	"$SAFE/libexec/relay" "$SOCKET" <&8 >"$WORK/out" || :
	grep -q '^error syntax' "$WORK/out"
}

answered_all() {
	local i
	for ((i = 0; i < 6; i++)); do
		[ -s "$WORK/silent.$i" ] || return 1
	done
}

slow() {
	finally settings
	settings
	sed -i '1i Timeout 1s' "$CONF"
	mkfifo "$WORK/slow"
	"$SAFE/libexec/relay" "$SOCKET" <"$WORK/slow" >"$WORK/raw" &
	local pid=$!
	exec 7>"$WORK/slow"
	wait "$pid" || :
	exec 7>&-
	cat "$WORK/raw"
	grep '^error timeout ' "$WORK/raw"
}

# The service believes one account which key logged in.
other_account() {
	finally settings
	settings
	sed -i 's/^LoginAccount.*/LoginAccount nobody/' "$CONF"
	says 6 'says unavailable' asks "$WORK/k"
	grep "and not nobody's" "$WORK/service.log"
}

# --- what the CA lacks ------------------------------------------------------

# unavailable TEXT: nothing is issued, and its own log tells why.
unavailable() {
	local before
	before=$(sqlite3 "$STATE/store.db" 'SELECT count(*) FROM certificates')
	: >"$WORK/service.log"
	says 6 'says unavailable' asks "$WORK/k"
	fails grep "$STATE" "$WORK/out"
	cat "$WORK/service.log"
	grep -qF -- "$1" "$WORK/service.log"
	[ "$(rows certificates)" -eq "$before" ]
}

no_key() {
	mv "$STATE/user_ca" "$STATE/gone"
	finally mv "$STATE/gone" "$STATE/user_ca"
	unavailable 'ssh-keygen failed'
}

other_key() {
	mv "$STATE/user_ca" "$STATE/gone"
	finally mv "$STATE/gone" "$STATE/user_ca"
	cp "$STATE/host_ca" "$STATE/user_ca"
	unavailable "does the CA's key belong to its .pub?"
}

by_agent() {
	agent_start
	mkdir "$WORK/agents"
	ln -s "$SSH_AUTH_SOCK" "$WORK/agent.sock"
	SSH_AUTH_SOCK=$WORK/agent.sock ssh-add -q "$STATE/user_ca" 2>&1
	mv "$STATE/user_ca" "$STATE/gone"
	finally mv "$STATE/gone" "$STATE/user_ca"
	finally settings
	settings
	sed -i "s,^UserCAKey.*,&.pub\nCAKeyAgent $WORK/agent.sock," "$CONF"
	asks "$WORK/k"
	SSH_AUTH_SOCK=$WORK/agent.sock ssh-add -q -D
	unavailable 'ssh-keygen failed'
}

# certified_by KIND: what the machine got is signed by such a key.
certified_by() {
	rm -f "$WORK/k-cert.pub"
	asks "$WORK/k"
	ssh-keygen -L -f "$WORK/k-cert.pub" | grep "Signing CA: $1 "
}

# The agent has logged in to the token; by the service alone nobody enters its PIN.
by_token() {
	local module=/usr/lib/softhsm/libsofthsm2.so
	command -v softhsm2-util pkcs11-tool >/dev/null || cannot "no SoftHSM here"
	mkdir "$WORK/tokens"
	echo "directories.tokendir = $WORK/tokens" >"$WORK/softhsm2.conf"
	export SOFTHSM2_CONF=$WORK/softhsm2.conf
	softhsm2-util --init-token --free --label ca --so-pin 1234 --pin 123456
	pkcs11-tool --module "$module" --token-label ca --login --pin 123456 \
		--keypairgen --key-type EC:prime256v1 --id 01 --label ca
	ssh-keygen -D "$module" | head -n 1 >"$WORK/token.pub"
	agent_start
	ln -sfn "$SSH_AUTH_SOCK" "$WORK/agent.sock"
	askpass_says 123456
	SSH_AUTH_SOCK=$WORK/agent.sock SSH_ASKPASS_REQUIRE=force \
		ssh-add -q -s "$module"
	askpass_says no
	finally settings
	settings "CAKeyAgent $WORK/agent.sock"
	sed -i "s,^UserCAKey.*,UserCAKey $WORK/token.pub," "$CONF"
	certified_by ECDSA
	SSH_AUTH_SOCK=$WORK/agent.sock ssh-add -q -e "$module"
	unavailable 'ssh-keygen failed'
	settings "PKCS11Provider $module"
	sed -i "s,^UserCAKey.*,UserCAKey $WORK/token.pub," "$CONF"
	unavailable 'ssh-keygen failed'
}

# A key of ours, which can certify and nothing else.
by_tpm() {
	"$BUILD/sk-tpm" enroll -n -l ca -f "$WORK/tpm_ca" >/dev/null
	finally settings
	settings "SecurityKeyProvider $LIB"
	sed -i "s,^UserCAKey.*,UserCAKey $WORK/tpm_ca," "$CONF"
	certified_by ECDSA-SK
	tpm_is_empty
}

YEAR=31557600

# One key a machine and type, however it came in.
expected_replaces() {
	asks "$WORK/k"
	new "$WORK/next" -n
	ca machine add web1 "$ID" --key "$(fingerprint "$WORK/next.pub")"
	asks "$WORK/next"
	says 5 'another key has taken' asks "$WORK/k"
	ca machine show web1 --json |
		jq -e '[.keys[] | select(.state == "approved")] | length == 1'
	ca machine remove web1
	known
	asks "$WORK/k"
}

# The CA's certificate is of another time, and the machine keeps the one it has.
wrong_clock() {
	local serial before
	asks "$WORK/k"
	serial=$(ssh-keygen -L -f "$WORK/k-cert.pub" | sed -n 's/^ *Serial: //p')
	ca revoke --serial "$serial"
	before=$(sha256sum <"$WORK/k-cert.pub")
	service_at $((5 * YEAR))
	says 5 "not in force yet; compare this machine's clock with the CA's" \
		asks "$WORK/k"
	service_at $((-5 * YEAR))
	says 5 "has expired; compare this machine's clock with the CA's" \
		asks "$WORK/k"
	[ "$(sha256sum <"$WORK/k-cert.pub")" = "$before" ]
	last_row '.what == "issued"'
	# A list that was made two days ahead has it all the same.
	LD_PRELOAD=$TOOLS/shift-clock.so SHIFT_CLOCK=172800 ca revoke \
		--key "SHA256:$(head -c 32 /dev/urandom | base64 | tr -d =)"
	LD_PRELOAD=$TOOLS/shift-clock.so SHIFT_CLOCK=172800 ca krl "$WORK/krl"
	fails ssh-keygen -Q -f "$WORK/krl" "$WORK/k-cert.pub"
	# What was revoked is so still, once the clock is right.
	service_again
	revoked "$WORK/k-cert.pub"
	asks "$WORK/k" --krl "$WORK/krl"
	ca audit >/dev/null
}

# certify_ek: the TPM's endorsement key for ten days, by a maker whose root the CA
# has, and which itself was there before and will be.
certify_ek() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$WORK/maker.pem" -x509 -subj /CN=maker -days 36500 \
		-out "$SAFE/roots.pem" 2>/dev/null
	tpm2_readpublic -Q -c 0x81010002 -f pem -o "$WORK/ek.pem"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$WORK/any.pem" -subj / -out "$WORK/any.csr" 2>/dev/null
	printf 'extendedKeyUsage=2.23.133.8.1\nkeyUsage=critical,keyAgreement\n' \
		>"$WORK/extensions"
	openssl x509 -req -in "$WORK/any.csr" -force_pubkey "$WORK/ek.pem" \
		-CA "$SAFE/roots.pem" -CAkey "$WORK/maker.pem" -days 10 \
		-extfile "$WORK/extensions" -outform DER -out "$WORK/ek.crt"
	tpm2_nvdefine -Q -C p -s "$(stat -c %s "$WORK/ek.crt")" \
		-a "ppwrite|ppread|ownerread|authread|no_da|platformcreate" 0x01c0000a
	tpm2_nvwrite -Q -C p -i "$WORK/ek.crt" 0x01c0000a
}

# Before its maker's certificate begins, and behind its end.
other_times() {
	local days
	finally settings
	tpm_new timed
	tpm_persist_srk
	tpm_persist_ek
	certify_ek
	new "$WORK/timed-key" -n
	settings "Profile certified" "FirstKey accept" "Require ek-certificate"
	sed -i "1i EndorsementRoots $SAFE/roots.pem" "$CONF"
	ca machine add timed "$(machine_id_of 0x81010002)" --profile certified
	asks "$WORK/timed-key"
	rm "$WORK/timed-key-cert.pub"
	for days in 11 -1; do
		service_at $((days * 86400))
		says 5 'says ek-cert' asks "$WORK/timed-key"
		last_row '.code == "ek-cert"'
	done
	fails test -e "$WORK/timed-key-cert.pub"
}

bad_store() {
	local db=$STATE/store.db
	mv "$db" "$SAFE/db.gone"
	says 6 'says unavailable' asks "$WORK/k"
	grep 'cannot open the store' "$WORK/service.log"
	refuses_ca 'cannot open the store' machine list
	head -c 8192 /dev/urandom >"$db"
	says 6 'says unavailable' asks "$WORK/k"
	grep 'not a database' "$WORK/service.log"
	cp "$SAFE/db.gone" "$db"
	sqlite3 "$db" 'PRAGMA user_version = 99'
	says 6 'says unavailable' asks "$WORK/k"
	grep 'a later version of sk-tpm-ca' "$WORK/service.log"
	rm -f "$db"*
	sqlite3 "$db" 'CREATE TABLE x (y); PRAGMA user_version = 1'
	says 6 'says unavailable' asks "$WORK/k"
	grep 'the database of another program' "$WORK/service.log"
	rm -f "$db"
	mv "$SAFE/db.gone" "$db"
	asks "$WORK/k"
}

# An administrator's command while the service runs, and the reverse.
while_running() {
	local i pids=()
	for ((i = 0; i < 4; i++)); do
		asks "$WORK/k" >/dev/null &
		pids+=($!)
	done
	for ((i = 0; i < 5; i++)); do
		ca machine add "busy$i" "SHA256:$(head -c 32 /dev/urandom | base64)"
		ca machine list >/dev/null
	done
	for i in "${pids[@]}"; do wait "$i"; done
	ca audit >/dev/null
}

# A service of its own that strace lets fail: $WORK/inject says how.
failing_service() {
	command -v strace >/dev/null || cannot "no strace here"
	cat >"$SAFE/libexec/failing" <<-EOT
		#!/bin/sh
		exec strace -qq -o /dev/null -e trace=pwrite64,fdatasync \
			-e inject=\$(cat "$WORK/inject") "$SAFE/libexec/serve" "$CONF"
	EOT
	chmod +x "$SAFE/libexec/failing"
	systemd-socket-activate --accept --inetd -l "$SAFE/failing" \
		"$SAFE/libexec/failing" >/dev/null 2>&1 &
	ends_with_us $!
	wait_until [ -S "$SAFE/failing" ]
	sed "s,$SOCKET,$SAFE/failing," "$WORK/snippet" >"$WORK/failing"
	sshd_start failing "$(cat "$WORK/failing")"
	CA=ssh://$ME@127.0.0.1:$SSHD_PORT
	echo "pwrite64:signal=KILL:when=1000" >"$WORK/inject"
	asks "$WORK/k" >/dev/null || cannot "strace cannot trace here"
}

# At each of its writes: no certificate without its row, nor the reverse.
at_each_write() {
	local n status call
	failing_service
	for call in pwrite64 fdatasync; do
		for ((n = 1; n < 40; n++)); do
			echo "$call:$1:when=$n" >"$WORK/inject"
			status=0
			asks "$WORK/k" >/dev/null 2>&1 || status=$?
			consistent || { echo "$call $n"; return 1; }
			[ "$status" -ne 0 ] || break
		done
		echo "$call: $1 at $((n - 1))"
		[ "$n" -gt 1 ] && [ "$n" -lt 40 ]
	done
}

# Somebody holds the store for longer than anybody waits.
locked() {
	local pid
	mkfifo "$WORK/holding"
	sqlite3 "$STATE/store.db" <"$WORK/holding" >"$WORK/held" &
	pid=$!
	exec 7>"$WORK/holding"
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&7
	wait_until grep -q held "$WORK/held"
	unavailable 'database is locked'
	# What only reads goes on.
	ca machine list | grep web1
	exec 7>&-
	wait "$pid"
	asks "$WORK/k"
}

consistent() {
	ca audit >"$WORK/audit" || return 1
	diff <(jq -r 'select(.what == "issued") | .serial' "$WORK/audit" | sort) \
		<(sqlite3 "$STATE/store.db" 'SELECT serial FROM certificates' |
			sort)
}

# --- helpers ----------------------------------------------------------------

helpers() {
	local key
	key=$(cut -d ' ' -f 2 "$WORK/k.pub")
	"$SAFE/libexec/authorized-keys" sk-ecdsa-sha2-nistp256@openssh.com \
		"$key" | grep -qxF "restrict,no-touch-required,command=\"$SAFE/libexec/relay\" sk-ecdsa-sha2-nistp256@openssh.com $key"
	[ -z "$("$SAFE/libexec/authorized-keys" ssh-ed25519 "$(cut -d ' ' -f 2 \
		"$STATE/user_ca.pub")")" ]
	[ -z "$("$SAFE/libexec/authorized-keys" \
		sk-ecdsa-sha2-nistp256@openssh.com "${key}AAAA")" ]
	[ -z "$("$SAFE/libexec/authorized-keys" \
		sk-ecdsa-sha2-nistp256@openssh.com "x\" y")" ]
	"$SAFE/libexec/relay" "$SAFE/nowhere" </dev/null |
		grep '^error unavailable'
	# Whoever logs in gets nothing but the conversation.
	fails ssh -i "$WORK/k" -p "$CA_PORT" -l "$ME" -W "127.0.0.1:$CA_PORT" \
		127.0.0.1 </dev/null
	ssh -i "$WORK/k" -p "$CA_PORT" -l "$ME" 127.0.0.1 id </dev/null |
		grep '^sk-tpm-attest 1'
}

# Settings, commands and options: in the code and in the pages alike.
documented() {
	local page=$TOP/man/sk-tpm-ca
	diff <(sed -n 's/^\t{ "\([A-Za-z0-9]*\)", \(true\|false\), set_.*/\1/p' \
		"$TOP/enroll/ca/settings.c" | sort) \
		<(sed -n 's/^\.It Cm \([A-Z][A-Za-z0-9]*\)$/\1/p' "$page.conf.5" |
			sort)
	diff <(sed -n 's/^\t{ "\([a-z-]*\)", \(no\|required\)_argument.*/\1/p' \
		"$TOP/enroll/ca/main.c" | sort) \
		<(sed -n 's/^\.It.* Fl -\([a-z-]*\).*/\1/p' "$page.8" | sort)
	diff <(ca --help | sed -n 's/^  \([a-z]*\( [a-z][a-z]*\)\{0,1\}\) .*/\1/p' |
		sort -u) \
		<(sed -n 's/^\.It Cm \([a-z][a-z ]*\)$/\1/p' "$page.8" | sort -u)
}

# What log shippers go by.
members_documented() {
	diff <(grep -o 'add_text(o, "[a-z]*"' "$TOP/enroll/ca/audit.c" |
		cut -d '"' -f 2 | sort -u) \
		<(sed -n '/^\.Ss The audit log/,/^\.Ss Options/s/^\.It Li \([a-z]*\)$/\1/p' \
			"$TOP/man/sk-tpm-ca.8" | sort -u)
	ca audit | jq -e 'keys - ["number", "time", "what", "by", "machine", "id",
		"type", "key", "login", "person", "from", "serial", "code", "text"]
		== []' >/dev/null
}

CA_PORT=$SSHD_PORT
try "settings, commands and options are in the pages" documented
try "an unknown machine is refused" unknown
try "a known one's first key waits until it is approved" first_key
try "a server that trusts the CA lets it in" logs_in
try "a host's key, by the login of the approved one" host_key
try "a list of what is revoked, and the CA's keys, come along" trust_files
try "the lists alone, for keys that it has certified" lists_alone
try "a key is replaced by its own login, or an administrator's word" replaced
try "a key that is expected, and a first one that is accepted" expected
try "a key that is expected takes the other one's place" expected_replaces
try "names and ids that are none, and whose they are" names
try "a machine that is disabled, and enabled" disabled
try "revoked by serial number, and by machine" by_serial
try "revoked by key" by_key
try "profiles: what they demand and give" profiles
try "settings that mean nothing" bad_settings
try "a machine made of tpm2-tools, good and bad" plays_machine
try "what was said before, whole, cut, doubled and left out" replayed
try "a maker's endorsement certificates, and others" of_a_maker
try "a CA whose clock is years off" wrong_clock
try "endorsement certificates that have expired, or are not valid yet" other_times
try "lines that are not of the protocol" raw_lines
try "connections that say nothing are counted" silence
try "strangers do not keep a known machine out" busy
try "one machine does not keep the others out" of_one_machine
try "one that is slow" slow
try "refusals beyond sixty a minute are counted" refusals
try "a login that another account passes on" other_account
try "a CA without its key" no_key
try "a CA whose key is another" other_key
try "a key in an agent, and an agent without it" by_agent
try "a key on a PKCS#11 token, which an agent has logged in to" by_token
try "a key in the CA host's own TPM" by_tpm
try "a store that is gone, damaged, later or another's" bad_store
try "administrators while the service runs" while_running
try "killed at each write" at_each_write signal=KILL
try "a full disk at each write" at_each_write error=ENOSPC
try "a store that somebody holds" locked
try "what sshd runs" helpers
try "what a row has is in the manual" members_documented
try "the audit log tells what was changed in it" audited
try "rows that were written anew, and an end that was cut off" written_anew
echo "1..$N"
