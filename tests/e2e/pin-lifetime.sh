#!/usr/bin/env bash
# A PIN with a lifetime, as its page has it; pin-tickets.sh goes through what
# ends one.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"
not_for_debian_11 "its ssh asks for the PIN by itself, each time"

tpm_new tpm
tpm_persist_srk
PIN=246813
export XDG_RUNTIME_DIR=$WORK/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
host server

asks_once() {
	askpass_says "$PIN"
	example enrol
	echo "verify-required $(cat "$HOME/.ssh/id_minutes.pub")" >server.keys
	export LOGIN
	LOGIN=$(example_text login)
	export -f ssh
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	person 'run $env(LOGIN)' 'want "Enter PIN"' "send \"$PIN\\r\"" status
	person 'run $env(LOGIN)' 'expect "Enter PIN" { exit 9 } "Press y" { exit 9 } eof' \
		'exit [lindex [wait] 3]'
	[ "$(logins server)" -eq 2 ]
	example show | grep '^PIN counts until: *20'
	example forget | grep ' 1$'
	example show | grep '^PIN counts until: *it was not entered$'
}

# enters: a ticket is there then.
enters() {
	askpass_says "$PIN"
	ssh -o BatchMode=no -i "$HOME/.ssh/id_minutes" server true
	has_ticket
}

has_ticket() {
	[ -n "$(find "$XDG_RUNTIME_DIR" -name '*.ticket')" ]
}

# A bus of our own, on which the session says that it is locked.
when_locked() {
	local address="unix:path=$WORK/system-bus"
	dbus-daemon --session --nofork --address="$address" 2>dbus.log &
	ends_with_us "$!"
	wait_until bus_answers "$address"
	export DBUS_SYSTEM_BUS_ADDRESS=$address
	export -f sk-tpm
	export BUILD
	setsid bash -c "$(example_text lock)" >watcher.log 2>&1 &
	finally kill -- "-$!"
	ends_with_us "$!"
	enters
	# It may not have begun to listen.
	wait_until locked_and_gone "$address"
	enters
	wait_until hinted_and_gone "$address"
}

signal_of_session() {
	dbus-send --bus="$1" --type=signal /org/freedesktop/login1/session/_31 \
		"${@:2}"
	fails has_ticket
}

locked_and_gone() {
	signal_of_session "$1" org.freedesktop.login1.Session.Lock
}

hinted_and_gone() {
	signal_of_session "$1" org.freedesktop.DBus.Properties.PropertiesChanged \
		string:org.freedesktop.login1.Session \
		dict:string:boolean:LockedHint,true
}

# What systemd would run before it lets the machine sleep.
before_sleep() {
	local command
	mkdir -p "$WORK/user/1000"
	example_text sleep >sk-tpm-forget.service
	! command -v systemd-analyze >/dev/null ||
		systemd-analyze verify ./sk-tpm-forget.service
	enters
	cp -r "$XDG_RUNTIME_DIR/sk-tpm" "$WORK/user/1000/"
	# Nothing else goes, and no link is followed.
	echo kept >"$WORK/user/1000/other.ticket"
	mkdir "$WORK/user/1001" elsewhere
	echo kept >elsewhere/x.ticket
	ln -s "$WORK/elsewhere" "$WORK/user/1001/sk-tpm"
	command=$(sed -n 's/^ExecStart=-//p' sk-tpm-forget.service)
	eval "${command//\/run\/user/$WORK/user}"
	[ "$(cd "$WORK" && find user elsewhere -name '*.ticket' | sort | xargs)" = \
		"elsewhere/x.ticket user/1000/other.ticket" ]
}

try "the PIN is entered once" asks_once
try "a locked screen ends it" when_locked
try "before every kind of sleep" before_sleep
echo "1..$N"
