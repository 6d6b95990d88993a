#!/usr/bin/env bash
# Persistent copies of keys in the TPM: made, used, lost, and freed again.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

export LD_LIBRARY_PATH=$TOOLS

tpm_new tpm
tpm_persist_srk

sk-tpm() {
	"$BUILD/sk-tpm" "$@" </dev/null
}

# new FILE [option...]: a key that needs nobody.
new() {
	rm -f "$1" "$1.pub"
	sk-tpm enroll -n -f "$@" >/dev/null
}

new_pin() {
	askpass_says 123456
	new "$@" -P
}

# Where the key's copy is, as its file says.
place() {
	sk-tpm show -j "$1" | jq -r .persistent
}

is_there() {
	[ "$(sk-tpm show -j "$1" | jq -r .persistent_there)" = true ]
}

used_slots() {
	printf '%d\n' "$(tpm2_getcap properties-variable |
		sed -n 's/^TPM2_PT_HR_PERSISTENT: //p')"
}

free_slots() {
	printf '%d\n' "$(tpm2_getcap properties-variable |
		sed -n 's/^TPM2_PT_HR_PERSISTENT_AVAIL: //p')"
}

# signs_by COMMANDS KEY: with these TPM commands, and correctly.
signs_by() {
	local sent
	sent=$(commands sign "$2" | xargs)
	echo "sent: $sent"
	[ "$sent" = "$1" ]
	sign_and_verify "$2"
	tpm_is_empty
}

# ReadPublic, Sign; else ReadPublic, Load, Sign and, unmanaged, FlushContext.
BY_COPY='173 15d'
BY_FILE='173 157 15d 165'
BY_FILE_WITH_HINT="173 $BY_FILE"
# GetCapability, ReadPublic, StartAuthSession, ReadPublic of the copy, Sign
PIN_BY_COPY='17a 173 176 173 15d'
PIN_BY_FILE_WITH_HINT='17a 173 176 173 157 15d 165'

# falls_back KEY: it signs with its file alone, and says so to who debugs.
falls_back() {
	signs_by "${2:-$BY_FILE_WITH_HINT}" "$1"
	SK_TPM_LOG_LEVEL=debug sign "$1" 2>"$WORK/err"
	grep '^sk-tpm: .*\(no persistent copy\|another authValue\)' "$WORK/err"
	sign "$1" 2>"$WORK/err"
	fails grep '^sk-tpm: ' "$WORK/err"
	[ "$(wrong_tries)" -eq 0 ]
}

# edit KEY-FILE PERL: changes the key handle in it; as many bytes as before.
edit() {
	perl -0777 -MMIME::Base64 -e '
		my ($file, $code) = @ARGV;
		open(my $f, "<", $file) or die; my $text = <$f>;
		my ($in) = $text =~ /-----\n(.*)-----END/s;
		$_ = decode_base64($in);
		eval $code or die "nothing edited: $@";
		my $out = encode_base64($_, ""); $out =~ s/(.{70})/$1\n/g;
		open($f, ">", $file) or die;
		print $f "-----BEGIN OPENSSH PRIVATE KEY-----\n$out\n-----END OPENSSH PRIVATE KEY-----\n";
	' "$1" "$2"
}

# points_at KEY-FILE HANDLE: entry 5 names another place, 0x81...
points_at() {
	edit "$1" "s/\\x05\\x1a..../\"\\x05\\x1a\" . pack('N', $2)/se"
}

# theirs HANDLE [tpm2_create option...]: another program's key, there.
theirs() {
	local handle=$1
	shift
	tpm2_create -Q -C 0x81000001 -G ecc -u "$WORK/their.pub" \
		-r "$WORK/their.priv" "$@"
	tpm2_load -Q -C 0x81000001 -u "$WORK/their.pub" -r "$WORK/their.priv" \
		-c "$WORK/their.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/their.ctx" "$handle"
	tpm2_flushcontext -t
}

forget() {
	tpm2_evictcontrol -Q -C o -c "$1"
}

# --- made and used ----------------------------------------------------------

