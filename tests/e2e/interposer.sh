#!/usr/bin/env bash
# Something between us and the TPM that answers in its place. Each test says
# what it does (tests/tools/tcti-interpose.c) and which commands it then sees:
# all of them, with a * where it altered something. Nothing secret may come
# after that, and no signature.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

PIN='correct horse'
NEW_PIN='battery staple'
OWNER='owner of all this'

export LD_LIBRARY_PATH=$TOOLS SK_TPM_INTERPOSE=$WORK/attacker
mkdir -p "$SK_TPM_INTERPOSE"
openssl ecparam -name prime256v1 -genkey -noout -out "$SK_TPM_INTERPOSE/key.pem"
printf '%s\n' "$PIN" "$NEW_PIN" 'another guess' "$OWNER" \
	>"$SK_TPM_INTERPOSE/guesses"

# What a PIN's authValue would be without a salt.
unsalted_auth_value() {
	printf 'sk-tpm PIN v1\0%s' "$1" | sha256sum | cut -d' ' -f1 |
		sed 's/\(00\)*$//'
}

# attacks WORD...: from here on, with nothing kept of earlier ones.
attacks() {
	rm -f "$SK_TPM_INTERPOSE"/{secret,genuine,loaded,signature,copy}
	: >"$SK_TPM_INTERPOSE/record"
	echo "$*" >"$SK_TPM_INTERPOSE/attacks"
}

# Prints what it saw, repetitions as COMMANDxN.
saw() {
	uniq -c "$SK_TPM_INTERPOSE/record" |
		awk '{ printf "%s%s%s", s, $2, ($1 > 1 ? "x" $1 : ""); s = " " }'
}

# saw_only RECORD: these commands, and nothing is left.
saw_only() {
	echo "saw: $(saw)"
	[ "$(saw)" = "$1" ] || { echo "and not: $1"; return 1; }
	tpm_is_empty
	[ "$(wrong_tries)" -eq 0 ]
}

# The same, and it could read nothing.
learned_nothing() {
	saw_only "$1"
	[ ! -e "$SK_TPM_INTERPOSE/secret" ] ||
		{ echo "learned $(cat "$SK_TPM_INTERPOSE/secret")"; return 1; }
}

# attack WORD TEXT KEY RECORD: no signature, and nothing learned.
attack() {
	attacks "$1"
	refuses "$2" sign "$WORK/$3"
	learned_nothing "$4"
}

# The public key that it has, in hex.
own_point() {
	openssl pkey -in "$SK_TPM_INTERPOSE/key.pem" -pubout -outform DER |
		tail -c 64 | od -An -v -tx1 | tr -d ' \n'
}

has_own_point() {
	cut -d' ' -f2 "$1.pub" | base64 -d | od -An -v -tx1 | tr -d ' \n' |
		grep -q "$(own_point)"
}

enroll_pin() {
	local file=$1
	shift
	rm -f "$file" "$file.pub"
	echo "$PIN" | ssh-keygen -q -t ecdsa-sk -O verify-required -N '' \
		-w "$LIB" -f "$file" -C pin -O no-touch-required "$@"
}

# fails_to_enroll_pin TEXT: ssh-keygen asked for the PIN, and it was of no use.
fails_to_enroll_pin() {
	fails enroll_pin "$WORK/no" 2>"$WORK/out"
	cat "$WORK/out"
	grep -q "^sk-tpm: .*$1" "$WORK/out"
	[ ! -e "$WORK/no" ]
}

enroll_plain() {
	rm -f "$1" "$1.pub"
	enroll "$@" -O no-touch-required
}

# --- as it should be --------------------------------------------------------

# Two TPMs: with a storage root key, and without. Keys with a PIN, and without.
on() {
	SK_TPM_TCTI=interpose:${TPMS[$1]}
	export SK_TPM_TCTI TPM2TOOLS_TCTI=${TPMS[$1]}
}

