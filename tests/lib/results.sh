# shellcheck shell=bash
# Results: one TAP line for each try, and what a test says of a command.

# try WHAT COMMAND...: passes when the command exits with 0. It runs in a
# subshell with `set -e` and with its output kept, to be shown only where it
# fails. `cannot REASON` in it ends it, and says that it cannot be tried here.
# What it changes for those after it, it says with `finally` how to undo.
N=0
try() {
	local what=$1 log=$WORK/try.log
	shift
	N=$((N + 1))
	# Not in a condition, where bash would ignore set -e.
	set +e
	(
		FINALLY=()
		trap undo EXIT
		set -eE
		trap 'echo "failed: line $LINENO: $BASH_COMMAND"' ERR
		"$@"
	) </dev/null >"$log" 2>&1
	local status=$? reason
	reason=$(sed -n 's/^cannot: //p' "$log" | tail -n 1)
	if [ "$status" -eq 77 ] && [ -n "$reason" ]; then
		echo "ok $N - $what # SKIP $reason"
	elif [ "$status" -eq 0 ]; then
		echo "ok $N - $what"
	else
		echo "not ok $N - $what (exit $status)"
		tail -n 60 "$log" | sed 's/^/# /'
	fi
}

# finally COMMAND...: to be done at the end of the try, however it ends; the last
# one first.
finally() {
	FINALLY+=("${*@Q}")
}

undo() {
	local i
	set +eE
	trap - ERR
	for ((i = ${#FINALLY[@]} - 1; i >= 0; i--)); do
		eval "${FINALLY[i]}" || echo "in the end: ${FINALLY[i]}: failed"
	done
}

# cannot REASON: ends a try that cannot be made on this machine.
cannot() {
	echo "cannot: $*" >&2
	exit 77
}

# relay PREFIX PROGRAM...: runs a test program of ours that prints TAP, and
# prints its lines as ours.
relay() {
	local prefix=$1 line
	shift
	while IFS= read -r line; do
		case $line in
		"ok "*) N=$((N + 1)); echo "ok $N - $prefix: ${line#*- }" ;;
		"not ok "*) N=$((N + 1)); echo "not ok $N - $prefix: ${line#*- }" ;;
		[0-9]*..*) ;;
		"# "*) echo "$line" ;;
		*) echo "# $line" ;;
		esac
	done < <("$@" 2>&1 || echo "not ok 0 - exit status $?")
}

skip() {
	N=$((N + 1))
	echo "ok $N - $1 # SKIP $2"
}

# refuses TEXT COMMAND...: it fails, and says TEXT in one line of ours.
refuses() {
	local text=$1 out lines
	shift
	if out=$("$@" 2>&1); then
		echo "not refused: $*: $out"
		return 1
	fi
	echo "$out"
	lines=$(grep -c '^sk-tpm: ' <<<"$out" || :)
	[ "$lines" -eq 1 ] || { echo "$lines lines of ours"; return 1; }
	grep '^sk-tpm: ' <<<"$out" | grep -qF -- "$text" ||
		{ echo "does not say: $text"; return 1; }
}

# fails COMMAND...: the command has to end with an error. (set -e ignores
# `! command`.)
fails() {
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# exits STATUS COMMAND...: the command has to end with that status.
exits() {
	local status=0
	"${@:2}" || status=$?
	[ "$status" -eq "$1" ] || { echo "exit status $status, not $1"; return 1; }
}

# page_block NAME PAGE: the code block of that name.
page_block() {
	local text
	text=$(awk -v name="$1" '
		/^```/ && inside { exit }
		inside { print }
		/^```/ && $2 == name { inside = 1 }
	' "$2")
	[ -n "$text" ] || { echo "no block $1" >&2; return 1; }
	echo "$text"
}

# skip_all REASON: none of this file's tests can be here.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
