#!/usr/bin/env bash
# User presence: at a terminal, by askpass, finger, command; and without any.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
sshd_start server
enroll "$WORK/k" 2>/dev/null
cat "$WORK/k.pub" >"$WORK/server.keys"

# at_terminal SCRIPT: a person; `sign` in it starts a signature.
at_terminal() {
	SSH_SK_PROVIDER=$LIB person "proc sign {} {
		uplevel {run {ssh-keygen -Y sign -n git -f $WORK/k \
			<$WORK/text >/dev/null}}
	}" "$1"
}
echo text >"$WORK/text"
KEY=$(fingerprint "$WORK/k.pub")
export KEY

terminal_yes() {
	at_terminal 'sign
		want "sk-tpm, with the key $::env(KEY), for \"ssh-keygen -Y sign -n git -f "
		want "...\":"
		want "Sign a git commit or tag?"
		want "Press y to allow it"
		send "y"
		want "yes"
		status'
	tpm_is_empty
}

# (ssh-keygen ends with 255 where it cannot sign.)
terminal_no() {
	exits 255 at_terminal 'sign; want "Press y"; send "\r"
		want "sk-tpm: refused at the terminal"; status'
	exits 255 at_terminal 'sign; want "Press y"; send "n"
		want "sk-tpm: refused at the terminal"; status'
}

terminal_timeout() {
	SK_TPM_PRESENCE_TIMEOUT=1 exits 255 at_terminal 'sign; want "Press y"
		want "sk-tpm: nobody answered in time"; status'
}

# What was typed before the question is not an answer to it.
terminal_type_ahead() {
	SK_TPM_PRESENCE_TIMEOUT=2 exits 255 at_terminal '
		spawn -noecho sh -c "echo started; read x <$::env(WORK)/go; \
			ssh-keygen -Y sign -n git -f $::env(WORK)/k <$::env(WORK)/text >/dev/null"
		want "started"
		send "yyyyyyyy"
		exec sh -c "echo go >$::env(WORK)/go"
		want "sk-tpm: nobody answered in time"
		status'
}

# A question that a shell's job asks.
ASKED_IN_A_SHELL='
		spawn -noecho sh -i
		send "PS1=ready:; export SSH_SK_PROVIDER='"$LIB"'\r"
		want "ready:"
		send "ssh-keygen -Y sign -n git -f '"$WORK"'/k <'"$WORK"'/text >/dev/null\r"
		want "Press y"'

# An interrupt leaves the terminal with its echo.
terminal_interrupt() {
	at_terminal "$ASKED_IN_A_SHELL"'
		send "\003"
		want "ready:"
		for {set i 0} {$i < 400} {incr i} {
			set modes [exec stty -a -F $spawn_out(slave,name)]
			if {[regexp {[^-]echo } $modes]} { exit 0 }
			after 50
		}
		exit 5'
	tpm_is_empty
}

# Suspended, it leaves the echo on as well; in the foreground again, it refuses.
terminal_suspended() {
	at_terminal "$ASKED_IN_A_SHELL"'
		send "\032"
		want "ready:"
		set modes ""
		for {set i 0} {![regexp {[^-]echo } $modes]} {incr i} {
			if {$i == 400} { exit 5 }
			after 50
			set modes [exec stty -a -F $spawn_out(slave,name)]
		}
		send "fg\r"
		want "sk-tpm: interrupted"
		want "ready:"
		exit 0'
	tpm_is_empty
}

# Before 8.9, ssh does not tell what signs for it to which server.
export SERVER_KEY='to a server with host key SHA256:' SERVER_USER='as "'$ME'"?'
[ "$OPENSSH" -ge 809 ] || SERVER_KEY='as "'$ME'", on' \
	SERVER_USER='a server that the request does not name?'

terminal_login() {
	at_terminal 'spawn -noecho ssh -F none -p '"$SSHD_PORT"' -l '"$ME"' \
			-o UserKnownHostsFile='"$WORK"'/known_hosts -i '"$WORK"'/k \
			-o IdentitiesOnly=yes -o SecurityKeyProvider='"$LIB"' \
			127.0.0.1 echo logged-in
		want "Sign in $::env(SERVER_KEY)"
		want "$::env(SERVER_USER)"
		send "y"
		want "logged-in"
		status'
}