nothing_attacked() {
	local tpm
	for tpm in there absent; do
		on "$tpm"
		attacks
		enroll_plain "$WORK/$tpm"
		enroll_plain "$WORK/$tpm.other"
		enroll_pin "$WORK/$tpm.pin"
	done
	on there
	attacks
	sign_and_verify "$WORK/there"
	learned_nothing "ReadPublic Load Sign FlushContext"
	attacks
	sign_and_verify "$WORK/there.pin"
	learned_nothing "GetCapability ReadPublic StartAuthSession Load Sign FlushContext"
	on absent
	attacks
	sign_and_verify "$WORK/absent"
	learned_nothing "ReadPublic CreatePrimary Load FlushContext Sign FlushContext"
	attacks
	sign_and_verify "$WORK/absent.pin"
	learned_nothing "GetCapability ReadPublic CreatePrimary StartAuthSession Load FlushContext Sign FlushContext"
}

# --- what is detected -------------------------------------------------------

# Refused before any session or key.
another_parent() {
	local other="made in another TPM, or this TPM has been cleared"
	local unread="its answer cannot be read"
	local both="CreatePrimary* FlushContext CreatePrimary* FlushContext"
	on there
	attack parent "$other" there "ReadPublic* $both"
	attack parent "$other" there.pin "GetCapability ReadPublic* $both"
	attack parent-point "$unread" there "ReadPublic* CreatePrimary* FlushContext"
	attack parent-point "$unread" there.pin \
		"GetCapability ReadPublic* CreatePrimary* FlushContext"
	on absent
	attack parent "$other" absent "ReadPublic $both"
	attack parent "$other" absent.pin "GetCapability ReadPublic $both"
	attack parent-point "$unread" absent.pin \
		"GetCapability ReadPublic CreatePrimary* FlushContext"
	attack parent-name "$unread" absent.pin \
		"GetCapability ReadPublic CreatePrimary* FlushContext"
}

# Load shows whether the parent is there; no Sign follows.
another_session() {
	local text="alters what is sent"
	local upto="GetCapability ReadPublic StartAuthSession* Load"
	on there
	attack session "$text" there.pin "$upto FlushContext"
	attack salt "$text" there.pin "$upto FlushContext"
	attack parent-name "$text" there.pin \
		"GetCapability ReadPublic* StartAuthSession Load FlushContext"
	on absent
	upto="GetCapability ReadPublic CreatePrimary StartAuthSession* Load"
	attack session "$text" absent.pin "$upto FlushContextx2"
	attack salt "$text" absent.pin "$upto FlushContextx2"
}

# A key that depends on a PCR besides: in the same order.
another_session_with_pcrs() {
	local text="alters what is sent" upto
	upto="GetCapability ReadPublic StartAuthSession* Load FlushContext"
	on there
	tpm2_pcrextend "7:sha256=$(printf '%064d' 1)"
	attacks
	(
		askpass_says "$PIN"
		"$BUILD/sk-tpm" enroll -nP --pcrs 7 -f "$WORK/there.pcrs"
	)
	attack session "$text" there.pcrs "$upto"
	attack salt "$text" there.pcrs "$upto"
	attack loaded-plain "cannot be read" there.pcrs \
		"GetCapability ReadPublic StartAuthSession Load* FlushContextx2"
	upto="GetCapability ReadPublic StartAuthSession Load PolicyPCR"
	attack signature "answered in its place" there.pcrs \
		"$upto PolicyAuthValue PolicyOR Sign* FlushContext"
}

loaded_by_nobody() {
	local upto="GetCapability ReadPublic StartAuthSession Load*"
	on there
	attack loaded "answered in its place" there.pin "$upto FlushContextx2"
	attack loaded-plain "cannot be read" there.pin "$upto FlushContextx2"
	attack loaded-plain "cannot be read" there "ReadPublic Load* FlushContext"
	# Who says so has to sign as well, and cannot.
	attack "loaded signature" "does not verify" there \
		"ReadPublic Load* Sign* FlushContextx2"
}

# after FIRST-KEY WORD TEXT KEY RECORD: attacked once it has seen FIRST-KEY.
after() {
	attacks "$2"
	sign "$WORK/$1"
	: >"$SK_TPM_INTERPOSE/record"
	refuses "$3" sign "$WORK/$4"
	learned_nothing "$5"
}

