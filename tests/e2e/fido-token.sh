#!/usr/bin/env bash
# Keys of other providers beside ours: FallbackProvider, as OpenSSH's built-in
# provider and as a library.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
# Of the interface that LIB has.
SOFT=$TOOLS/provider-soft${LIB##*/libsk-tpm}
TOKEN=$HOME/.ssh/id_token
example_text both >config
host server
client_config "$(sed 's/^/\t\t/' config)"

# fallback PROVIDER: what sk-tpm.conf has.
fallback() {
	echo "FallbackProvider $1" >"$SK_TPM_CONFIG"
}

# The page's library is our test's own.
library() {
	example_text library | sed "s|/usr/local/lib/libother-sk.so|$SOFT|" \
		>"$SK_TPM_CONFIG"
}

set_up() {
	enroll "$HOME/.ssh/id_ecdsa_sk" -O no-touch-required
	ssh-keygen -q -t ecdsa-sk -w "$SOFT" -N '' -C token -f "$TOKEN"
	(printf 'no-touch-required '; cat "$HOME/.ssh/id_ecdsa_sk.pub" "$TOKEN.pub") \
		>server.keys
}

both_log_in() {
	library
	: >"$SSHD_LOG"
	example login
	[ "$(grep -c 'Accepted publickey.*ECDSA-SK' "$SSHD_LOG")" -eq 2 ]
	tpm_is_empty
}

enrols_ed25519() {
	library
	example ed25519
	cat "$TOKEN"25519.pub >>server.keys
	ssh -i "$TOKEN"25519 server true
	grep -q 'Accepted publickey.*ED25519-SK' "$SSHD_LOG"
	# sk-ssh-ed25519 in the file, not a key of ours by that name.
	ssh-keygen -l -f "$TOKEN"25519.pub | grep -q 'ED25519-SK'
}

# Another provider's PIN is asked for and passed on.
pin_of_the_other() {
	library
	echo 13579 | ssh-keygen -q -t ecdsa-sk -w "$SOFT" -O verify-required \
		-N '' -f pinned
	echo "verify-required $(cat pinned.pub)" >>server.keys
	askpass_says 13579
	ssh -o BatchMode=no -i pinned server true
	grep -q 'Enter PIN' asked
	askpass_says 24680
	fails ssh -o BatchMode=no -i pinned server true
	askpass_says 13579
	ssh-keygen -q -t ed25519-sk -O verify-required -N '' -f pinned25519
	echo text | ssh-keygen -Y sign -n file -f pinned25519 >/dev/null
}

agent_has_both() {
	library
	agent_start -P "$(agent_list)"
	ssh-add "$HOME/.ssh/id_ecdsa_sk" "$TOKEN" "$TOKEN"25519
	[ "$(ssh-add -l | wc -l)" -eq 3 ]
	ssh-add -T "$HOME/.ssh/id_ecdsa_sk.pub" "$TOKEN.pub" "$TOKEN"25519.pub
}

# Without a token in this machine, the built-in provider's own error is what
# ssh gets, and our line tells what it means. OpenSSH 8.4's is "invalid format".
builtin_has_no_device() {
	local theirs ours="finds no device"
	[ ! -e "$SK_TPM_CONFIG" ] || : >"$SK_TPM_CONFIG"
	theirs=$(builtin_says)
	[[ $theirs = *"device not found" ]] || ours="failed without a reason"
	refuses "this key was not made by sk-tpm, and OpenSSH's own provider $ours" \
		ssh -i "$TOKEN" server true 2>&1 | tee log
	refuses "this key was not made by sk-tpm, and OpenSSH's own provider $ours" \
		ssh-keygen -Y sign -n file -f "$TOKEN" server.keys | tee log
	grep -qi "${theirs##*: }" log
	refuses "a TPM has no ed25519, and OpenSSH's own provider $ours" \
		ssh-keygen -q -t ed25519-sk -N '' -f none | tee log
	grep -qi "${theirs##*: }" log
	grep -q 'use -t ecdsa-sk' log
	[ ! -e none ]
}

# What OpenSSH itself says, without us.
builtin_says() {
	fails ssh-keygen -Y sign -n file -w internal -f "$TOKEN" server.keys \
		2>&1 | grep '^Signing .* failed:'
}

none_hands_nothing_on() {
	fallback none
	refuses "this key was not made by sk-tpm" ssh -i "$TOKEN" server true
	refuses "FallbackProvider" ssh -i "$TOKEN" server true
	refuses "use -t ecdsa-sk" ssh-keygen -q -t ed25519-sk -N '' -f none
	ssh -i "$HOME/.ssh/id_ecdsa_sk" server true
}

wrong_setting() {
	fallback relative.so
	refuses 'is not allowed; use internal, none, or the full path' \
		ssh -i "$TOKEN" server true
	fallback /nonexistent.so
	refuses 'the fallback provider failed' ssh -i "$TOKEN" server true
}

# A library that falls back on itself stops there.
no_endless_loop() {
	fallback "$LIB"
	fails ssh -i "$TOKEN" server true 2>log
	grep -q 'the fallback provider failed\|was not made by sk-tpm' log
}

# inner_helper COMMANDS: the outer one is OpenSSH's; the one inside is this.
inner_helper() {
	cat >helper <<-EOT
		#!/bin/sh
		[ "\$SK_TPM_FALLBACK_PROVIDER" = none ] ||
			exec $(sk_helper) "\$@"
		$1
	EOT
	chmod +x helper
}

# The helper dies, or answers nonsense.
bad_helpers() {
	local says takes='dd bs=8192 count=1 >/dev/null 2>&1;'
	library
	for says in 'exit 0' 'kill -9 $$' "$takes exit 0" \
		"$takes head -c 99999 /dev/urandom" \
		"$takes printf '\\377\\377\\377\\377'" \
		"$takes printf '\\0\\0\\0\\5\\5xx'" \
		"$takes printf '\\0\\0\\0\\11\\5\\0\\0\\0\\1\\0\\0\\0\\0'"; do
		inner_helper "$says"
		SSH_SK_HELPER=$WORK/helper refuses 'ssh-sk-helper' \
			ssh -i "$TOKEN" server true
	done
}

# A helper that is missing, and a file that is not a helper.
no_helper() {
	local inner
	library
	for inner in /no/helper /; do
		cat >helper <<-EOT
			#!/bin/sh
			export SSH_SK_HELPER=$inner
			exec $(sk_helper) "\$@"
		EOT
		chmod +x helper
		SSH_SK_HELPER=$WORK/helper refuses "$(
			[ "$inner" = / ] && echo 'cannot run /: ' ||
				echo 'was not found')" ssh -i "$TOKEN" server true
	done
}