makes_a_copy() {
	local used
	used=$(used_slots)
	new "$WORK/k"
	signs_by "$BY_FILE" "$WORK/k"
	sk-tpm persist "$WORK/k" | grep "Made the key persistent at 0x81[4-7]"
	[ "$(used_slots)" -eq $((used + 1)) ]
	is_there "$WORK/k"
	signs_by "$BY_COPY" "$WORK/k"
	sk-tpm persist "$WORK/k" | grep "persistent already, at $(place "$WORK/k")"
	[ "$(used_slots)" -eq $((used + 1)) ]
	[ "$(stat -c %a "$WORK/k")" = 600 ]
}

# The handle's number is no secret. Only the key file has the authValue.
not_everybodys() {
	local k
	k=$(place "$WORK/k")
	echo text >"$WORK/text"
	fails tpm2_sign -Q -c "$k" -g sha256 -o "$WORK/stolen" "$WORK/text"
	fails tpm2_sign -Q -c "$k" -p x -g sha256 -o "$WORK/stolen" "$WORK/text"
	[ ! -e "$WORK/stolen" ]
	[ "$(wrong_tries)" -eq 0 ]
	# With what the file has, the same command signs.
	tpm2_sign -Q -c "$k" -p "hex:$(auth_of "$WORK/k")" -g sha256 \
		-o "$WORK/signed" "$WORK/text"
}

# Entry 6, in hex.
auth_of() {
	handle_of "$1" | tail -c 32 | od -An -v -tx1 | tr -d ' \n'
}

# A CA or a server is shown the attestation.
not_in_the_attestation() {
	SK_TPM_USER_PRESENCE=assume new "$WORK/attested" --persistent \
		--attestation "$WORK/attestation"
	signs_by "$BY_COPY" "$WORK/attested"
	handle_of "$WORK/attested" | grep -aq 'sk-tpm'
	fails grep -qF "$(auth_of "$WORK/attested")" \
		<(od -An -v -tx1 "$WORK/attestation" | tr -d ' \n')
	sk-tpm evict "$WORK/attested"
}

lists_it() {
	mkdir -p "$WORK/dir"
	cp "$WORK/k" "$WORK/dir/k"
	sk-tpm list "$WORK/dir" >"$WORK/out"
	cat "$WORK/out"
	grep "dir/k .* persistent $(place "$WORK/k")" "$WORK/out"
	grep "^Slots for persistent keys: $(used_slots) used, $(free_slots) free" \
		"$WORK/out"
	fails grep 'none of these' "$WORK/out"
	mkdir -p "$WORK/empty"
	sk-tpm list "$WORK/empty" | grep "$(place "$WORK/k")  of none of these"
	sk-tpm list -j "$WORK/dir" | jq -e '.slots.free > 0'
	sk-tpm doctor "$WORK/k" >"$WORK/out" || :
	grep "^ok .*persistent copy .* $(place "$WORK/k")" "$WORK/out"
	grep "^ok .*room .* $(used_slots) persistent slots are used" "$WORK/out"
}

# OpenSSH writes the file anew, and knows nothing of it.
survives_ssh_keygen() {
	cp "$WORK/k" "$WORK/rewritten"
	ssh-keygen -q -p -P '' -N secret -f "$WORK/rewritten"
	refuses "passphrase" "$BUILD/sk-tpm" evict "$WORK/rewritten"
	ssh-keygen -q -p -P secret -N '' -f "$WORK/rewritten"
	cmp <(handle_of "$WORK/k") <(handle_of "$WORK/rewritten")
	signs_by "$BY_COPY" "$WORK/rewritten"
}

evicts_it() {
	local used
	used=$(used_slots)
	sk-tpm evict "$WORK/k" | grep '^Evicted '
	[ "$(used_slots)" -eq $((used - 1)) ]
	signs_by "$BY_FILE" "$WORK/k"
	sk-tpm evict "$WORK/k" | grep 'has no persistent copy'
	# A file that names a copy which is gone, too.
	signs_by "$BY_FILE_WITH_HINT" "$WORK/rewritten"
	sk-tpm evict "$WORK/rewritten" | grep 'has no persistent copy'
	signs_by "$BY_FILE" "$WORK/rewritten"
}

