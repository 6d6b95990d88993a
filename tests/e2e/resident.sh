#!/usr/bin/env bash
# Resident keys: kept in the TPM, and had back without any key file.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
tpm_persist_srk
sshd_start server
export LD_LIBRARY_PATH=$TOOLS SSH_SK_PROVIDER=$LIB

# enroll_resident FILE [option...]; overwriting is answered with yes. (OpenSSH
# 8.4 asks for a PIN first of all, on the line that ours would begin.)
enroll_resident() {
	local file=$1 status=0
	shift
	echo y | setsid -w ssh-keygen -q -t ecdsa-sk -O resident -N '' \
		-w "$LIB" -f "$file" -C rk "$@" 2>"$WORK/said" || status=$?
	sed 's/^\(Enter PIN for authenticator: \)*//' "$WORK/said" >&2
	return "$status"
}

# Where ssh-keygen -K puts the key of ssh:work and alice. Before 8.9 it does not
# tell users apart, so that other keys have applications of their own.
WORK_ALICE=id_ecdsa_sk_rk_work_alice
[ "$OPENSSH" -ge 809 ] || WORK_ALICE=id_ecdsa_sk_rk_work

# download DIR: what ssh-keygen -K writes there
download() {
	rm -rf "$1"
	mkdir "$1"
	(cd "$1" && echo | setsid -w ssh-keygen -K -N '' -w "$LIB")
}

nv_indices() {
	tpm2_getcap handles-nv-index | sed 's/^- 0x//' | tr a-f A-F | sort
}

count_ours() {
	nv_indices | grep -c '^18\|^19\|^1[AB]' || :
}

empty() {
	download "$WORK/none"
	[ -z "$(ls "$WORK/none")" ]
}

enrol_and_download() {
	enroll_resident "$WORK/a" -O no-touch-required
	enroll_resident "$WORK/b" -O no-touch-required -O application=ssh:work \
		-O user=alice
	[ "$(count_ours)" -eq 2 ]
	download "$WORK/dl"
	ls "$WORK/dl"
	[ -f "$WORK/dl/id_ecdsa_sk_rk" ]
	[ -f "$WORK/dl/$WORK_ALICE" ]
	[ "$(cut -d' ' -f2 "$WORK/a.pub")" = \
		"$(cut -d' ' -f2 "$WORK/dl/id_ecdsa_sk_rk.pub")" ]
	tpm_is_empty
}

