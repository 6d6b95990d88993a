#!/usr/bin/env bash
# Files and git: ssh-keygen -Y and gpg.format ssh.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm

file_signature() {
	enroll "$WORK/k" -O no-touch-required
	sign_and_verify "$WORK/k"
	echo "me $(cat "$WORK/k.pub")" >"$WORK/signers"
	ssh-keygen -Y verify -n file -I me -f "$WORK/signers" \
		-s "$WORK/text.sig" <"$WORK/text"
	# Another text is another matter.
	echo other | fails ssh-keygen -Y verify -n file -I me \
		-f "$WORK/signers" -s "$WORK/text.sig"
	tpm_is_empty
}

git_commit() {
	needs_git_signatures
	# git has ssh-keygen find the provider in the environment.
	export SSH_SK_PROVIDER=$LIB GIT_CONFIG_NOSYSTEM=1
	git init -q "$WORK/repo"
	cd "$WORK/repo" || return
	echo "me@localhost $(cat "$WORK/k.pub")" >"$WORK/signers"
	git config user.name me
	git config user.email me@localhost
	git config gpg.format ssh
	git config user.signingKey "$WORK/k.pub"
	git config gpg.ssh.allowedSignersFile "$WORK/signers"
	git commit -q -S --allow-empty -m one
	git verify-commit -v HEAD
	git tag -s -m tag v1
	git tag -v v1
}

try "ssh-keygen -Y sign and verify" file_signature
try "git commit -S, verify-commit and tag" git_commit
echo "1..$N"