# --- gone, taken, forged ----------------------------------------------------

gone() {
	new "$WORK/k" --persistent
	signs_by "$BY_COPY" "$WORK/k"
	forget "$(place "$WORK/k")"
	falls_back "$WORK/k"
	sk-tpm doctor "$WORK/k" >"$WORK/out" || :
	grep '^warning *persistent copy .*not at 0x81.* any more' "$WORK/out"
	sk-tpm persist "$WORK/k"
	signs_by "$BY_COPY" "$WORK/k"
}

taken() {
	local place
	place=$(place "$WORK/k")
	forget "$place"
	theirs "$place" -p secret
	falls_back "$WORK/k"
	fails is_there "$WORK/k"
	sk-tpm doctor "$WORK/k" >"$WORK/out" || :
	grep '^warning *persistent copy .*another key is at' "$WORK/out"
	# Nothing of theirs is touched.
	sk-tpm persist "$WORK/k"
	signs_by "$BY_COPY" "$WORK/k"
	points_at "$WORK/k" "$place"
	sk-tpm evict "$WORK/k" | grep '^Evicted '
	tpm2_readpublic -Q -c "$place"
	forget "$place"
}

# With a password, each authorization of ours would cost a try of the TPM's.
forged_places() {
	local options
	new "$WORK/k" --persistent
	new_pin "$WORK/pin" --persistent
	for options in '-p secret' '' \
		"-a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"; do
		# shellcheck disable=SC2086 # several words
		theirs 0x81012345 $options
		cp "$WORK/k" "$WORK/forged"
		points_at "$WORK/forged" 0x81012345
		falls_back "$WORK/forged"
		askpass_says 123456
		cp "$WORK/pin" "$WORK/forged"
		points_at "$WORK/forged" 0x81012345
		falls_back "$WORK/forged" "$PIN_BY_FILE_WITH_HINT"
		forget 0x81012345
	done
	# A handle with nothing, and the parent's.
	for place in 0x81012345 0x81000001; do
		cp "$WORK/k" "$WORK/forged"
		points_at "$WORK/forged" "$place"
		falls_back "$WORK/forged"
	done
	# Outside of the owner's range there is no such handle.
	points_at "$WORK/forged" 0x81800001
	refuses "damaged" sign "$WORK/forged"
}

other_auth_value() {
	edit "$WORK/k" 's/(\x06\x58\x20)(.)/$1 . chr(ord($2) ^ 1)/se'
	SK_TPM_LOG_LEVEL=debug sign "$WORK/k" 2>"$WORK/err"
	grep 'has another authValue' "$WORK/err"
	falls_back "$WORK/k" '173 15d 173 157 15d 165'
}

# --- with a PIN -------------------------------------------------------------

with_pin() {
	new_pin "$WORK/pin"
	# No PIN is needed for it, and none is asked for.
	: >"$WORK/asked"
	sk-tpm persist "$WORK/pin"
	[ ! -s "$WORK/asked" ]
	signs_by "$PIN_BY_COPY" "$WORK/pin"
	fails tpm2_sign -Q -c "$(place "$WORK/pin")" -g sha256 \
		-o "$WORK/stolen" "$WORK/text"
	[ "$(wrong_tries)" -eq 1 ] # that one's
	tpm2_dictionarylockout -Q -c
	askpass_says wrong-one
	refuses "wrong PIN" sign "$WORK/pin"
	[ "$(wrong_tries)" -eq 1 ]
	tpm2_dictionarylockout -Q -c
	askpass_says 123456
	forget "$(place "$WORK/pin")"
	falls_back "$WORK/pin" "$PIN_BY_FILE_WITH_HINT"
}

