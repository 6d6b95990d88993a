#!/usr/bin/env bash
# A key that depends on the boot state, as the page has it. tests/vm/boot-state.sh
# has the same on a machine that boots.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

PIN=246813
export PATH=$BUILD:$PATH

tpm_new tpm
tpm_persist_srk
host server

# measure NUMBER: into PCR 7, as firmware would.
measure() {
	tpm2_pcrextend "7:sha256=$(printf '%064d' "$1")"
}

makes_a_key() {
	askpass_says "$PIN"
	example make | tee out
	example_text boot-state >line
	grep -xFf line out
	cp "$HOME/.ssh/id_boot.pub" server.keys
}

uses_it() {
	askpass_says "$PIN"
	client_config "Host *" "BatchMode no"
	example login
	[ "$(logins server ECDSA-SK)" -eq 1 ]
	example show | tee out
	example_text holds >line
	grep -xFf line out
}

# ssh says the page's line, and has not asked for anything.
refused_in_its_words() {
	askpass_says "$PIN"
	measure 2
	fails example login 2>out
	cat out
	example_text refused >line
	grep -xFf line out
	# But for ssh's own notice. (Older ones ask for the PIN before they call us,
	# and a person is asked before it is used.)
	cat asked
	[ "$OPENSSH" -lt 809 ] || fails grep -v '^none: ' asked
	[ "$(wrong_tries)" -eq 0 ]
}

replaces_it() {
	askpass_says "$PIN"
	example replace
	cp "$HOME/.ssh/id_boot_new.pub" server.keys
	ssh -i "$HOME/.ssh/id_boot_new" server true
}

measure 1
try "a key is made for the boot state of now" makes_a_key
try "it logs in" uses_it
try "after another boot it is refused in the page's words" \
	refused_in_its_words
try "a new key for the new state" replaces_it
echo "1..$N"