# In the background of a terminal, a question would stop the job.
background_of_a_terminal() {
	at_terminal 'spawn -noecho sh -c "set -m; \
			ssh-keygen -Y sign -n git -f '"$WORK"'/k <'"$WORK"'/text >/dev/null & \
			wait; echo over"
		want "neither a terminal nor a display"
		want "over"
		exit 0'
}

enrolment_asks() {
	at_terminal 'spawn -noecho ssh-keygen -t ecdsa-sk -N "" -w '"$LIB"' -f '"$WORK"'/asked-key
		want "sk-tpm: Make a new SSH key in this computer'"'"'s security chip (TPM)?"
		send "n"
		want "refused at the terminal"
		expect eof
		if {[lindex [wait] 3] == 0} { exit 5 }
		if {[file exists '"$WORK"'/asked-key]} { exit 6 }
		spawn -noecho ssh-keygen -t ecdsa-sk -N "" -w '"$LIB"' -f '"$WORK"'/asked-key
		want "Make a new SSH key in"
		send "y"
		status'
	[ -f "$WORK/asked-key" ]
}

# Nobody is asked about a request that cannot succeed.
enrolment_looks_first() {
	askpass_says yes
	# (OpenSSH 8.4 asks for a PIN four times whatever it is told.)
	for pin in '' '-O verify-required'; do
		[ -z "$pin" ] || [ "$OPENSSH" -ge 809 ] || continue
		# shellcheck disable=SC2086 # words
		SK_TPM_TCTI=device:/dev/no-tpm refuses "no TPM at /dev/no-tpm" \
			enroll "$WORK/none" $pin
	done
	cat "$WORK/asked"
	# Older ones ask for a PIN before they call us.
	if [ "$OPENSSH" -lt 809 ]; then
		fails grep -v 'Enter PIN for authenticator' "$WORK/asked"
	else
		[ ! -s "$WORK/asked" ]
	fi
}

# A key that asks nobody is made without a question, so that scripts can do it.
enrolment_of_a_free_key() {
	at_terminal 'spawn -noecho ssh-keygen -q -t ecdsa-sk -O no-touch-required \
			-N "" -w '"$LIB"' -f '"$WORK"'/free-key
		status'
}

attestation_by_a_person() {
	head -c 90 /dev/urandom >"$WORK/challenge"
	at_terminal 'spawn -noecho ssh-keygen -t ecdsa-sk -N "" -w '"$LIB"' \
			-O challenge='"$WORK"'/challenge \
			-O write-attestation='"$WORK"'/p.att -f '"$WORK"'/p
		want "Make a new SSH key in"
		send "y"
		status'
	"$TOOLS/verify-attestation" "$WORK/p.att" "$WORK/challenge" ssh: \
		"$WORK/p.pub"
}

new_pin_is_typed_twice() {
	at_terminal 'spawn -noecho ssh-keygen -t ecdsa-sk -O verify-required -N "" -w '"$LIB"' -f '"$WORK"'/pin
		want "Enter PIN for authenticator:"
		send "123456\r"
		want "Enter the same PIN again:"
		send "123457\r"
		want "sk-tpm: the two PINs differ"
		want "Enter PIN for authenticator:"
		send "123456\r"
		want "Enter the same PIN again:"
		send "123456\r"
		status'
	[ -f "$WORK/pin" ]
	# A PIN typed for this signature is a person: there is no question,
	# nor a line of ours about a PIN that is asked for anyway.
	at_terminal 'spawn -noecho sh -c "ssh-keygen -Y sign -n git -f '"$WORK"'/pin \
			-w '"$LIB"' <'"$WORK"'/text >/dev/null"
		expect "needs its PIN" { exit 8 } "Enter PIN for ECDSA-SK key" {}
		send "123456\r"
		expect "Press y" { exit 7 } eof {}
		exit [lindex [wait] 3]'
	# No PIN at all is not passed over in silence.
	exits 255 at_terminal 'run {ssh-keygen -Y sign -n git -f '"$WORK"'/pin \
			-w '"$LIB"' <'"$WORK"'/text >/dev/null}
		want "Enter PIN for ECDSA-SK key"
		send "\r"
		want "sk-tpm: this key needs its PIN"
		status'
}