# The copy would go on with the old PIN, and refuse the new one.
changes_pin() {
	local used
	sk-tpm persist "$WORK/pin"
	used=$(used_slots)
	cp "$WORK/pin" "$WORK/old"
	askpass_says 123456 abcdefgh
	sk-tpm pin "$WORK/pin" | grep 'persistent copy had the old PIN'
	[ "$(used_slots)" -eq $((used - 1)) ]
	askpass_says abcdefgh
	sign_and_verify "$WORK/pin"
	[ "$(wrong_tries)" -eq 0 ]
	sk-tpm persist "$WORK/pin"
	signs_by "$PIN_BY_COPY" "$WORK/pin"
	askpass_says 123456
	falls_back "$WORK/old" "$PIN_BY_FILE_WITH_HINT"
	sk-tpm evict "$WORK/pin"
}

# --- enrolment --------------------------------------------------------------

from_ssh_keygen() {
	local used
	used=$(used_slots)
	SK_TPM_PERSISTENT=yes enroll "$WORK/gen" -O no-touch-required
	signs_by "$BY_COPY" "$WORK/gen"
	echo 'Persistent yes' >"$WORK/conf"
	askpass_says 123456
	echo 123456 | SK_TPM_CONFIG=$WORK/conf ssh-keygen -q -t ecdsa-sk \
		-O verify-required -N '' -w "$LIB" -f "$WORK/genpin"
	SK_TPM_CONFIG=/dev/null signs_by "$PIN_BY_COPY" "$WORK/genpin"
	sk-tpm evict "$WORK/gen"
	sk-tpm evict "$WORK/genpin"
	# What doctor makes to sign once is not kept.
	SK_TPM_PERSISTENT=yes sk-tpm doctor >/dev/null || :
	[ "$(used_slots)" -eq "$used" ]
}

resident() {
	local used index
	used=$(used_slots)
	new "$WORK/resident" -r --persistent
	[ "$(used_slots)" -eq $((used + 1)) ]
	rm -rf "$WORK/dl"
	mkdir "$WORK/dl"
	(cd "$WORK/dl" && echo | setsid -w ssh-keygen -q -K -N '' -w "$LIB")
	SK_TPM_USER_PRESENCE=assume signs_by "$BY_COPY" "$WORK/dl/id_ecdsa_sk_rk"
	index=$(sk-tpm list -j "$WORK/empty" | jq -r '.resident[0].index')
	[ "$(place "$index")" = "$(place "$WORK/resident")" ]
	refuses "is a resident key" "$BUILD/sk-tpm" persist "$index"
	refuses "is a resident key" "$BUILD/sk-tpm" evict "$index"
	sk-tpm remove -y "$index"
	[ "$(used_slots)" -eq "$used" ]
	signs_by "$BY_FILE_WITH_HINT" "$WORK/resident"
	# With a PIN that is changed, the record names no copy any more.
	new_pin "$WORK/resident" -r --persistent
	index=$(sk-tpm list -j "$WORK/empty" | jq -r '.resident[0].index')
	askpass_says 123456 abcdefgh
	sk-tpm pin "$index" | grep 'persistent copy had the old PIN'
	[ "$(used_slots)" -eq "$used" ]
	index=$(sk-tpm list -j "$WORK/empty" | jq -r '.resident[0].index')
	[ "$(place "$index")" = null ]
	sk-tpm remove -y "$index"
}

# --- few slots --------------------------------------------------------------

# fill N: another program leaves so many slots free.
fill() {
	local i=0
	tpm2_createprimary -Q -C o -G ecc -c "$WORK/filler.ctx"
	tpm2_flushcontext -t
	while [ "$(free_slots)" -gt "$1" ]; do
		tpm2_evictcontrol -Q -C o -c "$WORK/filler.ctx" \
			"$(printf '0x81200%03x' "$i")"
		tpm2_flushcontext -t
		i=$((i + 1))
	done
	FILLED=$i
}

