#!/usr/bin/env bash
# Who gets in: machines that wait for an administrator, those that a maker
# certified and an inventory knows, and people beside their machines.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# shellcheck source=tests/lib/ca.sh
. "$TOP/tests/lib/ca.sh"
ca_begin
PIN=314159

tpm_certified tpm --rsa-keysize 2048
tpm_persist_srk
cat "$WORK/ca/issuercert.pem" "$WORK/ca/swtpm-localca-rootca-cert.pem" \
	>"$SAFE/roots.pem"
ca init --names 127.0.0.1 >/dev/null
ca_serve
ca_client

# admits LINE...: settings of the CA, above its profiles.
admits() {
	settings
	printf '%s\n' "$@" | cat - "$CONF" >"$CONF.new"
	mv "$CONF.new" "$CONF"
}

pending() {
	ca machine list --pending --json >"$WORK/pending"
	cat "$WORK/pending"
	jq -e "$1" "$WORK/pending"
}

# The id that waits, or did last.
waiting_id() {
	sqlite3 "$STATE/store.db" "SELECT id FROM waiting ORDER BY number DESC
		LIMIT 1"
}

# --- pending ----------------------------------------------------------------

waits() {
	new "$WORK/k" -n -l login -l sign
	says 5 'says unknown' asks "$WORK/k"
	admits "Admission pending"
	says 4 'this machine has to be approved' asks "$WORK/k"
	last_row '.what == "pending" and .from == "127.0.0.1" and
		.text == "the machine waits for approval"'
	waiting_id >"$WORK/id"
	ID=$(cat "$WORK/id")
	pending 'length == 1 and .[0].id == "'"$ID"'" and .[0].times == 1 and
		.[0].state == "pending" and .[0].certified == false and
		.[0].from == "127.0.0.1"'
	ca machine show "$ID" | tee "$WORK/shown"
	grep '^advice: .*may be software' "$WORK/shown"
	grep '^issuer: .*CN=swtpm-localca' "$WORK/shown"
	grep '^maker: .*model swtpm' "$WORK/shown"
	grep '^problem: .*EndorsementRoots is not set' "$WORK/shown"
	grep 'claims no PIN, limits: login+sign' "$WORK/shown"
	# It asks again: no other decision, and no other row.
	local before
	before=$(rows audit)
	says 4 'has to be approved' asks "$WORK/k"
	[ "$(rows audit)" -eq "$before" ]
	pending '.[0].times == 2'
}

# The name that the machine chose is not enough for one that nobody certified.
approved() {
	local name ID
	ID=$(cat "$WORK/id")
	name=$(jq -r '.[0].asks_for' "$WORK/pending")
	refuses_ca 'type its id' machine approve "$name"
	refuses_ca 'no machine that waits asks for the name other' \
		machine approve other
	refuses_ca 'no machine with that id waits' machine approve web1 \
		"SHA256:$(head -c 32 /dev/urandom | base64)"
	refuses_ca 'neither a machine' machine approve web1 nonsense
	refuses_ca 'cannot be a machine' machine approve Web_1 "$ID"
	refuses_ca 'no such key' machine approve web1 "$ID" \
		"$(fingerprint "$STATE/user_ca.pub")"
	ca machine approve web1 "$ID"
	last_row '.what == "machine approve" and .machine == "web1" and
		.id == "'"$ID"'"'
	pending 'length == 0'
	asks "$WORK/k"
	ssh-keygen -L -f "$WORK/k-cert.pub" | grep "Key ID: \"web1 $ID\""
	# The rule goes on: another key of it waits, by the key's own approval.
	new "$WORK/other" -n
	says 4 "this machine's key has to be approved" asks "$WORK/other"
	refuses_ca 'there is a machine web1 already' machine approve web1 "$ID"
	ca machine remove web1
}

