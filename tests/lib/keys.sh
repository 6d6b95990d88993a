# shellcheck shell=bash
# Keys, and signatures by them.

# enroll FILE [ssh-keygen option...]
enroll() {
	local file=$1
	shift
	ssh-keygen -q -t ecdsa-sk -N '' -w "$LIB" -f "$file" -C "$(basename "$file")" "$@"
}

# OpenSSH 8.4 knows verify-required of keys, but not of certificates.
certifies_verification() {
	rm -f "$WORK"/probe*
	command ssh-keygen -q -t ed25519 -N '' -f "$WORK/probe"
	command ssh-keygen -q -s "$WORK/probe" -I probe -O verify-required \
		"$WORK/probe.pub"
}

# sign_and_verify KEY: through ssh-keygen -Y, as git does.
sign_and_verify() {
	echo "some text" >"$WORK/text"
	rm -f "$WORK/text.sig"
	ssh-keygen -Y sign -n file -f "$1" -w "$LIB" "$WORK/text"
	ssh-keygen -Y check-novalidate -n file -s "$WORK/text.sig" \
		<"$WORK/text"
}

sign() {
	echo text | ssh-keygen -Y sign -n file -w "$LIB" -f "$1" >/dev/null
}

# fingerprint FILE: as ssh-keygen -l has it.
fingerprint() {
	ssh-keygen -lf "$1" | cut -d' ' -f2
}

# handle_of FILE: the key handle in a private key file, where it stands behind
# its length.
handle_of() {
	grep -v -- ----- "$1" | base64 -d | perl -0777 -ne \
		'/([\xa4-\xa7]\x00\x66sk-tpm.*)/s or exit 1; $_ = substr($_, index($_, $1) - 4);
		 print substr($_, 4, unpack("N", $_))'
}
