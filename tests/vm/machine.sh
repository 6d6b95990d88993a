# shellcheck shell=bash
# The machine of tests/vm/run and tests/vm/bench: a Debian 12 under QEMU, without
# KVM, with swtpm as its TPM. They source this; a boot NAME runs tests/vm/guest in
# it, and leaves its output in $WORK/NAME.tap, its console in NAME.console and what
# came to the TPM in NAME.tpm.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

VM=$BUILD/vm
# Its two disks of 2 GB; not in $WORK, which may be in memory.
mkdir -p "$VM"
DISKS=$(mktemp -d "$VM/disks.XXXXXX")
trap 'cleanup; rm -rf "$DISKS"' EXIT
# It ends what hangs. On a machine that many use a boot may take 20 minutes, with all
# that is tried in it.
BOOT_SECONDS=1800

# make_image [PART...]
make_image() {
	"$TOP/tests/vm/make-image" "$DISKS/root.img" "$@" || return
	truncate -s 2G "$DISKS/swap.img"
	mkswap -q "$DISKS/swap.img"
}

# A TPM whose state stays in $WORK/tpm, or one without a past. As it leaves with
# QEMU, nothing volatile outlives a boot. The firmware starts it, as on any
# machine.
tpm_for_qemu() {
	local state=$WORK/tpm
	case $1 in
	elsewhere) state=$WORK/other-tpm ;;
	state-*) state=$WORK/uefi-tpm ;;
	esac
	mkdir -p "$state"
	rm -f "$WORK/tpm.sock"
	swtpm socket --tpm2 --tpmstate "dir=$state" \
		--ctrl "type=unixio,path=$WORK/tpm.sock" \
		--log "file=$WORK/$1.tpm,level=20" &
	SWTPM_PID=$!
	ends_with_us "$SWTPM_PID"
	wait_until test -S "$WORK/tpm.sock"
}

# Sets FIRMWARE to QEMU's options. QEMU's own firmware measures little; for boots
# whose state matters it is UEFI, with what it keeps in a file of its own. Other
# variables are as if somebody had changed Secure Boot's databases.
OVMF=/usr/share/OVMF
choose_firmware() {
	local variables=$DISKS/uefi.fd
	case $1 in
	state-other)
		variables=$DISKS/other-uefi.fd
		cp "$OVMF/OVMF_VARS_4M.ms.fd" "$variables"
		;;
	state-*)
		[ -e "$variables" ] || cp "$OVMF/OVMF_VARS_4M.fd" "$variables"
		;;
	*) FIRMWARE=(); return ;;
	esac
	FIRMWARE=(
		-drive "if=pflash,format=raw,readonly=on,file=$OVMF/OVMF_CODE_4M.fd"
		-drive "if=pflash,format=raw,file=$variables")
}

# How many processors it has. With two, QEMU 7.2 has lost about every fourth waking
# from suspend to RAM here: the kernel spun, or started afresh.
processors() {
	case $1 in
	second | resumed) echo 1 ;;
	*) echo 2 ;;
	esac
}

# One disk controller with two disks, so that their order is certain. On a busy
# host, timer interrupts come late; a kernel that checks them does not boot then.
qemu() {
	local name=$1 pid
	choose_firmware "$name"
	rm -f "$WORK/qmp.in" "$WORK/qmp.out"
	mkfifo "$WORK/qmp.in" "$WORK/qmp.out"
	timeout "$BOOT_SECONDS" qemu-system-x86_64 -M pc -accel tcg,thread=multi -cpu max \
		-smp "$(processors "$name")" -m 2048 -nodefaults -display none -no-reboot \
		"${FIRMWARE[@]}" \
		-kernel "$VM/vmlinuz" -append "root=/dev/nvme0n1 rw rootwait \
			resume=/dev/nvme0n2 resumewait panic=-1 \
			no_timer_check console=ttyS0 quiet sk_tpm.boot=$name" \
		-device nvme,serial=disk \
		-drive "file=$DISKS/root.img,format=raw,if=none,id=root" \
		-device nvme-ns,drive=root,nsid=1 \
		-drive "file=$DISKS/swap.img,format=raw,if=none,id=swap" \
		-device nvme-ns,drive=swap,nsid=2 \
		-chardev "socket,id=tpm,path=$WORK/tpm.sock" \
		-tpmdev emulator,id=tpm,chardev=tpm -device tpm-crb,tpmdev=tpm \
		-serial "file:$WORK/$name.console" \
		-serial "file:$WORK/$name.tap" \
		-chardev "pipe,id=qmp,path=$WORK/qmp" -mon chardev=qmp,mode=control &
	pid=$!
	ends_with_us "$pid"
	keep_awake <"$WORK/qmp.out" >"$WORK/qmp.in" &
	ends_with_us "$!"
	wait "$pid"
}

# Wakes the machine each time that it sleeps, until it is off. An alarm of its
# own could go off before it is asleep. Source: QEMU QMP Reference Manual.
keep_awake() {
	local event
	echo '{ "execute": "qmp_capabilities" }'
	while read -r event; do
		[[ $event != *'"SUSPEND"'* ]] ||
			echo '{ "execute": "system_wakeup" }'
	done
}

# boot NAME: until it powers off.
boot() {
	local name=$1 started=$SECONDS status=0
	tpm_for_qemu "$name"
	qemu "$name" || status=$?
	# It may have left with QEMU.
	ended "$SWTPM_PID" || kill "$SWTPM_PID"
	wait_until ended "$SWTPM_PID"
	[ "$status" -ne 124 ] || echo "not off after $BOOT_SECONDS s"
	[ "$status" -eq 0 ] || cat "$WORK/$name.tap"
	echo "# note: $name boot: $((SECONDS - started)) s until it was off"
	return "$status"
}

# chip_commands BOOT FROM TO: the codes of what came to the TPM between two marks.
chip_commands() {
	local from to
	from="0000017B$(printf %04X "$2")" to="0000017B$(printf %04X "$3")"
	awk -v "from=$from" -v "to=$to" '/SWTPM_IO_Read/ {
		getline
		code = $7 $8 $9 $10
		if (code $11 $12 == to)
			exit
		if (counting)
			print tolower(substr(code, 6))
		if (code $11 $12 == from)
			counting = 1
	}' "$WORK/$1.tpm"
}