refused() {
	local ID
	ID=$(cat "$WORK/id")
	says 4 'has to be approved' asks "$WORK/k"
	ca machine refuse "$ID" --reason "nobody knows it"
	last_row '.what == "machine refuse" and .text == "nobody knows it"'
	says 5 'says unknown' asks "$WORK/k"
	last_row '.text == "an administrator refused this machine"'
	pending '.[0].state == "refused"'
	refuses_ca "is not a machine's id" machine refuse web1
	ca machine approve web1 "$ID"
	asks "$WORK/k"
	ca machine remove web1
	says 4 'has to be approved' asks "$WORK/k"
	# Added by its id, it waits no more; its key does.
	ca machine add web1 "$ID"
	pending 'length == 0'
	says 4 "this machine's key has to be approved" asks "$WORK/k"
	ca machine remove web1
}

# A machine's two keys wait side by side; of two of one type one is named.
several_keys() {
	local ID
	ID=$(cat "$WORK/id")
	echo "IdentityFile $WORK/k" >>"$WORK/ssh_config"
	finally sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	says 4 'has to be approved' asks "$WORK/k"
	"$BUILD/sk-tpm" enroll -n -l host -f "$WORK/host"
	says 4 'has to be approved' asks "$WORK/host" --type host
	ca machine approve web1 "$ID"
	asks "$WORK/k"
	asks "$WORK/host" --type host
	ca machine remove web1
	says 4 'has to be approved' asks "$WORK/k"
	says 4 'has to be approved' asks "$WORK/other"
	refuses_ca 'several keys of the machine wait' machine approve web1 "$ID"
	ca machine approve web1 "$ID" "$(fingerprint "$WORK/other.pub")"
	asks "$WORK/other"
	says 4 'has to be approved' asks "$WORK/k"
	ca machine remove web1
	# A stranger's key is no login for a machine that waits.
	new "$WORK/third" -n -l sign
	sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	echo "IdentityFile $WORK/other" >>"$WORK/ssh_config"
	says 5 'says login' asks "$WORK/third"
}

# others N ADDRESS: as many that wait, from there.
others() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "INSERT INTO waiting (id, state, certified, certificate,
			issuer, maker, problem, name, address, times, first_seen,
			last_seen) VALUES ('SHA256:$(head -c 32 /dev/urandom |
			base64)', 0, ${3:-0}, x'', '', '', '', 'x', '$2', 1,
			${4:-$(date +%s)}, ${4:-$(date +%s)});"
	done | sqlite3 "$STATE/store.db"
}

forget_waiting() {
	sqlite3 "$STATE/store.db" 'PRAGMA foreign_keys = ON;
		DELETE FROM waiting'
}

bounded() {
	admits "Admission pending" "MaxPending 16"
	forget_waiting
	# A quarter of the twelve that are not certified, for one address.
	others 2 127.0.0.1
	says 4 'has to be approved' asks "$WORK/k"
	forget_waiting
	others 3 127.0.0.1
	says 6 'says busy' asks "$WORK/k"
	grep 'says busy: "too many machines wait to be approved"' "$WORK/out"
	last_row '.code == "busy" and (.text | test("3 machines wait"))'
	[ "$(rows waiting)" -eq 3 ]
	forget_waiting
	others 12 192.0.2.1
	says 6 'says busy' asks "$WORK/k"
	# The rest is for those that a maker certified, up to the bound.
	admits "Admission pending" "MaxPending 16" \
		"EndorsementRoots $SAFE/roots.pem"
	says 4 'has to be approved' asks "$WORK/k"
	pending 'any(.certified)'
	forget_waiting
	others 16 192.0.2.1
	says 6 'says busy' asks "$WORK/k"
	# Who has not asked for long makes room, and who was refused stays so.
	forget_waiting
	others 16 192.0.2.1 0 1000000000
	sqlite3 "$STATE/store.db" 'UPDATE waiting SET state = 1
		WHERE number = (SELECT min(number) FROM waiting)'
	says 4 'has to be approved' asks "$WORK/k"
	pending 'length == 2 and ([.[] | select(.state == "refused")] | length) == 1'
	forget_waiting
}

# A maker's certificate: its name is its own word all the same.
certified_waits() {
	local name
	admits "Admission pending" "EndorsementRoots $SAFE/roots.pem"
	says 4 'has to be approved' asks "$WORK/k"
	pending '.[0].certified'
	ca machine show "$(waiting_id)" | grep '^advice: .*maker of TPMs vouches'
	name=$(jq -r '.[0].asks_for' "$WORK/pending")
	refuses_ca 'type its id' machine approve "$name"
	ca machine approve "$name" "$(waiting_id)"
	asks "$WORK/k"
	ca machine remove "$name"
}