# ssh-keygen -K sets the presence flag, so the server may as well want it.
downloaded_keys_log_in() {
	rm -f "$WORK/a" "$WORK/b"
	cat "$WORK/dl"/*.pub >"$WORK/server.keys"
	SK_TPM_USER_PRESENCE=assume log_in -i "$WORK/dl/id_ecdsa_sk_rk"
	SK_TPM_USER_PRESENCE=assume \
		log_in -i "$WORK/dl/$WORK_ALICE"
}

agent_loads_them() {
	export SK_TPM_USER_PRESENCE=assume
	agent_start -P "$(agent_list)"
	askpass_says ''
	setsid -w ssh-add -K -S "$LIB"
	[ "$(ssh-add -l | wc -l)" -eq 2 ]
	ssh-add -L | head -n 1 >"$WORK/agent.pub"
	log_in -i "$WORK/agent.pub"
}

exists_asks_first() {
	local before
	before=$(nv_indices)
	if echo n | setsid -w ssh-keygen -q -t ecdsa-sk -O resident -N '' \
		-w "$LIB" -f "$WORK/x" -O no-touch-required; then
		return 1
	fi
	[ "$(nv_indices)" = "$before" ]
	[ ! -e "$WORK/x" ]
}

overwrite_replaces_one() {
	needs_openssh 901 "overwriting of resident keys"
	enroll_resident "$WORK/new" -O no-touch-required
	[ "$(count_ours)" -eq 2 ]
	download "$WORK/dl2"
	[ "$(cut -d' ' -f2 "$WORK/new.pub")" = \
		"$(cut -d' ' -f2 "$WORK/dl2/id_ecdsa_sk_rk.pub")" ]
	cmp "$WORK/dl/$WORK_ALICE.pub" \
		"$WORK/dl2/$WORK_ALICE.pub"
	tpm_is_empty
}

with_pin() {
	askpass_says 123456
	printf '123456\n' | setsid -w ssh-keygen -q -t ecdsa-sk -O resident \
		-O verify-required -O application=ssh:pin -N '' -w "$LIB" -f "$WORK/pin"
	download "$WORK/dl3"
	echo "verify-required $(cat "$WORK/pin.pub")" >"$WORK/server.keys"
	log_in -o BatchMode=no -i "$WORK/dl3/id_ecdsa_sk_rk_pin"
	grep -q 'Enter PIN' "$WORK/asked"
}

# as_other COMMAND...: somebody who may use the TPM, and read none of our files.
as_other() {
	(cd "$WORK/person" && HOME=$WORK/person SK_TPM_CONFIG=/dev/null \
		SK_TPM_USER_PRESENCE=assume unprivileged "$@")
}

others_may_read() {
	local lib=$WORK/person/lib.so
	[ "$(id -u)" -eq 0 ] || cannot "not root, who can be somebody else"
	askpass_says 123456
	enroll_resident "$WORK/own" -O no-touch-required \
		-O application=ssh:own 2>"$WORK/err"
	grep 'sk-tpm: whoever may use this TPM may use a resident key' \
		"$WORK/err"
	install -d -o 65534 "$WORK/person"
	cp "$LIB" "$lib"
	echo | as_other setsid -w ssh-keygen -K -N '' -w "$lib"
	echo text | as_other ssh-keygen -Y sign -n file -w "$lib" \
		-f id_ecdsa_sk_rk_own >"$WORK/own.sig"
	echo text | ssh-keygen -Y check-novalidate -n file -s "$WORK/own.sig"
	askpass_says 654321
	install -m 755 "$WORK/askpass" "$WORK/person/askpass"
	fails as_other env SSH_ASKPASS="$WORK/person/askpass" ssh-keygen -Y sign \
		-n file -w "$lib" -f id_ecdsa_sk_rk_pin <<<text
	[ "$(wrong_tries)" -eq 1 ]
	tpm2_dictionarylockout -c
}

# Indices of others in the range, written, unwritten or with our attributes.
others_are_left_alone() {
	local before
	tpm2_nvdefine -Q -C o -s 64 0x01800001
	tpm2_nvdefine -Q -C o -s 64 -a 'ownerwrite|authread|ownerread|no_da' \
		0x01812345
	tpm2_nvdefine -Q -C o -s 900 0x01bfffff
	head -c 900 /dev/urandom >"$WORK/theirs"
	tpm2_nvwrite -Q -C o -i "$WORK/theirs" 0x01bfffff
	# Behind the range, where TPMs have their makers' certificates.
	tpm2_nvdefine -Q -C o -s 64 0x01c00002
	before=$(tpm2_nvreadpublic)
	enroll_resident "$WORK/c" -O no-touch-required -O application=ssh:other
	download "$WORK/dl4"
	[ -f "$WORK/dl4/id_ecdsa_sk_rk_other" ]
	[ "$OPENSSH" -lt 901 ] || enroll_resident "$WORK/c2" \
		-O no-touch-required -O application=ssh:other
	for index in 0x1800001 0x1812345 0x1bfffff; do
		[ "$(grep -A6 "^$index" <<<"$before")" = \
			"$(tpm2_nvreadpublic | grep -A6 "^$index")" ]
	done
	tpm2_nvread -C o -s 900 0x01bfffff | cmp - "$WORK/theirs"
	tpm2_nvundefine -Q -C o 0x01800001
	tpm2_nvundefine -Q -C o 0x01812345
	tpm2_nvundefine -Q -C o 0x01bfffff
	tpm2_nvundefine -Q -C o 0x01c00002
}

# Another program's indices, until there is no room for any more.
fill_nv() {
	local size
	FILLED=0
	for size in 700 60; do
		while tpm2_nvdefine -Q -C o -s "$size" \
			"$((0x01500000 + FILLED))"; do
			FILLED=$((FILLED + 1))
			[ "$FILLED" -lt 500 ]
		done 2>/dev/null
	done
}

empty_nv() {
	while [ "$FILLED" -gt 0 ]; do
		FILLED=$((FILLED - 1))
		tpm2_nvundefine -Q -C o "$((0x01500000 + FILLED))"
	done
}

full_nv() {
	fill_nv
	refuses "no room for another resident key" \
		enroll_resident "$WORK/full" -O no-touch-required -O application=ssh:full
	[ ! -e "$WORK/full" ]
	tpm_is_empty
	empty_nv
	enroll_resident "$WORK/fits" -O no-touch-required -O application=ssh:full
}

too_long() {
	refuses "64 are the most" enroll_resident "$WORK/long" \
		-O no-touch-required -O user="$(head -c 65 /dev/zero | tr '\0' u)"
	local i namespaces=()
	for i in {1..16}; do
		namespaces+=(-l "sign:$(printf '%064d' "$i")")
	done
	refuses "2048 are the most" with_servers "$WORK/long" 16 \
		"${namespaces[@]}" -a "ssh:$(printf '%0200d' 0)"
	[ ! -e "$WORK/long" ]
}

# Half the tests above again, where the owner has a password.
owner_password() {
	local before
	before=$(count_ours)
	tpm2_changeauth -Q -c owner secret
	finally tpm2_changeauth -Q -c owner -p secret
	# Listing needs no password.
	download "$WORK/dl5"
	[ -f "$WORK/dl5/id_ecdsa_sk_rk" ]
	printf 'secret\n' | setsid -w ssh-keygen -q -t ecdsa-sk -O resident \
		-O no-touch-required -O application=ssh:owned -N '' -w "$LIB" \
		-f "$WORK/owned"
	[ "$(count_ours)" -eq $((before + 1)) ]
	local out
	out=$(printf 'wrong\n' | fails setsid -w ssh-keygen -q -t ecdsa-sk \
		-O resident -O no-touch-required -O application=ssh:owned2 -N '' \
		-w "$LIB" -f "$WORK/owned2" 2>&1)
	echo "$out"
	grep -q "sk-tpm: resident keys are kept under the TPM's owner password" \
		<<<"$out"
	[ "$(wrong_tries)" -eq 0 ]
	# A key with a PIN: the owner's password is asked for besides, once.
	askpass_says 123456 secret
	setsid -w ssh-keygen -q -t ecdsa-sk -O resident -O verify-required \
		-O application=ssh:both -N '' -w "$LIB" -f "$WORK/both"
	cat "$WORK/asked"
	sed -n 1p "$WORK/asked" | grep -q 'Enter PIN'
	sed -n 2p "$WORK/asked" | grep -q "owner password"
	[ "$(wc -l <"$WORK/asked")" -eq 2 ]
	[ "$(count_ours)" -eq $((before + 2)) ]
	askpass_says 123456
	sign "$WORK/both"
	tpm_is_empty
}

# with_servers FILE N [option...]: a resident key whose record is long, as it is
# limited to N servers.
with_servers() {
	local file=$1 n=$2 servers=()
	shift 2
	while [ "$n" -gt 0 ]; do
		servers+=(-s "SHA256:$(printf %s "$n" |
			openssl dgst -sha256 -binary | base64 | tr -d =)")
		n=$((n - 1))
	done
	"$BUILD/sk-tpm" enroll -n -r -f "$file" "${servers[@]}" "$@"
}

nv_bytes() {
	"$BUILD/sk-tpm" list -j | jq ".resident[] | select(.user==\"$1\").nv_bytes"
}

# A TPM that takes 512 bytes of NV at once, or does not say how many.
small_buffer() {
	tpm_new small
	tpm_persist_srk
	export SK_TPM_TCTI=small:$TCTI SK_TPM_NV_BUFFER=512
	with_servers "$WORK/many" 16 -u many
	[ "$(nv_bytes many)" -gt 768 ]
	with_servers "$WORK/several" 8 -u several
	# Older ones take both for one.
	if [ "$OPENSSH" -ge 809 ]; then
		download "$WORK/small"
		for key in many several; do
			[ "$(cut -d' ' -f2 "$WORK/$key.pub")" = "$(cut -d' ' \
				-f2 "$WORK/small/id_ecdsa_sk_rk_$key.pub")" ]
		done
	fi
	"$BUILD/sk-tpm" test "$("$BUILD/sk-tpm" list -j |
		jq -r '.resident[] | select(.user=="many").index')"
	# How much that is is not asked for: there are only the questions for
	# indices, for persistent keys, and for the room that these have.
	[ "$(TCTI=$SK_TPM_TCTI commands "$BUILD/sk-tpm" list | grep -c '^17a$')" \
		-eq 3 ]
	# In the owner's session, the Name changes after the first write.
	tpm2_changeauth -Q -c owner secret
	askpass_says secret
	with_servers "$WORK/small-owned" 16 -u owned
	[ "$(nv_bytes owned)" -gt 768 ]
	tpm2_changeauth -Q -c owner -p secret
	SK_TPM_NV_BUFFER=0 with_servers "$WORK/untold" 16 -u untold
	[ "$(nv_bytes untold)" -gt 768 ]
	SK_TPM_NV_INDEX=900 refuses "and this TPM takes 900; shorten" \
		with_servers "$WORK/no" 16 -u no
	[ ! -e "$WORK/no" ]
	# More at once than tpm2-tss has a buffer for.
	SK_TPM_NV_BUFFER=4096 with_servers "$WORK/large" 2 -u large
	[ "$(count_ours)" -eq 5 ]
	tpm_is_empty
}

# mark SIZE INDEX [option...]: defines an index with our mark.
mark() {
	printf 'sk-tpm resident key v1\0' | openssl dgst -sha256 -binary \
		>"$WORK/mark"
	tpm2_nvdefine -Q -C o -s "$1" -L "$WORK/mark" \
		-a 'ownerwrite|authread|ownerread|no_da|writedefine' "${@:2}"
}

# put_record FILE INDEX [option...]: a record with that in it.
put_record() {
	mark "$(stat -c %s "$1")" "${@:2}"
	tpm2_nvwrite -Q -C o -i "$1" "$2"
	tpm2_nvwritelock -Q -C o "$2"
}

# Of a later version, full of noise, or not written: passed over and said.
strange_records() {
	tpm_new strange
	tpm_persist_srk
	enroll_resident "$WORK/s1" -O no-touch-required -O application=ssh:first
	printf '\xa7\x00\x69sk-tpm-rk\x01\x02\x02\x00' >"$WORK/later"
	head -c 300 /dev/urandom >"$WORK/noise"
	put_record "$WORK/later" 0x01800010
	put_record "$WORK/noise" 0x01800011
	put_record "$WORK/noise" 0x01800013 -p secret
	# Neither written, or its beginning, nor locked.
	mark 600 0x01800012
	mark 300 0x01800014
	tpm2_nvwrite -Q -C o -i "$WORK/later" 0x01800014
	"$BUILD/sk-tpm" list | grep '0x01800012  .*unfinished'
	"$BUILD/sk-tpm" list | grep '0x01800014  .*unfinished'
	download "$WORK/strange" 2>"$WORK/err"
	cat "$WORK/err"
	grep -q 'passing over the resident key at 0x01800010: a newer sk-tpm' \
		"$WORK/err"
	grep -q 'passing over the resident key at 0x01800011: its record is' \
		"$WORK/err"
	[ "$(names_in "$WORK/strange")" = "first " ]
	fails grep -e 0x01800012 -e 0x01800014 "$WORK/err"
	# Another process may be writing them: they stay as long as there is room.
	enroll_resident "$WORK/s2" -O no-touch-required -O application=ssh:second
	grep -q 1800012 <<<"$(nv_indices)"
	fill_nv
	enroll_resident "$WORK/s3" -O no-touch-required -O application=ssh:third
	fails grep -q '180001[24]' <<<"$(nv_indices)"
	empty_nv
	mark 300 0x01800012
	"$BUILD/sk-tpm" remove -y 0x01800012
	fails grep -q 1800012 <<<"$(nv_indices)"
	grep -q 1800011 <<<"$(nv_indices)"
	"$BUILD/sk-tpm" list | grep '0x01800011  .*damaged'
	refuses "sk-tpm remove" "$BUILD/sk-tpm" show 0x01800011
	"$BUILD/sk-tpm" remove -y 0x01800011
	fails grep -q 1800011 <<<"$(nv_indices)"
	# Also where the owner has a password, and no handle names a parent.
	tpm2_changeauth -Q -c owner secret
	finally tpm2_changeauth -Q -c owner -p secret
	askpass_says secret
	"$BUILD/sk-tpm" remove -y 0x01800010
	"$BUILD/sk-tpm" remove -y 0x01800013
	[ "$(count_ours)" -eq 3 ]
	tpm_is_empty
}

# What ssh-keygen -K would print or make a path of.
strange_names() {
	local name before
	before=$(nv_indices)
	for name in $'x\e]0;title\a' a/../../escaped $'\xc2\x9b31m'; do
		refuses "a resident key's application goes into a file's name" \
			enroll_resident "$WORK/name" -O no-touch-required \
			-O application="ssh:$name"
		refuses "a resident key's user goes into a file's name" \
			"$BUILD/sk-tpm" enroll -n -r -f "$WORK/name" -u "$name"
	done
	refuses "instead of at most 235" enroll_resident "$WORK/name" \
		-O no-touch-required -O application="ssh:$(printf '%0236d' 0)"
	[ "$(nv_indices)" = "$before" ]
	[ ! -e "$WORK/name" ]
}

# copy_record APPLICATION INDEX SED-SCRIPT: what is in the record of one key, so
# altered, as another.
copy_record() {
	tpm2_nvread -Q "$("$BUILD/sk-tpm" list -j |
		jq -r ".resident[] | select(.application == \"$1\").index")" \
		-o "$WORK/copied"
	LC_ALL=C sed -i "$3" "$WORK/copied"
	put_record "$WORK/copied" "$2"
}

strange_names_in_records() {
	local index
	tpm_new names
	tpm_persist_srk
	enroll_resident "$WORK/n1" -O no-touch-required -O application=ssh:sound
	copy_record ssh:sound 0x01800020 's/ssh:sound/ssh:s\x1bund/'
	copy_record ssh:sound 0x01800021 's/ssh:sound/ssh:a\/..\//'
	download "$WORK/names" >"$WORK/out" 2>&1
	cat -v "$WORK/out"
	fails grep -q $'\e' "$WORK/out"
	[ "$(names_in "$WORK/names")" = "sound " ]
	for index in 0x01800020 0x01800021; do
		grep "sk-tpm: passing over the resident key at $index: no file" \
			"$WORK/out"
		"$BUILD/sk-tpm" list | grep "$index  .*name; sk-tpm remove"
		"$BUILD/sk-tpm" remove -y "$index"
	done
	[ "$(count_ours)" -eq 1 ]
}

# It would never sign: FIDO keys are of one application.
another_application() {
	tpm_new application
	tpm_persist_srk
	enroll_resident "$WORK/ours" -O no-touch-required -O application=ssh:ours
	copy_record ssh:ours 0x01800020 's/ssh:ours/ssh:else/'
	download "$WORK/application" 2>"$WORK/err"
	[ "$(names_in "$WORK/application")" = "ours " ]
	grep "passing over the resident key at 0x01800020" "$WORK/err"
	"$BUILD/sk-tpm" list | grep '0x01800020  .*; sk-tpm remove removes it'
	"$BUILD/sk-tpm" remove -y 0x01800020
	[ "$(count_ours)" -eq 1 ]
}

# Two records of one key, and an answer that is not what was asked for.
one_of_two() {
	local n
	tpm_new one-of-two
	tpm_persist_srk
	enroll_resident "$WORK/two-of" -O no-touch-required
	n=$(commands "$BUILD/sk-tpm" list | grep -n '^14e$' | cut -d: -f1)
	# The low byte of the size that NV_Read's answer begins with.
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT="$n:flip=15" download "$WORK/two.d" \
		2>"$WORK/err"
	grep "passing over .*: the TPM does not let it be read" "$WORK/err"
	copy_record ssh: 0x01800030 ''
	[ "$(count_ours)" -eq 2 ]
	[ "$("$BUILD/sk-tpm" list -j | jq '.resident | length')" -eq 1 ]
	"$BUILD/sk-tpm" remove -y "$("$BUILD/sk-tpm" list -j |
		jq -r '.resident[0].index')"
	[ "$(count_ours)" -eq 0 ]
}

# The question is about one key, and another is in its place when it is answered.
changed_meanwhile() {
	local first second
	tpm_new changed
	tpm_persist_srk
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/one" -u one
	first=$("$BUILD/sk-tpm" list -j | jq -r '.resident[0].index')
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/two" -u two
	second=$("$BUILD/sk-tpm" list -j |
		jq -r '.resident[] | select(.user=="two").index')
	tpm2_nvread -Q "$second" -o "$WORK/two.record"
	"$BUILD/sk-tpm" remove -y "$second"
	export -f mark put_record
	export WORK
	cat >"$WORK/swap" <<-EOF
		#!/bin/bash
		tpm2_nvundefine -Q -C o $first &&
			put_record "$WORK/two.record" $first >&2 && echo yes
	EOF
	chmod +x "$WORK/swap"
	SSH_ASKPASS=$WORK/swap SSH_ASKPASS_REQUIRE=force refuses \
		"at $first was changed meanwhile; nothing was removed" \
		"$BUILD/sk-tpm" remove "$first"
	tpm2_nvread -Q "$first" -o "$WORK/there"
	cmp "$WORK/there" "$WORK/two.record"
	cat >"$WORK/swap" <<-EOF
		#!/bin/bash
		tpm2_nvundefine -Q -C o $first 2>/dev/null
		echo yes
	EOF
	SSH_ASKPASS=$WORK/swap SSH_ASKPASS_REQUIRE=force refuses \
		"was changed meanwhile" "$BUILD/sk-tpm" remove "$first"
}

# Removing it from the TPM does not end it, and says so.
removed_key_signs_on() {
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/goes-on" -u goes-on
	"$BUILD/sk-tpm" remove -y "$("$BUILD/sk-tpm" list -j |
		jq -r '.resident[] | select(.user=="goes-on").index')" \
		>"$WORK/out"
	grep 'Key files of it, .* go on signing' "$WORK/out"
	sign "$WORK/goes-on"
}

handed_out_is_named() {
	local line
	tpm_new named
	tpm_persist_srk
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/named1" -a ssh:named -u "o'hara"
	download "$WORK/named.d" 2>"$WORK/err"
	line="the TPM's resident key for \"ssh:named\", user \"o'hara\": "
	line+=$(fingerprint "$WORK/named1.pub")
	grep -F "$line" "$WORK/err"
	agent_start -P "$(agent_list)"
	askpass_says ''
	setsid -w ssh-add -K -S "$LIB" 2>"$WORK/err"
	grep -F "$line" "$WORK/err"
}

# Another user of the TPM puts a key of theirs in the place of yours.
replaced_by_another() {
	tpm_new replaced
	tpm_persist_srk
	mkdir "$WORK/keys"
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/keys/mine" -a ssh:work
	"$BUILD/sk-tpm" enroll -n -f "$WORK/keys/plain" -a ssh:work
	"$BUILD/sk-tpm" list "$WORK/keys" | tee "$WORK/out"
	fails grep "not the TPM's" "$WORK/out"
	"$BUILD/sk-tpm" enroll -n -r --force -f "$WORK/theirs.key" -a ssh:work
	download "$WORK/keys/downloaded" 2>"$WORK/err"
	grep "$(fingerprint "$WORK/theirs.key.pub")" "$WORK/err"
	"$BUILD/sk-tpm" list "$WORK/keys" | tee "$WORK/out"
	grep -A1 "$WORK/keys/mine" "$WORK/out" | grep "not the TPM's .*it has $(
		fingerprint "$WORK/theirs.key.pub") at 0x"
	[ "$(grep -c "not the TPM's" "$WORK/out")" -eq 1 ]
	"$BUILD/sk-tpm" list -j "$WORK/keys" | jq -e \
		'[.files[] | select(.changed)] | length == 1'
	# Without an owner password, that is all it takes.
	"$BUILD/sk-tpm" doctor -j >"$WORK/doctor" || :
	jq -e '.. | objects | select(.check? == "owner" and .status == "warning")' \
		"$WORK/doctor"
	tpm2_changeauth -Q -c owner secret
	finally tpm2_changeauth -Q -c owner -p secret
	"$BUILD/sk-tpm" doctor -j >"$WORK/doctor" || :
	jq -e '.. | objects | select(.check? == "owner" and .status == "ok")' \
		"$WORK/doctor"
	refuses "cannot list the directory $WORK/none-such" \
		"$BUILD/sk-tpm" list "$WORK/none-such"
}

# A random index that is taken: another is tried.
collisions() {
	local n
	n=$(commands enroll_resident "$WORK/c1" -O no-touch-required \
		-O user=c1 | grep -n '^12a$' | cut -d: -f1) # NV_DefineSpace
	# Two commands later: c1 is listed.
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT="$((n + 2)):rc=0x14c*3" \
		enroll_resident "$WORK/c2" -O no-touch-required -O user=c2
	# But not for ever.
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT="$((n + 4)):rc=0x14c*16" \
		refuses "found no free NV index" \
		enroll_resident "$WORK/c3" -O no-touch-required -O user=c3
	# Nor where each is gone when it is to be written, which is removed then
	# in two commands.
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT=$(seq -f '%g:rc=0x28b' -s, \
		$((n + 5)) 4 $((n + 5 + 4 * 15))) \
		refuses "other programs need the NV memory" \
		enroll_resident "$WORK/c4" -O no-touch-required -O user=c4
}

# Long, for its record to take two commands to write.
KILLED=ssh:killed$(printf '%0130d' 0)

# Stopped at each TPM command, a process leaves the old state or the new one.
killed_at_every_command() {
	local n points=0 found
	tpm_new killed
	tpm_persist_srk
	enroll_resident "$WORK/other" -O no-touch-required \
		-O application=ssh:other
	for ((n = 1; n < 200; n++)); do
		forget_killed
		rm -f "$WORK/new" "$WORK/new.pub"
		killing "$n" && break
		points=$((points + 1))
		found=$(names_found)
		[ "$found" = "other " ] || [ "$found" = "killed other " ]
	done
	echo "enrolment: $points points"
	[ "$points" -gt 10 ]
	# Older ones do not overwrite.
	if [ "$OPENSSH" -ge 901 ]; then
		for ((n = 1; n < 200; n++)); do
			forget_killed
			rm -f "$WORK/new" "$WORK/new.pub"
			enroll_resident "$WORK/new" -O no-touch-required \
				-O "application=$KILLED"
			rm "$WORK/new" "$WORK/new.pub"
			killing "$n" && break
			points=$((points + 1))
			[ "$(names_found)" = "killed other " ]
		done
		[ "$points" -gt 25 ]
	fi
	echo "$points points of enrolling and overwriting, no loss, no leak" \
		>"$WORK/points"
	# The last one was let finish.
	[ -z "$(find_unfinished)" ]
	[ "$(find_killed | wc -l)" -eq 1 ]
	[ "$(count_ours)" -eq 2 ]
	removal_killed
}

# killing N: enrols ssh:killed, ended at the Nth TPM command of its process;
# true if it got to its end.
killing() {
	local status=0
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT="$1:kill" enroll_resident \
		"$WORK/new" -O no-touch-required -O "application=$KILLED" || status=$?
	# What a killed process had loaded without a resource manager.
	tpm2_flushcontext -t
	tpm2_flushcontext -l
	return "$status"
}

names_in() {
	(cd "$1" && find . -name '*.pub' | sort |
		sed 's/.*_rk_//;s/.pub//;s/killed0*/killed/' | tr '\n' ' ')
}

