#!/usr/bin/env bash
# PINs with a lifetime: entered once, and what ends that.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
not_for_debian_11 "its ssh asks for the PIN by itself, each time"

export PATH=$BUILD:$PATH
tpm_new tpm
tpm_persist_srk
sshd_start server
PIN='pass phräse'
export XDG_RUNTIME_DIR=$WORK/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
TICKETS=$XDG_RUNTIME_DIR/sk-tpm

# --- words ---------------------------------------------------------------

# enroll_lifetime FILE LIFETIME [OPTION...]: and lets it log in.
enroll_lifetime() {
	local file=$1 lifetime=$2
	shift 2
	askpass_says "$PIN"
	sk-tpm enroll -P --pin-lifetime "$lifetime" -f "$file" "$@"
	sed 's/^/no-touch-required,verify-required /' "$file.pub" \
		>>"$WORK/server.keys"
	askpass_says no
}

tickets() {
	find "$TICKETS" -type f 2>/dev/null | wc -l
}

# ticket_of FILE: where the ticket of a key is, or would be.
ticket_of() {
	handle_of "$1" >"$WORK/handle"
	echo "$TICKETS/$("$TOOLS/unpack" name "$WORK/handle")"
}

# enters_pin FILE: which gives a ticket.
enters_pin() {
	sk-tpm forget "$1"
	askpass_says "$PIN"
	log_in -i "$1"
	grep -q 'Enter PIN' "$WORK/asked"
	[ -s "$(ticket_of "$1")" ]
	askpass_says no
}

# No PIN can be entered, and nobody be asked.
without_pin() {
	: >"$WORK/asked"
	log_in -i "$1" && [ ! -s "$WORK/asked" ]
}

# The PIN has to be entered, no try was spent on that, and the ticket is gone.
wants_pin() {
	local before
	before=$(wrong_tries)
	fails without_pin "$1"
	[ "$(wrong_tries)" -eq "$before" ]
	[ ! -e "$(ticket_of "$1")" ]
	enters_pin "$1"
	without_pin "$1"
}

# The TPM's clock, in milliseconds since it was started.
tpm_time() {
	tpm2_readclock | sed -n 's/^time: //p'
}

# A swtpm's timeout is such a time, in eight bytes.
timeout_of() {
	"$TOOLS/unpack" ticket "$1" "$WORK"
	printf '%d\n' "0x$(od -An -tx1 "$WORK/timeout" | tr -d ' ')"
}

is_past() {
	[ "$(tpm_time)" -gt "$1" ]
}

# until_over TICKET: until it is over for the TPM.
until_over() {
	local end
	end=$(timeout_of "$1")
	wait_until is_past "$end"
}