askpass_yes_no_timeout() {
	askpass_says yes
	sign "$WORK/k"
	grep -q '^confirm: sk-tpm.*: Sign a file' "$WORK/asked"
	askpass_says ''
	sign "$WORK/k"
	askpass_says no
	refuses "refused in $WORK/askpass" sign "$WORK/k"
	askpass_says perhaps
	refuses "refused in $WORK/askpass" sign "$WORK/k"
	askpass_says silence
	SK_TPM_PRESENCE_TIMEOUT=1 refuses "nobody answered in time" \
		sign "$WORK/k"
	askpass_says yes
	SSH_ASKPASS_REQUIRE=never refuses "neither a terminal" sign "$WORK/k"
	unset SSH_ASKPASS_REQUIRE
	refuses "neither a terminal" sign "$WORK/k"
	displays_start
	WAYLAND_DISPLAY=wayland-9 XDG_RUNTIME_DIR=$WORK sign "$WORK/k"
	WAYLAND_DISPLAY=$WORK/wayland-9 sign "$WORK/k"
	DISPLAY=$X11_DISPLAY sign "$WORK/k"
	DISPLAY=$X11_DISPLAY WAYLAND_DISPLAY=wayland-8 sign "$WORK/k"
	SSH_ASKPASS=/no/such/program DISPLAY=$X11_DISPLAY \
		refuses "cannot run" sign "$WORK/k"
}

# What stands before a NUL byte is not the answer: nothing, or yes, is consent.
askpass_answers_nul() {
	asks_as "printf '\\0no\\n'"
	refuses "$WORK/askpass gave a NUL byte" sign "$WORK/k"
	asks_as "printf 'yes\\0no\\n'"
	refuses "$WORK/askpass gave a NUL byte" sign "$WORK/k"
}

# asks_as SCRIPT...: an askpass of these lines, with what `said` tells.
asks_as() {
	: >"$WORK/asked"
	printf '%s\n' '#!/bin/bash' 'echo "$1" >>'"$WORK/asked" "$@" \
		>"$WORK/askpass"
	chmod +x "$WORK/askpass"
	export SSH_ASKPASS=$WORK/askpass SSH_ASKPASS_REQUIRE=force
}

asked_once_more() {
	grep -q '^Once more' "$WORK/asked"
}

signs_until_asked_once_more() {
	local i
	for ((i = 0; i < 50; i++)); do
		: >"$WORK/asked"
		sign "$WORK/k" 2>"$WORK/out" || :
		! asked_once_more || return 0
	done
	return 1
}

# A person who types into another window answers before they saw ours. (How fast
# a program answers depends on the load: it is repeated until it was fast
# enough.)
too_fast() {
	asks_as 'case $1 in Once*) exit 1 ;; esac'
	signs_until_asked_once_more
	grep "^sk-tpm: refused in $WORK/askpass" "$WORK/out"
	local asked='sk-tpm, with the key SHA256:[^ ]*, for "[^"]*": Sign a file\? '
	tr '\n' ' ' <"$WORK/asked" |
		grep -Eq "^${asked}Once more, as [^.]*\. $asked$"
	asks_as 'case $1 in Once*) exit 0 ;; esac; exit 1'
	signs_until_asked_once_more
	fails grep '^sk-tpm: ' "$WORK/out"
	# Who takes time is asked once.
	asks_as 'from=$(date +%s%N)' \
		'until [ $(($(date +%s%N) - from)) -gt 500000000 ]; do :; done'
	sign "$WORK/k"
	fails asked_once_more
	asks_as 'from=$(date +%s%N)' \
		'until [ $(($(date +%s%N) - from)) -gt 500000000 ]; do :; done' \
		'exit 1'
	refuses "refused in $WORK/askpass" sign "$WORK/k"
	fails asked_once_more
}

