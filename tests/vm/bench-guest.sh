# shellcheck shell=bash
# Logins side by side on one kernel's /dev/tpmrm0: with a key file, with sk-tpm and
# with ssh-tpm-agent, whose keys have by default a parent that is made anew each
# time, or one that is persistent, as ours is here. tests/vm/guest sources this,
# tests/vm/bench prints what comes of it.

LOGINS=15
CASES=(key-file sk-tpm ssh-tpm-agent ssh-tpm-agent-persistent)
TRACE=/sys/kernel/tracing

# It wants a later libc than Debian 12 has, and gets its own.
peer() {
	local root=/opt/ssh-tpm-agent
	alice "$root/usr/lib64/ld-linux-x86-64.so.2 \
		--library-path $root/usr/lib/x86_64-linux-gnu $root/usr/bin/$*"
}

bench_keys() {
	make_sshd_patient
	add_alice
	usermod -aG tss alice
	alice sk-tpm setup --write
	alice "ssh-keygen -q -t ecdsa -N '' -f .ssh/key-file"
	alice "ssh-keygen -q -t ecdsa-sk -O no-touch-required -N '' \
		-f .ssh/sk-tpm"
	peer "ssh-tpm-keygen -N '' -f .ssh/ssh-tpm-agent"
	peer "ssh-tpm-keygen -N '' --parent-handle 0x81000001 \
		-f .ssh/ssh-tpm-agent-persistent"
	sed 's/^/no-touch-required /' /home/alice/.ssh/*.pub \
		>/home/alice/.ssh/authorized_keys
	wc -l </home/alice/.ssh/authorized_keys | grep -qx "${#CASES[@]}"
}

# It loads the keys that it finds.
start_peer() {
	peer "ssh-tpm-agent -l .ssh/agent" >"$WORK/agent.log" 2>&1 &
	wait_until test -S /home/alice/.ssh/agent
	alice "SSH_AUTH_SOCK=.ssh/agent ssh-add -l" || :
	cat "$WORK/agent.log"
}

# What alice runs: her logins in turn, with their times in microseconds.
add_logins() {
	local case
	cat >/home/alice/log_in <<-'EOT'
		#!/bin/bash
		# log_in CASE
		key=.ssh/$1
		case $1 in
		ssh-tpm-agent*) key=$key.pub; export SSH_AUTH_SOCK=.ssh/agent ;;
		esac
		exec ssh -o IdentitiesOnly=yes -i "$key" localhost true
	EOT
	cat >/home/alice/log_in_by_turns <<-'EOT'
		#!/bin/bash
		# log_in_by_turns TIMES CASE...
		times=$1
		shift
		for ((i = 0; i < times; i++)); do
			for case; do
				started=${EPOCHREALTIME/.}
				./log_in "$case" || exit
				echo "$case $((${EPOCHREALTIME/.} - started))"
			done
		done
	EOT
	chmod 755 /home/alice/log_in /home/alice/log_in_by_turns
	for case in "${CASES[@]}"; do
		warm_up "$case"
	done
}

# ssh-tpm-agent refuses the first signature of a key, even of one without a PIN;
# for the second it asks for one, which may be any.
warm_up() {
	alice ./log_in "$1" || alice ./log_in "$1"
}

# Whoever writes to the device sends a command, whose code ends its header of ten
# bytes.
watch_the_device() {
	mountpoint -q $TRACE || mount -t tracefs tracefs $TRACE
	# shellcheck disable=SC2016 # $arg2 is the kernel's
	echo 'p:tpm/sent tpm_common_write high=+u8($arg2):x8 low=+u9($arg2):x8' \
		>$TRACE/kprobe_events
	echo 1 >$TRACE/events/tpm/sent/enable
}

sent_to_the_device() {
	local high low
	sed -n 's/.* sent: .*high=\(0x[0-9a-f]*\) low=\(0x[0-9a-f]*\).*/\1 \2/p' \
		$TRACE/trace |
		while read -r high low; do
			printf '%x\n' $((high << 8 | low))
		done
}

# marked_login N: of that case, between the marks 4N+21 and 4N+23 in swtpm's log.
marked_login() {
	local case=${CASES[$1]}
	mark $((4 * $1 + 21))
	echo >$TRACE/trace
	alice ./log_in "$case"
	sent_to_the_device >"$WORK/$case.sent"
	mark $((4 * $1 + 23))
}

marked_bench_logins() {
	local i
	watch_the_device
	for i in "${!CASES[@]}"; do
		marked_login "$i"
	done
	grep -qx 15d "$WORK/sk-tpm.sent"
	echo 0 >$TRACE/events/tpm/sent/enable
}

timed_logins() {
	ALICE_SECONDS=1800 alice ./log_in_by_turns "$LOGINS" "${CASES[@]}" >"$WORK/times"
	cat "$WORK/times"
}

# quantiles CASE: median and quartiles of its times, in ms.
quantiles() {
	sed -n "s/^$1 //p" "$WORK/times" | sort -n | awk '
		{ t[NR] = $1 / 1000 }
		function q(p,   x, i) {
			x = 1 + p * (NR - 1)
			i = int(x)
			return t[i] + (x - i) * (t[i < NR ? i + 1 : i] - t[i])
		}
		END { printf "%.0f\t%.0f\t%.0f\n", q(.5), q(.25), q(.75) }'
}

print_results() {
	local i case
	for i in "${!CASES[@]}"; do
		case=${CASES[$i]}
		printf 'result\t%s\t%s\t%s\n' "$case" "$(quantiles "$case")" \
			"$(xargs <"$WORK/$case.sent")"
	done >&3
}

bench_boot() {
	try "keys of each kind" bench_keys
	try "ssh-tpm-agent runs" start_peer
	try "each logs in" add_logins
	try "a login of each is recorded" marked_bench_logins
	try "$LOGINS logins of each, by turns" timed_logins
	try "results" print_results
}