# --- certified ----------------------------------------------------------------

# What an inventory is asked and says here: questions in $SAFE/asked, and
# $SAFE/answer.
inventory_start() {
	id "$NOBODY" >/dev/null 2>&1 || cannot "there is no account $NOBODY"
	cat >"$SAFE/inventory" <<-EOT
		#!/bin/sh
		printf '%s\n' "\$(id -un)" "\$@" >"$SAFE/asked/question"
		env >"$SAFE/asked/env"
		cat "$SAFE/answer"
		. "$SAFE/ends"
	EOT
	chmod 755 "$SAFE/inventory"
	mkdir "$SAFE/asked"
	chown "$NOBODY" "$SAFE/asked"
	: >"$SAFE/answer"
	: >"$SAFE/ends"
	systemd-socket-activate --accept --inetd -l "$SAFE/inventory.socket" \
		"$SAFE/libexec/inventory" "$CONF" \
		>/dev/null 2>>"$WORK/inventory.log" &
	ends_with_us $!
	wait_until [ -S "$SAFE/inventory.socket" ]
}

certifies() {
	admits "Admission certified" "EndorsementRoots $SAFE/roots.pem" \
		"InventoryCommand $SAFE/inventory" \
		"InventoryCommandUser $NOBODY" \
		"InventorySocket $SAFE/inventory.socket" "$@"
}

inventory_says() {
	printf '%s\n' "$@" >"$SAFE/answer"
}