# To OpenSSH it is then as if it were not set.
empty_name_of_the_helper() {
	library
	SSH_SK_HELPER="" ssh -i "$TOKEN" server true
	SSH_SK_HELPER="" sk-tpm doctor >log || :
	grep '^ok  *ssh-sk-helper' log
	fails grep SSH_SK_HELPER log
}

# refusing_helper ERROR: takes requests, and refuses each with this number, in
# octal.
refusing_helper() {
	inner_helper "dd bs=8192 count=1 2>/dev/null | wc -c >>$WORK/requests
		printf '\\0\\0\\0\\11\\5\\0\\0\\0\\0\\0\\0\\0\\$1'"
}

# Without a token, OpenSSH 8.4's helper gives no reason.
no_reason() {
	[ ! -e "$SK_TPM_CONFIG" ] || : >"$SK_TPM_CONFIG"
	refusing_helper 4
	export SSH_SK_HELPER=$WORK/helper
	refuses "OpenSSH's own provider failed without a reason; is the security key" \
		ssh -i "$TOKEN" server true
	refuses "OpenSSH's own provider failed without a reason; is a security key" \
		ssh-keygen -q -t ed25519-sk -N '' -f none
}

# Built without the provider for tokens, a helper answers with that number, too.
# Its file then has the words that it prints.
no_builtin() {
	[ ! -e "$SK_TPM_CONFIG" ] || : >"$SK_TPM_CONFIG"
	refusing_helper 4
	sk-tpm doctor >log || :
	grep '^ok  *other keys  *go to' log
	echo '# internal security key support not enabled' >>helper
	export SSH_SK_HELPER=$WORK/helper
	refuses "this key was not made by sk-tpm, and this OpenSSH was built without" \
		ssh -i "$TOKEN" server true
	refuses "a TPM has no ed25519, and this OpenSSH was built without" \
		ssh-keygen -q -t ed25519-sk -N '' -f none
	sk-tpm doctor >log || :
	grep '^warning  *other keys  *refused: this OpenSSH was built without' log
	# Some older ones crash.
	inner_helper 'kill -SEGV $$ # internal security key support not enabled'
	refuses "this OpenSSH was built without" ssh -i "$TOKEN" server true
}

