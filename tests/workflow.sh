# shellcheck shell=bash
# For the tests of whole workflows: they run the pages of examples/ as written,
# on machines that are servers of our own, and then look at what should hold.
#
# A page is Markdown. Its code blocks have names behind their language:
#
#	```sh enrol
#
# `example enrol` runs that block here, `example_text trust` prints one for a
# configuration file. What differs between a page and a test is replaced: the
# library's place, /etc/ssh, ~ (which ssh would take from the password
# database), the user's name (alice), and the domain (.example.com). Blocks of language `text` show what
# is printed; blocks with `untested` behind the language say so to the reader
# as well.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PAGE=$TOP/examples/$(basename "$0" .sh).md
ETC=$WORK/etc
mkdir -p "$ETC"
export USER=$ME SSH_SK_PROVIDER=$LIB
# Every block has done its work when all that a reader would type succeeded.
cd "$WORK" || exit

# example_text NAME [PAGE]
example_text() {
	local text
	text=$(page_block "$1" "${2:-$PAGE}") || return
	as_here <<<"$text"
}

# Text of a page or example, as it has to be on the machine of this test.
as_here() {
	sed -Ee "s|/usr/local/lib/libsk-tpm(-api[79])?.so|$LIB|g" \
		-e "s|/etc/ssh/|$ETC/|g" -e "s|~/|$HOME/|g" \
		-e "s/\balice\b/$ME/g" -e 's/\.example\.com\b//g'
}

# example NAME [PAGE]: its commands, as if typed here.
example() {
	local text
	text=$(example_text "$@")
	echo "$text" | sed 's/^/$ /'
	eval "$text"
}

# ssh takes the home directory of the password database, not $HOME.
ssh() {
	command ssh -F "$HOME/.ssh/config" "$@"
}

# The pages' authorities certify with -O verify-required. Where ssh-keygen cannot,
# the rest holds without.
certifies_verification 2>/dev/null || ssh-keygen() {
	local arg args=()
	for arg; do
		if [[ " $* " = *" -s "* && $arg = verify-required ]]; then
			unset 'args[-1]'
		else
			args+=("$arg")
		fi
	done
	command ssh-keygen "${args[@]}"
}

scp() {
	command scp -F "$HOME/.ssh/config" "$@"
}

# What a page does as root is done to the test's own files here.
sudo() {
	"$@"
}

# client_config [line...]: a fresh ~/.ssh/config that knows no hosts yet.
# shellcheck disable=SC2120
client_config() {
	cat >"$HOME/.ssh/config" <<-EOT
		Include $HOME/.ssh/hosts
		$(printf '%s\n' "$@")
		Host *
			SecurityKeyProvider $LIB
			IdentitiesOnly yes
			UserKnownHostsFile $HOME/.ssh/known_hosts
			StrictHostKeyChecking yes
			BatchMode yes
	EOT
	touch "$HOME/.ssh/hosts"
}

# host NAME [config line...]: a server that ~/.ssh/config knows by its name.
host() {
	sshd_start "$@"
	# The first entry for a host counts.
	cat - "$HOME/.ssh/hosts" >"$WORK/hosts" 2>/dev/null <<-EOT
		Host $1
			HostName 127.0.0.1
			Port $SSHD_PORT
			HostKeyAlias $1
			User $ME
	EOT
	mv "$WORK/hosts" "$HOME/.ssh/hosts"
	echo "$1 $(cut -d' ' -f1-2 "$WORK/$1.host.pub")" \
		>>"$HOME/.ssh/known_hosts"
}

# logins HOST [KEY]: how many there were, with a key of that kind.
logins() {
	grep -c "Accepted publickey for $ME .*: ${2:-}" "$WORK/$1.log" || :
}
client_config

# What other pages begin with: a key with a PIN ($PIN), an authority for it and
# its certificate, as certificates.md has them.
CERTIFICATES=$TOP/examples/certificates.md
certify_a_key() {
	askpass_says "$PIN"
	example authority "$CERTIFICATES"
	example trust "$CERTIFICATES"
	example enrol "$CERTIFICATES"
	example issue "$CERTIFICATES"
}

# The command, from where it was built.
sk-tpm() {
	"$BUILD/sk-tpm" "$@"
}