# Between two starts of the TPM.
tpm_init() {
	local port=${TCTI##*=}
	swtpm_ioctl --tcp "127.0.0.1:$((port + 1))" -i
}

# --- a client that is not sk-tpm ------------------------------------------

# client_begins FILE: with key file and ticket of a key, and nothing else.
client_begins() {
	handle_of "$1" >"$WORK/handle"
	"$TOOLS/unpack" handle "$WORK/handle" "$WORK"
	"$TOOLS/unpack" ticket "$(ticket_of "$1")" "$WORK"
	tpm2_load -Q -C 0x81000001 -u "$WORK/key.pub" -r "$WORK/key.priv" \
		-c "$WORK/key.ctx"
	tpm2_flushcontext -t
}

client_presents() {
	tpm2_startauthsession --policy-session -S "$WORK/session"
	tpm2_policyticket -Q -S "$WORK/session" -n "$WORK/pin.name" \
		-q "$(cat "$WORK/binding")" --ticket "$WORK/ticket" \
		--timeout "$WORK/timeout"
}

client_signs() {
	head -c 32 /dev/urandom >"$WORK/digest"
	tpm2_sign -Q -c "$WORK/key.ctx" -p "session:$WORK/session" -g sha256 \
		-s ecdsa -d "$WORK/digest" -o "$WORK/signature"
}

client_ends() {
	tpm2_flushcontext "$WORK/session" 2>/dev/null
	tpm2_flushcontext -t
}

# --- the lifetime ----------------------------------------------------------

enrols() {
	enroll_lifetime "$WORK/k" 10m >"$WORK/out"
	grep -q '^Authorized keys:' "$WORK/out"
	enroll_lifetime "$WORK/quiet" 10m -n
	[ "$(tickets)" -eq 0 ]
	sk-tpm show "$WORK/k" | grep '^PIN lifetime: *10 minutes$'
	sk-tpm show "$WORK/k" | grep '^PIN counts until: *it was not entered$'
	refuses "add --pin" sk-tpm enroll --pin-lifetime 1h -f "$WORK/no"
	refuses "use none, or a time" sk-tpm enroll -P --pin-lifetime 10x \
		-f "$WORK/no"
	tpm_is_empty
}

once_for_many() {
	enters_pin "$WORK/quiet"
	[ "$(tickets)" -eq 1 ]
	[ "$(stat -c %a "$TICKETS" "$(ticket_of "$WORK/quiet")" | xargs)" = \
		"700 600" ]
	for _ in 1 2 3; do without_pin "$WORK/quiet"; done
	sk-tpm show "$WORK/quiet" | grep '^PIN counts until: *20[0-9-]* [0-9:]*$'
	tpm_is_empty
}

# verify-required of sshd wants UV, and the server wants it of each.
is_verified() {
	grep -q '^no-touch-required,verify-required' "$WORK/server.keys"
	without_pin "$WORK/quiet"
}

forgotten() {
	sk-tpm forget "$WORK/quiet"
	wants_pin "$WORK/quiet"
	enters_pin "$WORK/k"
	[ "$(sk-tpm forget)" = "PINs that have to be entered again: 2" ]
	[ "$(tickets)" -eq 0 ]
	wants_pin "$WORK/quiet"
	SK_TPM_TCTI=swtpm:port=1 sk-tpm forget
	[ "$(sk-tpm forget)" = "PINs that have to be entered again: 0" ]
	refuses "forget takes a key file" sk-tpm forget 0x01800000
}

wrong_pin() {
	local before
	sk-tpm forget
	before=$(wrong_tries)
	askpass_says 654321
	fails log_in -i "$WORK/k"
	[ "$(wrong_tries)" -eq "$((before + 1))" ]
	[ "$(tickets)" -eq 0 ]
	tpm2_dictionarylockout -c
	tpm_is_empty
}

# A lockout stops who guesses, and not who has entered the PIN.
in_lockout() {
	enters_pin "$WORK/quiet"
	tpm2_dictionarylockout -s -n 1 -t 1000 -l 1000
	finally tpm2_dictionarylockout -s -n 32 -t 1000 -l 1000
	finally tpm2_dictionarylockout -c
	askpass_says 654321
	SK_TPM_SPEND_LAST_TRY=yes fails log_in -i "$WORK/k"
	without_pin "$WORK/quiet"
	sk-tpm forget
	askpass_says "$PIN"
	fails log_in -i "$WORK/quiet"
	[ ! -s "$WORK/asked" ] || fails grep 'Enter PIN' "$WORK/asked"
}

changes_pin() {
	enroll_lifetime "$WORK/changed" 10m -n
	enters_pin "$WORK/changed"
	askpass_says "$PIN" 'other phrase' 'other phrase'
	sk-tpm pin "$WORK/changed"
	askpass_says no
	sk-tpm forget
	askpass_says "$PIN"
	fails log_in -i "$WORK/changed"
	PIN='other phrase' enters_pin "$WORK/changed"
	without_pin "$WORK/changed"
	tpm2_dictionarylockout -c
	tpm_is_empty
}

tests_key() {
	askpass_says "$PIN"
	sk-tpm test "$WORK/quiet" | grep '^Signature verified: *yes'
	askpass_says no
	tpm_is_empty
}

# The smaller of the key's time and the setting's counts.
setting() {
	local left
	sk-tpm forget
	askpass_says "$PIN"
	SK_TPM_PIN_LIFETIME=1m log_in -i "$WORK/quiet"
	left=$(($(timeout_of "$(ticket_of "$WORK/quiet")") - $(tpm_time)))
	echo "for $left ms"
	[ "$left" -gt 0 ] && [ "$left" -le 60000 ]
	askpass_says no
	SK_TPM_PIN_LIFETIME=none fails without_pin "$WORK/quiet"
	[ "$(tickets)" -eq 0 ]
	askpass_says "$PIN"
	SK_TPM_PIN_LIFETIME=none log_in -i "$WORK/quiet"
	[ "$(tickets)" -eq 0 ]
	SK_TPM_PIN_LIFETIME=1h log_in -i "$WORK/quiet"
	left=$(($(timeout_of "$(ticket_of "$WORK/quiet")") - $(tpm_time)))
	[ "$left" -le 600000 ] && [ "$left" -gt 60000 ]
}

# For keys that ssh-keygen makes.
made_by_ssh_keygen() {
	askpass_says "$PIN"
	echo "PINLifetime 5m" >>"$SK_TPM_CONFIG"
	finally sed -i '/^PINLifetime/d' "$SK_TPM_CONFIG"
	echo "$PIN" | ssh-keygen -q -t ecdsa-sk -O verify-required \
		-O no-touch-required -N '' -w "$LIB" -f "$WORK/made"
	sk-tpm show "$WORK/made" | grep '^PIN lifetime: *5 minutes$'
	sed 's/^/no-touch-required,verify-required /' "$WORK/made.pub" \
		>>"$WORK/server.keys"
	enters_pin "$WORK/made"
	without_pin "$WORK/made"
	enroll "$WORK/plain" -O no-touch-required
	sk-tpm show "$WORK/plain" | grep '^PIN: *no$'
}

no_runtime_dir() {
	sk-tpm forget
	askpass_says "$PIN"
	(
		unset XDG_RUNTIME_DIR
		log_in -i "$WORK/quiet"
		fails without_pin "$WORK/quiet"
		XDG_RUNTIME_DIR=$WORK/none log_in -i "$WORK/quiet"
	)
	[ "$(tickets)" -eq 0 ]
}

# --- who is asked ------------------------------------------------------------

login_command() {
	echo "ssh -F none -p $SSHD_PORT -l $ME -o UserKnownHostsFile=$WORK/known_hosts \
		-o IdentitiesOnly=yes -o SecurityKeyProvider=$LIB -i $1 127.0.0.1 echo logged-in"
}

# The server wants presence of it as well.
at_a_terminal() {
	cp "$WORK/server.keys" "$WORK/all.keys"
	finally cp "$WORK/all.keys" "$WORK/server.keys"
	sed 's/^/verify-required /' "$WORK/k.pub" >"$WORK/server.keys"
	sk-tpm forget
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	person "run {$(login_command "$WORK/k")}" 'want "Enter PIN"' \
		"send \"$PIN\r\"" 'want "logged-in"' status
	person "run {$(login_command "$WORK/k")}" \
		'expect "Press y" { exit 9 } "Enter PIN" { exit 9 } "logged-in"' \
		status
}

# Nobody is at a terminal: our question comes each time.
not_at_a_terminal() {
	cp "$WORK/server.keys" "$WORK/all.keys"
	finally cp "$WORK/all.keys" "$WORK/server.keys"
	sed 's/^/verify-required /' "$WORK/k.pub" >"$WORK/server.keys"
	enters_pin "$WORK/k"
	askpass_says yes
	log_in -i "$WORK/k"
	grep -q '^confirm:.*, by the PIN that was entered [0-9]* seconds ago?' \
		"$WORK/asked"
	askpass_says no
	fails log_in -i "$WORK/k"
	# That was no failure of the ticket.
	[ -s "$(ticket_of "$WORK/k")" ]
}

through_an_agent() {
	needs_pins_in_agent
	sk-tpm forget
	askpass_says "$PIN"
	agent_start -P "$(agent_list)"
	ssh-add -q -S "$LIB" "$WORK/k" "$WORK/quiet"
	cp "$WORK/k.pub" "$WORK/only.pub"
	cp "$WORK/quiet.pub" "$WORK/only-quiet.pub"
	log_in -i "$WORK/only.pub"
	grep -q '^confirm:.*, and let its PIN count for 10 minutes?' "$WORK/asked"
	# Within the lifetime our question is left, and no PIN.
	askpass_says yes
	log_in -i "$WORK/only.pub"
	grep -q '^confirm:.*, by the PIN that was entered' "$WORK/asked"
	fails grep 'Enter PIN' "$WORK/asked"
	askpass_says no
	fails log_in -i "$WORK/only.pub"
	# A key that needs nobody is asked about with its PIN alone.
	askpass_says "$PIN"
	log_in -i "$WORK/only-quiet.pub"
	askpass_says no
	for _ in 1 2 3; do log_in -i "$WORK/only-quiet.pub"; done
	[ ! -s "$WORK/asked" ]
}

# It has a terminal, at which nobody asked for what it passes on.
another_agent() {
	needs_pins_in_agent
	cp "$WORK/server.keys" "$WORK/all.keys"
	finally cp "$WORK/all.keys" "$WORK/server.keys"
	sed 's/^/verify-required /' "$WORK/k.pub" >"$WORK/server.keys"
	enters_pin "$WORK/k"
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	cp "$(command -v ssh-agent)" "$WORK/another"
	export SSH_AUTH_SOCK=$WORK/another.sock
	person "run {exec $WORK/another -D -P '$(agent_list)' -a $SSH_AUTH_SOCK}" \
		'want "by the PIN that was entered"' 'want "Press y"' \
		'send "n"' 'want "no"' &
	ends_with_us "$!"
	wait_until agent_answers
	ssh-add -q -S "$LIB" "$WORK/k"
	cp "$WORK/k.pub" "$WORK/only.pub"
	fails log_in -i "$WORK/only.pub"
	wait "$!"
	# That was no failure of the ticket.
	[ -s "$(ticket_of "$WORK/k")" ]
}

# --- what ends it --------------------------------------------------------------

# By our clock: the TPM is not asked.
expired() {
	enters_pin "$WORK/quiet"
	# A time that began before this machine did, or long ago.
	perl -0777 -pi -e 's/\x02(\x1a....|\x19..|\x18.)\x03\x19\x02\x58/\x02\x01\x03\x0a/s' \
		"$(ticket_of "$WORK/quiet")"
	fails commands without_pin "$WORK/quiet"
	"$TOOLS/pcap-commands" "$WORK/pcap" >"$WORK/sent"
	fails grep -x 172 "$WORK/sent"
	[ ! -e "$(ticket_of "$WORK/quiet")" ]
}

# The key's lifetime in our software is longer than the ticket's in the TPM.
expired_in_the_tpm() {
	local ticket before
	sk-tpm forget
	askpass_says "$PIN"
	SK_TPM_PIN_LIFETIME=2s log_in -i "$WORK/quiet"
	askpass_says no
	ticket=$(ticket_of "$WORK/quiet")
	"$TOOLS/unpack" renew "$ticket"
	until_over "$ticket"
	before=$(wrong_tries)
	SK_TPM_LOG_LEVEL=debug fails log_in -i "$WORK/quiet" 2>"$WORK/err"
	grep 'no longer takes the ticket' "$WORK/err"
	[ "$(wrong_tries)" -eq "$before" ]
	[ ! -e "$ticket" ]
	wants_pin "$WORK/quiet"
}

# A client of the test uses the ticket, and signs with nothing else; after its
# time it cannot.
client() {
	sk-tpm forget
	enters_pin "$WORK/quiet"
	client_begins "$WORK/quiet"
	finally client_ends
	client_presents
	client_signs
	tpm2_verifysignature -Q -c "$WORK/key.ctx" \
		-d "$WORK/digest" -s "$WORK/signature"
	client_ends
	# It was copied: for the TPM it is not over when it is forgotten.
	sk-tpm forget "$WORK/quiet"
	client_presents
	client_signs
	client_ends
	# It does not sign without.
	tpm2_startauthsession --policy-session -S "$WORK/session"
	fails client_signs
	client_ends
	askpass_says "$PIN"
	SK_TPM_PIN_LIFETIME=2s log_in -i "$WORK/quiet"
	client_begins "$WORK/quiet"
	cp "$WORK/ticket" "$WORK/ticket.over"
	cp "$WORK/timeout" "$WORK/timeout.over"
	until_over "$(ticket_of "$WORK/quiet")"
	fails client_presents 2>"$WORK/err"
	grep -qi '0x1E3\|expired' "$WORK/err"
	client_ends
	# Another time makes it another ticket.
	printf '\x7f' | dd of="$WORK/timeout" bs=1 seek=3 conv=notrunc status=none
	fails client_presents 2>"$WORK/err"
	grep -qi '0x5E0\|0x[0-9A-F]*5E0\|ticket' "$WORK/err"
	client_ends
}

# The ticket was taken in time, the signature would be late.
expired_before_signing() {
	askpass_says "$PIN"
	SK_TPM_PIN_LIFETIME=12s log_in -i "$WORK/quiet"
	client_begins "$WORK/quiet"
	finally client_ends
	client_presents
	askpass_says no
	until_over "$(ticket_of "$WORK/quiet")"
	fails client_signs 2>"$WORK/err"
	grep -qi '0x9A3\|expired' "$WORK/err"
}

stopped_helper() {
	local pid
	for pid in $(pgrep -x ssh-sk-helper); do
		[ "$(sed 's/.*) //;s/ .*//' "/proc/$pid/stat" 2>/dev/null)" = T ] &&
			grep -qz "^XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR$" \
				"/proc/$pid/environ" && echo "$pid" && return
	done
	return 1
}

# The same of ours: it stops before Sign, its fourth command.
expired_before_our_signature() {
	local ticket pid before login
	askpass_says "$PIN"
	SK_TPM_PIN_LIFETIME=12s log_in -i "$WORK/quiet"
	ticket=$(ticket_of "$WORK/quiet")
	before=$(wrong_tries)
	askpass_says no
	LD_LIBRARY_PATH=$TOOLS SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT=4:stop \
		log_in -i "$WORK/quiet" &
	login=$!
	wait_until stopped_helper
	pid=$(stopped_helper)
	until_over "$ticket"
	kill -CONT "$pid"
	fails wait "$login"
	[ "$(wrong_tries)" -eq "$before" ]
	[ ! -e "$ticket" ]
	tpm_is_empty
}

restarted() {
	enters_pin "$WORK/quiet"
	tpm2_shutdown -c
	tpm_init
	tpm2_startup -c
	wants_pin "$WORK/quiet"
}

# S3: the TPM is off, and its state comes back.
suspended() {
	enters_pin "$WORK/quiet"
	tpm2_shutdown
	tpm_init
	tpm2_startup
	wants_pin "$WORK/quiet"
}

damaged() {
	local ticket at
	ticket=$(ticket_of "$WORK/quiet")
	for at in 0 17 -1 -30 -70 -80; do
		enters_pin "$WORK/quiet"
		AT=$at perl -0777 -pi -e 'substr($_, $ENV{AT}, 1) ^= "\x01"' \
			"$ticket"
		wants_pin "$WORK/quiet"
	done
	enters_pin "$WORK/quiet"
	truncate -s -1 "$ticket"
	wants_pin "$WORK/quiet"
	enters_pin "$WORK/quiet"
	: >"$ticket"
	wants_pin "$WORK/quiet"
}

# Of another key, with the same PIN and the same parent.
other_key() {
	enters_pin "$WORK/made"
	cp "$(ticket_of "$WORK/made")" "$(ticket_of "$WORK/quiet")"
	wants_pin "$WORK/quiet"
	rm "$(ticket_of "$WORK/made")"
}

of_another_tpm() {
	local here=$TCTI
	tpm_new foreign
	tpm_persist_srk
	enroll_lifetime "$WORK/stranger" 10m -n
	enters_pin "$WORK/stranger"
	export SK_TPM_TCTI=$here TPM2TOOLS_TCTI=$here
	cp "$(ticket_of "$WORK/stranger")" "$(ticket_of "$WORK/quiet")"
	wants_pin "$WORK/quiet"
	# The key itself is of the other TPM, and its ticket, too.
	fails log_in -i "$WORK/stranger"
	[ ! -e "$(ticket_of "$WORK/stranger")" ]
	[ "$(wrong_tries)" -eq 0 ]
}

# A person's file is theirs to write: root does not believe it.
root_with_a_persons_file() {
	[ "$(id -u)" -eq 0 ] || cannot "this takes root"
	local ticket
	enters_pin "$WORK/quiet"
	ticket=$(ticket_of "$WORK/quiet")
	chown 65534 "$ticket"
	fails without_pin "$WORK/quiet"
	enters_pin "$WORK/quiet"
	chown 65534 "$TICKETS"
	fails without_pin "$WORK/quiet"
	[ -s "$ticket" ]
	chown 0 "$TICKETS"
	chown 65534 "$XDG_RUNTIME_DIR"
	fails without_pin "$WORK/quiet"
	refuses "cannot be used" sk-tpm forget
	[ -s "$ticket" ]
	chown 0 "$XDG_RUNTIME_DIR"
	without_pin "$WORK/quiet"
}

# What ends a ticket ends it for the copy, too; another's key there costs no try.
persistent_copy() {
	local handle before
	enroll_lifetime "$WORK/copied" 10m -n --persistent
	handle=$(sk-tpm show -j "$WORK/copied" | jq -r .persistent)
	enters_pin "$WORK/copied"
	# StartAuthSession, PolicyTicket, Sign; FlushContext without a manager
	[ "$(commands without_pin "$WORK/copied" | xargs)" = "176 172 15d" ]
	before=$(wrong_tries)
	tpm2_evictcontrol -Q -C o -c "$handle"
	without_pin "$WORK/copied"
	for options in "-p secret" "-G ecc"; do
		# shellcheck disable=SC2086 # several words
		tpm2_create -Q -C 0x81000001 -G ecc -u "$WORK/their.pub" \
			-r "$WORK/their.priv" $options
		tpm2_load -Q -C 0x81000001 -u "$WORK/their.pub" \
			-r "$WORK/their.priv" -c "$WORK/their.ctx"
		tpm2_evictcontrol -Q -C o -c "$WORK/their.ctx" "$handle"
		tpm2_flushcontext -t
		without_pin "$WORK/copied"
		enters_pin "$WORK/copied"
		tpm2_evictcontrol -Q -C o -c "$handle"
	done
	[ "$(wrong_tries)" -eq "$before" ]
	sk-tpm persist "$WORK/copied"
	enters_pin "$WORK/copied"
	without_pin "$WORK/copied"
	sk-tpm evict "$WORK/copied"
	tpm_is_empty
}

# What says nothing of the ticket leaves it: a TPM that stays busy, or is gone.
busy() {
	local fault
	enters_pin "$WORK/quiet"
	for fault in 1:rc=0x922*999 2:rc=0x922*999 4:rc=0x90a*999 3:rc=0x902; do
		SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT=$fault \
			fails without_pin "$WORK/quiet"
		[ -s "$(ticket_of "$WORK/quiet")" ]
	done
	SK_TPM_TCTI=swtpm:port=1 fails without_pin "$WORK/quiet"
	[ -s "$(ticket_of "$WORK/quiet")" ]
	without_pin "$WORK/quiet"
	tpm_is_empty
}

# Two people with one key file, who may both use the TPM.
two_people() {
	[ "$(id -u)" -eq 0 ] || cannot "this takes root"
	enters_pin "$WORK/quiet"
	mkdir -m 700 "$WORK/theirs"
	install -m 600 -o 65534 "$WORK/quiet" "$WORK/their-key"
	cp "$WORK/quiet.pub" "$WORK/their-key.pub"
	chown 65534 "$WORK/theirs"
	export -f log_in
	export SSHD_PORT ME WORK LIB
	chmod a+r "$WORK/known_hosts"
	XDG_RUNTIME_DIR=$WORK/theirs fails unprivileged bash -c \
		"log_in -i $WORK/their-key"
	XDG_RUNTIME_DIR=$WORK/run fails unprivileged bash -c \
		"log_in -i $WORK/their-key"
	without_pin "$WORK/quiet"
}

# --- TPMs that cannot do it, or do it otherwise ----------------------------------

# 172 is TPM2_PolicyTicket.
older() {
	LD_LIBRARY_PATH=$TOOLS SK_TPM_TCTI=old:$TCTI "$@"
}

without_tickets() {
	askpass_says "$PIN"
	SK_TPM_WITHOUT=172 refuses "it has no TPM2_PolicyTicket" \
		older sk-tpm enroll -P --pin-lifetime 1h -f "$WORK/no"
	[ ! -s "$WORK/asked" ]
	# It was there when the key was made.
	enters_pin "$WORK/quiet"
	SK_TPM_WITHOUT=172 older fails without_pin "$WORK/quiet"
	[ ! -e "$(ticket_of "$WORK/quiet")" ]
	askpass_says "$PIN"
	SK_TPM_WITHOUT=172 older log_in -i "$WORK/quiet"
	[ "$(wrong_tries)" -eq 0 ]
}

revision_1_16() {
	askpass_says "$PIN"
	SK_TPM_REVISION=116 older sk-tpm enroll -P -n --pin-lifetime 1h \
		-f "$WORK/old" 2>"$WORK/err"
	[ "$(grep -c '^sk-tpm: this TPM is of revision 1.16: it goes on counting' \
		"$WORK/err")" -eq 1 ]
	SK_TPM_REVISION=138 older sk-tpm enroll -P -n --pin-lifetime 1h \
		-f "$WORK/new" 2>"$WORK/err"
	fails grep '^sk-tpm: ' "$WORK/err"
}

# --- secrets and budgets ------------------------------------------------------------

# The PIN and what is made of it, in hex.
in_hex() {
	od -An -v -tx1 | tr -d ' \n'
}

no_secret_is_kept() {
	local auth name file
	handle_of "$WORK/quiet" >"$WORK/handle"
	"$TOOLS/unpack" handle "$WORK/handle" "$WORK"
	auth=$({ printf 'sk-tpm PIN v1\0'; cat "$WORK/salt"; printf %s "$PIN"; } |
		sha256sum | cut -d' ' -f1)
	sk-tpm forget
	askpass_says "$PIN"
	commands log_in -i "$WORK/quiet" >/dev/null
	cp "$WORK/pcap" "$WORK/entered"
	askpass_says no
	commands without_pin "$WORK/quiet" >/dev/null
	[ "$(tickets)" -eq 1 ]
	while IFS= read -r -d '' file; do
		for name in "${auth:0:32}" "${auth:32}" \
			"$(printf %s "$PIN" | in_hex)"; do
			fails grep -q "$name" <(in_hex <"$file")
		done
	done < <(find "$XDG_RUNTIME_DIR" "$WORK/entered" "$WORK/pcap" \
		-type f -print0)
	# The search finds what is there.
	grep -q "$(in_hex <"$WORK/ticket")" <(in_hex <"$WORK/pcap") ||
		{ "$TOOLS/unpack" ticket "$(ticket_of "$WORK/quiet")" "$WORK"
		  grep -q "$(in_hex <"$WORK/ticket")" <(in_hex <"$WORK/pcap"); }
}

# The parent's place is taken by a key with a password that costs tries. A
# forged key file names it, and finds no ticket; an old one has one, and may
# spend one try with it.
parent_is_replaced() {
	local before
	enters_pin "$WORK/quiet"
	before=$(wrong_tries)
	tpm2_evictcontrol -Q -C o -c 0x81000001
	tpm2_createprimary -Q -C o -G ecc -p secret -c "$WORK/trap.ctx" -a \
		'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt'
	tpm2_evictcontrol -Q -C o -c "$WORK/trap.ctx" 0x81000001
	tpm2_flushcontext -t
	fails without_pin "$WORK/quiet"
	echo "tries: $before, $(wrong_tries)"
	[ "$(wrong_tries)" -le "$((before + 1))" ]
	[ ! -e "$(ticket_of "$WORK/quiet")" ]
	before=$(wrong_tries)
	# Never again.
	fails without_pin "$WORK/quiet"
	[ "$(wrong_tries)" -eq "$before" ]
	tpm2_evictcontrol -Q -C o -c 0x81000001
	tpm2_dictionarylockout -c
	# Found by its template.
	askpass_says "$PIN"
	log_in -i "$WORK/quiet"
	tpm_persist_srk
	wants_pin_or_not "$WORK/quiet"
	tpm_is_empty
}

wants_pin_or_not() {
	without_pin "$1" || enters_pin "$1"
}

# A key of a machine whose storage root key nobody made persistent.
parent_is_created() {
	tpm_new bare
	askpass_says "$PIN"
	enroll_lifetime "$WORK/bare-key" 10m -n
	enters_pin "$WORK/bare-key"
	without_pin "$WORK/bare-key"
	tpm_is_empty
	tpm_persist_srk
	without_pin "$WORK/bare-key"
	tpm_is_empty
}

cleared() {
	enters_pin "$WORK/quiet"
	tpm2_clear
	tpm_persist_srk
	fails without_pin "$WORK/quiet"
	[ ! -e "$(ticket_of "$WORK/quiet")" ]
	[ "$(wrong_tries)" -eq 0 ]
}

try "a key whose PIN has a lifetime" enrols
try "the PIN is entered once for many logins" once_for_many
try "each is verified for the server" is_verified
try "sk-tpm forget" forgotten
try "a wrong PIN gives no ticket" wrong_pin
try "a lockout does not end it" in_lockout
try "its PIN is changed" changes_pin
try "sk-tpm test" tests_key
try "the shorter of key and setting counts" setting
try "PINLifetime is for keys that ssh-keygen makes" made_by_ssh_keygen
try "without XDG_RUNTIME_DIR there is none" no_runtime_dir
try "at a terminal nothing is asked meanwhile" at_a_terminal
try "without a terminal our question is asked" not_at_a_terminal
try "through an agent our question is asked" through_an_agent
try "an agent of another name has it asked, also at a terminal" another_agent
try "expired by our clock" expired
try "expired by the TPM's clock alone" expired_in_the_tpm
try "another client signs by ticket alone, and not after its time" client
try "expired between ticket and signature" expired_before_signing
try "the same, of ours" expired_before_our_signature
try "the TPM is restarted" restarted
try "the machine sleeps (S3)" suspended
try "a damaged ticket" damaged
try "the ticket of another key" other_key
try "the ticket of another TPM" of_another_tpm
try "root with a person's file" root_with_a_persons_file
try "two people" two_people
try "a TPM without TPM2_PolicyTicket" without_tickets
try "a TPM of revision 1.16" revision_1_16
try "a TPM that is busy or gone: the ticket is kept" busy
try "the persistent copy of a key whose PIN has a lifetime" persistent_copy
try "neither PIN nor authValue is kept or sent" no_secret_is_kept
try "the parent was replaced" parent_is_replaced
try "the parent is created for each call" parent_is_created
try "a cleared TPM" cleared
echo "1..$N"