# The window's words, and the key by its file where that is in ~/.ssh.
words_of_the_window() {
	local dir=$WORK/desk
	asks_as
	enroll "$WORK/window"
	grep -qx "sk-tpm: Make a new SSH key in this computer's security chip (TPM)?" \
		"$WORK/asked"
	enroll "$WORK/window" -O application=ssh:work <<<y
	grep -qx 'sk-tpm: Make a .* chip (TPM), for "ssh:work"?' "$WORK/asked"
	asks_as
	sign "$WORK/k"
	sed 's|'"$WORK"'|WORK|g' "$WORK/asked" | cut -c 1-140
	grep -q "^sk-tpm, with the key $KEY, for \"ssh-keygen -Y sign -n file -w /.*\.\.\.\":$" \
		"$WORK/asked"
	grep -qx 'Sign a file?' "$WORK/asked"
	mkdir -m 777 "$dir" "$dir/.ssh"
	cp "$LIB" "$dir/lib.so"
	cp "$WORK/k" "$dir/key"
	cp "$WORK/k.pub" "$dir/.ssh/id \$x.pub"
	cp "$WORK/k.pub" "$dir/.ssh/old.pub"
	cp "$WORK/window.pub" "$dir/.ssh/id_other.pub"
	touch "$dir/.ssh/.pub" "$dir/.ssh/empty.pub"
	mkfifo "$dir/.ssh/fifo.pub"
	[ "$(id -u)" -ne 0 ] || chown -R 65534 "$dir"
	chmod 666 "$WORK/asked"
	echo text | HOME=$dir SK_TPM_CONFIG=/dev/null unprivileged ssh-keygen \
		-Y sign -n file -w "$dir/lib.so" -f "$dir/key" >/dev/null
	grep -q '^sk-tpm, with the key "id $x", for "ssh-keygen ' "$WORK/asked"
}

# Two that take connections, as those of X11 and Wayland do.
displays_start() {
	agent_start
	unset SSH_AUTH_SOCK
	ln -sf "$(ls -t "$WORK"/agent.* | head -n 1)" "$WORK/wayland-9"
	X11_DISPLAY=localhost:$((SSHD_PORT - 6000)).0
}

# In tmux, in a shell of ssh -X that is over: an askpass would only fail there.
display_is_gone() {
	askpass_says yes
	unset SSH_ASKPASS_REQUIRE
	export DISPLAY=:4711 WAYLAND_DISPLAY=wayland-8
	at_terminal 'sign
		want "Sign a git commit or tag?"
		send "y"
		status'
	DISPLAY=localhost:4711.0 at_terminal 'sign; want "Press y"; send "y"
		status'
	[ ! -s "$WORK/asked" ]
	refuses "WAYLAND_DISPLAY names does not answer" sign "$WORK/k"
	DISPLAY=gibberish refuses "does not answer" sign "$WORK/k"
	# On another host nothing is tried.
	DISPLAY=elsewhere:0 sign "$WORK/k"
	# Where it has to be askpass, it is.
	SSH_ASKPASS_REQUIRE=force sign "$WORK/k"
	SK_TPM_USER_PRESENCE=askpass sign "$WORK/k"
}

# Under the name of a display that is gone, anybody can wait for questions.
display_of_another() {
	[ "$(id -u)" -eq 0 ] || cannot "not root, who can be two others"
	local dir=$WORK/another uid
	install -d -m 777 "$dir"
	install -o 65534 -m 600 "$WORK/k" "$dir/key"
	cp "$LIB" "$dir/lib.so"
	askpass_says yes
	touch "$WORK/answer"
	chmod 666 "$WORK/asked" "$WORK/answer"
	unset SSH_ASKPASS_REQUIRE
	export HOME=$dir SK_TPM_CONFIG=/dev/null SSH_SK_PROVIDER=$dir/lib.so
	# daemon and nobody: OpenSSH 10.6 has no agent for who has no name.
	for uid in 1 65534; do
		setpriv --reuid="$uid" --regid=65534 --clear-groups \
			ssh-agent -D -a "$dir/$uid" >/dev/null &
		ends_with_us "$!"
		wait_until test -S "$dir/$uid"
		chmod 777 "$dir/$uid"
	done
	WAYLAND_DISPLAY=$dir/1 refuses "does not answer, or another user's" \
		unprivileged ssh-keygen -Y sign -n git -f "$dir/key" <<<text
	[ ! -s "$WORK/asked" ]
	WAYLAND_DISPLAY=$dir/65534 unprivileged ssh-keygen -Y sign -n git \
		-f "$dir/key" <<<text
	[ -s "$WORK/asked" ]
}

