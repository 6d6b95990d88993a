#!/usr/bin/env bash
# examples/people.md: people log in to the CA's host as themselves, by PAM and a
# one-time password, and their certificates name them and their machines.

# Accounts and PAM's settings are the test's own, in a namespace of its own.
if [ -z "${OWN_ACCOUNTS:-}" ] && unshare -m true 2>/dev/null; then
	exec env OWN_ACCOUNTS=1 unshare -m --propagation private -- bash "$0"
fi
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"
# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"

[ "$(id -u)" -eq 0 ] || skip_all "accounts and PAM of a host are root's to set"
command -v oathtool >/dev/null || skip_all "no oathtool here"
compgen -G '/lib*/*/security/pam_oath.so' >/dev/null ||
	compgen -G '/lib*/security/pam_oath.so' >/dev/null ||
	skip_all "no pam_oath here"
[ -n "${OWN_ACCOUNTS:-}" ] || skip_all "no namespace for mounts here"
unset OWN_ACCOUNTS
ca_begin
chmod 755 "$WORK"

# person NAME UID: an account, with a home directory.
person() {
	echo "$1:x:$2:$2::$SAFE/$1:/bin/sh" >>"$SAFE/etc/passwd"
	echo "$1:*:19000:0:99999:7:::" >>"$SAFE/etc/shadow"
	echo "$1:x:$2:" >>"$SAFE/etc/group"
	install -d -o "$2" -g "$2" "$SAFE/$1"
}

accounts() {
	mkdir "$SAFE/etc"
	cp -r /etc/passwd /etc/shadow /etc/group /etc/pam.d "$SAFE/etc"
	person alice 64001
	person mallory 64002
	person machines 64003
	echo "people:x:64010:alice,mallory,machines" >>"$SAFE/etc/group"
	cat >"$SAFE/etc/pam.d/sshd" <<-EOT
		$(page_block pam "$PAGE" | sed "s,/etc/ssh/,$SAFE/etc/,")
		account required pam_permit.so
		session required pam_permit.so
	EOT
	for i in passwd shadow group pam.d; do
		mount --bind "$SAFE/etc/$i" "/etc/$i"
	done
	for i in alice mallory; do
		page_block users "$PAGE" | sed "s/alice/$i/"
	done >"$SAFE/etc/users.oath"
	chmod 600 "$SAFE/etc/users.oath"
}

accounts
tpm_new tpm
tpm_persist_ek
tpm_persist_srk
ID=$(machine_id_of 0x81010002)
ca init --names ca >/dev/null
# As the page has it; the socket and the account of machines are the test's.
people_settings() {
	settings
	sed -i 's/^Names.*/Names ca 127.0.0.1/; s/^LoginAccount.*/LoginAccount machines/' \
		"$CONF"
	page_block settings "$PAGE" >>"$CONF"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$CONF"
}
people_settings
service_start
chmod 666 "$SOCKET"
SNIPPET=$(page_block sshd "$PAGE" |
	sed "s,/usr/local/libexec/sk-tpm/relay,$SAFE/libexec/relay $SOCKET,")

# The host that is called ca: its sshd takes one-time passwords.
sshd_start ca "$SNIPPET"
CA_PORT=$SSHD_PORT
client_config
cat >>"$HOME/.ssh/hosts" <<-EOT
	Host ca
		HostName 127.0.0.1
		HostKeyAlias ca
		Port $CA_PORT
		PreferredAuthentications keyboard-interactive
EOT
sed -i 's/BatchMode yes/BatchMode no/' "$HOME/.ssh/config"
echo "ca $(cut -d ' ' -f 1-2 "$WORK/ca.host.pub")" >>"$HOME/.ssh/known_hosts"
mkdir "$WORK/bin"
cat >"$WORK/bin/ssh" <<-EOT
	#!/bin/sh
	exec $(type -P ssh) -F "$HOME/.ssh/config" \
		-o "SecurityKeyProvider=$LIB" "\$@"
EOT
# Answers by what is asked; what was asked is in $WORK/asked.
askpass_says 314159
cat >"$WORK/person" <<-EOT
	#!/bin/sh
	case \$1 in
	*[Oo]ne-time*) echo "\$1" >>"$WORK/asked"; cat "$WORK/otp" ;;
	*) exec "$WORK/askpass" "\$@" ;;
	esac
EOT
chmod +x "$WORK/bin/ssh" "$WORK/person"
export PATH=$WORK/bin:$PATH SSH_ASKPASS=$WORK/person

