#!/bin/bash
# The tests of the hooks in a virtual machine. The shell comes along: busybox runs `exec printf` without exec.
#
#   hooks.sh KERNEL fentry|tracepoint TEST_PROGRAM...
set -euo pipefail

kernel=$1 capture=$2
shift 2
files=(--file "$(realpath /bin/sh):/bin/sh") inside=''
for program in "$@"; do
	files+=(--file "$program:/tests/$(basename "$program")")
	inside+="echo; echo '== $(basename "$program")'; SHMOTEL_TEST_CAPTURE=$capture /tests/$(basename "$program") || failed=1; "
done
exec "$(dirname "$(realpath "$0")")/boot.sh" --kernel "$kernel" --seconds 1200 "${files[@]}" -- \
	sh -c "cd /tmp; failed=0; $inside exit \$failed"
