# shellcheck shell=bash
# What every end-to-end test uses. A test file sources this, calls `case_`
# functions through `try`, and prints one TAP line for each:
#
#	try "what should hold" function_or_command [argument ...]
#
# A try passes when its command exits with 0. It runs in a subshell with
# `set -e` and with its output kept, to be shown only where it fails. `cannot
# REASON` in it ends it, and says that it cannot be tried here. What it changes
# for those after it, it says with `finally` how to undo.
#
# Everything lives in a directory of its own ($WORK); processes are ended by
# the ids they were started with.

set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
# shellcheck disable=SC2034 # for the test files
TOOLS=$BUILD/tests/tools
WORK=$(mktemp -d "${TMPDIR:-/tmp}/sk-tpm-test.XXXXXX")
chmod 711 "$WORK"
ME=$(id -un)
N=0
export LC_ALL=C

# Nothing of the person who runs the tests.
unset SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY WAYLAND_DISPLAY
unset SSH_SK_PROVIDER SSH_SK_HELPER XDG_RUNTIME_DIR XDG_CONFIG_HOME ZDOTDIR
export SHELL=/bin/bash
for name in "${!SK_TPM_@}" "${!TCTI_@}"; do unset "$name"; done
export HOME=$WORK/home SK_TPM_CONFIG=$WORK/sk-tpm.conf
# Nor their TPM, should there be none of ours.
export SK_TPM_TCTI=swtpm:port=1 TPM2TOOLS_TCTI=swtpm:port=1
: >"$SK_TPM_CONFIG"
mkdir -m 700 "$HOME" "$HOME/.ssh"