# As ksshaskpass ends without a screen; and a program that is not an askpass.
askpass_cannot_run() {
	export SSH_ASKPASS=$WORK/broken SSH_ASKPASS_REQUIRE=force
	printf '#!/bin/sh\nkill -ABRT $$\n' >"$WORK/broken"
	chmod +x "$WORK/broken"
	at_terminal 'sign; want "Press y"; send "y"; status'
	refuses "$WORK/broken was ended by signal 6" sign "$WORK/k"
	SK_TPM_USER_PRESENCE=askpass refuses "was ended by signal 6" \
		sign "$WORK/k"
	printf '#!/bin/sh\nexit 127\n' >"$WORK/broken"
	at_terminal 'sign; want "Press y"; send "n"
		want "refused at the terminal"; expect eof'
	refuses "$WORK/broken failed with exit status 127" sign "$WORK/k"
	# A no is a no.
	askpass_says no
	exits 255 at_terminal 'sign
		want "sk-tpm: refused in '"$WORK"'/askpass"
		status'
}

agent_with_askpass() {
	askpass_says yes
	agent_start -P "$(agent_list)"
	ssh-add -q -S "$LIB" "$WORK/k"
	cp "$WORK/k.pub" "$WORK/only.pub"
	(unset SSH_ASKPASS DISPLAY SSH_ASKPASS_REQUIRE
	 log_in -i "$WORK/only.pub")
	grep -q "^confirm: sk-tpm, with the key $KEY, through ssh-agent: Sign in $SERVER_KEY" \
		"$WORK/asked"
}

agent_without_anything() {
	agent_start -P "$(agent_list)"
	ssh-add -q -S "$LIB" "$WORK/k"
	cp "$WORK/k.pub" "$WORK/only.pub"
	fails log_in -i "$WORK/only.pub"
	grep -q 'sk-tpm: this key needs a person.*UserPresence' \
		"$WORK/agent.log"
}

by_command() {
	cat >"$WORK/judge" <<-EOF
		#!/bin/sh
		echo "\$1|\$SK_TPM_REQUEST" >>"$WORK/judged"
		exit \$(cat "$WORK/verdict")
	EOF
	chmod +x "$WORK/judge"
	export SK_TPM_CONFIG=$WORK/command.conf
	echo "UserPresence command $WORK/judge" >"$SK_TPM_CONFIG"
	echo 0 >"$WORK/verdict"
	sign "$WORK/k"
	[ "$(cat "$WORK/judged")" = "Sign a file|Sign a file" ]
	echo 1 >"$WORK/verdict"
	refuses "refused by $WORK/judge" sign "$WORK/k"
	SK_TPM_USER_PRESENCE="command /no/such" refuses "cannot run /no/such" \
		sign "$WORK/k"
}

assumed_by_the_file() {
	export SK_TPM_CONFIG=$WORK/assume.conf
	echo "UserPresence assume" >"$SK_TPM_CONFIG"
	sign "$WORK/k"
	log_in -i "$WORK/k"
	chmod g+w "$SK_TPM_CONFIG"
	refuses "can be written by others" sign "$WORK/k"
}

# without_askpass COMMAND...: where this machine has one, it cannot be run.
without_askpass() {
	local path
	path=$(realpath -qe /usr/bin/ssh-askpass) || { "$@"; return; }
	unshare --mount true 2>/dev/null || cannot "an askpass is installed"
	unshare --mount bash -c 'mount --bind /dev/null "$0" && exec "$@"' \
		"$path" "$@"
}

terminal_only() {
	askpass_says yes
	unset SSH_ASKPASS_REQUIRE
	SK_TPM_USER_PRESENCE=askpass sign "$WORK/k"
	grep -q '^confirm: sk-tpm.*: Sign a file' "$WORK/asked"
	unset SSH_ASKPASS
	SK_TPM_USER_PRESENCE=terminal refuses "there is no terminal" \
		sign "$WORK/k"
	export -f sign
	export LIB
	SK_TPM_USER_PRESENCE=askpass refuses "none is installed or named" \
		without_askpass bash -c "sign $WORK/k"
}

# Two questions on one terminal come one after the other.
two_at_once() {
	at_terminal 'spawn -noecho sh -c "
			ssh-keygen -Y sign -n git -f '"$WORK"'/k <'"$WORK"'/text >/dev/null & one=\$!
			ssh-keygen -Y sign -n file -f '"$WORK"'/k <'"$WORK"'/text >/dev/null & two=\$!
			wait \$one; wait \$two; stty -a | grep -q -w -- -icanon && echo still-raw; echo over"
		want "Press y"
		send "y"
		want "Press y"
		send "n"
		want "refused at the terminal"
		expect {
			"still-raw" { exit 5 }
			"over" {}
			timeout { exit 6 }
		}
		exit 0'
}

