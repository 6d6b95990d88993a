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
ca_snippet
service_start
sshd_start ca "$(cat "$WORK/snippet")"
ca_client
CA=ssh://$ME@127.0.0.1:$SSHD_PORT

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

# A maker's certificate: the name that it asks for will do.
certified_waits() {
	local name
	admits "Admission pending" "EndorsementRoots $SAFE/roots.pem"
	says 4 'has to be approved' asks "$WORK/k"
	pending '.[0].certified'
	ca machine show "$(waiting_id)" | grep '^advice: .*maker of TPMs vouches'
	name=$(jq -r '.[0].asks_for' "$WORK/pending")
	ca machine approve "$name"
	asks "$WORK/k"
	ca machine remove "$name"
}

try "a machine that is not known waits, and all that it says is shown" waits
try "it is approved by its id" approved
try "it is refused, and that is taken back" refused
try "keys of one that waits" several_keys
try "those that wait are bounded, and push out nobody" bounded
try "one that a maker certified, by its name" certified_waits
echo "1..$N"