# The OpenSSH under test, as a number: 904 is 9.4.
openssh_version() {
	local version major minor
	version=$(ssh -V 2>&1)
	version=${version#OpenSSH_}
	major=${version%%.*}
	minor=${version#*.}
	minor=${minor%%[!0-9]*}
	echo $((major * 100 + minor))
}
OPENSSH=$(openssh_version)

# It compares majors exactly: pick the library for the one installed.
openssh_library() {
	if [ "$OPENSSH" -ge 901 ]; then
		echo "$BUILD/libsk-tpm.so"
	elif [ "$OPENSSH" -ge 809 ]; then
		echo "$BUILD/libsk-tpm-api9.so"
	else
		echo "$BUILD/libsk-tpm-api7.so"
	fi
}
LIB=$(openssh_library)

# When a process began: its number may be another's, once it has ended. Source:
# proc(5), stat, field 22.
began() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# ends_with_us PID: whatever becomes of it, it is ended with this test. In a
# file, for most are started in the subshell of a try.
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

# The ssh-sk-helper of the OpenSSH under test.
sk_helper() {
	local dir
	for dir in openssh ../libexec/openssh ../libexec ssh; do
		dir=/usr/lib/$dir/ssh-sk-helper
		[ ! -x "$dir" ] || { echo "$dir"; return; }
	done
	return 1
}

# --- results -----------------------------------------------------------------

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

# finally COMMAND...: what a try has to do in the end, however it ends; the last
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

# cannot REASON: for a try that this machine is not the place for.
cannot() {
	echo "cannot: $*" >&2
	exit 77
}

# needs_openssh VERSION WHAT: for a try of what older ones cannot do; 809 is
# 8.9.
needs_openssh() {
	[ "$OPENSSH" -ge "$1" ] ||
		cannot "OpenSSH $((OPENSSH / 100)).$((OPENSSH % 100)) has no $2"
}

# older VERSION THAN
older() {
	[ "$1" != "$2" ] &&
		[ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

needs_git_signatures() {
	local version
	version=$(git --version)
	version=${version##* }
	! older "$version" 2.34 ||
		cannot "git $version has no signatures by SSH keys"
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

# fails COMMAND...: for what has to end with an error. (Not `! command`, which
# set -e looks past.)
fails() {
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# exits STATUS COMMAND...: for what has to end with that very status.
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

# --- libraries ---------------------------------------------------------------

exports_entry_points() {
	[ "$(nm -D --defined-only "$1" | awk '{print $3}' | sort | xargs)" = \
		"sk_api_version sk_enroll sk_load_resident_keys sk_sign" ]
}

# What the compiler and the linker can do for a library or a program.
is_hardened() {
	local headers
	headers=$(readelf -lW "$1")
	grep -q GNU_RELRO <<<"$headers"
	grep GNU_STACK <<<"$headers" | grep -q 'RW '
	readelf -hW "$1" | grep -q 'Type: *DYN'
	readelf -dW "$1" | grep -q NOW
	nm -D "$1" | grep -q __stack_chk_fail
	nm -D "$1" | grep -q '__.*_chk@'
	# More than the compiler's own two functions begin as indirect jumps may.
	[ "$(uname -m)" != x86_64 ] ||
		[ "$(objdump -d "$1" | grep -c endbr64)" -gt 2 ]
}

# --- waiting -----------------------------------------------------------------

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

# Gone, or waiting only to be collected.
ended() {
	local state
	state=$(sed 's/.*) //;s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
	[ "$state" = Z ]
}

# --- TPM ---------------------------------------------------------------------

# tpm_start NAME [SWTPM-OPTION...]: a TPM of its own with state in $WORK/NAME.
# Sets TCTI, SWTPM_PID and, for the tools, TPM2TOOLS_TCTI and SK_TPM_TCTI.
# Without it there is nothing to test: it ends what asked for it.
tpm_start() {
	local name=$1 port i
	shift
	mkdir -p "$WORK/$name"
	for ((i = 0; i < 50; i++)); do
		port=$((20000 + RANDOM % 20000 * 2))
		if swtpm socket --tpmstate "dir=$WORK/$name" \
			--server "type=tcp,port=$port" \
			--ctrl "type=tcp,port=$((port + 1))" \
			--flags not-need-init,startup-clear --daemon \
			--pid "file=$WORK/$name.pid" "$@" \
			2>"$WORK/$name.err"; then
			break
		fi
		port=
	done
	[ -n "$port" ] || { cat "$WORK/$name.err" >&2; exit 1; }
	wait_until test -s "$WORK/$name.pid"
	SWTPM_PID=$(cat "$WORK/$name.pid")
	ends_with_us "$SWTPM_PID"
	TCTI=swtpm:host=127.0.0.1,port=$port
	export SK_TPM_TCTI=$TCTI TPM2TOOLS_TCTI=$TCTI
}

tpm_new() {
	tpm_start "$1" --tpm2
}

tpm_stop() {
	kill "$1"
	wait_until ended "$1"
}

# resource_manager [OPTION...]: from here on all go through tpm2-abrmd, on a
# D-Bus of its own.
resource_manager() {
	local address="unix:path=$WORK/bus"
	dbus-daemon --session --nofork --address="$address" 2>"$WORK/dbus.log" &
	ends_with_us "$!"
	wait_until bus_answers "$address"
	export DBUS_SESSION_BUS_ADDRESS=$address
	tpm2-abrmd --session --allow-root --tcti="$TCTI" "$@" \
		2>"$WORK/abrmd.log" &
	ends_with_us "$!"
	TCTI=tabrmd:bus_type=session
	export SK_TPM_TCTI=$TCTI TPM2TOOLS_TCTI=$TCTI
	wait_until tpm_answers
}

# Its socket is there before it listens.
bus_answers() {
	dbus-send --bus="$1" --dest=org.freedesktop.DBus --print-reply / \
		org.freedesktop.DBus.Peer.Ping >/dev/null 2>&1
}

tpm_answers() {
	tpm2_getcap properties-fixed >/dev/null 2>&1
}

SRK_ATTRIBUTES='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'

# Makes the storage root key persistent, as `sk-tpm setup` or a distribution
# would; arguments go to tpm2_createprimary.
# shellcheck disable=SC2120
tpm_persist_srk() {
	tpm2_createprimary -Q -C o -G ecc -a "$SRK_ATTRIBUTES" \
		-c "$WORK/srk.ctx" "$@"
	tpm2_evictcontrol -Q -C o -c "$WORK/srk.ctx" 0x81000001
	tpm2_flushcontext -t
}

# Nothing of ours, or of anybody's, is loaded.
tpm_is_empty() {
	local kind out
	for kind in transient loaded-session saved-session; do
		out=$(tpm2_getcap "handles-$kind")
		[ -z "$out" ] || { echo "left in the TPM: $out"; return 1; }
	done
}

# Where libraries are for a recording: tpm2-tss 3.0 has no TCTI that records.
recorder_path() {
	if PATH=$PATH:/sbin ldconfig -p | grep -q libtss2-tcti-pcap.so.0; then
		echo "${LD_LIBRARY_PATH-}"
	else
		echo "$TOOLS/stand-in${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}"
	fi
}

# commands COMMAND...: runs it on the TPM with a recording, in $WORK/pcap;
# prints the codes of the TPM commands that were sent.
commands() {
	rm -f "$WORK/pcap"
	LD_LIBRARY_PATH=$(recorder_path) SK_TPM_TCTI=pcap:$TCTI \
		TCTI_PCAP_FILE=$WORK/pcap "$@" >&2 || return
	[ ! -e "$WORK/pcap" ] || "$TOOLS/pcap-commands" "$WORK/pcap"
}

# How many wrong tries the TPM remembers.
wrong_tries() {
	printf '%d\n' "$(tpm2_getcap properties-variable |
		sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: //p')"
}

# --- a person ----------------------------------------------------------------

# askpass_says ANSWER...: an SSH_ASKPASS that takes its prompt down in
# $WORK/asked, and gives the answers in turn (the last one for good): a PIN,
# yes, no (exit 1) or silence. A PIN is kept for who asks for one: what wants
# consent until then gets it, and our notes are closed at once. As it answers
# too fast, it is asked again: "again", in $WORK/asked.
askpass_says() {
	printf '%s\n' "$@" >"$WORK/answers"
	: >"$WORK/asked"
	cat >"$WORK/askpass" <<-EOF
		#!/bin/bash
		case \$1 in
		"Once more"*)
			echo "again: \${1//\$'\\n'/ }" >>"$WORK/asked"
			answer=\$(cat "$WORK/answer")
			[ "\$answer" != no ] || exit 1
			echo "\$answer"
			exit 0 ;;
		esac
		echo "\$SSH_ASKPASS_PROMPT: \${1//\$'\\n'/ }" >>"$WORK/asked"
		case \$SSH_ASKPASS_PROMPT\$1 in
		nonesk-tpm:*) exit 0 ;;
		none*) exec sleep 5 ;;
		esac
		answer=\$(head -n 1 "$WORK/answers")
		case \$SSH_ASKPASS_PROMPT\$answer in
		confirmyes | confirmno | confirmsilence | confirmperhaps) ;;
		confirm*) echo yes >"$WORK/answer"; exit 0 ;;
		esac
		echo "\$answer" >"$WORK/answer"
		[ "\$(wc -l <"$WORK/answers")" -le 1 ] ||
			sed -i 1d "$WORK/answers"
		case \$answer in
		no) exit 1 ;;
		silence) exec sleep 30 ;;
		*) echo "\$answer" ;;
		esac
	EOF
	chmod +x "$WORK/askpass"
	export SSH_ASKPASS=$WORK/askpass SSH_ASKPASS_REQUIRE=force
}

