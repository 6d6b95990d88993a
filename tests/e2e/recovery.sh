#!/usr/bin/env bash
# examples/recovery.md: keys of the CA and of machines that give way, are lost or
# stolen.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"
# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"
ca_begin
sed -i 's/^Names.*/Names ca 127.0.0.1/' "$CONF"
printf 'Profile default\nFirstKey accept\n' >>"$CONF"

sk-tpm-ca() {
	local arg args=()
	for arg; do
		[ "$arg" = --write ] || args+=("$arg")
	done
	ca "${args[@]}"
}

tpm_new tpm
tpm_persist_srk
tpm_persist_ek
ID=$(machine_id_of 0x81010002)
ca init >/dev/null
ca_snippet
service_start
host ca "$(cat snippet)"
mkdir bin
cat >bin/ssh <<-EOT
	#!/bin/sh
	exec $(type -P ssh) -F "$HOME/.ssh/config" \
		-o "SecurityKeyProvider=$LIB" "\$@"
EOT
chmod +x bin/ssh
export PATH=$WORK/bin:$PATH
cat >>"$HOME/.ssh/config" <<-EOT
	Host ca
		User $ME
		IdentityFile $HOME/.ssh/id_machine
EOT

ask() {
	sk-tpm request -f "$HOME/.ssh/id_machine" ssh://ca
}

# in_file FILE: how many keys it has.
in_file() {
	grep -c '^ssh-ed25519 ' "$1"
}

# Who signed the machine's certificate.
signed_by() {
	ssh-keygen -L -f "$HOME/.ssh/id_machine-cert.pub" |
		grep -q "Signing CA: ED25519 $(fingerprint "$1") "
}

begins() {
	ca machine add web1 "$ID"
	sk-tpm enroll -n -f "$HOME/.ssh/id_machine"
	sk-tpm enroll -n -l host -f "$ETC/ssh_host_tpm_key"
	ask
	example both
	[ "$(in_file "$ETC/user_ca.pub")" -eq 1 ]
	printf 'no-touch-required web1\n' >"$ETC/principals"
	host server "TrustedUserCAKeys $ETC/user_ca.pub" \
		"AuthorizedPrincipalsFile $ETC/principals" \
		"RevokedKeys $ETC/revoked" "AuthorizedKeysFile none"
	ssh -i "$HOME/.ssh/id_machine" server true
}

rotates() {
	example announce | tee out
	grep "^The next key: $(fingerprint "$STATE/user_ca.next.pub")$" out
	grep '^Of 1 machines, 0 had a certificate' out
	last_row '.what == "rotate" and .type == "user"'
	# The old one signs, and both are known to the server.
	cp "$STATE/user_ca.pub" old.pub
	wait_until later_than "$STATE/user_ca.next.pub"
	example both
	[ "$(in_file "$ETC/user_ca.pub")" -eq 2 ]
	sk-tpm-ca rotate user | grep '^Of 1 machines, 1 had'
	ask
	signed_by old.pub
	cp "$HOME/.ssh/id_machine-cert.pub" by-old-cert.pub
	example switch
	[ "$(stat -c %a "$STATE/user_ca" "$STATE/user_ca.1" | xargs)" = "600 600" ]
	cmp old.pub "$STATE/user_ca.1.pub"
	ask
	signed_by "$STATE/user_ca.pub"
	fails signed_by old.pub
	ssh -i "$HOME/.ssh/id_machine" server true
	# What the old one signed goes on, and so does the old one, while it does.
	ssh -i "$HOME/.ssh/id_machine" -o CertificateFile=by-old-cert.pub server true
	example both
	[ "$(in_file "$ETC/user_ca.pub")" -eq 2 ]
	sqlite3 "$STATE/store.db" "UPDATE certificates SET valid_to = 1
		WHERE ca_fingerprint = '$(fingerprint old.pub)'"
	example both
	cmp "$ETC/user_ca.pub" <(cut -d ' ' -f 1-2 "$STATE/user_ca.pub")
	refuses_ca 'there is no next key' rotate user --switch
	refuses_ca 'takes one of' rotate user --switch --now
	refuses_ca 'is not user or host' rotate people
}

later_than() {
	[ "$(date +%s)" -gt "$(stat -c %Y "$1")" ]
}

# Killed between any two of its renames, the same command ends it.
interrupted() {
	local n
	command -v strace >/dev/null || cannot "no strace here"
	for n in 1 2 3 4; do
		sk-tpm-ca rotate user >/dev/null
		cp "$STATE/user_ca.next.pub" next.pub
		cp "$STATE/user_ca.pub" before.pub
		strace -qq -o /dev/null -e trace=rename,renameat,renameat2 \
			-e "inject=rename,renameat,renameat2:signal=KILL:when=$n" \
			"$SAFE/sk-tpm-ca" --config "$CONF" rotate user --switch &&
			return 1
		[ "$n" -eq 1 ] || says 6 'says unavailable' ask
		sk-tpm-ca rotate user --switch
		cmp next.pub "$STATE/user_ca.pub"
		ask
		signed_by next.pub
		# Each one before is kept, whole.
		grep -lxF "$(cat before.pub)" "$STATE"/user_ca.*.pub >found
		n_found=$(wc -l <found)
		[ "$n_found" -eq 1 ]
		[ -s "$(sed 's/\.pub$//' found)" ]
	done
}

