# shellcheck shell=bash
# TPMs in software, and what is in them.

# tpm_start NAME [SWTPM-OPTION...]: a TPM of its own with state in $WORK/NAME.
# Sets TCTI, SWTPM_PID and, for the tools, TPM2TOOLS_TCTI and SK_TPM_TCTI.
# Without it there is nothing to test: it ends what asked for it.
tpm_start() {
	local name=$1 port i
	shift
	mkdir -p "$WORK/$name"
	for ((i = 0; i < 50; i++)); do
		port=$((20000 + RANDOM % 20000 * 2))
		if swtpm socket --tpmstate "dir=$WORK/$name" \
			--server "type=tcp,port=$port" \
			--ctrl "type=tcp,port=$((port + 1))" \
			--flags not-need-init,startup-clear --daemon \
			--pid "file=$WORK/$name.pid" "$@" \
			2>"$WORK/$name.err"; then
			break
		fi
		port=
	done
	[ -n "$port" ] || { cat "$WORK/$name.err" >&2; exit 1; }
	wait_until test -s "$WORK/$name.pid"
	SWTPM_PID=$(cat "$WORK/$name.pid")
	ends_with_us "$SWTPM_PID"
	TCTI=swtpm:host=127.0.0.1,port=$port
	export SK_TPM_TCTI=$TCTI TPM2TOOLS_TCTI=$TCTI
}

tpm_new() {
	tpm_start "$1" --tpm2
}

# An endorsement key of ECC where the TCG has it, by which a CA knows this TPM.
tpm_persist_ek() {
	tpm2_createek -Q -G ecc -c "$WORK/ek.ctx"
	tpm2_evictcontrol -Q -C o -c "$WORK/ek.ctx" 0x81010002
	tpm2_flushcontext -t
}

# tpm_certified NAME [SWTPM_SETUP-OPTION...]: a new one with endorsement keys and
# certificates of a CA below $WORK, as its maker would have it. swtpm_setup makes
# two, P-384 and RSA: 2048 bits with `--rsa-keysize 2048`, else 3072 or 2048.
tpm_certified() {
	local name=$1 ca=$WORK/ca
	shift
	command -v swtpm_setup >/dev/null || cannot "no swtpm_setup here"
	mkdir -p "$ca" "$WORK/$name"
	printf '%s = %s\n' statedir "$ca" signingkey "$ca/signkey.pem" \
		issuercert "$ca/issuercert.pem" certserial "$ca/serial" \
		>"$ca/localca.conf"
	printf '%s = %s\n' create_certs_tool "$(command -v swtpm_localca)" \
		create_certs_tool_config "$ca/localca.conf" \
		create_certs_tool_options /etc/swtpm-localca.options \
		>"$ca/setup.conf"
	swtpm_setup --tpm2 --tpmstate "$WORK/$name" --config "$ca/setup.conf" \
		--create-ek-cert --create-platform-cert --lock-nvram "$@" \
		>"$WORK/$name.setup" 2>&1 ||
		{ cat "$WORK/$name.setup" >&2; exit 1; }
	tpm_new "$name"
}

tpm_stop() {
	kill "$1"
	wait_until ended "$1"
}

# resource_manager [OPTION...]: from here on all go through tpm2-abrmd, on a
# D-Bus of its own.
resource_manager() {
	local address="unix:path=$WORK/bus"
	dbus-daemon --session --nofork --address="$address" 2>"$WORK/dbus.log" &
	ends_with_us "$!"
	wait_until bus_answers "$address"
	export DBUS_SESSION_BUS_ADDRESS=$address
	tpm2-abrmd --session --allow-root --tcti="$TCTI" "$@" \
		2>"$WORK/abrmd.log" &
	ends_with_us "$!"
	TCTI=tabrmd:bus_type=session
	export SK_TPM_TCTI=$TCTI TPM2TOOLS_TCTI=$TCTI
	wait_until tpm_answers
}

# Its socket is there before it listens.
bus_answers() {
	dbus-send --bus="$1" --dest=org.freedesktop.DBus --print-reply / \
		org.freedesktop.DBus.Peer.Ping >/dev/null 2>&1
}

tpm_answers() {
	tpm2_getcap properties-fixed >/dev/null 2>&1
}

SRK_ATTRIBUTES='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'

# Makes the storage root key persistent, as `sk-tpm setup` or a distribution
# would; arguments go to tpm2_createprimary.
# shellcheck disable=SC2120
tpm_persist_srk() {
	tpm2_createprimary -Q -C o -G ecc -a "$SRK_ATTRIBUTES" \
		-c "$WORK/srk.ctx" "$@"
	tpm2_evictcontrol -Q -C o -c "$WORK/srk.ctx" 0x81000001
	tpm2_flushcontext -t
}

# Nothing of ours, or of anybody's, is loaded.
tpm_is_empty() {
	local kind out
	for kind in transient loaded-session saved-session; do
		out=$(tpm2_getcap "handles-$kind")
		[ -z "$out" ] || { echo "left in the TPM: $out"; return 1; }
	done
}

# Where libraries are for a recording: tpm2-tss 3.0 has no TCTI that records.
recorder_path() {
	if PATH=$PATH:/sbin ldconfig -p | grep -q libtss2-tcti-pcap.so.0; then
		echo "${LD_LIBRARY_PATH-}"
	else
		echo "$TOOLS/stand-in${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}"
	fi
}

# commands COMMAND...: runs it on the TPM with a recording, in $WORK/pcap;
# prints the codes of the TPM commands that were sent.
commands() {
	rm -f "$WORK/pcap"
	LD_LIBRARY_PATH=$(recorder_path) SK_TPM_TCTI=pcap:$TCTI \
		TCTI_PCAP_FILE=$WORK/pcap "$@" >&2 || return
	[ ! -e "$WORK/pcap" ] || "$TOOLS/pcap-commands" "$WORK/pcap"
}

# How many wrong tries the TPM remembers.
wrong_tries() {
	printf '%d\n' "$(tpm2_getcap properties-variable |
		sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: //p')"
}