# person SCRIPT...: sits at a terminal of their own, as the script of expect's
# says. `run COMMAND` has bash run it there, `want TEXT` waits for a text that
# it prints, `status` ends with its exit status. Where that is to be a failure,
# `exits` tells it from a text that did not come (3 or 4).
person() {
	cat >"$WORK/play" <<-'EOF'
		log_user 1
		set timeout 20
		proc run {command} {
			uplevel [list spawn -noecho bash -c $command]
		}
		proc want {what} {
			expect $what {} timeout { puts "no $what"; exit 3 } \
				eof { puts "ended before $what"; exit 4 }
		}
		proc status {} {
			expect eof
			exit [lindex [wait] 3]
		}
	EOF
	printf '%s\n' "$@" >>"$WORK/play"
	expect -f "$WORK/play"
}

# Runs a command as somebody who is not root (and with no group of root's).
unprivileged() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}

# --- keys and servers --------------------------------------------------------

# enroll FILE [ssh-keygen option...]
enroll() {
	local file=$1
	shift
	ssh-keygen -q -t ecdsa-sk -N '' -w "$LIB" -f "$file" -C "$(basename "$file")" "$@"
}

# OpenSSH 8.4 knows verify-required of keys, but not of certificates.
certifies_verification() {
	rm -f "$WORK"/probe*
	command ssh-keygen -q -t ed25519 -N '' -f "$WORK/probe"
	command ssh-keygen -q -s "$WORK/probe" -I probe -O verify-required \
		"$WORK/probe.pub"
}

