#!/usr/bin/env bash
# What is told of the use of a key: records in syslog.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tpm_new tpm
sshd_start server
enroll "$WORK/k" -O no-touch-required
(printf 'no-touch-required '; cat "$WORK/k.pub") >"$WORK/server.keys"
KEY=$(fingerprint "$WORK/k.pub")
KEY=${KEY//+/\\+} # for patterns
PIN=270182

# syslog_start: a /dev with a log of its own, whose lines are in $WORK/syslog.
syslog_start() {
	[ "$(id -u)" -eq 0 ] || cannot "only root can put another log in /dev"
	unshare -m true || cannot "no namespace for mounts here"
	rm -rf "$WORK/dev"
	mkdir "$WORK/dev"
	ln -s /proc/self/fd "$WORK/dev/fd"
	touch "$WORK"/dev/{null,zero,random,urandom,tty}
	: >"$WORK/syslog"
	perl -MIO::Socket::UNIX -e '$| = 1;
		my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
			Local => $ARGV[0]) or die "$ARGV[0]: $!";
		chmod 0666, $ARGV[0];
		while (defined $s->recv(my $line, 8192)) { print "$line\n" }' \
		"$WORK/dev/log" >"$WORK/syslog" &
	ends_with_us "$!"
	wait_until test -S "$WORK/dev/log"
}

# logged COMMAND...: runs it where that log is.
logged() {
	unshare -m bash -ec '
		for f in null zero random urandom tty; do
			mount --bind "/dev/$f" "$WORK/dev/$f"
		done
		mount --rbind "$WORK/dev" /dev
		exec "$@"' bash "$@"
}

# records N: there are N records in all; prints the last one without its date.
records() {
	wait_until has_lines "$1" || { cat "$WORK/syslog"; return 1; }
	tail -n 1 "$WORK/syslog" | tee "$WORK/record"
}

has_lines() {
	[ "$(wc -l <"$WORK/syslog")" -eq "$1" ]
}

# says PATTERN: the last record does, from its begin to its end. (Its priority
# is 10 * 8, LOG_AUTHPRIV, and 6 for a signature or 5.)
says() {
	grep -Eqx "<8[56]>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} sk-tpm\[[0-9]+\]: $1" \
		"$WORK/record" || { echo "not: $1"; return 1; }
}

caller() {
	echo ", uid 0, caller [0-9]+ \"$1\""
}

each_signature_is_recorded() {
	syslog_start
	# None is asked for.
	logged bash -c "sign $WORK/k"
	export SK_TPM_CONFIG=$WORK/log.conf
	echo 'LogUse yes' >"$SK_TPM_CONFIG"
	logged bash -c "sign $WORK/k"
	records 1
	says "signed: key $KEY, presence no, PIN no$(caller ssh-keygen), for \"ssh-keygen -Y sign -n file -w /.*\": Sign a file"
	grep -q '^<86>' "$WORK/record"
	logged bash -c "log_in -i $WORK/k"
	records 2
	[ "$OPENSSH" -lt 809 ] ||
		says "signed: key $KEY, presence no, PIN no$(caller ssh), for \"ssh -F none -p $SSHD_PORT .*\.\.\.\": Sign in to a server with host key SHA256:[^ ]*, as \"$ME\""
	SK_TPM_USER_PRESENCE=assume logged bash -c "
		echo x | ssh-keygen -Y sign -n \$'x\"\\n\\033' -w $LIB -f $WORK/k >/dev/null"
	records 3
	says 'signed: .*: Sign data for "x\\x22\\x0a\\x1b"'
}

# Nobody waits for a log, and none fails a signature.
no_log() {
	syslog_start
	rm "$WORK/dev/log"
	SK_TPM_LOG_USE=yes logged bash -c "sign $WORK/k" 2>"$WORK/err"
	fails grep '^sk-tpm' "$WORK/err"
}

pin_and_presence() {
	syslog_start
	export SK_TPM_LOG_USE=yes
	askpass_says "$PIN"
	enroll "$WORK/pin" -O verify-required
	cat "$WORK/pin.pub" >>"$WORK/server.keys"
	# Once, though ssh has us sign twice, the second time with the PIN.
	logged ssh -F none -p "$SSHD_PORT" -l "$ME" -o IdentitiesOnly=yes \
		-o "UserKnownHostsFile=$WORK/known_hosts" -i "$WORK/pin" \
		-o "SecurityKeyProvider=$LIB" 127.0.0.1 true
	records 1
	says "signed: key SHA256:[^ ]*, presence yes, PIN yes$(caller ssh), .*"
	askpass_says 'not-the-PIN'
	fails logged bash -c "sign $WORK/pin"
	records 2
	says "not signed: key SHA256:[^ ]*, because \"wrong PIN; .*\"$(caller ssh-keygen), .*: Sign a file"
	grep '^<85>' "$WORK/record"
	fails grep -e "$PIN" -e not-the-PIN "$WORK/syslog"
}

refusals_are_recorded() {
	syslog_start
	export SK_TPM_LOG_USE=yes
	"$BUILD/sk-tpm" enroll -n -l sign:git -f "$WORK/git"
	fails logged bash -c "sign $WORK/git"
	records 1
	says "not signed: key SHA256:[^ ]*, because \"this key .*\"$(caller ssh-keygen), .*: Sign a file"
	enroll "$WORK/asks"
	askpass_says no
	fails logged bash -c "sign $WORK/asks"
	records 2
	says "not signed: .*, because \"refused in $WORK/askpass\"$(caller ssh-keygen), .*: Sign a file"
	SK_TPM_TCTI=device:/dev/no-tpm fails logged bash -c "sign $WORK/k"
	records 3
	says "not signed: key $KEY, because \"no TPM at .*"
}

# The agent does not say whom it serves; sshd's clients are in its own log.
agents_and_servers() {
	syslog_start
	export SK_TPM_LOG_USE=yes
	logged ssh-agent -D -a "$WORK/logging" -P "$(agent_list)" >/dev/null &
	ends_with_us "$!"
	export SSH_AUTH_SOCK=$WORK/logging
	wait_until agent_answers
	ssh-add -q -S "$LIB" "$WORK/k"
	cp "$WORK/k.pub" "$WORK/only.pub"
	log_in -i "$WORK/only.pub"
	records 1
	says "signed: key $KEY, presence no, PIN no$(caller ssh-agent): Sign in .*"
}

export -f sign log_in
export LIB WORK SSHD_PORT ME
try "LogUse: each signature leaves a record, with foreign words escaped" \
	each_signature_is_recorded
try "LogUse without a log: it signs" no_log
try "LogUse tells of PIN and presence, and has no PIN in it" pin_and_presence
try "LogUse records what was refused, and why" refusals_are_recorded
try "LogUse: an agent is named as the caller" agents_and_servers
echo "1..$N"
