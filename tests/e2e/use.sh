#!/usr/bin/env bash
# What is told of the use of a key: records in syslog, notifications.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
sshd_start server
enroll "$WORK/k" -O no-touch-required
(printf 'no-touch-required '; cat "$WORK/k.pub") >"$WORK/server.keys"
KEY=$(fingerprint "$WORK/k.pub")
KEY=${KEY//+/\\+} # for patterns
PIN=270182

# syslog_start: a /dev with a log of its own, whose lines are in $WORK/syslog.
syslog_start() {
	[ "$(id -u)" -eq 0 ] || cannot "only root can put another log in /dev"
	unshare -m true || cannot "no namespace for mounts here"
	rm -rf "$WORK/devices"
	mkdir "$WORK/devices"
	ln -s /proc/self/fd "$WORK/devices/fd"
	touch "$WORK"/devices/{null,zero,random,urandom,tty}
	: >"$WORK/syslog"
	perl -MIO::Socket::UNIX -e '$| = 1;
		my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
			Local => $ARGV[0]) or die "$ARGV[0]: $!";
		chmod 0666, $ARGV[0];
		while (defined $s->recv(my $line, 8192)) { print "$line\n" }' \
		"$WORK/devices/log" >"$WORK/syslog" &
	ends_with_us "$!"
	wait_until test -S "$WORK/devices/log"
}

# logged COMMAND...: runs it where that log is.
logged() {
	unshare -m bash -ec '
		for f in null zero random urandom tty; do
			mount --bind "/dev/$f" "$WORK/devices/$f"
		done
		mount --rbind "$WORK/devices" /dev
		exec "$@"' bash "$@"
}

# records N: there are N records in all; prints the last one without its date.
records() {
	wait_until has_lines "$1" || { cat "$WORK/syslog"; return 1; }
	tail -n 1 "$WORK/syslog" | tee "$WORK/record"
}

has_lines() {
	[ "$(wc -l <"$WORK/syslog")" -eq "$1" ]
}

# says PATTERN: the last record does, from its begin to its end. (Its priority
# is 10 * 8, LOG_AUTHPRIV, and 6 for a signature or 5.)
says() {
	grep -Eqx "<8[56]>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} sk-tpm\[[0-9]+\]: $1" \
		"$WORK/record" || { echo "not: $1"; return 1; }
}

caller() {
	echo ", uid 0, caller [0-9]+ \"$1\""
}

each_signature_is_recorded() {
	syslog_start
	# None is asked for.
	logged bash -c "sign $WORK/k"
	export SK_TPM_CONFIG=$WORK/log.conf
	echo 'LogUse yes' >"$SK_TPM_CONFIG"
	logged bash -c "sign $WORK/k"
	records 1
	says "signed: key $KEY, presence no, PIN no$(caller ssh-keygen), for \"ssh-keygen -Y sign -n file -w /.*\": Sign a file"
	grep -q '^<86>' "$WORK/record"
	logged bash -c "log_in -i $WORK/k"
	records 2
	[ "$OPENSSH" -lt 809 ] ||
		says "signed: key $KEY, presence no, PIN no$(caller ssh), for \"ssh -F none -p $SSHD_PORT .*\.\.\.\": Sign in to a server with host key SHA256:[^ ]*, as \"$ME\""
	SK_TPM_USER_PRESENCE=assume logged bash -c "
		echo x | ssh-keygen -Y sign -n \$'x\"\\n\\033' -w $LIB -f $WORK/k >/dev/null"
	records 3
	says 'signed: .*: Sign data for "x\\x22\\x0a\\x1b"'
}

# Nobody waits for a log, and none fails a signature.
no_log() {
	syslog_start
	rm "$WORK/devices/log"
	SK_TPM_LOG_USE=yes logged bash -c "sign $WORK/k" 2>"$WORK/err"
	fails grep '^sk-tpm' "$WORK/err"
}

pin_and_presence() {
	syslog_start
	export SK_TPM_LOG_USE=yes
	askpass_says "$PIN"
	enroll "$WORK/pin" -O verify-required
	cat "$WORK/pin.pub" >>"$WORK/server.keys"
	# Once, though ssh has us sign twice, the second time with the PIN.
	logged ssh -F none -p "$SSHD_PORT" -l "$ME" -o IdentitiesOnly=yes \
		-o "UserKnownHostsFile=$WORK/known_hosts" -i "$WORK/pin" \
		-o "SecurityKeyProvider=$LIB" 127.0.0.1 true
	records 1
	says "signed: key SHA256:[^ ]*, presence yes, PIN yes$(caller ssh), .*"
	askpass_says 'not-the-PIN'
	fails logged bash -c "sign $WORK/pin"
	records 2
	says "not signed: key SHA256:[^ ]*, because \"wrong PIN; .*\"$(caller ssh-keygen), .*: Sign a file"
	grep '^<85>' "$WORK/record"
	fails grep -e "$PIN" -e not-the-PIN "$WORK/syslog"
}