# Nobody has to be asked: the maker and the inventory know the machine.
certified() {
	local ID
	inventory_start
	forget_waiting
	certifies
	printf 'Profile default\nFirstKey accept\nProfile web\nFirstKey accept\nUserValidity 2h\n' \
		>>"$CONF"
	says 5 'says unknown' asks "$WORK/k"
	last_row '.text | test("the inventory has no machine with the id")'
	inventory_says 'name web7' 'profile web' 'user-principals web7 deploy' \
		'host-principals web7.example.com'
	asks "$WORK/k" --name db1
	ID=$(ca machine show web7 --json | jq -r '.ids[0]')
	last_row '.what == "issued" and .machine == "web7" and
		(.text | test("for web7,deploy until .*inventory has the machine"))'
	cat "$SAFE/asked/question"
	[ "$(cat "$SAFE/asked/question")" = "$NOBODY
$ID
CN=unknown" ]
	fails grep -v -E '^(PATH|USER|LOGNAME|HOME|SHELL|PWD|_|SHLVL|OLDPWD)=' \
		"$SAFE/asked/env"
	ssh-keygen -L -f "$WORK/k-cert.pub" >"$WORK/cert"
	grep -A 2 'Principals:' "$WORK/cert" | grep -x ' *deploy'
	ca machine show web7 | grep -x 'inventory: *yes'
	ca machine show web7 | grep -x 'profile: *web'
	# The certificate of the other type has its own principals.
	sed -i 's,^InventoryCommand .*,& %t-%% %n %i,' "$CONF"
	"$BUILD/sk-tpm" enroll -n -l host -f "$WORK/h7"
	echo "IdentityFile $WORK/k" >>"$WORK/ssh_config"
	asks "$WORK/h7" --type host
	sed -i '/^IdentityFile/d' "$WORK/ssh_config"
	ssh-keygen -L -f "$WORK/h7-cert.pub" | grep -x ' *web7.example.com'
	sed -n 2p "$SAFE/asked/question" | grep -x 'host-%'
	sed -n 3p "$SAFE/asked/question" | grep -xE '[0-9A-F]+'
}

# It is asked each time, and what it says now counts; a name never moves.
listed() {
	inventory_says 'name web8'
	says 5 'says unknown' asks "$WORK/k"
	last_row '.text | test("calls web7 by another name: sk-tpm-ca machine rename web7 web8")'
	inventory_says 'name web7' 'user-principals web7 other'
	asks "$WORK/k"
	ssh-keygen -L -f "$WORK/k-cert.pub" | grep -x ' *other'
	ca machine show web7 | grep -x 'profile: *default'
	: >"$SAFE/answer"
	says 5 'says unknown' asks "$WORK/k"
	last_row '.text == "the inventory does not have web7 any more"'
	inventory_says 'name web7'
	ca machine disable web7
	says 5 'says disabled' asks "$WORK/k"
	ca machine remove web7
	ca machine add web7 "SHA256:$(head -c 32 /dev/urandom | base64)"
	says 5 'says unknown' asks "$WORK/k"
	last_row '.text | test("it as web7, which is another machine")'
	[ "$(rows 'machines WHERE of_inventory')" -eq 0 ]
	ca machine remove web7
}

# An administrator's no is above the inventory's yes.
listed_and_refused() {
	local ID
	certifies "Admission pending"
	sed -i '0,/^Admission certified/{s/certified/certified pending/}
		/^Admission pending/d' "$CONF"
	: >"$SAFE/answer"
	says 4 'has to be approved' asks "$WORK/k"
	ID=$(waiting_id)
	ca machine refuse "$ID"
	inventory_says 'name web7'
	says 5 'says unknown' asks "$WORK/k"
	last_row '.text == "an administrator refused this machine"'
	forget_waiting
	# The key of one that joins waits where the profile says so.
	says 4 "this machine's key has to be approved" asks "$WORK/k"
	last_row '.what == "pending" and .machine == "web7"'
	ca machine approve web7
	asks "$WORK/k"
	ca machine remove web7
}

# What joined by its certificate, and has another one now that it made itself.
own_certificate() {
	certifies
	printf 'Profile default\nFirstKey accept\n' >>"$CONF"
	inventory_says 'name web7'
	asks "$WORK/k"
	sed -i "s,^EndorsementRoots.*,EndorsementRoots $SAFE/other-roots.pem," \
		"$CONF"
	sed -i 's,^InventoryCommand .*,& %n %s,' "$CONF"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout /dev/null -subj /CN=other -out "$SAFE/other-roots.pem" \
		2>/dev/null
	asks "$WORK/k"
	cat "$SAFE/asked/question"
	# Its id is known: nothing that the certificate says is passed on.
	[ "$(grep . "$SAFE/asked/question")" = "$NOBODY" ]
	ca machine remove web7
}

# A network of 64 bits is one place: whoever has one has all of its addresses.
of_one_network() {
	local address
	admits "Admission pending" "MaxPending 16"
	forget_waiting
	others 1 2001:db8::1
	others 1 2001:db8::2:1
	others 1 2001:db8:0:1::1
	asks_from 2001:db8::9 | grep '^pending '
	forget_waiting
	for address in 2001:db8::1 2001:db8::2:1 2001:db8:0:0:ffff::1; do
		others 1 "$address"
	done
	asks_from 2001:db8::9 | grep '^error busy '
	asks_from 2001:db8:0:1::9 | grep '^pending '
	forget_waiting
}

# asks_from ADDRESS: tests/attest/machine, through relay; what the CA said.
asks_from() {
	rm -rf "$WORK/talk"
	mkdir "$WORK/talk"
	mkfifo "$WORK/talk/back"
	DESTINATION=127.0.0.1 "$TOP/tests/attest/machine" "$WORK/talk" user \
		0x81010001 <"$WORK/talk/back" 2>"$WORK/talk/err" |
		SSH_CONNECTION="$1 1 ::1 22" logged_in |
		tee "$WORK/talk/heard" >"$WORK/talk/back" || :
	cat "$WORK/talk/heard"
}

uncertified() {
	certifies
	sed -i "s,^EndorsementRoots.*,EndorsementRoots $WORK/other-roots.pem," \
		"$CONF"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout /dev/null -subj /CN=other -out "$WORK/other-roots.pem" \
		2>/dev/null
	rm -f "$SAFE/asked/question"
	inventory_says 'name web7'
	says 5 'says ek-cert:' asks "$WORK/k"
	# Nothing was asked for it: it would be anybody's word.
	[ ! -e "$SAFE/asked/question" ]
}

# one line each: what it prints, and what the log has of that.
inventory_fails() {
	local output why
	certifies
	while IFS='|' read -r output why; do
		printf '%b' "$output" >"$SAFE/answer"
		says 6 'cannot issue certificates at present' asks "$WORK/k" ||
			{ echo "of: $output"; return 1; }
		grep -F -- "$why" "$WORK/service.log" || { echo "lacks: $why"; return 1; }
	done <<-'EOT'
		name web7\nname web8\n|"name": it says so twice
		name Web_7\n|"name": what follows is no name
		name web7 web8\n|"name": what follows is no name
		profile web\n|a machine needs a name
		user-principals root\n|a machine needs a name
		name web7\nuser-principals a,b\n|"user-principals": what follows are no principals
		name web7\nuser-principals %m\n|"user-principals": what follows are no principals
		name web7\nprincipals a\n|"principals": there is name, profile
		name web7\r\n|"name": what follows is no name
		\0name web7\n|prints what is no text
	EOT
	head -c 20000 /dev/zero | tr '\0' '#' >"$SAFE/answer"
	says 6 'cannot issue' asks "$WORK/k"
	grep 'InventoryCommand prints too much' "$WORK/inventory.log"
	inventory_says 'name web7'
	echo 'exit 3' >"$SAFE/ends"
	says 6 'cannot issue' asks "$WORK/k"
	grep 'InventoryCommand failed: status 3' "$WORK/inventory.log"
	echo 'sleep 60 &' >"$SAFE/ends"
	says 6 'cannot issue' asks "$WORK/k"
	grep 'InventoryCommand runs for more than 10 s' "$WORK/inventory.log"
	: >"$SAFE/ends"
	chmod g+w "$SAFE/inventory"
	says 6 'cannot issue' asks "$WORK/k"
	grep "$SAFE/inventory has to be root's" "$WORK/inventory.log"
	chmod g-w "$SAFE/inventory"
	certifies "# x"
	sed -i 's/^InventoryCommandUser.*/InventoryCommandUser root/' "$CONF"
	says 6 'cannot issue' asks "$WORK/k"
	grep 'InventoryCommandUser: not root' "$WORK/inventory.log"
	certifies
	sed -i "s,^InventorySocket.*,InventorySocket $SAFE/none," "$CONF"
	says 6 'cannot issue' asks "$WORK/k"
	grep "cannot reach $SAFE/none, which runs InventoryCommand" \
		"$WORK/service.log"
	[ "$(rows machines)" -eq 0 ]
}

# Whoever else reaches the socket is told nothing.
inventory_of_others() {
	certifies
	sed -i "s/^ServiceAccount.*/ServiceAccount $NOBODY/" "$CONF"
	printf 'id x\nsubject \nserial \ntype user\n.\n' |
		"$SAFE/libexec/relay" "$SAFE/inventory.socket" >"$WORK/told"
	[ ! -s "$WORK/told" ]
	grep "uid 0 asks, and not $NOBODY" "$WORK/inventory.log"
}

inventory_settings() {
	admits "Admission certified" "EndorsementRoots $SAFE/roots.pem"
	refuses_ca 'Admission certified needs InventoryCommand' machine list
	admits "InventoryCommand $SAFE/inventory"
	refuses_ca 'InventoryCommand needs InventoryCommandUser' machine list
	admits "Admission certified" "InventoryCommand $SAFE/inventory" \
		"InventoryCommandUser $NOBODY"
	refuses_ca 'Admission certified needs EndorsementRoots' machine list
	admits "Admission everybody"
	refuses_ca '"everybody" is not known, pending or certified' machine list
}

NOBODY=nobody

try "a machine that is not known waits, and all that it says is shown" waits
try "it is approved by its id" approved
try "it is refused, and that is taken back" refused
try "keys of one that waits" several_keys
try "those that wait are bounded, and push out nobody" bounded
try "a network of IPv6 has the places of one address" of_one_network
try "one that a maker certified, by its id as well" certified_waits
try "one that its maker certified and the inventory knows needs nobody" certified
try "what the inventory says now counts, and a name never moves" listed
try "whom an administrator refused, no inventory lets in" listed_and_refused
try "a certificate of its own making is not passed on" own_certificate
try "for one without a maker's word no inventory is asked" uncertified
try "an inventory that fails lets nobody in, and the log says why" inventory_fails
try "nobody but the service asks the inventory" inventory_of_others
try "settings that belong together" inventory_settings
echo "1..$N"
