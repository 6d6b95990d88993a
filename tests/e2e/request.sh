#!/usr/bin/env bash
# sk-tpm request, with a CA made of tpm2-tools and ssh-keygen that shares no code
# with it (tests/attest/ca), behind a real sshd.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
not_for_debian_11 "its tpm2-tools make no CA"

export PATH=$BUILD:$PATH
PIN=314159
tpm_new tpm
tpm_persist_srk
mkdir "$WORK/ca" "$WORK/bin"
for type in user host; do
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/ca/$type"
done
# ssh goes by the password database's home directory, and not by HOME.
cat >"$WORK/bin/ssh" <<-EOT
	#!/bin/sh
	echo "\$*" >>"$WORK/ssh.ran"
	exec $(command -v ssh) -F "$WORK/ssh_config" \
		-o "SecurityKeyProvider=$LIB" "\$@"
EOT
chmod +x "$WORK/bin/ssh"
export PATH=$WORK/bin:$PATH
cat >"$WORK/force" <<-EOT
	#!/bin/bash
	# It would hold the connection open, as stdin and stdout are one socket.
	exec 5<&0
	exec 6< <(exec "$TOP/tests/attest/ca" "$WORK/ca" <&5 2>/dev/null)
	ca=\$!
	/bin/bash "$WORK/filter" <&6
	kill "\$ca"
EOT
chmod +x "$WORK/force"
sshd_start ca "ForceCommand $WORK/force"
cat >"$WORK/ssh_config" <<-EOT
	IdentitiesOnly yes
	UserKnownHostsFile $WORK/known_hosts
	StrictHostKeyChecking yes
EOT
CA=ssh://$ME@127.0.0.1:$SSHD_PORT

# The CA says what it says.
honest() {
	echo cat >"$WORK/filter"
}

# new FILE [option...]: a key that logs in to the CA.
new() {
	local file=$1
	shift
	askpass_says "$PIN"
	"$BUILD/sk-tpm" enroll -f "$file" "$@"
	sed 's/^/no-touch-required /' "$file.pub" >>"$WORK/ca.keys"
	askpass_says no
}

honest
new "$WORK/k" -n

asks() {
	local file=$1
	shift
	"$BUILD/sk-tpm" request -f "$file" "$@" "$CA"
}

# For the CA's administrator to read.
says_name() {
	certified "$WORK/k" user
	[ "$(cat "$WORK/ca/asked-name")" = "$(uname -n)" ]
	certified "$WORK/k" user --name "the one in the cellar"
	[ "$(cat "$WORK/ca/asked-name")" = "the one in the cellar" ]
}

# certified FILE TYPE [option...]: and nothing is left in the TPM.
certified() {
	local file=$1 type=$2
	shift 2
	rm -f "$file-cert.pub"
	asks "$file" --type "$type" "$@" >"$WORK/out"
	cat "$WORK/out"
	ssh-keygen -L -f "$file-cert.pub" >"$WORK/listed"
	grep "Type: .* $type certificate" "$WORK/listed"
	grep "Public key: ECDSA-SK-CERT $(fingerprint "$file.pub")" \
		"$WORK/listed"
	grep '^Names: *machine$' "$WORK/out"
	[ "$(stat -c %a "$file-cert.pub")" = 644 ]
	[ "$(find "$(dirname "$file")" -name "$(basename "$file")-cert.pub*" |
		wc -l)" -eq 1 ]
	tpm_is_empty
}

# exits STATUS TEXT COMMAND...: with one line that says so; nothing is lost.
exits() {
	local status=0 expected=$1
	refuses "${@:2}" >"$WORK/refused" || { cat "$WORK/refused"; return 1; }
	cat "$WORK/refused"
	"${@:3}" >/dev/null 2>&1 || status=$?
	[ "$status" -eq "$expected" ] || { echo "status $status"; return 1; }
	[ "$(sha256sum <"$WORK/k-cert.pub")" = "$BEFORE" ]
	tpm_is_empty
}

# endorsement_key KIND HANDLE: persistent until the end of the try.
endorsement_key() {
	tpm2_createek -Q -G "$1" -c "$WORK/ek.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/ek.ctx" "$2"
	finally tpm2_evictcontrol -Q -C o -c "$2"
	tpm2_flushcontext -t
}

# --- certified --------------------------------------------------------------

created_ek() {
	certified "$WORK/k" user
	# In the certificate is what doctor calls this machine.
	grep "^Key ID: *machine SHA256:" "$WORK/out"
}