# sign_and_verify KEY: through ssh-keygen -Y, as git does.
sign_and_verify() {
	echo "some text" >"$WORK/text"
	rm -f "$WORK/text.sig"
	ssh-keygen -Y sign -n file -f "$1" -w "$LIB" "$WORK/text"
	ssh-keygen -Y check-novalidate -n file -s "$WORK/text.sig" \
		<"$WORK/text"
}

sign() {
	echo text | ssh-keygen -Y sign -n file -w "$LIB" -f "$1" >/dev/null
}

# sshd_start NAME [config line...]: a private sshd on a free port; sets
# SSHD_PORT and SSHD_LOG, and writes its id to $WORK/NAME.sshd. authorized_keys
# is $WORK/NAME.keys, and its host key plain, unless a config line says otherwise.
sshd_start() {
	local name=$1 i pid hostkey="HostKey $WORK/$1.host"
	local keys="AuthorizedKeysFile $WORK/$1.keys"
	shift
	[ "${*#*HostKey }" = "$*" ] || hostkey=
	# (In a Match block it is indented, and for some only.)
	! printf '%s\n' "$@" | grep -q '^AuthorizedKeysFile ' || keys=
	[ -f "$WORK/$name.host" ] ||
		ssh-keygen -q -t ed25519 -N '' -f "$WORK/$name.host"
	touch "$WORK/$name.keys"
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	SSHD_LOG=$WORK/$name.log
	: >"$SSHD_LOG"
	for ((i = 0; i < 50; i++)); do
		SSHD_PORT=$((20000 + RANDOM % 40000))
		cat >"$WORK/$name.conf" <<-EOF
			Port $SSHD_PORT
			ListenAddress 127.0.0.1
			$hostkey
			PidFile none
			$keys
			AuthenticationMethods publickey
			PermitRootLogin yes
			StrictModes no
			UsePAM no
			LogLevel VERBOSE
		EOF
		# We are refused often, all from one address.
		[ "$OPENSSH" -lt 908 ] || [[ $* = *PerSourcePenalties* ]] ||
			echo PerSourcePenalties no >>"$WORK/$name.conf"
		printf '%s\n' "$@" >>"$WORK/$name.conf"
		"$(command -v sshd || echo /usr/sbin/sshd)" -D -e \
			-f "$WORK/$name.conf" 2>"$SSHD_LOG" &
		pid=$!
		wait_until sshd_is_up_or_gone "$pid" || return 1
		if ! ended "$pid"; then
			echo "$pid" >"$WORK/$name.sshd"
			ends_with_us "$pid"
			echo "[127.0.0.1]:$SSHD_PORT $(cut -d' ' -f1-2 \
				"$WORK/$name.host.pub")" >>"$WORK/known_hosts"
			return 0
		fi
	done
	cat "$SSHD_LOG" >&2
	return 1
}

sshd_is_up_or_gone() {
	grep -q 'Server listening' "$SSHD_LOG" || ended "$1"
}

# log_in [ssh option...]: runs a command on the last server; shows its answer.
log_in() {
	local out
	out=$(ssh -F none -p "$SSHD_PORT" -l "$ME" -o BatchMode=yes \
		-o "UserKnownHostsFile=$WORK/known_hosts" \
		-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes \
		-o "SecurityKeyProvider=$LIB" "$@" 127.0.0.1 echo logged-in)
	echo "$out"
	[ "$out" = logged-in ]
}

# agent_start [ssh-agent option...]
agent_start() {
	local sock=$WORK/agent.$N.$RANDOM
	ssh-agent -D -a "$sock" "$@" >/dev/null 2>"$WORK/agent.log" &
	ends_with_us "$!"
	export SSH_AUTH_SOCK=$sock
	wait_until agent_answers
}

# With keys or without.
agent_answers() {
	local status=0
	ssh-add -l >/dev/null 2>&1 || status=$?
	[ "$status" -ne 2 ]
}
