#!/usr/bin/env bash
# Everything that we do with a TPM, while all that can fail does, one after the
# other: see tests/faults/faults.c. `make faults` tries all; this a part.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

export LD_LIBRARY_PATH=$TOOLS
# Of the interface that LIB has: OpenSSH's helper loads it.
export SK_TPM_FALLBACK_PROVIDER=$TOOLS/provider-soft${LIB##*/libsk-tpm}
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1

# faults NAME PROGRAM EVERY MODE [OPERATION...]: in the background, on a TPM of
# its own, which is called NAME. `every` is how many it tries: each Nth.
faults() {
	local name=$1 program=$2 every=${FAULTS_EVERY:-$3}
	shift 3
	mkdir -m 700 "$WORK/$name.d"
	# For keys that depend on it.
	tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
	FAULTS_EVERY=$every "$program" "$1" "$WORK/$name.d" "${@:2}" \
		>"$WORK/$name.out" 2>&1 &
	eval "$name=$!"
	ends_with_us "$!"
}

# report NAME TITLE: waits for it, and has its results count as ours.
report() {
	local status=0
	wait "${!1}" || status=$?
	relay "$2" sh -c "cat '$WORK/$1.out'; exit $status"
}

program=$BUILD/tests/faults/faults
sanitized=$BUILD/sanitized/tests/faults/faults
calls_every=7
# make coverage counts what they all reach; sanitizers are another build's.
[ -z "${FAULTS_COVERAGE-}" ] || sanitized=$program calls_every=1

# Two at a time. Two TPMs: without a storage root key, each call makes one.
tpm_new tpm_absent
faults absent "$program" 5 answers sign sign-pin sign-pcrs sign-ticket enrol
tpm_new tpm_answers
tpm_persist_srk
faults answers "$program" 13 answers
report absent "SRK absent"
tpm_new tpm_absent_calls
faults absent_calls "$([ -x "$sanitized" ] && echo "$sanitized" ||
	echo "$program")" "$calls_every" calls sign
report absent_calls "SRK absent, calls"
if [ -x "$sanitized" ]; then
	tpm_new tpm_calls
	tpm_persist_srk
	faults calls "$sanitized" "$calls_every" calls
	report calls "calls"
else
	skip "whichever call fails" "there is no sanitized build of it"
fi
report answers "answers"
# What tpm2-tss frees with a PIN's authValue in it is part of what we get next.
if older "$(pkg-config --modversion tss2-esys)" 3.1; then
	skip "secrets" "tpm2-tss 3.0 leaves them in memory that it frees"
else
	tpm_new tpm_secrets
	tpm_persist_srk
	faults secrets "$program" 1 secrets
	report secrets "secrets"
fi
echo "1..$N"
