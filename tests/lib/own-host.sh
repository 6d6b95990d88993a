# shellcheck shell=bash
# A host of the test's own: /etc, /var/lib, /run and the network are in namespaces,
# so that what a page says can be done as it stands. Sourced before lib.sh; it ends
# a test that cannot have that.

if [ -z "${OWN_HOST:-}" ]; then
	if ! unshare --mount --net true 2>/dev/null || ! command -v ip >/dev/null; then
		echo "1..0 # SKIP no namespaces for mounts and networks here"
		exit 0
	fi
	OWN_HOST=$(mktemp -d)
	export OWN_HOST
	cp -a /etc/. "$OWN_HOST"
	status=0
	# Of accounts that are made here, others' processes are not seen.
	unshare --mount --net --pid --fork --kill-child --mount-proc \
		--propagation private -- bash "$0" || status=$?
	rm -rf "$OWN_HOST"
	exit "$status"
fi
ip link set lo up
mount --bind "$OWN_HOST" /etc
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /home
mount -t tmpfs -o mode=700 tmpfs /root
mount -t tmpfs -o mode=755 tmpfs /usr/local/lib

# host_begin: as Debian installs it: sshd with keys in files, its own settings, and
# one who logs in there. Sets SKTPM; the library is where sk-tpm is built to look.
host_begin() {
	rm -rf /etc/ssh/sshd_config.d /etc/ssh/ssh_host_* /etc/ssh/ssh_known_hosts
	mkdir -p /etc/ssh/sshd_config.d /run/sshd
	printf '%s\n' 'Include /etc/ssh/sshd_config.d/*.conf' 'UsePAM yes' \
		'PidFile none' >/etc/ssh/sshd_config
	ssh-keygen -A >/dev/null
	useradd --home-dir "$SAFE/alice" --create-home --shell /bin/sh -p '*' alice
	SKTPM=$SAFE/sk-tpm
	cp "$BUILD/sk-tpm" "$SAFE"
	cp "$BUILD"/libsk-tpm*.so /usr/local/lib
}

# As its unit has it done: by the account, and then by root.
renews() {
	fetches && (umask 077; "$SKTPM" renew --write)
}

fetches() {
	env -i PATH="$PATH" "SK_TPM_TCTI=$SK_TPM_TCTI" \
		"SK_TPM_CONFIG=$SK_TPM_CONFIG" HOME=/var/lib/sk-tpm-identity \
		setpriv --reuid sk-tpm-identity \
		--regid "$(id -g sk-tpm-identity)" --clear-groups \
		"$SKTPM" renew
}
