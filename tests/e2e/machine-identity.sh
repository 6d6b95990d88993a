#!/usr/bin/env bash
# A machine's identity for its daemons: key, certificate, renewal, refusals;
# the units as systemd reads them. (make check-vm runs them at a real boot.)
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
tpm_persist_srk
PARTS=$TOP/examples/machine-identity
STATE=$WORK/state
mkdir -m 700 "$STATE"
mkdir -p libexec/sk-tpm
for part in identity sign-machine; do
	as_here <"$PARTS/$part" >"libexec/sk-tpm/$part"
	chmod 755 "libexec/sk-tpm/$part"
done

# What differs between the page and here: places, and the servers' addresses.
as_here() {
	sed -e "s|/usr/local/lib/libsk-tpm.so|$LIB|g" \
		-e "s|/usr/local/libexec/|$WORK/libexec/|g" \
		-e "s|/etc/ssh/|$ETC/|g" \
		-e "s|/var/lib/sk-tpm-identity/|$STATE/|g" \
		-e "s|ssh://ca@ca.example.com|ssh://$ME@127.0.0.1:${CA_PORT-}|" \
		-e "s|ssh://machines@management.example.com|ssh://$ME@127.0.0.1:${MANAGEMENT_PORT-}|" \
		-e "s/Match User machines/Match User $ME/" \
		-e "s/chown ca /chown $ME /" -e 's/timeout 60 /timeout 3 /'
}

# Runs as a service does: without a terminal or an environment.
service() {
	env -i PATH="$PATH" "SK_TPM_TCTI=$SK_TPM_TCTI" \
		"SK_TPM_CONFIG=$SK_TPM_CONFIG" "STATE_DIRECTORY=$STATE" \
		"$(example_text machine)" setsid -w "$@" </dev/null
}

# The page's command is a shell's, and so are ours around it.
connect() {
	echo "$(example_text connect)" >connect.sh
	service sh -eu connect.sh
}

identity() {
	service libexec/sk-tpm/identity
}

first_run_makes_a_key() {
	fails identity >log 2>&1
	cat log
	grep -q 'made a key, for the CA to know' log
	grep -qF "$(cat "$STATE/id_machine.pub")" log
	grep -q 'Permission denied' log
	[ "$(stat -c %a "$STATE/id_machine")" = 600 ]
	[ ! -e "$STATE/id_machine-cert.pub" ]
	# The next one keeps it.
	cp "$STATE/id_machine.pub" first.pub
	fails identity
	cmp first.pub "$STATE/id_machine.pub"
}

ca_knows_it() {
	example_text known | sed "s|KEY\$|$(cat "$STATE/id_machine.pub")|" \
		>ca.keys
	identity | grep 'certificate valid'
	ssh-keygen -L -f "$STATE/id_machine-cert.pub" >log
	grep -q 'Key ID: "web1"' log
	grep -A1 'Principals:' log | grep -q web1
	# A machine's certificate allows commands, and no more.
	fails grep -q 'permit-pty\|permit-agent-forwarding' log
	tpm_is_empty
}

management_lets_it_in() {
	fails connect
	example principals
	connect
	grep -q 'Accepted publickey.*ECDSA-SK-CERT.*ID web1' management.log
	tpm_is_empty
}

management_keeps_others_out() {
	sed -i 's/web1/web2/' "$ETC/machine_principals"
	fails connect
	sed -i 's/web2/web1/' "$ETC/machine_principals"
	connect
}

# It logs in to no other account of the server, least of all root's.
other_accounts_stay_closed() {
	local other=nobody
	[ "$(id -u)" -eq 0 ] || other=root
	example_text connect | sed "s|//$ME@|//$other@|" >connect-other.sh
	grep -q "//$other@" connect-other.sh
	fails service sh -eu connect-other.sh 2>log
	grep -q 'Permission denied' log
	connect
}

renews() {
	local before after
	before=$(ssh-keygen -L -f "$STATE/id_machine-cert.pub")
	# Made an hour ago, to be told from the next.
	ssh-keygen -q -s "$ETC/machine_ca" -I web1 -n web1 -V -2h:-1h \
		-O no-touch-required "$STATE/id_machine.pub"
	fails connect
	identity
	connect
	after=$(ssh-keygen -L -f "$STATE/id_machine-cert.pub")
	echo "$before$after" | grep -c 'Valid: from' | grep -qx 2
}

# What the CA's script certifies is the key of the login, whatever is sent.
only_its_own_key() {
	ssh-keygen -q -t ed25519 -N '' -f other
	service sh -c "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes \
		-o SecurityKeyProvider=$LIB -i $STATE/id_machine \
		-o UserKnownHostsFile=$ETC/ssh_known_hosts -p $CA_PORT \
		$ME@127.0.0.1 sign-machine web2 <other.pub" >answer
	ssh-keygen -L -f answer | grep -q 'Key ID: "web1"'
	[ "$(ssh-keygen -l -f answer | cut -d' ' -f2)" = \
		"$(ssh-keygen -l -f "$STATE/id_machine.pub" | cut -d' ' -f2)" ]
}

