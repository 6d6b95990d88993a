#!/usr/bin/env bash
# Signed commits, tags and files: verified, refused where they should be, with
# a person at a terminal, with nobody, through an agent, and by certificate.
# shellcheck source=tests/workflow.sh
. "$(dirname "$0")/../workflow.sh"

tpm_new tpm
tpm_persist_srk
PIN=246813
SIGNERS=$HOME/.ssh/allowed_signers
export PATH=$BUILD:$PATH
export GIT_CONFIG_GLOBAL=$WORK/gitconfig GIT_CONFIG_NOSYSTEM=1
git config --global user.name alice
git config --global user.email alice@example.com
git config --global init.defaultBranch main
git config --global commit.gpgSign false
git init -q repository

in_repository() {
	(cd "$WORK/repository" && "$@")
}

# change: something to commit
change() {
	echo "$RANDOM$RANDOM" >>"$WORK/repository/file"
	in_repository git add file
}

# good SIGNER [KIND]: the last commit is, by that person and kind of key.
good() {
	in_repository git verify-commit HEAD
	in_repository git log -1 --show-signature >shown 2>&1
	grep -q "^Good \"git\" signature for $1 with ${2:-ECDSA-SK} key SHA256:" \
		shown
}

# bad TEXT [COMMIT]: it is not, and git says TEXT.
bad() {
	local out
	out=$(fails in_repository git verify-commit "${2:-HEAD}" 2>&1)
	echo "$out"
	fails grep -q 'did not fail' <<<"$out"
	grep -qF -- "$1" <<<"$out"
}

set_up() {
	askpass_says yes
	example enrol
	# It is ssh-keygen that git runs.
	fails git config gpg.ssh.program
	askpass_says "$PIN"
	example authority "$CERTIFICATES"
	example trust "$CERTIFICATES"
	example enrol "$CERTIFICATES"
}

signs_and_verifies() {
	needs_git_signatures
	askpass_says yes
	change
	in_repository example sign
	[ "$(grep -c '^confirm: sk-tpm.*: Sign a git commit or tag?$' asked)" -eq 2 ]
	bad 'gpg.ssh.allowedSignersFile needs to be configured'
	example signers
	in_repository example verify >log 2>&1 || { cat log; return 1; }
	[ "$(grep -c "^Good \"git\" signature for $ME@example.com with ECDSA-SK key" \
		log)" -eq 3 ]
	tpm_is_empty
}

# No signature, another's signature, and one for another purpose.
refuses_others() {
	needs_git_signatures
	enroll other -O no-touch-required
	change
	in_repository git -c user.signingKey="$WORK/other.pub" commit -q -S -m x
	bad 'No principal matched'
	askpass_says yes
	change
	in_repository git commit -q -S -m x
	good "$ME@example.com"
	cp "$SIGNERS" right
	sed 's/"git"/"file"/' right >"$SIGNERS"
	bad 'key is not permitted for use in signature namespace "git"'
	echo "bob@example.com $(cat other.pub)" >"$SIGNERS"
	bad 'No principal matched'
	cp right "$SIGNERS"
	good "$ME@example.com"
	change
	in_repository git commit -q -m x
	fails in_repository git verify-commit HEAD
}

refuses_altered_content() {
	needs_git_signatures
	local commit
	askpass_says yes
	change
	in_repository git commit -q -S -m 'A change'
	commit=$(in_repository git cat-file commit HEAD |
		sed 's/^A change$/No change/' |
		in_repository git hash-object -t commit -w --stdin)
	in_repository git log -1 --format=%s "$commit" | grep -qx 'No change'
	bad 'incorrect signature' "$commit"
	good "$ME@example.com"
	# The same object as it was is good.
	commit=$(in_repository git cat-file commit HEAD |
		in_repository git hash-object -t commit -w --stdin)
	in_repository git verify-commit "$commit"
}

revokes() {
	needs_git_signatures
	change
	askpass_says yes
	in_repository git commit -q -S -m x
	ssh-keygen -q -k -f revoked "$HOME/.ssh/id_git.pub"
	good "$ME@example.com"
	fails in_repository git -c gpg.ssh.revocationFile="$WORK/revoked" \
		verify-commit HEAD
	ssh-keygen -q -k -f revoked other.pub
	in_repository git -c gpg.ssh.revocationFile="$WORK/revoked" \
		verify-commit HEAD
}