# It waits until its time is up.
two_at_once_in_vain() {
	at_terminal 'spawn -noecho sh -c "
			ssh-keygen -Y sign -n git -f '"$WORK"'/k <'"$WORK"'/text >/dev/null & one=\$!
			read go <'"$WORK"'/go
			SK_TPM_PRESENCE_TIMEOUT=1 ssh-keygen -Y sign -n file \
				-f '"$WORK"'/k <'"$WORK"'/text >/dev/null || echo second-refused
			wait \$one && echo first-signed"
		want "Press y"
		exec sh -c "echo go >$::env(WORK)/go"
		want "sk-tpm: another question was on the terminal all the time"
		want "second-refused"
		send "y"
		want "first-signed"
		exit 0'
}

# A caller that is killed takes the question with it.
caller_killed() {
	at_terminal 'spawn -noecho sh -i
		send "PS1=ready:; export SSH_SK_PROVIDER='"$LIB"'\r"
		want "ready:"
		send "ssh-keygen -Y sign -n git -f '"$WORK"'/k <'"$WORK"'/text >/dev/null\r"
		want "Press y"
		exec pkill -KILL -f "ssh-keygen -Y sign -n git -f '"$WORK"'/k"
		want "ready:"
		want "caller went away"
		exit 0'
}

# Others on the bus can send what looks like fprintd's signal.
forged_finger() {
	local pid name
	bus_start
	mock silence
	SK_TPM_USER_PRESENCE=fprintd SK_TPM_PRESENCE_TIMEOUT=2 \
		sign "$WORK/k" 2>"$WORK/out" &
	pid=$!
	wait_until grep -q 'Touch the fingerprint reader' "$WORK/out"
	for name in 0 1 2 3 4 5 6 7 8 9; do
		dbus-send --bus="$DBUS_SYSTEM_BUS_ADDRESS" --type=signal \
			--dest=":1.$name" /net/reactivated/Fprint/Device/0 \
			net.reactivated.Fprint.Device.VerifyStatus \
			string:verify-match boolean:true
	done
	fails wait "$pid"
	grep -q 'no finger came in time' "$WORK/out"
}

# The person's own program gets the question and nothing else of ours.
child_has_no_descriptors() {
	cat >"$WORK/look" <<-EOF
		#!/bin/sh
		ls /proc/self/fd >"$WORK/descriptors"
		sleep 30 &
		echo \$! >"$WORK/background"
	EOF
	chmod +x "$WORK/look"
	SK_TPM_USER_PRESENCE="command $WORK/look" SK_TPM_PRESENCE_TIMEOUT=10 \
		sign "$WORK/k"
	ends_with_us "$(cat "$WORK/background")"
	# 0 to 2, and the one that ls itself reads the directory with.
	[ "$(xargs <"$WORK/descriptors")" = "0 1 2 3" ]
}

fifo_as_settings() {
	mkfifo "$WORK/fifo"
	SK_TPM_CONFIG=$WORK/fifo refuses "it is not a file" sign "$WORK/k"
	SK_TPM_CONFIG=$WORK refuses "it is not a file" sign "$WORK/k"
}

bus_start() {
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$WORK/bus
	rm -f "$WORK/bus"
	dbus-daemon --session --nofork --nopidfile \
		"--address=$DBUS_SYSTEM_BUS_ADDRESS" 2>"$WORK/bus.log" &
	BUS=$!
	ends_with_us "$BUS"
	wait_until bus_answers "$DBUS_SYSTEM_BUS_ADDRESS"
}

# finger ANSWER...: fprintd's answers to the fingers of one signature
finger() {
	local status=0
	mock "$@"
	SK_TPM_USER_PRESENCE=fprintd sign "$WORK/k" || status=$?
	kill "$MOCK"
	wait "$MOCK" || :
	return "$status"
}