names_found() {
	download "$WORK/after" >/dev/null 2>&1
	names_in "$WORK/after"
}

# The same for a removal: there as it was, or gone.
removal_killed() {
	local n points=0 index found status
	for ((n = 1; n < 200; n++)); do
		index=$(find_killed | head -n 1)
		if [ -z "$index" ]; then
			rm -f "$WORK/again" "$WORK/again.pub"
			enroll_resident "$WORK/again" -O no-touch-required \
				-O "application=$KILLED"
			index=$(find_killed | head -n 1)
		fi
		status=0
		SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT="$n:kill" \
			"$BUILD/sk-tpm" remove -y "$(printf '0x%08x' "$index")" ||
			status=$?
		tpm2_flushcontext -t
		tpm2_flushcontext -l
		[ "$status" -ne 0 ] || break
		points=$((points + 1))
		found=$(names_found)
		[ "$found" = "other " ] || [ "$found" = "killed other " ]
	done
	echo "$points points of removing" >>"$WORK/points"
	[ "$points" -gt 5 ]
	[ "$(names_found)" = "other " ]
	[ -z "$(find_unfinished)" ]
	[ "$(count_ours)" -eq 1 ]
}

find_unfinished() {
	"$BUILD/sk-tpm" list -j |
		jq -r '.resident[] | select(.error | strings | test("unfinished")).index'
}