# A PIN that was not entered for this signature is told from one that was.
pin_within_its_lifetime() {
	syslog_start
	export SK_TPM_LOG_USE=yes XDG_RUNTIME_DIR=$WORK/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	askpass_says "$PIN"
	"$BUILD/sk-tpm" enroll -n -P --pin-lifetime 10m -f "$WORK/lasting"
	sed 's/^/no-touch-required,verify-required /' "$WORK/lasting.pub" \
		>>"$WORK/server.keys"
	for n in 1 2; do
		logged bash -c "log_in -i $WORK/lasting"
		records "$n"
		[ "$n" -eq 2 ] || cp "$WORK/record" "$WORK/first"
	done
	says "signed: key SHA256:[^ ]*, presence no, PIN earlier, .*"
	mv "$WORK/first" "$WORK/record"
	says "signed: key SHA256:[^ ]*, presence no, PIN yes, .*"
}

refusals_are_recorded() {
	syslog_start
	export SK_TPM_LOG_USE=yes
	"$BUILD/sk-tpm" enroll -n -l sign:git -f "$WORK/git"
	fails logged bash -c "sign $WORK/git"
	records 1
	says "not signed: key SHA256:[^ ]*, because \"this key .*\"$(caller ssh-keygen), .*: Sign a file"
	enroll "$WORK/asks"
	askpass_says no
	fails logged bash -c "sign $WORK/asks"
	records 2
	says "not signed: .*, because \"refused in $WORK/askpass\"$(caller ssh-keygen), .*: Sign a file"
	SK_TPM_TCTI=device:/dev/no-tpm fails logged bash -c "sign $WORK/k"
	records 3
	says "not signed: key $KEY, because \"no TPM at .*"
}

# The agent does not say whom it serves; sshd's clients are in its own log.
agents_and_servers() {
	syslog_start
	export SK_TPM_LOG_USE=yes
	# shellcheck disable=SC2016 # for the shell inside
	logged sh -c 'echo $$ >"$WORK/agent.pid" && exec ssh-agent -D "$@"' sh \
		-a "$WORK/logging" -P "$(agent_list)" >/dev/null &
	wait_until test -s "$WORK/agent.pid"
	ends_with_us "$(cat "$WORK/agent.pid")"
	export SSH_AUTH_SOCK=$WORK/logging
	wait_until agent_answers
	ssh-add -q -S "$LIB" "$WORK/k"
	cp "$WORK/k.pub" "$WORK/only.pub"
	log_in -i "$WORK/only.pub"
	records 1
	says "signed: key $KEY, presence no, PIN no$(caller ssh-agent): Sign in .*"
}

# desktop_start: a session's bus with a service that shows notifications in
# $WORK/desktop; sets SERVICE to its process.
desktop_start() {
	export DBUS_SESSION_BUS_ADDRESS=unix:path=$WORK/bus
	rm -f "$WORK/bus"
	dbus-daemon --session --nofork --nopidfile \
		"--address=$DBUS_SESSION_BUS_ADDRESS" 2>"$WORK/bus.log" &
	ends_with_us "$!"
	wait_until bus_answers "$DBUS_SESSION_BUS_ADDRESS"
	"$TOOLS/mock-notifications" >"$WORK/desktop" 2>&1 &
	SERVICE=$!
	ends_with_us "$SERVICE"
	wait_until grep -q ready "$WORK/desktop"
}

# shown PATTERN COMMAND...: the command succeeds, and the next notification is
# this. (On a machine that is busy a bus may be too slow for one.)
shown() {
	local pattern=$1 i
	shift
	for ((i = 0; i < 20; i++)); do
		echo ready >"$WORK/desktop"
		"$@"
		wait_until_shown || continue
		tail -n 1 "$WORK/desktop"
		tail -n 1 "$WORK/desktop" | grep -Eqx "$pattern"
		return
	done
	echo "not shown"
	return 1
}

wait_until_shown() {
	local i
	for ((i = 0; i < 50; i++)); do
		[ "$(wc -l <"$WORK/desktop")" -le 1 ] || return 0
		sleep 0.02
	done
	return 1
}