by_finger() {
	bus_start
	finger verify-match 2>"$WORK/prompt"
	grep -q '^sk-tpm: Sign a file, with the key SHA256:.*, for "ssh-keygen .*"? Touch the fingerprint reader' \
		"$WORK/prompt"
	export SK_TPM_LOG_LEVEL=error # no prompts any more, only failures
	finger retry
	finger verify-no-match verify-match
	refuses "the fingerprint did not match" finger verify-no-match \
		verify-no-match verify-no-match
	refuses "the fingerprint did not match" finger verify-disconnected \
		verify-unknown-error verify-no-match
	SK_TPM_PRESENCE_TIMEOUT=1 refuses "no finger came in time" \
		finger silence
	SK_TPM_USER_PRESENCE=fprintd refuses \
		"which gives no fingerprint reader" sign "$WORK/k"
}

# As on systems without libsystemd: its headers are not read, and pkg-config is
# not asked for it. Sets LIB to the library made so.
built_without_fprintd() {
	local b=$WORK/no-fprintd
	cat >"$WORK/pkg-config" <<-EOF
		#!/bin/sh
		case "\$*" in *libsystemd*) exit 1 ;; esac
		exec pkg-config "\$@"
	EOF
	chmod +x "$WORK/pkg-config"
	fails make -s -C "$TOP" B="$b" PKG_CONFIG="$WORK/pkg-config" \
		"$b/sk/base/error.o" 2>"$WORK/out"
	grep -q 'development files are missing' "$WORK/out"
	make -s -C "$TOP" B="$b" PKG_CONFIG="$WORK/pkg-config" FPRINTD=no \
		"$b/$(basename "$LIB")"
	fails grep -rl --include="*.d" systemd/ "$b"
	LIB=$b/$(basename "$LIB")
	SK_TPM_USER_PRESENCE=fprintd refuses \
		"this sk-tpm was built without it (make FPRINTD=no)" \
		sign "$WORK/k"
	SK_TPM_USER_PRESENCE=assume sign "$WORK/k"
	SK_TPM_NOTIFY=yes SK_TPM_USER_PRESENCE=assume sign "$WORK/k" \
		2>"$WORK/out"
	grep '^sk-tpm: Notify is yes, and this sk-tpm was built without it' \
		"$WORK/out"
}

# mock ANSWER...: sets MOCK to fprintd's process.
mock() {
	: >"$WORK/mock"
	"$TOOLS/mock-fprintd" "$@" >"$WORK/mock" 2>&1 &
	MOCK=$!
	ends_with_us "$MOCK"
	wait_until grep -q ready "$WORK/mock"
}

# A refusal of fprintd's is passed on in its words; a malformed answer is not
# believed.
finger_is_refused() {
	bus_start
	export SK_TPM_LOG_LEVEL=error
	refuses "fprintd's VerifyStart failed: No prints are enrolled" \
		finger no-prints
	SK_TPM_PRESENCE_TIMEOUT=1 refuses "no finger came in time" \
		finger garbled
	refuses "fprintd answers strangely" finger \
		"/$(head -c 300 /dev/zero | tr '\0' d)" verify-match
}

# In the middle, fprintd goes away, or the bus.
finger_goes_away() {
	local pid
	bus_start
	mock gone
	SK_TPM_LOG_LEVEL=debug SK_TPM_USER_PRESENCE=fprintd \
		SK_TPM_PRESENCE_TIMEOUT=1 fails sign "$WORK/k" 2>"$WORK/out"
	grep '^sk-tpm: no finger came in time' "$WORK/out"
	grep "^sk-tpm: fprintd's Release failed" "$WORK/out"
	mock silence
	SK_TPM_USER_PRESENCE=fprintd sign "$WORK/k" 2>"$WORK/out" &
	pid=$!
	wait_until grep -q asked "$WORK/mock"
	kill "$BUS"
	fails wait "$pid"
	grep '^sk-tpm: fprintd went away' "$WORK/out"
}

# As on a system that has no systemd.
no_libsystemd() {
	mkdir "$WORK/none"
	: >"$WORK/none/libsystemd.so.0"
	LD_LIBRARY_PATH=$WORK/none SK_TPM_USER_PRESENCE=fprintd \
		refuses "libsystemd.so.0 cannot be loaded" sign "$WORK/k"
}

no_bus() {
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$WORK/no-bus
	SK_TPM_USER_PRESENCE=fprintd refuses "there is no D-Bus" \
		sign "$WORK/k"
}

