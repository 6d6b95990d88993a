# shellcheck shell=bash
# Agents.

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