# Eight requests at once get eight serial numbers.
numbered_apart() {
	local i pids=()
	for i in {1..8}; do
		service sh -c "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes \
			-o SecurityKeyProvider=$LIB -i $STATE/id_machine \
			-o UserKnownHostsFile=$ETC/ssh_known_hosts \
			-p $CA_PORT $ME@127.0.0.1" >"serial.$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	for i in {1..8}; do
		ssh-keygen -L -f "serial.$i" | grep 'Serial: '
	done >serials
	cat serials
	[ "$(sort -u serials | wc -l)" -eq 8 ]
}

# certificate NAME OPTION...: for the machine's key, in NAME-cert.pub.
certificate() {
	cp "$STATE/id_machine.pub" "$1.pub"
	ssh-keygen -q -s "$ETC/machine_ca" -I x "${@:2}" "$1.pub"
}

# A CA that answers with nothing, nonsense, too much, another's certificate, one
# that is none for now, or never: the one that is there stays.
bad_answers() {
	local answer
	cp "$STATE/id_machine-cert.pub" good
	cp ca.keys ca.keys.good
	ssh-keygen -q -s "$ETC/machine_ca" -I x other.pub
	certificate for-hosts -h
	certificate old -V -2d:-1d
	certificate early -V +1d:+2d
	for answer in true 'echo nonsense' 'head -c 1000 /dev/urandom' 'yes' \
		"cat $WORK/other-cert.pub" "cat $STATE/id_machine.pub" \
		"cat $WORK/for-hosts-cert.pub" "cat $WORK/old-cert.pub" \
		"cat $WORK/early-cert.pub" 'exit 1' 'exec sleep 30'; do
		echo "- $answer"
		sed "s|command=\"[^\"]*\"|command=\"$answer\"|" ca.keys.good >ca.keys
		fails identity
		cmp good "$STATE/id_machine-cert.pub"
	done
	cp ca.keys.good ca.keys
	identity
}

# A key in a file is not accepted as a machine.
plain_keys_get_nothing() {
	ssh-keygen -q -t ed25519 -N '' -f plain
	example_text known | sed "s|KEY\$|$(cat plain.pub)|" >>ca.keys
	fails ssh -i plain ca >answer 2>log
	grep 'sign-machine: no key of type sk-ecdsa' log
	fails test -s answer
}

not_configured() {
	fails env -i PATH="$PATH" STATE_DIRECTORY="$STATE" \
		libexec/sk-tpm/identity 2>log
	grep -q 'CA: is not set, see /etc/sk-tpm-identity.conf' log
}

# A run that was killed while it made the key.
half_made() {
	local other=$WORK/half
	mkdir -m 700 "$other"
	echo remains >"$other/new"
	echo remains >"$other/id_machine.pub"
	: >"$other/id_machine"
	STATE=$other fails identity
	grep -q '^sk-ecdsa' "$other/id_machine.pub"
	ssh-keygen -y -f "$other/id_machine" >/dev/null
}

# With the disk in another machine, nothing is renewed, no login succeeds, and our
# line says why.
other_machine() {
	tpm_new thief
	fails identity 2>log
	grep -q '^sk-tpm: this key was made in another TPM' log
	fails connect 2>log
	grep -q '^sk-tpm: this key was made in another TPM' log
}

units_are_valid() {
	local unit
	command -v systemd-analyze >/dev/null ||
		cannot "no systemd-analyze"
	printf '[Service]\nExecStart=/bin/true\n' >plain.service
	systemd-analyze verify --man=no "$WORK/plain.service" ||
		cannot "systemd-analyze takes no unit here"
	mkdir units
	for unit in sk-tpm-identity.service sk-tpm-identity.timer; do
		as_here <"$PARTS/$unit" >"units/$unit"
	done
	SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no \
		"$WORK"/units/* >log 2>&1
	cat log
	# What other units of this machine are warned of is not ours.
	fails grep sk-tpm log
}

# systemd's own measure of how much a service may do: 0 nothing, 10 all.
unit_is_confined() {
	command -v systemd-analyze >/dev/null ||
		cannot "no systemd-analyze"
	systemd-analyze --help | grep -q -- --offline ||
		cannot "this systemd-analyze has no --offline"
	systemd-analyze security --offline=yes --threshold=30 \
		"$WORK/units/sk-tpm-identity.service" >log || return 1
	tail -n 1 log
}

example ca >/dev/null
host ca "$(example_text expose)"
CA_PORT=$SSHD_PORT
mapfile -t management < <(example_text management)
: >"$ETC/machine_principals"
host management "${management[@]}"
MANAGEMENT_PORT=$SSHD_PORT
cp known_hosts "$ETC/ssh_known_hosts"
try "the first run makes a key and shows it" first_run_makes_a_key
try "once the CA knows it, it gets its certificate" ca_knows_it
try "the management server lets it in by name" management_lets_it_in
try "and no machine of another name" management_keeps_others_out
try "no other account of that server lets it in" other_accounts_stay_closed
try "an expired certificate is renewed" renews
try "the CA certifies the key of the login only" only_its_own_key
try "each certificate has a number of its own" numbered_apart
try "the CA certifies no key in a file" plain_keys_get_nothing
try "bad answers of the CA change nothing" bad_answers
try "without a CA it says what is missing" not_configured
try "a key that was half made is made" half_made
try "nothing is left in the TPM" tpm_is_empty
try "in another machine: refused, with our line" other_machine
try "systemd takes the units" units_are_valid
try "systemd finds the service confined" unit_is_confined
echo "1..$N"