another_signature() {
	local none="does not verify" forged="answered in its place"
	on there
	attack signature "$none" there "ReadPublic Load Sign* FlushContext"
	attack signature "$forged" there.pin \
		"GetCapability ReadPublic StartAuthSession Load Sign* FlushContext"
	after there.other load-other "$none" there \
		"ReadPublic Load* Sign FlushContext"
	after there load-other "alters what is sent" there.pin \
		"GetCapability ReadPublic StartAuthSession Load* FlushContext"
}

# Of the same key and another message; in a session, of the same one, too.
replayed_signature() {
	local again="GetCapability ReadPublic StartAuthSession Load Sign* FlushContext"
	on there
	after there replay "does not verify" there.other \
		"ReadPublic Load Sign* FlushContext"
	after there.pin replay "answered in its place" there.pin "$again"
	attacks replay
	sign "$WORK/there"
	: >"$SK_TPM_INTERPOSE/record"
	refuses "does not verify" sign_and_verify "$WORK/there"
	learned_nothing "ReadPublic Load Sign* FlushContext"
}

# change_pin TEXT: refused, and the file stays what it was.
change_pin() {
	cp "$WORK/there.pin" "$WORK/before"
	askpass_says "$PIN" "$NEW_PIN"
	refuses "$1" "$BUILD/sk-tpm" pin "$WORK/there.pin"
	cmp "$WORK/before" "$WORK/there.pin"
}

changed_pin() {
	local upto="GetCapabilityx2 ReadPublic StartAuthSession"
	on there
	attacks parent
	change_pin "made in another TPM"
	learned_nothing "GetCapabilityx2 ReadPublic* CreatePrimary* FlushContext CreatePrimary* FlushContext"
	attacks session
	change_pin "alters what is sent"
	learned_nothing "$upto* Load FlushContext"
	attacks changed
	change_pin "answered in its place"
	learned_nothing "$upto Load ObjectChangeAuth* FlushContextx2"
	attacks
	askpass_says "$PIN"
	sign "$WORK/there.pin"
}

# It takes the place of Load, and of what Load proves.
persistent_copy() {
	local upto="GetCapability ReadPublic StartAuthSession" made
	on there
	attacks
	enroll_pin "$WORK/copy.pin"
	"$BUILD/sk-tpm" persist "$WORK/copy.pin"
	attacks
	sign_and_verify "$WORK/copy.pin"
	learned_nothing "$upto ReadPublic Sign"
	attack parent "made in another TPM" copy.pin "GetCapability ReadPublic* CreatePrimary* FlushContext CreatePrimary* FlushContext"
	for made in session salt; do
		attack "$made" "alters what is sent" copy.pin \
			"$upto* ReadPublic Load FlushContext"
	done
	# Sessions are salted to the point, and the copy needs no parent's Name.
	attacks parent-name
	sign_and_verify "$WORK/copy.pin"
	learned_nothing "GetCapability ReadPublic* StartAuthSession ReadPublic Sign"
	# An answer of before, and one about another key: the TPM itself says no.
	after copy.pin copy "answered in its place" copy.pin \
		"$upto ReadPublic* FlushContext"
	attacks copy-other
	sign_and_verify "$WORK/copy.pin"
	learned_nothing "$upto ReadPublic* Load Sign FlushContext"
	attacks
	"$BUILD/sk-tpm" evict "$WORK/copy.pin"
}

# With the real parent, what is made in its session is what the TPM made.
pin_key_is_not_taken_over() {
	on there
	attacks key
	fails_to_enroll_pin "answered in its place"
	learned_nothing "ReadPublic StartAuthSession Create* FlushContext"
}

# index_of APPLICATION: of the resident key that is for that.
index_of() {
	"$BUILD/sk-tpm" list --json |
		jq -r ".resident[] | select(.application == \"$1\").index"
}

