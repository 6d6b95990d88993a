#!/usr/bin/env bash
# ssh-agent with TPM keys and their certificates: forwarded, constrained, for a
# while, locked, emptied and started anew; and what it says where it will not.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
tpm_persist_srk
PIN=246813
KEY=$HOME/.ssh/id_ecdsa_sk
export PATH=$BUILD:$PATH
# No key file is named here: ssh has what the agent has, and asks nothing.
client_config 'Host *' 'IdentitiesOnly no'

# Starts the agent as the page does: as a daemon, which ssh-agent -k ends.
start() {
	eval "$(example_text start | sed "s|/opt/sk-tpm/lib/\*|$(agent_list)|")"
	ends_with_us "$SSH_AGENT_PID"
}

# ssh on the servers: with a configuration of their own, and without an agent or
# a library.
server_side_ssh() {
	mkdir far
	cat >far/config <<-EOT
		Include $HOME/.ssh/hosts
		Host *
			UserKnownHostsFile $HOME/.ssh/known_hosts
			StrictHostKeyChecking yes
			BatchMode yes
	EOT
	printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(type -P ssh)" \
		"$WORK/far/config" >far/ssh
	chmod +x far/ssh
}

set_up() {
	certify_a_key
	server_side_ssh
}

# asked [TEXT]: how often a person was asked TEXT, or anything. Notes do not
# count.
asked() {
	grep -Ec -- "^(confirm)?: ${1:-}" "$WORK/asked" || :
}

# counts HOST COMMAND...: prints how many logins by certificate the command makes
# at HOST.
counts() {
	local before host=$1
	before=$(logins "$host" ECDSA-SK-CERT)
	shift
	"$@" >&2 || :
	echo $(($(logins "$host" ECDSA-SK-CERT) - before))
}

agent_holds() {
	[ "$(ssh-add -L | wc -l)" -eq "$1" ]
}

adds_and_logs_in() {
	needs_pins_in_agent
	askpass_says "$PIN"
	start
	example add | tee out
	grep -q '(ECDSA-SK)$' out
	grep -q '(ECDSA-SK-CERT)$' out
	# Once for -T, once for the login: what for, and then the PIN.
	[ "$(asked '.*Sign 1[0-9]* bytes of an unknown kind')" -eq 1 ]
	[ "$(asked '.*Sign in to a server with host key')" -eq 1 ]
	[ "$(asked 'Enter PIN and confirm user presence for ECDSA-SK')" -eq 2 ]
	[ "$(asked)" -eq 4 ]
	[ "$(logins first ECDSA-SK-CERT)" -eq 1 ]
	tpm_is_empty
}

forwards() {
	needs_pins_in_agent
	askpass_says "$PIN"
	start
	ssh-add -q "$KEY"
	[ "$(counts third example forward)" -eq 1 ]
	grep -q "ECDSA-SK-CERT .*ID $ME@laptop (serial [0-9]*)" third.log
	# For each of the two servers, by the agent.
	[ "$(asked 'Enter PIN')" -eq 2 ]
	[ "$(asked)" -eq 4 ]
	# Not forwarded, it is no use there.
	[ "$(counts third fails ssh second ssh third true)" -eq 0 ]
}

constrains() {
	needs_openssh 809 "destination constraints"
	askpass_says "$PIN"
	start
	ssh-add -q "$KEY"
	# What is tried below is possible without constraints.
	[ "$(counts first ssh -A second ssh first true)" -eq 1 ]
	[ "$(counts third ssh third true)" -eq 1 ]
	[ "$(counts third example constrain)" -eq 1 ]
	agent_holds 1
	askpass_says "$PIN"
	[ "$(counts first fails ssh first true)" -eq 0 ]
	[ "$(counts third fails ssh third true)" -eq 0 ]
	[ "$(counts first fails ssh -A second ssh first true)" -eq 0 ]
	# second logged in once, to try; nothing else was asked to be signed.
	[ "$(asked)" -eq 2 ]
	# From third it goes no further: the keys are not even listed.
	[ "$(ssh -A second "ssh -A third ssh-add -l" || :)" = \
		"The agent has no identities." ]
	# Nor for anything but a login.
	ssh-add -L >constrained.pub
	fails ssh-add -T constrained.pub
}