# Indices that hold a record of ssh:killed, all generations.
find_killed() {
	local index
	for index in $(nv_indices | grep '^18\|^19\|^1[AB]'); do
		! tpm2_nvread "0x0$index" 2>/dev/null | grep -qa killed ||
			echo "0x0$index"
	done
}

# And those that are unfinished.
forget_killed() {
	local index
	for index in $(find_unfinished) $(find_killed); do
		tpm2_nvundefine -Q -C o "$index" 2>/dev/null || :
	done
}

# enrol_stopped USER N: in the background; it stops before its Nth TPM command.
# Sets STOPPED.
enrol_stopped() {
	SK_TPM_TCTI=fault:$TCTI SK_TPM_FAULT="$2:stop" "$BUILD/sk-tpm" enroll \
		-n -r -f "$WORK/$1" -u "$1" &
	STOPPED=$!
	ends_with_us "$STOPPED"
	wait_until is_stopped "$STOPPED"
}

is_stopped() {
	[ "$(sed 's/.*) //;s/ .*//' "/proc/$1/stat")" = T ]
}

continue_stopped() {
	kill -CONT "$STOPPED"
	wait "$STOPPED"
}

users() {
	"$BUILD/sk-tpm" list -j | jq -r '.resident[].user // .resident[].error' |
		sort | tr '\n' ' '
}