# OpenSSH numbers the kinds of keys in two ways: a helper that does not take one
# is asked again.
both_numbers() {
	library
	rm requests
	refusing_helper 12
	SSH_SK_HELPER=$WORK/helper refuses "ssh-sk-helper refused the request" \
		ssh-keygen -q -t ed25519-sk -N '' -f none
	[ "$(wc -l <requests)" -eq 2 ]
}

# The provider of a token gets the options given for its key.
options_of_the_other() {
	library
	inner_helper "dd bs=8192 count=1 of=$WORK/request 2>/dev/null"
	SSH_SK_HELPER=$WORK/helper fails ssh-keygen -q -t ed25519-sk -N '' \
		-O user=alice -O device=/dev/hidraw7 -f none </dev/null
	grep -qa alice request
	grep -qa /dev/hidraw7 request
}

# One that has answered, and one whose caller was killed, are not waited for.
slow_helpers() {
	local caller inner
	library
	inner_helper "$(sk_helper) \"\$@\"; echo \$\$ >inner; exec sleep 600"
	SSH_SK_HELPER=$WORK/helper timeout 60 ssh -F "$HOME/.ssh/config" \
		-i "$TOKEN" server true
	wait_until ended "$(<inner)"
	rm inner
	inner_helper "echo \$\$ >inner; exec sleep 600"
	SSH_SK_HELPER=$WORK/helper sign "$TOKEN" &
	caller=$!
	wait_until test -s inner
	inner=$(<inner)
	# Behind the subshell of the background, or one more.
	caller=$(pgrep -P "$caller,$(pgrep -d, -P "$caller")" ssh-keygen)
	kill -9 "$caller"
	wait_until ended "$inner"
}

# Neither the PIN nor a key file's handle is in what we print.
debug_log_is_clean() {
	library
	askpass_says 13579
	SK_TPM_LOG_LEVEL=debug ssh -o BatchMode=no -i pinned server true 2>log
	grep -q 'was not made by sk-tpm; asking /' log
	fails grep -q 13579 log
}

try "a key in the TPM and one of another provider" set_up
try "both log in with one SecurityKeyProvider" both_log_in
try "-t ed25519-sk goes to the other provider" enrols_ed25519
try "the other provider's PIN" pin_of_the_other
try "an agent has all" agent_has_both
try "the built-in provider finds no device: its error, and what to do" \
	builtin_has_no_device
try "FallbackProvider none" none_hands_nothing_on
try "a FallbackProvider that is not there" wrong_setting
try "a FallbackProvider that is this library" no_endless_loop
try "helpers that die or babble" bad_helpers
try "a helper that cannot be run" no_helper
try "an empty SSH_SK_HELPER is none" empty_name_of_the_helper
try "OpenSSH 8.4's answer without a token: what to do" no_reason
try "an OpenSSH without the built-in provider: says so, and doctor" no_builtin
try "a helper that numbers the kinds of keys in another way" both_numbers
try "-O user and -O device of another provider's key" options_of_the_other
try "helpers that do not end" slow_helpers
try "the debug log has no secret" debug_log_is_clean
echo "1..$N"