# The question is on the terminal, though git keeps what ssh-keygen prints.
at_a_terminal() {
	needs_git_signatures
	local before
	in_repository git tag -d v1
	before=$(in_repository git rev-parse HEAD)
	change
	BLOCK=$(example_text sign) in_repository person 'run $env(BLOCK)
		want "sk-tpm, with the key "
		want ", for \"git commit -q -S -m A change\":"
		want "Sign a git commit or tag?"
		want "Press y to allow it, any other key to refuse: "
		send "n"
		want "sk-tpm: refused at the terminal"
		want "Press y to allow it"
		send "n"
		want "sk-tpm: refused at the terminal"
		expect eof'
	# git 2.39 makes the tag, and that is all.
	fails in_repository git verify-tag v1
	in_repository git tag -d v1 || :
	[ "$(in_repository git rev-parse HEAD)" = "$before" ]
	BLOCK=$(example_text sign) in_repository person 'run $env(BLOCK)
		foreach signature {commit tag} {
			want "Press y to allow it"
			send "y"
		}
		status'
	good "$ME@example.com"
	in_repository git verify-tag v1
}

nobody_there() {
	needs_git_signatures
	local before
	before=$(in_repository git rev-parse HEAD)
	change
	refuses "$(grep -o 'this key needs a person.*' "$PAGE")" \
		in_repository git commit -q -S -m x
	[ "$(in_repository git rev-parse HEAD)" = "$before" ]
	# Where the environment lacks the library's name.
	(unset SSH_SK_PROVIDER
	 fails in_repository git commit -q -S -m x 2>out)
	grep -q 'device not found' out
	in_repository example unattended
	bad 'No principal matched'
	echo "build@example.com $(cat "$HOME/.ssh/id_build.pub")" >>"$SIGNERS"
	good build@example.com
}

# Limits: nothing but git.
nothing_but_git() {
	needs_git_signatures
	client_config
	{ cat "$HOME/.ssh/id_git.pub"
	  printf 'no-touch-required '; cat "$HOME/.ssh/id_build.pub"
	  printf 'no-touch-required '; cat other.pub; } >server.keys
	askpass_says yes
	refuses 'limited to signatures for "git", and this was: Sign in to' \
		ssh -i "$HOME/.ssh/id_git" server true
	refuses 'limited to signatures for "git", and this was: Sign in to' \
		ssh -i "$HOME/.ssh/id_build" server true
	refuses 'limited to signatures for "git", and this was: Sign a file' \
		sign "$HOME/.ssh/id_build"
	# No question comes before.
	fails grep '^confirm' asked
	# The server is fine.
	ssh -i other server true
}

through_an_agent() {
	needs_git_signatures
	askpass_says yes
	agent_start -P "$(agent_list)"
	change
	in_repository example agent
	good "$ME@example.com"
	# With the public half alone, as it would be on a server.
	mv "$HOME/.ssh/id_git" away
	askpass_says yes
	change
	in_repository git commit -q -S -m x
	grep -qx 'confirm: sk-tpm.*: Sign a git commit or tag?' asked
	good "$ME@example.com"
	askpass_says no
	change
	in_repository git commit -q -S -m x >out 2>&1 && return 1
	grep -q 'agent refused operation' out
	askpass_says yes
	# git 2.39 leaves a file there.
	TMPDIR=$WORK in_repository git -c user.signingKey="key::$(cat "$HOME/.ssh/id_git.pub")" \
		commit -q -S -m x
	good "$ME@example.com"
	ssh-add -D
	change
	fails in_repository git commit -q -S -m x
	mv away "$HOME/.ssh/id_git"
}

# The PIN once, and nothing for the rest of the hour.
for_an_hour() {
	needs_git_signatures
	needs_pins_in_agent
	export XDG_RUNTIME_DIR=$WORK/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	askpass_says "$PIN"
	agent_start -P "$(agent_list)"
	change
	in_repository example hour
	[ "$(grep -c 'Enter PIN' asked)" -eq 1 ]
	echo "hour@example.com $(cat "$HOME/.ssh/id_hour.pub")" >>"$SIGNERS"
	good hour@example.com
	askpass_says no
	for _ in {1..20}; do
		change
		in_repository git commit -q -S -m x
	done
	[ ! -s asked ]
	good hour@example.com
	# With the key file alone, ssh-keygen asks first.
	unset SSH_AUTH_SOCK
	askpass_says "$PIN"
	change
	in_repository git commit -q -S -m x
	grep -q 'Enter PIN' asked
	# Nor does it sign anything else.
	refuses 'limited to signatures for "git"' sign "$HOME/.ssh/id_hour"
	sk-tpm forget
	sed -i '/^hour@/d' "$SIGNERS"
	git config --global user.signingKey "$HOME/.ssh/id_git.pub"
	tpm_is_empty
}