several_at_once() {
	local write i pids=()
	tpm_new at-once
	tpm_persist_srk
	write=$(commands "$BUILD/sk-tpm" enroll -n -r -f "$WORK/u" |
		grep -n '^137$' | cut -d: -f1) # NV_Write
	"$BUILD/sk-tpm" remove -y \
		"$("$BUILD/sk-tpm" list -j | jq -r '.resident[0].index')"
	resource_manager --max-connections=20
	# One is between definition and writing when another is made or removed.
	enrol_stopped first "$write"
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/second" -u second
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/third" -u third
	"$BUILD/sk-tpm" remove -y "$("$BUILD/sk-tpm" list -j |
		jq -r '.resident[] | select(.user=="third").index')"
	continue_stopped
	[ "$(users)" = "first second " ]
	"$BUILD/sk-tpm" list -j | jq -r '.resident[].index' >"$WORK/indices"
	while read -r i; do "$BUILD/sk-tpm" test "$i"; done <"$WORK/indices"
	# Only where there is no room is its index taken, and it makes another.
	enrol_stopped fourth $((write + 2 * 2 + 1))
	fill_nv
	"$BUILD/sk-tpm" enroll -n -r -f "$WORK/fifth" -u fifth
	empty_nv
	continue_stopped
	[ "$(users)" = "fifth first fourth second " ]
	# All of them at the same time.
	for i in {1..6}; do
		"$BUILD/sk-tpm" enroll -n -r -f "$WORK/at$i" -u "at$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	[ "$("$BUILD/sk-tpm" list -j | jq '.resident | length')" -eq 10 ]
	tpm_is_empty
}