# With the owner's password, what is removed is what we mean.
other_index() {
	local index name
	on there
	attacks
	tpm2_changeauth -c owner "$OWNER"
	finally tpm2_changeauth -c owner -p "$OWNER"
	tpm2_nvdefine -Q -C o -P "$OWNER" -s 8 0x01500000
	askpass_says "$OWNER"
	enroll_plain "$WORK/index" -O resident -O application=ssh:index \
		<<<"$OWNER"
	index=$(index_of ssh:index)
	attacks nv-told
	fails enroll_plain "$WORK/no" -O resident -O application=ssh:no \
		<<<"$OWNER" 2>"$WORK/out"
	cat "$WORK/out"
	grep -q 'the TPM tells of another' "$WORK/out"
	attacks nv-removed
	fails "$BUILD/sk-tpm" remove --yes "$index"
	grep -q 'NV_UndefineSpace\*' "$SK_TPM_INTERPOSE/record"
	name=$(tpm2_nvreadpublic 0x01500000 | sed -n 's/^ *name: //p')
	# shellcheck disable=SC2059 # its escapes are meant
	printf "$(sed 's/../\\x&/g' <<<"$name")" >"$SK_TPM_INTERPOSE/victim"
	[ "$(wc -c <"$SK_TPM_INTERPOSE/victim")" -eq 34 ]
	attacks nv-named nv-removed
	refuses "is not what the TPM said it is" \
		"$BUILD/sk-tpm" remove --yes "$index"
	fails grep -q NV_UndefineSpace "$SK_TPM_INTERPOSE/record"
	tpm2_nvreadpublic 0x01500000 | grep -q 0x1500000
	attacks
	"$BUILD/sk-tpm" remove --yes "$index"
	[ -z "$(index_of ssh:index)" ]
	tpm2_nvundefine -Q -C o -P "$OWNER" 0x01500000
	askpass_says "$PIN"
}

# --- what is taken on trust -------------------------------------------------

# The authValue, which is made of the PIN and of a salt in the key file.
learned_an_auth_value() {
	grep -Eqx '[0-9a-f]{48,64}' "$SK_TPM_INTERPOSE/secret"
	[ "$(cat "$SK_TPM_INTERPOSE/secret")" != "$(unsalted_auth_value "$PIN")" ]
}

# The attacker can do here what the tests above have it fail to do.
there_when_a_key_is_made() {
	on there
	attacks key
	enroll_plain "$WORK/theirs"
	has_own_point "$WORK/theirs"
	sign_and_verify "$WORK/theirs"
	attacks parent
	fails_to_enroll_pin "alters what is sent"
	saw_only "ReadPublic* StartAuthSession Create FlushContext"
	learned_an_auth_value
	on absent
	attacks parent
	fails_to_enroll_pin "alters what is sent"
	learned_an_auth_value
}

# Neither key can sign later without the attacker.
gone_afterwards() {
	on there
	attacks
	fails sign "$WORK/theirs"
}

there_when_keys_are_read() {
	on there
	attacks
	enroll_plain "$WORK/kept" -O resident
	attacks resident
	(
		mkdir "$WORK/read"
		cd "$WORK/read"
		ssh-keygen -q -K -N '' -w "$LIB"
	)
	has_own_point "$WORK/read/id_ecdsa_sk_rk"
	fails has_own_point "$WORK/kept"
	# Of a key that is known it is found out.
	fails cmp <(cut -d' ' -f2 "$WORK/kept.pub") \
		<(cut -d' ' -f2 "$WORK/read/id_ecdsa_sk_rk.pub")
}

owner_password_for_setup() {
	on absent
	tpm2_changeauth -c owner "$OWNER"
	finally tpm2_changeauth -c owner -p "$OWNER"
	askpass_says "$OWNER"
	attacks
	"$BUILD/sk-tpm" setup
	[ ! -e "$SK_TPM_INTERPOSE/secret" ]
	tpm2_evictcontrol -Q -C o -P "$OWNER" -c 0x81000001
	attacks parent
	fails "$BUILD/sk-tpm" setup
	[ "$(cat "$SK_TPM_INTERPOSE/secret")" = "$OWNER" ]
	attacks
}

owner_password_for_removing() {
	local index
	on there
	tpm2_changeauth -c owner "$OWNER"
	finally tpm2_changeauth -c owner -p "$OWNER"
	askpass_says "$OWNER"
	attacks
	enroll_plain "$WORK/gone" -O resident -O application=ssh:gone \
		<<<"$OWNER"
	index=$(index_of ssh:gone)
	attacks parent
	fails "$BUILD/sk-tpm" remove --yes "$index"
	[ "$(cat "$SK_TPM_INTERPOSE/secret")" = "$OWNER" ]
	attacks
}