# A code is good once: the test's clock is its own, as many windows as it needs.
code() {
	: >"$WORK/asked"
	rm -f "$SAFE/etc/users.oath.new"
	for i in alice mallory; do
		page_block users "$PAGE" | sed "s/alice/$i/"
	done >"$SAFE/etc/users.oath"
	chmod 600 "$SAFE/etc/users.oath"
	oathtool --totp -d 6 3132333435363738393031323334353637383930 \
		>"$WORK/otp"
}

# asks_as PERSON FILE [OPTION...]
asks_as() {
	local person=$1 file=$2
	shift 2
	code
	"$BUILD/sk-tpm" request -f "$file" "$@" "ssh://$person@ca"
}

waits_for_machine() {
	code
	example key
	says 5 'says unknown' asks_as alice "$HOME/.ssh/id_work"
	last_row '.person == "alice" and .code == "unknown" and .from == "alice"'
	grep -i 'one-time' "$WORK/asked"
	ca machine add web1 "$ID"
}

certified() {
	code
	example_text request | sed "s/$ME@ca/alice@ca/" >"$WORK/request"
	# shellcheck source=/dev/null
	. "$WORK/request" | tee "$WORK/out"
	grep "Key ID: \"web1 $ID alice\"" "$WORK/out"
	[ "$(sed -n '/Principals:/,/Critical/p' "$WORK/out" | sed '1d;$d' |
		xargs)" = alice ]
	last_row '.what == "issued" and .person == "alice" and .machine == "web1"'
	# A key whose PIN has a lifetime is proven without it; the code is asked for
	# once.
	fails grep PIN "$WORK/asked"
	[ "$(grep -ci one-time "$WORK/asked")" -eq 1 ]
	ca certificates web1 --json | jq -e '.[0].person == "alice"'
}

server_lets_in() {
	cp "$STATE/user_ca.pub" "$SAFE/user_ca.pub"
	sshd_start server "TrustedUserCAKeys $SAFE/user_ca.pub" \
		"AuthorizedKeysFile none"
	ssh -p "$SSHD_PORT" -i "$HOME/.ssh/id_work" -o IdentitiesOnly=yes \
		-o "HostKeyAlias=server" -o "UserKnownHostsFile=$WORK/known_server" \
		-o StrictHostKeyChecking=accept-new alice@127.0.0.1 id -un |
		grep -x alice
	# Nobody else's account, though the key is good.
	fails ssh -p "$SSHD_PORT" -i "$HOME/.ssh/id_work" \
		-o "HostKeyAlias=server" -o "UserKnownHostsFile=$WORK/known_server" \
		mallory@127.0.0.1 true
}

wrong_code() {
	code
	echo 000000 >"$WORK/otp"
	says 6 '' "$BUILD/sk-tpm" request -f "$HOME/.ssh/id_work" ssh://alice@ca
	fails grep -i 'unknown' "$WORK/out"
}

# --- as those would try who are not alice ------------------------------------

# Mallory is a person here, with a laptop that is known, and wants to be alice.
attacks() {
	local before
	before=$(sqlite3 "$STATE/store.db" "SELECT count(*) FROM certificates")
	# Her own account with a request that was for alice's.
	code
	says 5 'says destination' "$BUILD/sk-tpm" request \
		-f "$HOME/.ssh/id_work" ssh://mallory@alias
	# Alice's key, by mallory's login.
	says 5 'somebody else' asks_as mallory "$HOME/.ssh/id_work"
	# A key without a PIN, and a host's certificate.
	"$BUILD/sk-tpm" enroll -n -f "$WORK/plain" >/dev/null
	says 5 'lacks a PIN' asks_as mallory "$WORK/plain"
	says 5 'people get no host certificates' asks_as mallory \
		"$WORK/plain" --type host
	# What relay says of keys is not believed of a person: she says that she is
	# the machine's approved key, by hand.
	lies "login $(cut -d ' ' -f 2 "$HOME/.ssh/id_work.pub") 127.0.0.1"
	lies "login none 127.0.0.1"
	lies "login alice 127.0.0.1"
	lies "login none none none"
	# Nor from where she says that she came.
	lies "login none 192.0.2.99"
	fails grep -F 192.0.2.99 <(ca audit)
	[ "$(rows certificates)" -eq "$before" ]
}

# lies LINE: as mallory, straight to the socket, in place of relay.
lies() {
	{
		echo "$1"
		printf 'sk-tpm-attest 1\nfor alice@ca\ntype user\n.\n'
	} | setpriv --reuid 64002 --regid 64002 --clear-groups \
		/usr/bin/perl -MIO::Socket::UNIX -e '
			$s = IO::Socket::UNIX->new(Peer => shift) or die;
			print $s <STDIN>;
			$s->shutdown(1);
			print <$s>' "$SOCKET" >"$WORK/raw"
	cat "$WORK/raw"
	grep '^error ' "$WORK/raw"
	fails grep '^certificate' "$WORK/raw"
}