one_slot_left() {
	local full='slots of the TPM for persistent keys are used'
	tpm_new few
	tpm_persist_srk
	new "$WORK/a"
	new "$WORK/b"
	fill 1
	sk-tpm persist "$WORK/a"
	signs_by "$BY_COPY" "$WORK/a"
	[ "$(free_slots)" -eq 0 ]
	sk-tpm list "$WORK/empty" | grep ' 0 free'
	cp "$WORK/b" "$WORK/before"
	refuses "$full" "$BUILD/sk-tpm" persist "$WORK/b"
	cmp <(handle_of "$WORK/b") <(handle_of "$WORK/before")
	refuses "$full" "$BUILD/sk-tpm" enroll -n --persistent -f "$WORK/c"
	[ ! -e "$WORK/c" ]
	SK_TPM_PERSISTENT=yes refuses "$full" enroll "$WORK/c" \
		-O no-touch-required
	sk-tpm evict "$WORK/a"
	sk-tpm persist "$WORK/b"
	signs_by "$BY_COPY" "$WORK/b"
	signs_by "$BY_FILE" "$WORK/a"
	[ "$(used_slots)" -eq $((FILLED + 2)) ] # with the SRK and b
}

# --- the owner's password ---------------------------------------------------

owner_password() {
	local used wrong='kept under the TPM.s owner password'
	tpm_new owned
	tpm_persist_srk
	used=$(used_slots)
	new "$WORK/a"
	tpm2_changeauth -Q -c owner secret
	cp "$WORK/a" "$WORK/before"
	askpass_says wrong-one
	fails sk-tpm persist "$WORK/a" 2>"$WORK/err"
	cat "$WORK/err"
	grep "^sk-tpm: .*$wrong" "$WORK/err"
	[ "$(grep -c '^sk-tpm: ' "$WORK/err")" -eq 1 ]
	cmp <(handle_of "$WORK/a") <(handle_of "$WORK/before")
	askpass_says secret
	sk-tpm persist "$WORK/a"
	[ "$(grep -c 'owner password' "$WORK/asked")" -eq 1 ]
	signs_by "$BY_COPY" "$WORK/a"
	askpass_says wrong-one
	refuses "owner password" "$BUILD/sk-tpm" evict "$WORK/a"
	signs_by "$BY_COPY" "$WORK/a"
	askpass_says secret
	sk-tpm evict "$WORK/a"
	# Asked once for both.
	askpass_says secret
	new "$WORK/b" -r --persistent
	[ "$(grep -c 'owner password' "$WORK/asked")" -eq 1 ]
	signs_by "$BY_COPY" "$WORK/b"
	askpass_says secret
	sk-tpm remove -y "$(sk-tpm list -j "$WORK/empty" |
		jq -r '.resident[0].index')"
	[ "$(grep -c 'owner password' "$WORK/asked")" -eq 1 ]
	# In place of a PIN, from ssh-keygen.
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	SK_TPM_PERSISTENT=yes setsid -w ssh-keygen -q -t ecdsa-sk \
		-O no-touch-required -N '' -w "$LIB" -f "$WORK/c" <<<secret
	signs_by "$BY_COPY" "$WORK/c"
	askpass_says secret
	sk-tpm evict "$WORK/c"
	[ "$(used_slots)" -eq "$used" ]
	[ "$(wrong_tries)" -eq 0 ]
}

# --- interrupted, and refused -----------------------------------------------

# nth CODE COMMAND...: which of its TPM commands is the first of that code.
nth() {
	local code=$1
	shift
	commands "$@" | grep -nx "$code" | head -n 1 | cut -d: -f1
}

# faulty FAULT COMMAND...
faulty() {
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT=$1 "${@:2}"
}

killed_while_it_is_made() {
	local n used status
	tpm_new killed
	tpm_persist_srk
	used=$(used_slots)
	for ((n = 1; n < 40; n++)); do
		new "$WORK/a"
		status=0
		faulty "$n:kill" "$BUILD/sk-tpm" persist "$WORK/a" || status=$?
		tpm2_flushcontext -t
		[ -z "$(tpm2_getcap handles-loaded-session)" ] ||
			tpm2_flushcontext -l
		sign_and_verify "$WORK/a"
		# What is there, the file knows of.
		[ "$(used_slots)" -eq "$used" ] ||
			signs_by "$BY_COPY" "$WORK/a"
		sk-tpm persist "$WORK/a"
		signs_by "$BY_COPY" "$WORK/a"
		sk-tpm evict "$WORK/a"
		[ "$(used_slots)" -eq "$used" ]
		signs_by "$BY_FILE" "$WORK/a"
		[ "$status" -ne 0 ] || break
	done
	echo "it takes $((n - 1)) commands"
	[ "$n" -gt 8 ] && [ "$n" -lt 40 ]
	[ -z "$(find "$WORK" -maxdepth 1 -name 'a.??????')" ]
}