try "none: ssh-keygen -K writes nothing" empty
try "enrol, and ssh-keygen -K has them back" enrol_and_download
try "downloaded keys log in" downloaded_keys_log_in
try "ssh-add -K loads them, and they log in" agent_loads_them
try "the same application and user again asks first" exists_asks_first
try "overwriting replaces exactly that one" overwrite_replaces_one
try "a key with a PIN comes back with its flag" with_pin
try "others who use the TPM get it, unless it has a PIN" others_may_read
try "indices of other software are left alone" others_are_left_alone
try "NV is full: said, nothing is left, works later" full_nv
try "a record that would be too long" too_long
try "an owner with a password" owner_password
try "records are written and read in the pieces that the TPM takes" \
	small_buffer
try "records of a later version, damaged or unfinished" strange_records
try "names that are no file names are refused when a key is made" \
	strange_names
try "and passed over in records that have them" strange_names_in_records
try "a record whose key is for another application is passed over" \
	another_application
try "two records of one key are one key; half an answer is none" one_of_two
try "remove removes what it asked about, or nothing" changed_meanwhile
try "remove says that key files go on signing" removed_key_signs_on
try "each key that is handed out is named by its fingerprint" \
	handed_out_is_named
try "a key that another has replaced: list tells, and doctor warns" \
	replaced_by_another
try "an index that is taken: another is tried" collisions
try "killed at every TPM command" killed_at_every_command
try "several enrol at once: each keeps its key" several_at_once
tpm_new freed
export OWNER_PASSWORD=a-long-password-of-the-owner-0123456789
tpm2_changeauth -Q -c owner "$OWNER_PASSWORD"
relay "the owner's password in memory" "$BUILD/tests/tpm/test-owner"
[ ! -f "$WORK/points" ] || sed 's/^/# note: /' "$WORK/points"
echo "1..$N"