# Over three hops, the person sees what each hop asks for before they enter the
# PIN for it, and can refuse what they did not ask for.
names_the_request() {
	needs_pins_in_agent
	local hop hops='first second third'
	askpass_says "$PIN"
	start
	ssh-add -q "$KEY"
	# shellcheck disable=SC2029 # here
	[ "$(counts third ssh -A first "ssh -A second 'ssh third true'")" -eq 1 ]
	for hop in $hops; do
		echo "confirm: Sign in to \(a server\|\"$hop\"\) with host key $(fingerprint "$hop.host.pub"), as \"$ME\""
		echo ": Enter PIN and confirm user presence for ECDSA-SK"
	done >wanted
	grep -v '^none:\|^again:' asked | sed 's/confirm: .*Sign in/confirm: Sign in/' >seen
	[ "$(wc -l <seen)" -eq 6 ]
	while read -r line && read -r pattern <&3; do
		grep -q "^$pattern" <<<"$line"
	done <seen 3<wanted
	# Refused, there is no PIN to be entered, and no try is spent.
	askpass_says yes "$PIN" no
	: >third.log
	[ "$(counts third fails ssh -A first "ssh third true")" -eq 0 ]
	[ "$(asked 'Enter PIN')" -eq 1 ]
	[ "$(asked)" -eq 3 ]
	[ "$(wrong_tries)" -eq 0 ]
	tpm_is_empty
}

# A remote host asks for something other than a login.
names_another_request() {
	needs_pins_in_agent
	askpass_says no
	start
	ssh-add -q "$KEY"
	cp "$KEY.pub" far/key.pub
	askpass_says yes "$PIN" no
	fails ssh -A first "echo text |
		ssh-keygen -Y sign -n git -f $WORK/far/key.pub >/dev/null"
	[ "$(asked '.*Sign a git commit or tag')" -eq 1 ]
	[ "$(asked 'Enter PIN')" -eq 1 ]
}

# The agent does not say that a PIN was wrong.
tells_of_a_wrong_pin() {
	needs_pins_in_agent
	askpass_says 135791
	start
	ssh-add -q "$KEY"
	fails ssh first true 2>out
	grep -q 'agent refused operation' out
	grep -q '^none: sk-tpm: wrong PIN; 2 tries are left before' asked
	[ "$(wrong_tries)" -eq 1 ]
	# At a terminal it is a line.
	: >asked
	export -f ssh
	client_config 'Host *' 'BatchMode no'
	unset SSH_ASKPASS_REQUIRE
	LOGIN="ssh -o IdentityAgent=none -i $KEY first true" person 'run $env(LOGIN)
		want "Enter PIN for ECDSA-SK key"
		send "135791\r"
		want "sk-tpm: wrong PIN; 1 try is left"
		expect eof'
	[ ! -s asked ]
	tpm2_dictionarylockout -Q -c
	client_config 'Host *' 'IdentitiesOnly no'
}

# The ways in which people start agents. No agent asks at the terminal that it
# was started from, whatever its processes look like.
however_it_was_started() {
	needs_pins_in_agent
	local list
	list=$(agent_list)
	export KEY PIN ASKS='ssh-add -q $KEY && ssh-add -T $KEY.pub && echo signed'
	export LIST=$list
	for how in 'ssh-agent -P "$LIST" bash -c "$ASKS"' \
		'eval "$(ssh-agent -P "$LIST")"; trap "ssh-agent -k" EXIT; eval "$ASKS"' \
		'ssh-agent -D -a '"$WORK"'/in-front -P "$LIST" & trap "kill $!" EXIT
			export SSH_AUTH_SOCK='"$WORK"'/in-front
			until ssh-add -l; [ $? -ne 2 ]; do :; done; eval "$ASKS"'; do
		askpass_says "$PIN"
		HOW=$how person 'run $env(HOW)
			want "signed"
			status'
		[ "$(asked '.*Sign 1[0-9]* bytes of an unknown kind')" -eq 1 ]
		[ "$(asked 'Enter PIN')" -eq 1 ]
		[ "$(asked)" -eq 2 ]
	done
	# Without the agent, who types the PIN there knows what for.
	: >asked
	unset SSH_ASKPASS_REQUIRE SSH_AUTH_SOCK
	LOGIN="command ssh -F $HOME/.ssh/config -i $KEY -o BatchMode=no first true"
	export LOGIN
	person 'run $env(LOGIN)
		want "Enter PIN for ECDSA-SK key"
		send "'"$PIN"'\r"
		status'
	[ ! -s asked ]
}

