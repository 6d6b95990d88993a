# shellcheck shell=bash
# A person: with an askpass, or at a terminal.

# askpass_says ANSWER...: an SSH_ASKPASS that takes its prompt down in
# $WORK/asked, and gives the answers in turn (the last one for good): a PIN,
# yes, no (exit 1) or silence. A PIN is kept for who asks for one: what wants
# consent until then gets it, and our notes are closed at once. As it answers
# too fast, it is asked again: "again", in $WORK/asked.
askpass_says() {
	printf '%s\n' "$@" >"$WORK/answers"
	: >"$WORK/asked"
	cat >"$WORK/askpass" <<-EOF
		#!/bin/bash
		case \$1 in
		"Once more"*)
			echo "again: \${1//\$'\\n'/ }" >>"$WORK/asked"
			answer=\$(cat "$WORK/answer")
			[ "\$answer" != no ] || exit 1
			echo "\$answer"
			exit 0 ;;
		esac
		echo "\$SSH_ASKPASS_PROMPT: \${1//\$'\\n'/ }" >>"$WORK/asked"
		case \$SSH_ASKPASS_PROMPT\$1 in
		nonesk-tpm:*) exit 0 ;;
		none*) exec sleep 5 ;;
		esac
		answer=\$(head -n 1 "$WORK/answers")
		case \$SSH_ASKPASS_PROMPT\$answer in
		confirmyes | confirmno | confirmsilence | confirmperhaps) ;;
		confirm*) echo yes >"$WORK/answer"; exit 0 ;;
		esac
		echo "\$answer" >"$WORK/answer"
		[ "\$(wc -l <"$WORK/answers")" -le 1 ] ||
			sed -i 1d "$WORK/answers"
		case \$answer in
		no) exit 1 ;;
		silence) exec sleep 30 ;;
		*) echo "\$answer" ;;
		esac
	EOF
	chmod +x "$WORK/askpass"
	export SSH_ASKPASS=$WORK/askpass SSH_ASKPASS_REQUIRE=force
}

# person SCRIPT...: sits at a terminal of their own, as the script of expect's
# says. `run COMMAND` has bash run it there, `want TEXT` waits for a text that
# it prints, `status` ends with its exit status. Where that is to be a failure,
# `exits` tells it from a text that did not come (3 or 4).
person() {
	cat >"$WORK/play" <<-'EOF'
		log_user 1
		set timeout 20
		proc run {command} {
			uplevel [list spawn -noecho bash -c $command]
		}
		proc want {what} {
			expect $what {} timeout { puts "no $what"; exit 3 } \
				eof { puts "ended before $what"; exit 4 }
		}
		proc status {} {
			expect eof
			exit [lindex [wait] 3]
		}
	EOF
	printf '%s\n' "$@" >>"$WORK/play"
	expect -f "$WORK/play"
}
