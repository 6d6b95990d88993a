#!/usr/bin/env bash
# Many of everything, one after another and at once: what takes too long for
# `make check`. $SIGNATURES, $LOGINS and $CONNECTIONS say how many.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

SIGNATURES=${SIGNATURES:-10000}
LOGINS=${LOGINS:-1000}
CONNECTIONS=${CONNECTIONS:-2000}
AT_ONCE=8
# sign-many looks after a first tenth, which has to be some; and so that what is
# said is what is done.
[ "$SIGNATURES" -ge 100 ] || SIGNATURES=100
CONNECTIONS=$(((CONNECTIONS + AT_ONCE - 1) / AT_ONCE * AT_ONCE))

exec 3>&1

# note TEXT: for the summary.
note() {
	echo "# note: $*" >&3
}

# uses PID: its resident KiB and its open files.
uses() {
	echo "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status")" \
		"$(find "/proc/$1/fd" -mindepth 1 | wc -l)"
}

# holds PID BEFORE WHAT: no file more than before, nor more memory than what an
# allocator gives and takes (256 KiB); no child is left.
holds() {
	local was now
	read -ra was <<<"$2"
	read -ra now < <(uses "$1")
	note "$3: ${was[0]} KiB, ${was[1]} files before; ${now[0]} KiB," \
		"${now[1]} files after"
	[ "${now[1]}" -le "${was[1]}" ]
	[ "${now[0]}" -le $((was[0] + 256)) ]
	fails pgrep -P "$1"
}

# repeat N COMMAND...: one after another, to the first that fails.
repeat() {
	local n=$1 i
	shift
	for ((i = 1; i <= n; i++)); do
		"$@" || { echo "number $i of $n failed"; return 1; }
	done
}

# side_by_side N COMMAND...: all of N at once.
side_by_side() {
	local n=$1 i pid pids=() failed=0
	shift
	for ((i = 0; i < n; i++)); do
		"$@" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=$((failed + 1))
	done
	[ "$failed" -eq 0 ] || { echo "$failed of $n failed"; return 1; }
}

# Without malloc's cache, whose blocks count as given out.
many_signatures() {
	GLIBC_TUNABLES=glibc.malloc.tcache_count=0 \
		"$BUILD/tests/load/sign-many" "$LIB" "$SIGNATURES" >"$WORK/out" 2>"$WORK/err" || {
		cat "$WORK/out"
		sort "$WORK/err" | uniq -c
		return 1
	}
	cat "$WORK/out" >&3
	tpm_is_empty
}

agent_of_many_logins() {
	local agent before
	agent_start -P "$LIB"
	agent=$(tail -n 1 "$WORK/pids" | cut -d' ' -f1)
	ssh-add -q -S "$LIB" k
	repeat 50 ssh -i k.pub server true
	before=$(uses "$agent")
	repeat "$LOGINS" ssh -i k.pub server true
	holds "$agent" "$before" "ssh-agent, $LOGINS logins"
	[ "$(logins server ECDSA-SK)" -ge "$LOGINS" ]
	tpm_is_empty
}

host_of_many_connections() {
	local sshd before
	mkdir -p "$ETC"
	enroll "$ETC/host" -O no-touch-required
	host tpm-host "HostKey $ETC/host" "SecurityKeyProvider $LIB" \
		"MaxStartups 100"
	sshd=$(<tpm-host.sshd)
	echo "tpm-host $(cut -d' ' -f1-2 "$ETC/host.pub")" \
		>"$HOME/.ssh/known_hosts"
	cp plain.pub tpm-host.keys
	repeat 50 ssh -i plain tpm-host true
	before=$(uses "$sshd")
	side_by_side "$AT_ONCE" repeat $((CONNECTIONS / AT_ONCE)) \
		ssh -i plain tpm-host true
	wait_until fails pgrep -P "$sshd" >/dev/null
	holds "$sshd" "$before" "sshd, $CONNECTIONS connections"
	tpm_is_empty
}

sixty_four_at_once() {
	side_by_side 64 sign k
	tpm_is_empty
}

tpm_new tpm
tpm_persist_srk
ssh-keygen -q -t ed25519 -N '' -f plain
enroll k -O no-touch-required
host server
sed 's/^/no-touch-required /' k.pub >server.keys

try "$SIGNATURES signatures in one process: nothing grows" many_signatures
try "$LOGINS logins by one ssh-agent" agent_of_many_logins
try "$CONNECTIONS connections to a host key in the TPM, $AT_ONCE at a time" \
	host_of_many_connections
resource_manager
try "64 signatures at once, through tpm2-abrmd" sixty_four_at_once
echo "1..$N"