killed_while_it_is_evicted() {
	local n used status
	used=$(used_slots)
	for ((n = 1; n < 40; n++)); do
		new "$WORK/a" --persistent
		status=0
		faulty "$n:kill" "$BUILD/sk-tpm" evict "$WORK/a" || status=$?
		tpm2_flushcontext -t
		[ -z "$(tpm2_getcap handles-loaded-session)" ] ||
			tpm2_flushcontext -l
		sign_and_verify "$WORK/a"
		sk-tpm evict "$WORK/a"
		[ "$(used_slots)" -eq "$used" ]
		signs_by "$BY_FILE" "$WORK/a"
		[ "$status" -ne 0 ] || break
	done
	echo "it takes $((n - 1)) commands"
	[ "$n" -gt 6 ] && [ "$n" -lt 40 ]
}

strays() {
	sed -n 's/^  \(0x[0-9a-f]*\)  of none of these keys; sk-tpm evict.*/\1/p'
}

# Without its file, list tells of the copy, and evict takes its handle.
killed_while_enrolling() {
	local n used status stray ours left=0
	used=$(used_slots)
	mkdir -p "$WORK/empty"
	sk-tpm list "$WORK/empty" | strays >"$WORK/before"
	ours=$(wc -l <"$WORK/before")
	for ((n = 1; n < 40; n++)); do
		rm -f "$WORK/a" "$WORK/a.pub"
		status=0
		faulty "$n:kill" "$BUILD/sk-tpm" enroll -n --persistent \
			-f "$WORK/a" || status=$?
		tpm2_flushcontext -t
		[ -z "$(tpm2_getcap handles-loaded-session)" ] ||
			tpm2_flushcontext -l
		[ "$status" -ne 0 ] || break
		[ ! -e "$WORK/a" ]
		[ "$(used_slots)" -gt "$used" ] || continue
		left=$((left + 1))
		sk-tpm doctor >"$WORK/out" || :
		grep "^ok .*room .* $((ours + 1)) of them for copies" "$WORK/out"
		stray=$(sk-tpm list "$WORK/empty" | strays |
			grep -vxFf "$WORK/before")
		sk-tpm evict "$stray"
		[ "$(used_slots)" -eq "$used" ]
	done
	echo "it takes $((n - 1)) commands, $left leave a copy alone"
	[ "$n" -gt 12 ] && [ "$n" -lt 40 ] && [ "$left" -gt 0 ]
	signs_by "$BY_COPY" "$WORK/a"
	sk-tpm evict "$WORK/a"
}

# The copy goes first: a record that names none is whole.
killed_while_removed() {
	local n used status index
	used=$(used_slots)
	for ((n = 1; n < 40; n++)); do
		new "$WORK/a" -r --persistent
		index=$(sk-tpm list -j "$WORK/empty" |
			jq -r '.resident[0].index')
		status=0
		faulty "$n:kill" "$BUILD/sk-tpm" remove -y "$index" || status=$?
		tpm2_flushcontext -t
		[ -z "$(tpm2_getcap handles-loaded-session)" ] ||
			tpm2_flushcontext -l
		if sk-tpm show "$index"; then
			sign_and_verify "$WORK/a"
			sk-tpm remove -y "$index"
		fi
		[ "$(used_slots)" -eq "$used" ]
		[ "$status" -ne 0 ] || break
	done
	echo "it takes $((n - 1)) commands"
	[ "$n" -gt 8 ] && [ "$n" -lt 40 ]
}