# A second key of hers in this machine waits; alice's goes on.
own_keys() {
	"$BUILD/sk-tpm" enroll -P -n -f "$WORK/hers" >/dev/null
	asks_as mallory "$WORK/hers"
	ssh-keygen -L -f "$WORK/hers-cert.pub" | grep 'mallory"'
	"$BUILD/sk-tpm" enroll -P -n -f "$WORK/second" >/dev/null
	says 4 'has to be approved' asks_as mallory "$WORK/second"
	asks_as alice "$HOME/.ssh/id_work"
	ca machine show web1 --json | jq -e '[.keys[] | .person + " " + .state] |
		sort == ["alice approved", "mallory approved", "mallory pending"]'
	ca machine approve web1 "$(fingerprint "$WORK/second.pub")"
	last_row '.person == "mallory"'
	asks_as mallory "$WORK/second"
	says 5 'another key has taken' asks_as mallory "$WORK/hers"
	asks_as alice "$HOME/.ssh/id_work"
}

# A key that waits for two things is approved for one of them, and takes the place
# of nobody else's.
one_at_a_time() {
	local wanted
	"$BUILD/sk-tpm" enroll -P -n -f "$WORK/two" >/dev/null
	wanted=$(fingerprint "$WORK/two.pub")
	says 4 'has to be approved' asks_as mallory "$WORK/two"
	sqlite3 "$STATE/store.db" "INSERT INTO keys (machine, type, state,
			fingerprint, person, blob, bound, first_seen, last_seen)
		SELECT machine, 2, state, fingerprint, '', blob, bound, first_seen,
			last_seen FROM keys WHERE fingerprint = '$wanted'"
	refuses_ca 'name one by its fingerprint and --type' machine approve web1
	refuses_ca 'name one by its fingerprint and --type' machine approve web1 \
		"$wanted"
	refuses_ca 'is not a type of certificate' machine approve web1 --type x
	ca machine approve web1 "$wanted" --type user >"$WORK/out"
	cat "$WORK/out"
	grep "^The key $wanted of web1 gets user certificates for mallory\.$" \
		"$WORK/out"
	last_row '.person == "mallory" and .type == "user"'
	[ "$(sqlite3 "$STATE/store.db" "SELECT count(*) FROM keys
		WHERE fingerprint = '$wanted' AND type = 2 AND state = 1")" -eq 1 ]
	asks_as alice "$HOME/.ssh/id_work"
	sqlite3 "$STATE/store.db" "DELETE FROM keys WHERE type = 2 AND
		fingerprint = '$wanted'"
}

# Nobody is a person where the settings do not say so.
not_set() {
	finally people_settings
	settings
	sed -i 's/^LoginAccount.*/LoginAccount machines/' "$CONF"
	says 6 'says unavailable' asks_as alice "$HOME/.ssh/id_work"
	grep 'PeopleProfile is not set' "$WORK/service.log"
	people_settings "Profile other" "UserPrincipals %u"
	refuses_ca 'profile other has %u' machine list
	settings
	sed -i '1i PeopleProfile none-such' "$CONF"
	refuses_ca 'there is no profile none-such' machine list
	# A name that is not set is the person's, and never the machine's.
	people_settings
	sed -i '/^UserPrincipals/d' "$CONF"
	asks_as alice "$HOME/.ssh/id_work" --json | jq -e '.names == "alice"'
}

# With Admission pending, an unknown laptop waits, with the person that came.
pending_machine() {
	finally people_settings
	ca machine remove web1
	people_settings
	sed -i '1i Admission pending' "$CONF"
	says 4 'this machine has to be approved' asks_as alice \
		"$HOME/.ssh/id_work"
	ca machine show "$ID" | grep 'person alice.*claims PIN, entered once in 3600 s'
	ca machine approve web1 "$ID"
	# The machine is known now; alice's key in it by her login, as always.
	says 4 "key has to be approved" asks_as alice "$HOME/.ssh/id_work"
	ca machine approve web1 "$(fingerprint "$HOME/.ssh/id_work.pub")"
	asks_as alice "$HOME/.ssh/id_work"
}

as_alice() {
	code
	chmod 666 "$WORK/asked"
	setpriv --reuid 64001 --regid 64001 --clear-groups \
		env HOME="$SAFE/alice" PATH="$BUILD:/usr/bin:/bin" "$@"
}

