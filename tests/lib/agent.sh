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

# The list for ssh-agent -P that has the library's directory.
agent_list() {
	echo "$(dirname "$(realpath "$LIB")")/*"
}

needs_pins_in_agent() {
	needs_openssh 809 "keys with a PIN in ssh-agent"
}

# With keys or without.
agent_answers() {
	local status=0
	ssh-add -l >/dev/null 2>&1 || status=$?
	[ "$status" -ne 2 ]
}
