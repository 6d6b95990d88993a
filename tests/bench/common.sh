# shellcheck shell=bash
# What the programs of make bench share; sourced after tests/lib.sh.

set -eE
trap 'echo "sk-tpm: bench failed: line $LINENO: $BASH_COMMAND" >&2' ERR
trap 'set +e; trap - ERR; cleanup' EXIT

# Chips of the file `chips` to be as slow as.
# shellcheck disable=SC2034 # for those that source this
CHIPS=${BENCH_CHIPS-slb9672 orin-ftpm}
RESULTS=$BUILD/bench
mkdir -p "$RESULTS"
export LD_LIBRARY_PATH=$TOOLS SK_TPM_DELAYS=$WORK/delays
: >"$WORK/delays"

say() {
	echo "$*" >&2
}

# as_slow_as CHIP: what goes through the TCTI "delay" takes as long from here on;
# as any other name, what it takes.
as_slow_as() {
	awk -v chip="$1" '$1 == chip { print $2, $3 }' "$TOP/tests/bench/chips" \
		>"$WORK/delays"
}

# A resource manager tidies up when its client has left.
is_quiet() {
	local before i
	before=$(wc -l <"$1")
	for ((i = 0; i < 10; i++)); do
		sleep 0.02
		[ "$(wc -l <"$1")" -eq "$before" ] || return 1
	done
}