# One command for a laptop, as alice and in her home directory. Her other key has
# the place, so this one waits; ssh gets its certificate by itself then.
laptop() {
	local ssh=$SAFE/alice/.ssh
	install -d -o 64001 -g 64001 -m 700 "$ssh"
	printf '%s\n' 'Host ca' 'HostName 127.0.0.1' 'HostKeyAlias ca' \
		"Port $CA_PORT" 'PreferredAuthentications keyboard-interactive' \
		>"$ssh/config"
	echo "ca $(cut -d ' ' -f 1-2 "$WORK/ca.host.pub")" >"$ssh/known_hosts"
	chown 64001 "$ssh"/*
	says 1 "Name them by --hosts" as_alice sk-tpm join --user ssh://alice@ca
	says 0 'Adding lines' as_alice sk-tpm join --dry-run \
		--user ssh://alice@ca --hosts '*.example.com'
	[ ! -e "$ssh/id_ecdsa_sk" ]
	example_text laptop | sed "s/$ME@ca/alice@ca/; s/\$/ --hosts '*.example.com'/" \
		>"$WORK/laptop"
	says 4 'has to be approved' as_alice sh "$WORK/laptop"
	[ "$(stat -c '%u %a' "$ssh/id_ecdsa_sk")" = "64001 600" ]
	"$BUILD/sk-tpm" show --json "$ssh/id_ecdsa_sk" |
		jq -e '.pin and (.pin_lifetime | test("600|10"))'
	ca machine approve web1 "$(fingerprint "$ssh/id_ecdsa_sk.pub")"
	as_alice ssh -G web1.example.com >"$WORK/out"
	grep -x "identityfile $ssh/id_ecdsa_sk" "$WORK/out"
	grep '^knownhostscommand .*sk-tpm known-hosts' "$WORK/out"
	grep -i '^securitykeyprovider .*libsk-tpm' "$WORK/out"
	ssh-keygen -L -f "$ssh/id_ecdsa_sk-cert.pub" | grep 'alice"'
	as_alice sh -c "$(sed -n 's/^\tKnownHostsCommand //p' "$ssh/config")" |
		grep '^@cert-authority \*.example.com '
	# Other hosts are none of its business.
	as_alice ssh -G github.com >"$WORK/out"
	fails grep -i 'knownhostscommand .*sk-tpm' "$WORK/out"
	cp "$ssh/config" "$WORK/config.before"
	as_alice sk-tpm join --user ssh://alice@ca --hosts '*.example.com'
	cmp "$ssh/config" "$WORK/config.before"
	# A second CA would take the first one's place for its hosts.
	cp "$ssh/sk-tpm-host-ca.pub" "$WORK/keys.before"
	says 1 'for another CA' as_alice sk-tpm join \
		--user ssh://alice@other.example.org --hosts '*.example.org'
	says 1 'would need quotes' as_alice sk-tpm join --user ssh://alice@ca \
		--hosts '*.example.com' 'ssh://x$(touch${IFS}pwn)'
	cmp "$ssh/config" "$WORK/config.before"
	cmp "$ssh/sk-tpm-host-ca.pub" "$WORK/keys.before"
}

leaves() {
	cp "$HOME/.ssh/id_work-cert.pub" "$WORK/left-cert.pub"
	ca krl "$WORK/krl"
	ssh-keygen -Q -f "$WORK/krl" "$WORK/left-cert.pub"
	example_text leaves | sed "s/--person $ME/--person alice/" |
		sed "s,sk-tpm-ca,ca," >"$WORK/leaves"
	# shellcheck source=/dev/null
	. "$WORK/leaves"
	fails ssh-keygen -Q -f "$ETC/revoked" "$WORK/left-cert.pub"
	last_row '.what == "revoke" and .person == "alice" and .text == "left"'
	refuses_ca 'no certificate of alice' revoke --person alice
	refuses_ca 'takes one of' revoke --person alice --machine web1
	ca audit >/dev/null
}

cat >>"$HOME/.ssh/hosts" <<-EOT
	Host alias
		HostName 127.0.0.1
		HostKeyAlias ca
		Port $CA_PORT
		PreferredAuthentications keyboard-interactive
EOT
try "a machine that is not known is refused, whoever asks" waits_for_machine
try "a person's certificate, by a one-time password and a known machine" certified
try "a server lets the person in, and to no other account" server_lets_in
try "a wrong code" wrong_code
try "those who are somebody else" attacks
try "each person has a key of their own in a machine" own_keys
try "an approval is of one key for one thing" one_at_a_time
try "settings that mean nobody" not_set
try "an unknown laptop waits, with the person that came" pending_machine
try "somebody leaves" leaves
try "one command for a laptop" laptop
echo "1..$N"
