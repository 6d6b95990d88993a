# shellcheck shell=bash
# The blocks of $PAGE, run as they stand by root on a host of the test's own.

example_text() {
	page_block "$1" "$PAGE"
}

example() {
	eval "$(example_text "$1")"
}

sudo() {
	"$@"
}