each_signature_is_shown() {
	desktop_start
	export SK_TPM_CONFIG=$WORK/notify.conf
	echo 'Notify yes' >"$SK_TPM_CONFIG"
	shown "sk-tpm\|Signed with the key $KEY\|Sign a file\|for \"ssh-keygen -Y sign -n file .*\"" \
		sign "$WORK/k"
	shown 'sk-tpm\|.*\|Sign data for "\\x3cb\\x3e\\x26amp;\\x22"\|for .*' \
		for_strange_data
	[ "$OPENSSH" -lt 809 ] ||
		shown "sk-tpm\|.*\|Sign in to a server with host key SHA256:[^ ]*, as \"$ME\"\|for \"ssh .*" \
		log_in -i "$WORK/k"
	agent_start -P "$(agent_list)"
	ssh-add -q -S "$LIB" "$WORK/k"
	cp "$WORK/k.pub" "$WORK/only.pub"
	shown "sk-tpm\|.*\|Sign in .*\|through ssh-agent" \
		log_in -i "$WORK/only.pub"
}

for_strange_data() {
	echo x | ssh-keygen -Y sign -n '<b>&amp;"' -w "$LIB" -f "$WORK/k"
}

# One that was asked for, one that was refused, and none by default.
what_is_not_shown() {
	desktop_start
	sign "$WORK/k"
	enroll "$WORK/refused"
	askpass_says no
	SK_TPM_NOTIFY=yes fails sign "$WORK/refused"
	shown '.*Sign data for .*' env SK_TPM_NOTIFY=yes bash -c for_strange_data
	[ "$(wc -l <"$WORK/desktop")" -eq 2 ]
}

# signs_in_silence CAUSE: nothing that is wrong with a desktop is wrong with a
# signature; the debug log has the cause.
signs_in_silence() {
	timeout 60 bash -c "sign $WORK/k" >"$WORK/out" 2>&1 ||
		{ cat "$WORK/out"; return 1; }
	fails grep '^sk-tpm' "$WORK/out"
	SK_TPM_LOG_LEVEL=debug sign "$WORK/k" 2>"$WORK/out"
	grep "^sk-tpm: no notification: $1" "$WORK/out"
}

no_desktop() {
	export SK_TPM_NOTIFY=yes
	unset DBUS_SESSION_BUS_ADDRESS
	signs_in_silence ''
	DBUS_SESSION_BUS_ADDRESS=unix:path=$WORK/no-bus signs_in_silence \
		"No such file"
	DBUS_SESSION_BUS_ADDRESS=gibberish signs_in_silence ''
	mkdir "$WORK/none"
	: >"$WORK/none/libsystemd.so.0"
	LD_LIBRARY_PATH=$WORK/none signs_in_silence \
		"libsystemd.so.0 cannot be loaded"
	# The bus takes a message for a service that it does not have.
	desktop_start
	kill "$SERVICE"
	wait_until ended "$SERVICE"
	SK_TPM_LOG_LEVEL=debug sign "$WORK/k" 2>"$WORK/out"
	fails grep 'no notification' "$WORK/out"
}

# listens PATH [UID]: takes connections, and answers nothing.
listens() {
	perl -MIO::Socket::UNIX -e '$> = $ARGV[1] if $ARGV[1];
		my $s = IO::Socket::UNIX->new(Listen => 9, Local => $ARGV[0])
			or die "$ARGV[0]: $!";
		chmod 0777, $ARGV[0]; sleep' "$@" &
	ends_with_us "$!"
	wait_until test -S "$1"
}

bus_that_hangs() {
	export SK_TPM_NOTIFY=yes DBUS_SESSION_BUS_ADDRESS=unix:path=$WORK/hangs
	listens "$WORK/hangs"
	signs_in_silence "Connection timed out"
}

bus_of_another() {
	[ "$(id -u)" -eq 0 ] || cannot "only root can be somebody else"
	export SK_TPM_NOTIFY=yes DBUS_SESSION_BUS_ADDRESS=unix:path=$WORK/open/bus
	mkdir -m 777 "$WORK/open"
	listens "$WORK/open/bus" 65534
	signs_in_silence "Operation not permitted"
}

export -f sign log_in for_strange_data
export LIB WORK SSHD_PORT ME
try "LogUse: each signature leaves a record, with foreign words escaped" \
	each_signature_is_recorded
try "LogUse without a log: it signs" no_log
try "LogUse tells of PIN and presence, and has no PIN in it" pin_and_presence
try "LogUse tells a PIN within its lifetime from one that was entered" \
	pin_within_its_lifetime
try "LogUse records what was refused, and why" refusals_are_recorded
try "LogUse: an agent is named as the caller" agents_and_servers
try "Notify: each signature is shown, and what is foreign escaped" \
	each_signature_is_shown
try "Notify: nothing else is shown" what_is_not_shown
try "Notify without a bus, a service or libsystemd: it signs" no_desktop
try "Notify with a bus that does not answer: it signs" bus_that_hangs
try "Notify: another user's bus is told nothing" bus_of_another
echo "1..$N"