# --- where the endorsement key is known --------------------------------------

# knows TPM: its id is in the settings. There it is P-384, which the attacker lets
# pass; absent, P-256, which it takes for a parent.
knows() {
	on "$1"
	export SK_TPM_ENDORSEMENT_KEY=${IDS[$1]}
}

# persist_ek KIND HANDLE: prints its id.
persist_ek() {
	tpm2_createek -Q -G "$1" -c "$2" || return 1
	tpm2_flushcontext -t
	tpm2_readpublic -Q -c "$2" -f der -o "$WORK/spki"
	echo "SHA256:$(openssl dgst -sha256 -binary "$WORK/spki" | base64)"
}

# cannot_be_made PIN-OR-PLAIN ATTACK...: no key, and nothing learned.
cannot_be_made() {
	rm -f "$WORK"/no*
	attacks "${@:2}"
	fails "enroll_$1" "$WORK/no" 2>"$WORK/out"
	cat "$WORK/out"
	grep -Eq '^sk-tpm: .*(answered in its place|cannot be read|does not have the endorsement key|is not what|alters what|authorization failure)' \
		"$WORK/out"
	[ ! -e "$WORK/no" ]
	grep -q '\*' "$SK_TPM_INTERPOSE/record"
	[ ! -e "$SK_TPM_INTERPOSE/secret" ]
	tpm_is_empty
	[ "$(wrong_tries)" -eq 0 ]
}

known_left_alone() {
	local tpm index
	for tpm in there absent; do
		knows "$tpm"
		attacks
		enroll_plain "$WORK/known.$tpm"
		enroll_pin "$WORK/known.$tpm.pin"
		[ ! -e "$SK_TPM_INTERPOSE/secret" ]
		tpm_is_empty
	done
	knows there
	# What signing sends is the same.
	attacks
	sign_and_verify "$WORK/known.there"
	learned_nothing "ReadPublic Load Sign FlushContext"
	enroll_plain "$WORK/known.kept" -O resident -O application=ssh:known
	index=$(index_of ssh:known)
	"$BUILD/sk-tpm" remove --yes "$index"
	[ -z "$(index_of ssh:known)" ]
	tpm_is_empty
}

cannot_own_a_key() {
	local tpm kind attack
	for tpm in there absent; do
		knows "$tpm"
		for kind in plain pin; do
			for attack in key parent parent-point parent-name; do
				cannot_be_made "$kind" "$attack"
				cannot_be_made "$kind" "$attack" stripped
				[ "$attack" = key ] || [ "$tpm" = absent ] ||
					cannot_be_made "$kind" "$attack" unguarded
			done
		done
	done
}

cannot_swap_resident_keys() {
	local attack
	knows there
	attacks
	enroll_plain "$WORK/kept.known" -O resident -O application=ssh:kept
	mkdir "$WORK/known.read"
	cd "$WORK/known.read"
	for attack in resident "resident stripped" nv-told nv-named; do
		printf '%034d' 0 >"$SK_TPM_INTERPOSE/victim"
		attacks "$attack"
		ssh-keygen -q -K -N '' -w "$LIB" </dev/null >"$WORK/out" 2>&1 || :
		cat "$WORK/out"
		grep -q '\*' "$SK_TPM_INTERPOSE/record"
		[ -z "$(ls)" ]
		tpm_is_empty
	done
	attacks
	ssh-keygen -q -K -N '' -w "$LIB" </dev/null
	[ -n "$(ls)" ]
	"$BUILD/sk-tpm" remove --yes "$(index_of ssh:kept)"
}

cannot_guess_at_setup() {
	local attack
	knows absent
	tpm2_changeauth -c owner "$OWNER"
	finally tpm2_changeauth -c owner -p "$OWNER"
	askpass_says "$OWNER"
	for attack in parent parent-point parent-name "parent stripped"; do
		attacks "$attack"
		fails "$BUILD/sk-tpm" setup
		grep -q '\*' "$SK_TPM_INTERPOSE/record"
		[ ! -e "$SK_TPM_INTERPOSE/secret" ]
	done
	attacks
	"$BUILD/sk-tpm" setup
	[ ! -e "$SK_TPM_INTERPOSE/secret" ]
	tpm2_evictcontrol -Q -C o -P "$OWNER" -c 0x81000001
	# The id from elsewhere is enough.
	unset SK_TPM_ENDORSEMENT_KEY
	attacks parent
	refuses "does not have the endorsement key" \
		"$BUILD/sk-tpm" setup --endorsement-key "${IDS[absent]}"
	[ ! -e "$SK_TPM_INTERPOSE/secret" ]
	askpass_says "$PIN"
}