# The same where it was stolen: it signs nothing from the row on, and the list of
# what is revoked can be made.
stolen_and_interrupted() {
	local n
	command -v strace >/dev/null || cannot "no strace here"
	for n in 1 2 3 4; do
		cp "$STATE/user_ca.pub" before.pub
		strace -qq -o /dev/null -e trace=rename,renameat,renameat2 \
			-e "inject=rename,renameat,renameat2:signal=KILL:when=$n" \
			"$SAFE/sk-tpm-ca" --config "$CONF" rotate user --stolen &&
			return 1
		says 6 'says unavailable' ask
		sk-tpm-ca krl krl
		fails ssh-keygen -Q -f krl before.pub
		sk-tpm-ca rotate user --stolen >/dev/null
		fails cmp -s before.pub "$STATE/user_ca.pub"
		[ -s "$STATE/user_ca" ]
		ask
		signed_by "$STATE/user_ca.pub"
	done
}

lost() {
	rm "$STATE/user_ca"
	says 6 'says unavailable' ask
	example lost
	ask
	example both
	ssh -i "$HOME/.ssh/id_machine" server true
	last_row '.what == "issued"'
}

# The thief's certificate is one that the CA never saw.
stolen() {
	cp "$STATE/user_ca" "$STATE/user_ca.pub" .
	chmod 600 user_ca
	ssh-keygen -q -t ed25519 -N '' -f thief
	ssh-keygen -q -s user_ca -I thief -n web1 thief.pub
	example both
	ssh -i thief server true
	cp "$HOME/.ssh/id_machine-cert.pub" before-cert.pub
	example stolen
	ca audit | jq -e 'select(.what == "rotate" and (.text | test("stolen")))'
	fails ssh-keygen -Q -f "$ETC/revoked" thief-cert.pub
	fails ssh-keygen -Q -f "$ETC/revoked" before-cert.pub
	fails ssh -i thief server true
	ask
	example both
	grep -F "$(cut -d ' ' -f 2 "$STATE/user_ca.pub")" "$ETC/user_ca.pub"
	fails grep -F "$(cut -d ' ' -f 2 user_ca.pub)" "$ETC/user_ca.pub"
	ssh-keygen -Q -f "$ETC/revoked" "$HOME/.ssh/id_machine-cert.pub"
	ssh -i "$HOME/.ssh/id_machine" server true
	fails ssh -i thief server true
}

# In an agent: the names of the files stay, and what is in them is the next key.
in_agent() {
	cp "$CONF" before
	finally cp before "$CONF"
	agent_start
	ssh-keygen -q -t ed25519 -N '' -f agent_ca
	ssh-add -q "$STATE/user_ca" agent_ca
	cp "$STATE/user_ca.pub" "$STATE/in_agent.pub"
	sed -i "s,^UserCAKey.*,UserCAKey $STATE/in_agent.pub\nCAKeyAgent $SSH_AUTH_SOCK," \
		"$CONF"
	refuses_ca "$STATE/in_agent.next.pub is not there" rotate user
	cp agent_ca.pub "$STATE/in_agent.next.pub"
	sk-tpm-ca rotate user
	ask
	sk-tpm-ca rotate user --switch
	cmp agent_ca.pub "$STATE/in_agent.pub"
	ask
	signed_by agent_ca.pub
}

cleared() {
	tpm2_clear -c l
	tpm_persist_srk
	tpm_persist_ek
	[ "$(machine_id_of 0x81010002)" = "$ID" ]
	example_text cleared >script
	status=0
	. ./script || status=$?
	[ "$status" -eq 4 ]
	example approve
	ask
}

# A certificate that has ended is no hindrance, nor is a host's that has.
expired() {
	cp "$CONF" before
	finally cp before "$CONF"
	echo "UserValidity 1m" >>"$CONF"
	ask
	ssh-keygen -q -s "$STATE/user_ca" -I x -n web1 -V 20200101:20200102 \
		"$HOME/.ssh/id_machine.pub"
	fails ssh -i "$HOME/.ssh/id_machine" server true
	cp before "$CONF"
	example expired
	example both
	ssh -i "$HOME/.ssh/id_machine" server true
}

board() {
	tpm_new board
	tpm_persist_ek
	tpm_persist_srk
	# shellcheck disable=SC2034 # for the page
	new_id=$(machine_id_of 0x81010002)
	cp "$HOME/.ssh/id_machine-cert.pub" of-old-cert.pub
	example board
	ca krl "$ETC/revoked"
	fails ssh-keygen -Q -f "$ETC/revoked" of-old-cert.pub
	sk-tpm enroll -n --force -f "$HOME/.ssh/id_machine"
	ask
	example disable
	says 5 'says disabled' ask
}

# From a backup that is older than what was issued since.
host_is_lost() {
	sqlite3 "$STATE/store.db" ".backup $SAFE/backup.db"
	ca machine enable web1
	ca machine list >/dev/null
	sqlite3 "$STATE/store.db" "SELECT 'Nov 27 08:00:00 ca sk-tpm-ca[7]: audit '
		|| number || ' ' || lower(hex(hash)) || ' ' || row FROM audit" \
		>"$WORK/from-old-ca.log"
	rm "$STATE"/store.db*
	cp "$SAFE/backup.db" "$STATE/store.db"
	example_text back | sed "s,/var/log,$WORK," >script
	status=0
	. ./script 2>err || status=$?
	cat err
	[ "$status" -ne 0 ]
	grep 'its end was cut off' err
	# What the backup did not have is as it was: the machine is disabled.
	ca machine list --json | jq -e '.[0].state == "disabled"'
}

try "a machine, a server, and the CA's keys" begins
try "the CA's key gives way to the next" rotates
try "killed while it does" interrupted
try "the CA's key is lost" lost
try "the CA's key is stolen" stolen
try "stolen, and its rotation killed half-way" stolen_and_interrupted
try "keys in an agent give way" in_agent
try "everything has expired" expired
try "a TPM that was cleared" cleared
try "a new board" board
try "the CA's host is lost" host_is_lost
echo "1..$N"