persistent_ek() {
	local sent
	endorsement_key "$1" "$2"
	certified "$WORK/k" user
	sent=$(commands asks "$WORK/k" | xargs)
	note "TPM commands with $1, the login's three among them: $(wc -w <<<"$sent") ($sent)"
}

note() {
	echo "note: $*"
}

logs_in() {
	certified "$WORK/k" user
	echo "no-touch-required machine" >"$WORK/principals"
	sshd_start trusting "TrustedUserCAKeys $WORK/ca/user.pub" \
		"AuthorizedPrincipalsFile $WORK/principals"
	log_in -i "$WORK/k"
	grep 'Accepted publickey.*ECDSA-SK-CERT' "$SSHD_LOG"
}

# At a terminal it is told what is waited for, and elsewhere not.
at_a_terminal() {
	person "spawn $BUILD/sk-tpm request -f $WORK/k $CA" \
		'want "Certificate:"; expect eof' >"$WORK/out"
	cat "$WORK/out"
	grep "Asking $CA\.\.\." "$WORK/out"
	grep 'Having the TPM answer\.\.\.' "$WORK/out"
	asks "$WORK/k" >"$WORK/out" 2>&1
	fails grep 'Asking' "$WORK/out"
}

# The PIN is asked for once by us; another key logs in.
with_pin() {
	new "$WORK/pin" -n -P
	sed -i '$d' "$WORK/ca.keys"
	askpass_says "$PIN"
	IDENTITY=$WORK/k certified_by_other "$WORK/pin" user
	[ "$(grep -c "key's PIN" "$WORK/asked")" -eq 1 ]
	[ "$(wc -l <"$WORK/asked")" -eq 1 ]
	[ "$(wrong_tries)" -eq 0 ]
}

# By its own login: the PIN is asked for once all the same.
with_own_pin() {
	new "$WORK/own" -n -P
	askpass_says "$PIN"
	SK_TPM_LOG_LEVEL=info certified "$WORK/own" user
	# (The question what is to be signed is another one: there is no terminal.)
	[ "$(grep -c ' PIN' "$WORK/asked")" -eq 1 ]
	[ "$(wrong_tries)" -eq 0 ]
	# Wrong, it costs the login's try, and no other.
	cp "$WORK/own-cert.pub" "$WORK/own-before"
	askpass_says no-such-pin
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	status=0
	asks "$WORK/own" >"$WORK/out" 2>&1 || status=$?
	cat "$WORK/out"
	[ "$status" -eq 8 ]
	grep '^sk-tpm: wrong PIN' "$WORK/out"
	[ "$(wrong_tries)" -eq 1 ]
	[ "$(grep -c ' PIN' "$WORK/asked")" -eq 1 ]
	cmp "$WORK/own-cert.pub" "$WORK/own-before"
	tpm2_dictionarylockout -Q -c
}

certified_by_other() {
	echo "IdentityFile $IDENTITY" >>"$WORK/ssh_config"
	finally sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	certified "$@"
}

wrong_pin() {
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	echo "IdentityFile $WORK/k" >>"$WORK/ssh_config"
	finally sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	askpass_says no-such-pin
	exits 8 "wrong PIN" asks "$WORK/pin"
	[ "$(wrong_tries)" -eq 2 ]
	tpm2_dictionarylockout -Q -c
}

# A host's key cannot log in.
host_key() {
	"$BUILD/sk-tpm" enroll -n -l host --persistent -f "$WORK/host"
	IDENTITY=$WORK/k certified_by_other "$WORK/host" host 2>"$WORK/said"
	# It is not offered for the login, which it would refuse.
	fails grep -i 'limit' "$WORK/said"
	"$BUILD/sk-tpm" evict "$WORK/host"
}

with_conditions() {
	export XDG_RUNTIME_DIR=$WORK/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
	new "$WORK/booted" -n --pcrs 7
	certified "$WORK/booted" user
	new "$WORK/hour" -n -P --pin-lifetime 1h
	askpass_says "$PIN"
	# ssh's login takes the PIN, and activation none.
	certified "$WORK/hour" user
	"$BUILD/sk-tpm" forget
}

in_json() {
	rm -f "$WORK/k-cert.pub"
	asks "$WORK/k" --json | jq -e '.type == "user" and .names == "machine" and
		.replaced == true and .ca == "'"$CA"'"'
}

# agent_has: how many certificates of the key the agent has.
agent_has() {
	ssh-add -l | awk '/ECDSA-SK-CERT/ { n++ } END { print n + 0 }'
}

# Until it ends, and in place of the one before. Nothing of it is there for who has
# not added the key.
in_agent() {
	agent_start -P "$(agent_list)"
	export SSH_SK_PROVIDER=$LIB
	asks "$WORK/k" --json | jq -e '.in_agent == false'
	[ "$(agent_has)" -eq 0 ]
	rm "$WORK/k-cert.pub"
	ssh-add -q "$WORK/k"
	for _ in 1 2 3; do
		asks "$WORK/k" --json | jq -e '.in_agent == true'
		[ "$(agent_has)" -eq 1 ]
		ssh-add -L | grep -F "$(cut -d' ' -f2 "$WORK/k-cert.pub")"
	done
	[ "$(ssh-add -l | wc -l)" -eq 2 ]
	# It signs, without the key's file or the certificate's.
	echo "no-touch-required machine" >"$WORK/principals"
	sshd_start trusting "TrustedUserCAKeys $WORK/ca/user.pub" \
		"AuthorizedPrincipalsFile $WORK/principals"
	mv "$WORK/k" "$WORK/k.away"
	ssh -F none -p "$SSHD_PORT" -l "$ME" -o BatchMode=yes \
		-o "UserKnownHostsFile=$WORK/known_hosts" 127.0.0.1 true
	mv "$WORK/k.away" "$WORK/k"
	grep 'Accepted publickey.*ECDSA-SK-CERT' "$SSHD_LOG"
	# A host's is not for an agent.
	"$BUILD/sk-tpm" request -f "$WORK/k" --type host --json "$CA" |
		jq -e '.in_agent == false'
	# Whoever takes the key from the agent is not given it again.
	rm "$WORK/k-cert.pub"
	ssh-add -q -d "$WORK/k"
	asks "$WORK/k" --json | jq -e '.in_agent == false'
}

# The certificate is written all the same.
agent_that_refuses() {
	agent_start -P "$(agent_list)"
	export SSH_SK_PROVIDER=$LIB
	rm "$WORK/k-cert.pub"
	ssh-add -q "$WORK/k"
	cp "$LIB" "$WORK/libsk-tpm.so"
	export SSH_SK_PROVIDER=$WORK/libsk-tpm.so
	SK_TPM_LOG_LEVEL=info asks "$WORK/k" --json >"$WORK/out" 2>"$WORK/err"
	cat "$WORK/err"
	jq -e '.in_agent == false' <"$WORK/out"
	grep 'not in the agent: the agent at .* refuses' "$WORK/err"
	is_fresh
	export SSH_AUTH_SOCK=$WORK/nobody
	SK_TPM_LOG_LEVEL=info asks "$WORK/k" 2>"$WORK/err"
	grep 'not in the agent: nothing answers at' "$WORK/err"
}

# --- if needed --------------------------------------------------------------

# give SPAN: a certificate of the CA's that is there already.
give() {
	ssh-keygen -q -s "$WORK/ca/user" -I there -n machine -V "$1" "$WORK/k.pub"
}

# Neither ssh nor the TPM is touched.
is_fresh() {
	: >"$WORK/ssh.ran"
	[ -z "$(SK_TPM_TCTI=swtpm:port=1 asks "$WORK/k" --if-needed 2>&1)" ]
	[ ! -s "$WORK/ssh.ran" ]
}

if_needed() {
	give -1h:+1h
	is_fresh
	give -1h:forever
	is_fresh
	give -10h:+1h
	asks "$WORK/k" --if-needed
	is_fresh
	for there in -2h:-1h +1h:+2h; do
		give "$there"
		asks "$WORK/k" --if-needed
		is_fresh
	done
	echo "damaged" >"$WORK/k-cert.pub"
	asks "$WORK/k" --if-needed
	is_fresh
	# One of another type is not what is asked for.
	ssh-keygen -q -s "$WORK/ca/host" -h -I x -n machine "$WORK/k.pub"
	asks "$WORK/k" --if-needed
	is_fresh
}

# Within our own ssh, whose configuration runs it again, it does nothing.
match_exec() {
	cat >"$WORK/match_config" <<-EOT
		Match host 127.0.0.1 exec "$BUILD/sk-tpm request --if-needed -f $WORK/k $CA"
			IdentityFile $WORK/k
		Match all
	EOT
	cp "$WORK/ssh_config" "$WORK/plain_config"
	cat "$WORK/plain_config" >>"$WORK/match_config"
	cp "$WORK/match_config" "$WORK/ssh_config"
	finally cp "$WORK/plain_config" "$WORK/ssh_config"
	rm "$WORK/k-cert.pub"
	: >"$WORK/ssh.ran"
	asks "$WORK/k"
	[ "$(grep -c -- -S "$WORK/ssh.ran")" -eq 1 ]
	give -10h:+1h
	: >"$WORK/ssh.ran"
	ssh -p "$SSHD_PORT" -l "$ME" 127.0.0.1 true </dev/null || :
	is_fresh_now
}

is_fresh_now() {
	ssh-keygen -L -f "$WORK/k-cert.pub" | grep 'Key ID: "machine'
}

better_is_kept() {
	give -1h:+10h
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	asks "$WORK/k" --json | jq -e '.replaced == false'
	[ "$(sha256sum <"$WORK/k-cert.pub")" = "$BEFORE" ]
	# That of another CA is not better.
	ssh-keygen -q -s "$WORK/ca/host" -I x -n machine -V -1h:+10h "$WORK/k.pub"
	asks "$WORK/k" --json | jq -e '.replaced == true'
}

# --- refused ----------------------------------------------------------------

# each of PROTOCOL.md's codes, by its own status
says_code() {
	printf 'read -r l; echo "$l"; sed -u 1q >/dev/null; %s\n' \
		"echo '$1'" >"$WORK/filter"
}

codes() {
	local code status
	finally honest
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	while read -r code status; do
		says_code "error $code because of a test"
		exits "$status" "says $code: \"because of a test\"" asks "$WORK/k"
	done < <(sed -n 's/^| `\([a-z-]*\)` | \([56]\) |.*/\1 \2/p' \
		"$TOP/PROTOCOL.md")
	echo 'read -r l; echo "$l"; read -r c; echo "$c"; read -r d
		echo "pending wait for it"' >"$WORK/filter"
	exits 4 'says "wait for it"; ask again after that' asks "$WORK/k"
	says_code 'error no-such-code text'
	exits 5 "" asks "$WORK/k"
}

# The CA ends after each of its lines.
cut_off() {
	local n
	finally honest
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	for n in 0 1 2 3; do
		# (head passes on what it has at its end alone.)
		echo "for ((i = 0; i < $n; i++)); do
			read -r line; echo \"\$line\"; done" >"$WORK/filter"
		exits 6 "" asks "$WORK/k"
	done
}

# sends CERTIFICATE-FILE: in place of the one that was asked for.
sends() {
	cat >"$WORK/filter" <<-EOT
		sed -u "s|^certificate .*|certificate \$(cut -d' ' -f2 $1)|"
	EOT
}

# made NAME CA [ssh-keygen option...]: a certificate of the key, to be sent.
made() {
	cp "$WORK/k.pub" "$WORK/$1.pub"
	ssh-keygen -q -s "$WORK/ca/$2" "${@:3}" "$WORK/$1.pub"
	sends "$WORK/$1-cert.pub"
}

bad_certificates() {
	finally honest
	asks "$WORK/k"
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	"$BUILD/sk-tpm" enroll -n -f "$WORK/other"
	ssh-keygen -q -s "$WORK/ca/user" -I x -n machine "$WORK/other.pub"
	sends "$WORK/other-cert.pub"
	exits 5 "is for another key" asks "$WORK/k"
	made hosts user -h -I x -n machine
	exits 5 "is for a host and not for a user" asks "$WORK/k"
	made over user -I x -n machine -V -2h:-1h
	exits 5 "" asks "$WORK/k"
	made early user -I x -n machine -V +1h:+2h
	exits 5 "" asks "$WORK/k"
	made everybody user -I x
	exits 5 "" asks "$WORK/k"
	made lines user -I $'two\nlines' -n machine
	exits 5 "" asks "$WORK/k"
	made good user -I x -n machine
	# Its last byte is one of the signature's.
	perl -MMIME::Base64 -ane '$b = decode_base64($F[1]);
		substr($b, -1) ^= "\x01"; print "$F[0] ", encode_base64($b, "")' \
		"$WORK/good-cert.pub" >"$WORK/forged-cert.pub"
	sends "$WORK/forged-cert.pub"
	exits 5 "the signature of the CA's certificate is wrong" asks "$WORK/k"
	perl -MMIME::Base64 -ane 'print "$F[0] ",
		encode_base64(decode_base64($F[1]) . "x", "")' \
		"$WORK/good-cert.pub" >"$WORK/longer-cert.pub"
	sends "$WORK/longer-cert.pub"
	exits 5 "" asks "$WORK/k"
	sends "$WORK/k.pub"
	exits 5 "" asks "$WORK/k"
	sends "$WORK/good-cert.pub"
	asks "$WORK/k"
}

noise() {
	finally honest
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	echo 'head -c 1000000 /dev/zero | tr "\0" x' >"$WORK/filter"
	exits 5 "" asks "$WORK/k"
	echo 'yes certificate' >"$WORK/filter"
	exits 5 "" asks "$WORK/k"
	echo 'echo sk-tpm-attest 2' >"$WORK/filter"
	exits 5 "" asks "$WORK/k"
	# A challenge of somebody else's is not answered.
	echo 'sed -u "s/^challenge \(..\)\(.*\)$/challenge \1\2/; s/A/B/8"' \
		>"$WORK/filter"
	exits 5 "" asks "$WORK/k"
}

addresses() {
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	local gone=ssh://$ME@127.0.0.1:1
	exits 6 "cannot be reached, or does not let this key log in" \
		"$BUILD/sk-tpm" request -f "$WORK/k" "$gone"
	rm "$WORK/k-cert.pub"
	"$BUILD/sk-tpm" request -f "$WORK/k" "$gone" "$CA" 2>"$WORK/err"
	grep 'the next one is asked' "$WORK/err"
	is_fresh
	for bad in ca ssh: ssh:// ssh://a/b ssh://a:0 ssh://a:99999 ssh://-oX \
		'ssh://a b' https://a; do
		refuses "is not the address of a CA" "$BUILD/sk-tpm" request \
			-f "$WORK/k" -- "$bad"
	done
}

# Nothing is lost where the new one cannot be written.
not_written() {
	finally rm -rf "$WORK/full"
	mkdir "$WORK/full"
	cp "$WORK"/k{,.pub} "$WORK/full"
	mkdir "$WORK/full/k-cert.pub"
	refuses "replace" asks "$WORK/full/k"
	rmdir "$WORK/full/k-cert.pub"
	[ "$(find "$WORK/full" -type f | wc -l)" -eq 2 ]
	tpm_is_empty
}

no_ek() {
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	tpm2_changeauth -Q -c endorsement secret
	finally tpm2_changeauth -Q -c endorsement -p secret
	askpass_says wrong
	exits 9 "" asks "$WORK/k"
	askpass_says secret
	asks "$WORK/k"
	tpm2_dictionarylockout -Q -c || :
}

cleared() {
	asks "$WORK/k"
	BEFORE=$(sha256sum <"$WORK/k-cert.pub")
	tpm2_clear
	exits 1 "" asks "$WORK/k"
}

try "a certificate, with an endorsement key that is created" created_ek
try "with one on P-256 that is persistent" persistent_ek ecc 0x81010002
try "with one of RSA that is persistent" persistent_ek rsa 0x81010001
try "with one on P-384 that is persistent" persistent_ek ecc384 0x81010016
try "with one of RSA-3072 that is persistent" persistent_ek rsa3072 0x8101001c
try "it calls itself what its host is called, or it is told" says_name
try "a server lets it in" logs_in
try "in JSON" in_json
try "at a terminal, with what is waited for" at_a_terminal
try "a key with a PIN: it is asked for once" with_pin
try "also where ssh logs in by it" with_own_pin
try "a wrong PIN costs one try" wrong_pin
try "a host's key, by another key's login" host_key
try "keys with conditions" with_conditions
try "in the agent, where the key is" in_agent
try "an agent that is gone, or may not load the library" agent_that_refuses
try "--if-needed: silent while it lasts" if_needed
try "from Match exec, and not within itself" match_exec
try "a better one is kept" better_is_kept
try "each of the CA's errors has its status" codes
try "a CA that ends after each line" cut_off
try "certificates that are not what was asked for" bad_certificates
try "noise, and too much of it" noise
try "several addresses; some that are none" addresses
try "a file that cannot be written" not_written
try "the endorsement hierarchy's password" no_ek
try "a TPM that was cleared" cleared
echo "1..$N"