# As remove frees it, of a key that another takes the place of.
replaced() {
	local used
	used=$(used_slots)
	new "$WORK/a" -r --persistent -a ssh:same
	new "$WORK/b" -r --persistent -a ssh:same --force
	[ "$(used_slots)" -eq $((used + 1)) ]
	signs_by "$BY_COPY" "$WORK/b"
	signs_by "$BY_FILE_WITH_HINT" "$WORK/a"
	new "$WORK/c" -r -a ssh:same --force
	[ "$(used_slots)" -eq "$used" ]
	sk-tpm remove -y "$(sk-tpm list -j "$WORK/empty" |
		jq -r '.resident[0].index')"
}

# EvictControl, with this code: one line, the file as it was, nothing left.
refused_with() {
	local n
	cp "$WORK/a" "$WORK/before"
	refuses "$2" faulty "$1" "$BUILD/sk-tpm" persist "$WORK/a"
	cmp <(handle_of "$WORK/a") <(handle_of "$WORK/before")
	signs_by "$BY_FILE" "$WORK/a"
	[ "$(used_slots)" -eq "$USED" ]
}

refused() {
	local n
	USED=$(used_slots)
	new "$WORK/a"
	n=$(nth 120 "$BUILD/sk-tpm" persist "$WORK/a")
	[ "$n" -gt 5 ]
	sk-tpm evict "$WORK/a"
	refused_with "$n:rc=0x14b" "no slot free"
	refused_with "$n:rc=0x9a2" "owner password"
	refused_with "$n:rc=0x14c*16" "found no free persistent handle"
	refused_with "$n:rc=0x185" "failed to make a key persistent"
	refused_with "$n:drop" "lost the TPM"
	# Another place, or another try, will do.
	for fault in 0x14c 0x920 0x922; do
		faulty "$n:rc=$fault*3" "$BUILD/sk-tpm" persist "$WORK/a"
		signs_by "$BY_COPY" "$WORK/a"
		sk-tpm evict "$WORK/a"
	done
	[ "$(used_slots)" -eq "$USED" ]
}

changed_meanwhile() {
	local used
	used=$(used_slots)
	local n
	new "$WORK/a"
	n=$(nth 120 "$BUILD/sk-tpm" persist "$WORK/a")
	sk-tpm evict "$WORK/a"
	# Somebody replaces the file while the TPM works.
	faulty "1:delay=1000" "$BUILD/sk-tpm" persist "$WORK/a" \
		2>"$WORK/err" &
	local pid=$!
	new "$WORK/b"
	cp "$WORK/b" "$WORK/a"
	fails wait "$pid"
	grep '^sk-tpm: .*was changed meanwhile' "$WORK/err"
	cmp "$WORK/a" "$WORK/b"
	[ "$(used_slots)" -eq "$used" ]
}

# --- with others ------------------------------------------------------------

through_a_manager() {
	local used
	tpm_new shared
	tpm_persist_srk
	resource_manager
	used=$(used_slots)
	new "$WORK/a"
	sk-tpm persist "$WORK/a"
	[ "$(commands sign "$WORK/a" | xargs)" = "$BY_COPY" ]
	sign_and_verify "$WORK/a"
	new_pin "$WORK/pin" --persistent
	[ "$(commands sign "$WORK/pin" | xargs)" = "$PIN_BY_COPY" ]
	sk-tpm evict "$WORK/a"
	sk-tpm evict "$WORK/pin"
	[ "$(used_slots)" -eq "$used" ]
}