cannot_guess_when_removing() {
	local index
	knows there
	tpm2_changeauth -c owner "$OWNER"
	finally tpm2_changeauth -c owner -p "$OWNER"
	askpass_says "$OWNER"
	attacks
	enroll_plain "$WORK/gone.known" -O resident -O application=ssh:gone.known \
		<<<"$OWNER"
	index=$(index_of ssh:gone.known)
	tpm2_nvdefine -Q -C o -P "$OWNER" -s 8 0x01500000
	attacks nv-removed
	fails "$BUILD/sk-tpm" remove --yes "$index"
	tpm2_nvundefine -Q -C o -P "$OWNER" 0x01500000
	[ ! -e "$SK_TPM_INTERPOSE/secret" ]
	attacks parent
	refuses "alters what it is asked" "$BUILD/sk-tpm" remove --yes "$index"
	[ ! -e "$SK_TPM_INTERPOSE/secret" ]
	attacks
	"$BUILD/sk-tpm" remove --yes "$index"
	[ -z "$(index_of ssh:gone.known)" ]
	askpass_says "$PIN"
}

# Another TPM, however genuine, is not this one.
another_tpm() {
	knows there
	SK_TPM_TCTI=interpose:${TPMS[absent]}
	attacks
	fails enroll_pin "$WORK/no" 2>"$WORK/out"
	cat "$WORK/out"
	grep -q "does not have the endorsement key ${IDS[there]}" "$WORK/out"
	fails grep -Eq '^(Create|Load)$' "$SK_TPM_INTERPOSE/record"
}

declare -A TPMS IDS
tpm_new tpm_there
tpm_persist_srk
TPMS[there]=$TCTI
# (Debian 11's tpm2-tools makes none on P-384.)
IDS[there]=$(persist_ek ecc384 0x81010016 || persist_ek rsa 0x81010001)
tpm_new tpm_absent
TPMS[absent]=$TCTI
IDS[absent]=$(persist_ek ecc 0x81010002)
askpass_says "$PIN"

try "left alone, it sees keys made and used, and learns nothing" nothing_attacked
try "another parent: refused before a session or a key is sent" another_parent
try "another session, salt or Name: refused before the PIN is used" another_session
try "the same for a key that depends on PCRs" another_session_with_pcrs
try "a key that nobody loaded: refused, and no PIN follows" loaded_by_nobody
try "a persistent copy is read in the session, before its PIN is used" \
	persistent_copy
try "another key, or another's signature: not returned" another_signature
try "a signature given before: not returned" replayed_signature
try "a PIN is changed by the real TPM, or not at all" changed_pin
try "a PIN key is made by the real TPM, or not at all" pin_key_is_not_taken_over
try "another program's NV index is not removed in place of ours" other_index
try "on trust: who is there when a key is made can own it, or guess its PIN" \
	there_when_a_key_is_made
try "a key that was theirs does not sign without them" gone_afterwards
try "on trust: who is there when resident keys are read can swap them" \
	there_when_keys_are_read
try "on trust: who is there at setup can guess the owner's password" \
	owner_password_for_setup
try "on trust: nor is that password safe when a resident key is removed" \
	owner_password_for_removing
try "the endorsement key known: left alone, all works, and it learns nothing" \
	known_left_alone
try "the endorsement key known: no key is made for them, nor a PIN learned" \
	cannot_own_a_key
try "the endorsement key known: resident keys cannot be swapped" \
	cannot_swap_resident_keys
try "the endorsement key known: the owner's password is safe at setup" \
	cannot_guess_at_setup
try "the endorsement key known: and when a resident key is removed" \
	cannot_guess_when_removing
try "the endorsement key known: another TPM is refused" another_tpm
echo "1..$N"