by_certificate() {
	needs_git_signatures
	example certify
	askpass_says yes
	change
	in_repository git commit -q -S -m x
	good "$ME@example.com" ECDSA-SK-CERT
	# The key alone is not in the list, nor is another authority's word.
	change
	in_repository git -c user.signingKey="$HOME/.ssh/id_git.pub" \
		commit -q -S -m x
	bad 'No principal matched'
	ssh-keygen -q -t ed25519 -N '' -f other_ca
	certified other_ca -n "$ME@example.com" -V +1h
	bad 'No principal matched'
	certified user_ca -n "$ME@example.org" -V +1h
	bad 'No principal matched'
	certified user_ca -n "$ME@example.com" -V -2h:-1h
	bad 'No principal matched'
	# Of the time when it was valid: the date is the signer's word.
	GIT_COMMITTER_DATE="$(date -d '-90 minutes' -R)" \
		in_repository git commit -q --amend --no-edit -S
	good "$ME@example.com" ECDSA-SK-CERT
	certified user_ca -n "$ME@example.com" -V +1h
	good "$ME@example.com" ECDSA-SK-CERT
}

# certified CA [option...]: a commit with another certificate for the key.
certified() {
	ssh-keygen -q -s "$1" -I x "${@:2}" "$HOME/.ssh/id_git.pub"
	change
	in_repository git commit -q -S -m x
}

files() {
	askpass_says "$PIN"
	echo 'some notes' >notes.txt
	example file
	[ "$(grep -c 'Enter PIN for ECDSA-SK key' asked)" -eq 1 ]
	[ "$(grep -vc '^again:' asked)" -eq 2 ]
	example check >out
	grep -qx "$ME@example.com" out
	grep -q "^Good \"file\" signature for $ME@example.com with ECDSA-SK key" out
	example fits
	tpm_is_empty
}

# refused_by CHECK: the block finds fault with it.
refused_by() {
	fails eval "$(example_text "$1")"
}

files_that_do_not_fit() {
	echo 'other notes' >notes.txt
	refused_by check
	refused_by fits
	echo 'some notes' >notes.txt
	eval "$(example_text check)"
	eval "$(example_text fits)"
	# Signed for one namespace, verified for another.
	ssh-keygen -Y check-novalidate -n file -s notes.txt.sig <notes.txt
	fails ssh-keygen -Y check-novalidate -n git -s notes.txt.sig <notes.txt
	# In the name of another, or by another.
	fails ssh-keygen -Y verify -n file -f signers -I bob@example.com \
		-s notes.txt.sig <notes.txt
	echo "$ME@example.com $(cat other.pub)" >signers
	fails ssh-keygen -Y find-principals -f signers -s notes.txt.sig
	fails ssh-keygen -Y verify -n file -f signers -I "$ME@example.com" \
		-s notes.txt.sig <notes.txt
	# check-novalidate does not know whose it is.
	eval "$(example_text fits)"
	# Limited by the list.
	echo "$ME@example.com namespaces=\"git\" $(cat "$HOME/.ssh/id_ecdsa_sk.pub")" \
		>signers
	fails ssh-keygen -Y verify -n file -f signers -I "$ME@example.com" \
		-s notes.txt.sig <notes.txt
}

files_by_certificate() {
	ssh-keygen -q -s user_ca -I notes -n "$ME@example.com" -V +1h \
		"$HOME/.ssh/id_ecdsa_sk.pub"
	rm notes.txt.sig
	askpass_says "$PIN"
	ssh-keygen -q -Y sign -n file -f "$HOME/.ssh/id_ecdsa_sk-cert.pub" notes.txt
	echo "*@example.com cert-authority $(cat user_ca.pub)" >signers
	ssh-keygen -Y verify -n file -f signers -I "$ME@example.com" \
		-s notes.txt.sig <notes.txt
	fails ssh-keygen -Y verify -n file -f signers -I bob@example.com \
		-s notes.txt.sig <notes.txt
	# OpenSSH 8.4 finds none behind a pattern.
	[ "$OPENSSH" -lt 809 ] ||
		[ "$(ssh-keygen -Y find-principals -f signers \
			-s notes.txt.sig)" = "$ME@example.com" ]
}

try "a key for git, an authority and a key with a PIN" set_up
host server
try "commit and tag, signed and verified" signs_and_verifies
try "another's key, another namespace, or no signature: refused" refuses_others
try "altered content is refused" refuses_altered_content
try "a revoked key is refused" revokes
try "a person at a terminal says no, and yes" at_a_terminal
try "nobody there: refused with the remedy, and a key that asks nobody" \
	nobody_there
try "the key signs nothing else and logs in nowhere" nothing_but_git
try "through an agent" through_an_agent
try "an hour at a time, through an agent" for_an_hour
try "by certificate" by_certificate
try "files: signed, verified, and whose they are" files
try "files: altered, another namespace, person or key" files_that_do_not_fit
try "files: by certificate" files_by_certificate
try "nothing is left in the TPM" tpm_is_empty
echo "1..$N"
