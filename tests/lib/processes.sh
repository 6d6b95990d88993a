# shellcheck shell=bash
# Processes that end with the test, and waiting for them and others.

# When a process began: its number may be another's, once it has ended. Source:
# proc(5), stat, field 22.
began() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# ends_with_us PID: the process is ended with this test at the latest. The list
# is a file, as most processes are started in the subshell of a try.
ends_with_us() {
	echo "$1 $(began "$1")" >>"$WORK/pids"
}

cleanup() {
	local pid began
	while read -r pid began; do
		[ -n "$began" ] && [ "$(began "$pid")" = "$began" ] || continue
		kill -CONT "$pid" 2>/dev/null
		kill "$pid" 2>/dev/null || continue
		# unshare(1) does not heed it.
		wait_until ended "$pid" 2>/dev/null || kill -KILL "$pid"
	done <"$WORK/pids"
	rm -rf "$WORK"
}
: >"$WORK/pids"
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# Gone, or waiting only to be collected.
ended() {
	local state
	state=$(sed 's/.*) //;s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
	[ "$state" = Z ]
}

# Polls a condition for up to 20 seconds. (With read -t between, bash 5.1 waits
# for good where its timer goes off before it reads.)
wait_until() {
	local i
	for ((i = 0; i < 1000; i++)); do
		"$@" && return 0
		sleep 0.02
	done
	echo "gave up waiting for: $*" >&2
	return 1
}

# Runs a command as somebody who is not root (and with no group of root's).
unprivileged() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}