# Different files, and the same one.
two_at_once() {
	local used i pids=() file
	tpm_new crowd
	tpm_persist_srk
	resource_manager
	used=$(used_slots)
	for i in 1 2 3 4; do
		new "$WORK/c$i"
	done
	for i in 1 2 3 4; do
		"$BUILD/sk-tpm" persist "$WORK/c$i" >"$WORK/out.$i" 2>&1 &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(used_slots)" -eq $((used + 4)) ]
	for file in "$WORK"/c[1-4]; do
		[ "$(commands sign "$file" | xargs)" = "$BY_COPY" ]
		"$BUILD/sk-tpm" evict "$file" >/dev/null 2>&1 &
		pids+=("$!")
	done
	for i in "${pids[@]:4}"; do
		wait "$i"
	done
	[ "$(used_slots)" -eq "$used" ]
	for i in 1 2; do
		"$BUILD/sk-tpm" persist "$WORK/c1" >"$WORK/out.$i" 2>&1 &
		pids[i]=$!
	done
	wait "${pids[1]}" || grep 'changed meanwhile' "$WORK/out.1"
	wait "${pids[2]}" || grep 'changed meanwhile' "$WORK/out.2"
	sign_and_verify "$WORK/c1"
	sk-tpm evict "$WORK/c1"
	[ "$(used_slots)" -eq "$used" ]
}

# A disk that is full when the key file is written: no copy without its file.
no_file() {
	local used
	used=$(used_slots)
	# shellcheck disable=SC2016 # for that bash
	refuses "cannot write" bash -o pipefail -c 'trap "" XFSZ; ulimit -f 0
		"$BUILD/sk-tpm" enroll -n --persistent -f "$WORK/unwritten" 2>&1 | cat'
	[ "$(used_slots)" -eq "$used" ]
	tpm_is_empty
}

# Its file is lost; one line tells, and the slot can be had back by its handle.
of_no_file() {
	local used handle
	used=$(used_slots)
	new "$WORK/lost" --persistent
	handle=$(place "$WORK/lost")
	rm "$WORK/lost"
	sk-tpm list "$WORK/empty" |
		grep "  $handle  of none of these keys; sk-tpm evict frees it"
	# It is the owner who evicts.
	tpm2_changeauth -Q -c owner secret
	askpass_says wrong
	refuses "owner" sk-tpm evict "$handle"
	askpass_says secret
	sk-tpm evict "$handle" | grep "^Evicted the persistent key at $handle"
	tpm2_changeauth -Q -c owner -p secret
	[ "$(used_slots)" -eq "$used" ]
	refuses "there is no persistent key at $handle" sk-tpm evict "$handle"
	# Those of others are none of ours.
	refuses "" sk-tpm evict 0x81000001
	tpm2_readpublic -Q -c 0x81000001
	tpm_is_empty
}

try "a copy makes a signature two commands" makes_a_copy
try "who knows the handle alone cannot sign" not_everybodys
try "the attestation does not have its authValue" not_in_the_attestation
try "list and doctor tell of copies and of slots" lists_it
try "ssh-keygen -p keeps it" survives_ssh_keygen
try "evicted, and the file signs by itself" evicts_it
try "a key file that cannot be written: no copy is left" no_file
try "a copy of no file is evicted by its handle" of_no_file
try "a copy that is gone: the file signs, and doctor warns" gone
try "another key in its place: the file signs, and that key stays" taken
try "a file that names another's key costs no try" forged_places
try "another authValue: the file signs" other_auth_value
try "with a PIN: five commands, and a wrong one costs one try" with_pin
try "a new PIN: the copy with the old one is evicted" changes_pin
try "Persistent yes: ssh-keygen's keys have copies" from_ssh_keygen
try "a resident key's record names its copy, and remove frees it" resident
try "one slot left, and none: one line, and nothing lost" one_slot_left
try "the owner's password is asked for once" owner_password
try "killed at each command of persist: nothing lost, nothing leaked" \
	killed_while_it_is_made
try "killed at each command of evict: nothing lost, nothing leaked" \
	killed_while_it_is_evicted
try "killed while enrolling: a copy without its file is told of, and freed" \
	killed_while_enrolling
try "killed at each command of remove: no copy without its record" \
	killed_while_removed
try "a resident key that is replaced: its copy is evicted" replaced
try "EvictControl refused: one line, and the file as it was" refused
try "a file that is replaced meanwhile stays what it is" changed_meanwhile
try "through tpm2-abrmd" through_a_manager
try "several at once, of several keys and of one" two_at_once
echo "1..$N"