# Only a fingerprint takes D-Bus; the library does without.
libsystemd_is_not_linked() {
	fails grep -q libsystemd <(readelf -d "$LIB")
}

# The host key's name in the question, from known_hosts.
server_by_name() {
	needs_openssh 809 "server's host key in what is signed"
	local dir=$WORK/nobody
	mkdir -m 777 "$dir" "$dir/.ssh"
	cp "$LIB" "$dir/lib.so"
	enroll "$dir/free" -O no-touch-required
	(printf 'no-touch-required '; cat "$dir/free.pub") >"$WORK/server.keys"
	sed 's/^[^ ]*/build.example,[127.0.0.1]:'"$SSHD_PORT/" \
		"$WORK/known_hosts" >"$dir/.ssh/known_hosts"
	[ "$(id -u)" -ne 0 ] || chown -R 65534 "$dir"
	HOME=$dir SK_TPM_CONFIG=/dev/null SK_TPM_LOG_LEVEL=debug \
		unprivileged ssh -F none -p "$SSHD_PORT" -l "$ME" \
		-o "UserKnownHostsFile=$dir/.ssh/known_hosts" \
		-o IdentitiesOnly=yes -o BatchMode=yes -i "$dir/free" \
		-o "SecurityKeyProvider=$dir/lib.so" \
		127.0.0.1 echo logged-in 2>"$WORK/err"
	cat "$WORK/err"
	grep -q 'sk-tpm: request: Sign in to "build.example,\[127.0.0.1\]:[0-9]*" with host key SHA256:.*, as "'"$ME"'"' \
		"$WORK/err"
	grep -q 'sk-tpm: sent 6 TPM commands, [0-9.]* ms' "$WORK/err"
}

export WORK
mkfifo "$WORK/go"
try "terminal: yes" terminal_yes
try "terminal: no" terminal_no
try "terminal: nobody in time" terminal_timeout
try "terminal: what was typed before does not count" terminal_type_ahead
try "terminal: an interrupt leaves the echo on" terminal_interrupt
try "terminal: suspended, it leaves the echo on, and refuses then" \
	terminal_suspended
try "terminal: ssh's login names user and server" terminal_login
try "no question from the background of a terminal" background_of_a_terminal
try "enrolment asks where it can" enrolment_asks
try "enrolment looks for the TPM before it asks" enrolment_looks_first
try "enrolment of a no-touch key does not ask" enrolment_of_a_free_key
try "attestation by a person at the terminal" attestation_by_a_person
try "a new PIN is typed twice; a typed PIN is presence" new_pin_is_typed_twice
try "askpass: yes, no, nobody, and when it is used" askpass_yes_no_timeout
try "askpass: an answer with a NUL byte is no consent" askpass_answers_nul
try "askpass: an answer too fast to have been meant is asked for again" \
	too_fast
try "askpass: the window tells who asks, what for and with which key" \
	words_of_the_window
try "askpass: a display that is gone is left out" display_is_gone
try "askpass: a display that another user listens for, as well" \
	display_of_another
try "askpass: one that cannot run has not refused" askpass_cannot_run
try "ssh-agent without a terminal asks by askpass" agent_with_askpass
try "ssh-agent with neither: refused with the remedy" agent_without_anything
try "UserPresence command" by_command
try "UserPresence assume, from a file that is nobody else's" assumed_by_the_file
try "UserPresence terminal and askpass, where there is none and one" \
	terminal_only
try "UserPresence fprintd" by_finger
try "UserPresence fprintd without a bus" no_bus
try "UserPresence fprintd without libsystemd" no_libsystemd
try "UserPresence fprintd: what it refuses is said" finger_is_refused
try "UserPresence fprintd that goes away ends the question" finger_goes_away
try "UserPresence fprintd believes fprintd alone" forged_finger
try "two questions on one terminal wait for each other" two_at_once
try "a question that finds no room on its terminal is refused" \
	two_at_once_in_vain
try "a caller that is killed takes its question with it" caller_killed
try "a command gets no descriptor of ours" child_has_no_descriptors
try "a pipe or directory is not taken for settings" fifo_as_settings
try "libsystemd is loaded only for that" libsystemd_is_not_linked
try "a server is named as in known_hosts; debug tells the rest" server_by_name
try "built without libsystemd: fprintd is missing, and it says so" \
	built_without_fprintd
echo "1..$N"