# Of a key that needs a PIN and nobody's consent else.
makes_a_key_without_touch() {
	printf '%s\n' "$PIN" | setsid -w ssh-keygen -q -t ecdsa-sk -N '' \
		-O verify-required -O no-touch-required -w "$LIB" -f "$1"
}

# asks_in_order WORD...: our question was there, "for", and that for the PIN,
# "PIN", in this order.
asks_in_order() {
	[ "$(sed -n 's/^confirm: .*Sign 1[0-9]* bytes.*/for/p
		s/^: Enter PIN .*/PIN/p' "$WORK/asked" | xargs)" = "$*" ]
}

# It is not known for an agent then, and the PIN has been asked for already.
of_another_name() {
	needs_pins_in_agent
	local file
	makes_a_key_without_touch no-touch
	cp "$(type -P ssh-agent)" my-agent
	askpass_says "$PIN"
	./my-agent -D -a "$WORK/renamed" -P "$(dirname "$(realpath "$LIB")")/*" >/dev/null &
	ends_with_us "$!"
	export SSH_AUTH_SOCK=$WORK/renamed
	wait_until agent_answers
	for file in no-touch "$KEY"; do
		askpass_says "$PIN"
		ssh-add -q "$file"
		ssh-add -T "$file.pub"
		asks_in_order PIN for
		askpass_says "$PIN" no
		fails ssh-add -T "$file.pub"
	done
	[ "$(wrong_tries)" -eq 0 ]
}

# in_proc OPTIONS COMMAND...: as somebody, with a /proc of their own.
in_proc() {
	unshare -m -p -f sh -c 'mount -t proc -o "$0" proc /proc &&
		exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' "$@"
}

# hidepid=: nobody but root may trace ssh-agent, and so see it.
hidden() {
	needs_pins_in_agent
	local option file
	[ "$(id -u)" -eq 0 ] || cannot "only root can mount /proc"
	in_proc hidepid=2 true || cannot "no namespace for /proc here"
	install -d "$WORK/person"
	WORK=$WORK/person askpass_says "$PIN"
	cp "$LIB" person/lib.so
	cp no-touch no-touch.pub person
	cp "$KEY" person/touch
	cp "$KEY.pub" person/touch.pub
	chown -R 65534 person
	export HOME=$WORK/person SK_TPM_CONFIG=/dev/null
	export SSH_ASKPASS=$WORK/person/askpass SSH_SK_PROVIDER=$WORK/person/lib.so
	export LIST="$WORK/person/*"
	for option in hidepid=0 hidepid=1 hidepid=2; do
		for file in no-touch touch; do
			: >person/asked
			# shellcheck disable=SC2016 # there
			in_proc "$option" ssh-agent -P "$LIST" bash -c '
				ssh-add -q "$0" && ssh-add -T "$0.pub"' "$WORK/person/$file"
			WORK=$WORK/person asks_in_order for PIN
		done
	done
}

# A finger's reader has no words; nor has it a D-Bus here. Others that are to ask
# say by themselves what for, after the PIN.
before_a_finger() {
	needs_pins_in_agent
	askpass_says "$PIN"
	SK_TPM_USER_PRESENCE=fprintd start
	ssh-add -q "$KEY"
	fails ssh-add -T "$KEY.pub"
	asks_in_order for PIN
	askpass_says "$PIN" no
	SK_TPM_USER_PRESENCE=askpass start
	ssh-add -q "$KEY"
	fails ssh-add -T "$KEY.pub"
	asks_in_order PIN for
}

deletes_and_adds_again() {
	needs_pins_in_agent
	askpass_says "$PIN"
	start
	ssh-add -q "$KEY"
	[ "$(counts first example again)" -eq 1 ]
	agent_holds 2
	ssh-add -d "$KEY"
	fails ssh-add -l
	[ "$(counts first fails ssh first true)" -eq 0 ]
	ssh-add -q "$KEY"
	# Twice is once.
	ssh-add -q "$KEY"
	agent_holds 2
	[ "$(counts first ssh first true)" -eq 1 ]
	# Another library for the same key: the last one counts.
	cp "$LIB" other.so
	ssh-agent -k
	eval "$(ssh-agent -P '/*')"
	ends_with_us "$SSH_AGENT_PID"
	ssh-add -q -S "$WORK/other.so" "$KEY"
	ssh-add -q "$KEY"
	rm other.so
	[ "$(counts first ssh first true)" -eq 1 ]
}

starts_anew() {
	needs_pins_in_agent
	askpass_says "$PIN"
	start
	ssh-add -q "$KEY"
	ssh-agent -k
	fails ssh-add -l
	start
	[ "$(ssh-add -l || :)" = "The agent has no identities." ]
	ssh-add -q "$KEY"
	[ "$(counts first ssh first true)" -eq 1 ]
}

confirms() {
	askpass_says yes
	example unattended "$CERTIFICATES"
	start
	example confirm
	# A key that asks nobody: one question, the agent's.
	askpass_says yes
	ssh -i "$HOME/.ssh/id_backup" third true
	[ "$(logins third 'ECDSA-SK-CERT .*ID backup@laptop')" -eq 1 ]
	[ "$(asked 'Allow use of key')" -eq 1 ]
	[ "$(asked)" -eq 1 ]
	askpass_says no
	fails ssh third true
	[ "$(logins third 'ECDSA-SK-CERT .*ID backup@laptop')" -eq 1 ]
}

# As the page says, a key with a PIN or presence asks twice.
confirms_twice() {
	needs_pins_in_agent
	askpass_says "$PIN"
	start
	ssh-add -q -c "$KEY"
	[ "$(counts first ssh first true)" -eq 1 ]
	[ "$(asked 'Allow use of key')" -eq 1 ]
	[ "$(asked '.*Sign in to a server with host key')" -eq 1 ]
	[ "$(asked 'Enter PIN')" -eq 1 ]
	[ "$(asked)" -eq 3 ]
	ssh-add -D
	askpass_says yes
	enroll asks
	ssh-keygen -q -s user_ca -I asks -n "$ME" -V +1h asks.pub
	askpass_says yes
	ssh-add -q -c asks
	askpass_says yes
	[ "$(counts first ssh first true)" -eq 1 ]
	[ "$(asked 'Allow use of key')" -eq 1 ]
	[ "$(asked '.*Sign in to a server with host key')" -eq 1 ]
	[ "$(asked)" -eq 2 ]
	# Without -c, once.
	ssh-add -D
	ssh-add -q asks
	askpass_says yes
	[ "$(counts first ssh first true)" -eq 1 ]
	[ "$(asked)" -eq 1 ]
	grep -q '^none: Confirm user presence for key ECDSA-SK' asked
	askpass_says no
	[ "$(counts first fails ssh first true)" -eq 0 ]
}

expires() {
	needs_pins_in_agent
	askpass_says "$PIN"
	start
	example lifetime 2>&1 | tee out
	grep -Eq 'Lifetime set to (28800 seconds|08:00:00)' out
	agent_holds 2
	ssh-add -q -t 1 "$KEY"
	wait_until fails ssh-add -l >/dev/null
	[ "$(ssh-add -l || :)" = "The agent has no identities." ]
	[ "$(counts first fails ssh first true)" -eq 0 ]
	ssh-add -q "$KEY"
	[ "$(counts first ssh first true)" -eq 1 ]
}

locks() {
	needs_pins_in_agent
	askpass_says "$PIN"
	start
	ssh-add -q "$KEY"
	askpass_says 'a password'
	example lock
	[ "$(ssh-add -l || :)" = "The agent has no identities." ]
	fails ssh-add -T "$KEY.pub"
	fails ssh-add -q "$KEY"
	[ "$(counts first fails ssh first true)" -eq 0 ]
	askpass_says 'another password'
	fails ssh-add -X
	askpass_says 'a password'
	example unlock
	agent_holds 2
	askpass_says "$PIN"
	[ "$(counts first ssh first true)" -eq 1 ]
}

# ssh sees only their public halves.
several_keys() {
	needs_pins_in_agent
	local choice name
	askpass_says "$PIN"
	ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_plain"
	ssh-keygen -q -s user_ca -I plain -n "$ME" -V +1h "$HOME/.ssh/id_plain"
	start
	ssh-add -q "$KEY" "$HOME/.ssh/id_backup" "$HOME/.ssh/id_plain"
	agent_holds 6
	mkdir public
	cp "$HOME/.ssh"/id_*.pub public
	mapfile -t choice < <(example_text choose | sed "s|$HOME/.ssh|$WORK/public|")
	client_config "${choice[@]}"
	for name in first second third; do
		: >"$name.log"
		ssh "$name" true
		[ "$(logins "$name")" -eq 1 ]
	done
	[ "$(logins first "ECDSA-SK-CERT .*ID $ME@laptop")" -eq 1 ]
	[ "$(logins second 'ECDSA-SK-CERT .*ID backup@laptop')" -eq 1 ]
	[ "$(logins third 'ED25519-CERT .*ID plain')" -eq 1 ]
}

# An agent without -P: what the page says of it, and what the doctor says.
refuses_libraries_elsewhere() {
	needs_pins_in_agent
	eval "$(ssh-agent)"
	ends_with_us "$SSH_AGENT_PID"
	fails ssh-add "$KEY" 2>out
	example_said 'agent refused operation' out
	fails ssh-add -l
	sk-tpm doctor -j >told || :
	jq -e '.checks[] | select(.status == "warning" and
		.check == "ssh-agent'"'"'s list") | .remedy | test("ssh-agent -P")' \
		told
}

# example_said TEXT FILE: a line of FILE has TEXT, and the page has that line.
example_said() {
	grep -F -- "$1" "$2" | sed "s|$HOME|/home/alice|" | grep -Fxf - "$PAGE"
}

# A daemon cannot ask at a terminal; ssh itself can.
without_a_display() {
	needs_pins_in_agent
	rm -f asked
	start
	ssh-add -q "$KEY"
	export -f ssh
	client_config 'Host *' 'BatchMode no'
	LOGIN="ssh -i ~/.ssh/id_ecdsa_sk first true" person 'run $env(LOGIN)
		want "agent refused operation"
		want "Permission denied"
		expect eof'
	LOGIN=$(example_text without) person 'run $env(LOGIN)
		want "Enter PIN for ECDSA-SK key"
		send "'"$PIN"'\r"
		status'
	[ ! -e asked ]
}

try "a key with its certificate, servers that trust it" set_up
mapfile -t trusting < <(example_text server "$CERTIFICATES")
for name in first second third server; do
	host "$name" "${trusting[@]}" "SetEnv PATH=$WORK/far:$PATH"
done
try "add, list, test and log in" adds_and_logs_in
try "forwarded to a second server, and the certificate used on a third" forwards
try "destination constraints: a permitted hop, and others refused" constrains
try "forwarded over three hops, each request is named before its PIN" \
	names_the_request
try "what another host asks for can be refused before the PIN" \
	names_another_request
try "a wrong PIN by an agent: a window says how many are left" \
	tells_of_a_wrong_pin
try "however the agent was started, it asks what for, and a terminal does not" \
	however_it_was_started
try "an agent of another name asks what for, after the PIN" of_another_name
try "an agent that /proc hides asks what for, before the PIN" hidden
try "before a finger, an agent asks what for as well" before_a_finger
try "deleted and added again at once" deletes_and_adds_again
try "a new agent after the old one" starts_anew
try "-c: the agent asks for a key that asks nobody" confirms
try "-c: a key with PIN or presence asks besides" confirms_twice
try "-t: gone after its time" expires
try "-x and -X: locked and unlocked" locks
try "two TPM keys and a plain one, each for its server" several_keys
try "a library elsewhere is refused, and the doctor says so" \
	refuses_libraries_elsewhere
try "no display: refused, and ssh without the agent asks" without_a_display
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
