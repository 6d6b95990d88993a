# shellcheck shell=bash
# What every end-to-end test uses. A test file sources this, calls functions or
# commands through `try`, and prints one TAP line for each:
#
#	try "what should hold" function_or_command [argument ...]
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

# shellcheck source=tests/lib/processes.sh
. "$TOP/tests/lib/processes.sh"
# shellcheck source=tests/lib/results.sh
. "$TOP/tests/lib/results.sh"
# shellcheck source=tests/lib/openssh.sh
. "$TOP/tests/lib/openssh.sh"
# shellcheck source=tests/lib/tpm.sh
. "$TOP/tests/lib/tpm.sh"
# shellcheck source=tests/lib/person.sh
. "$TOP/tests/lib/person.sh"
# shellcheck source=tests/lib/keys.sh
. "$TOP/tests/lib/keys.sh"
# shellcheck source=tests/lib/sshd.sh
. "$TOP/tests/lib/sshd.sh"
# shellcheck source=tests/lib/agent.sh
. "$TOP/tests/lib/agent.sh"
