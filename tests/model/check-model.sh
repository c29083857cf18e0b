#!/bin/bash
# Let spin search the model of the ring whole, and see it find the fault in every mutant. With -l, search further.
set -uo pipefail

model=$(cd "$(dirname "$0")" && pwd)/ring.pml

for tool in spin cc; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool here (scripts/install-deps test)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

# search FLAGS...: the verdict of spin, in $work/log
search()
{
	spin -a "$@" "$model" >log 2>&1 && cc -O1 -w -DSAFETY -DMEMLIM=6000 -o pan pan.c >>log 2>&1 &&
		./pan -m200000 >log 2>&1
}

complain()
{
	echo "FAILED: $1"
	tail -n 30 log
	failed=1
}

# holds WHAT FLAGS...: every state is visited and none is wrong.
holds()
{
	local what=$1
	shift

	if search "$@" && grep -q 'errors: 0$' log && ! grep -qiE 'not completed|too small|out of memory' log; then
		printf '%-28s holds in all of %d states (%s)\n' "$what" "$(awk '/states, stored/ {print $1}' log)" "$*"
	else
		complain "$what ($*)"
	fi
}

# breaks MUTANT ASSERTION: spin finds it, and finds what it should.
breaks()
{
	search -DRECORDS=3 -DMUTANT_"$1"
	if grep -q 'errors: 1$' log && grep -qF "$2" log; then
		printf '%-28s caught: %s\n' "$1" "$(grep -o 'assertion violated.*' log | head -n 1)"
	else
		complain "mutant $1 was not caught by $2"
	fi
}

torn='assertion violated (((size>=1)'
overwritten='assertion violated (((tail+i)-head)<4)'
asleep_with_unread='assertion violated ((head==published)'

if [ "${1:-}" = -l ]; then
	holds 'the ring, five records' -DRECORDS=5
	holds 'the ring, longer records' -DRECORDS=4 -DLENGTH_MAX=3
	exit "$failed"
fi

holds 'the ring' -DRECORDS=4
holds 'the ring, longer records' -DRECORDS=3 -DLENGTH_MAX=3

breaks PUBLISH_BEFORE_FILL "$torn"
breaks TAIL_WITHOUT_RELEASE "$torn"
breaks SPACE_OFF_BY_ONE "$overwritten"
breaks RELEASE_BEFORE_COPY "$overwritten"
breaks NO_FENCE_IN_PUBLISH "$asleep_with_unread"
breaks NO_FENCE_IN_SLEEP "$asleep_with_unread"
breaks FLAG_READ_BEFORE_TAIL "$asleep_with_unread"
breaks TAIL_READ_BEFORE_FLAG "$asleep_with_unread"
breaks TAIL_NOT_READ_AGAIN "$asleep_with_unread"
breaks DUE_BELL_FORGOTTEN "$asleep_with_unread"

# Not a fault: it costs doorbells, not records.
holds WAKE_NOT_WITHDRAWN -DRECORDS=3 -DMUTANT_WAKE_NOT_WITHDRAWN
exit "$failed"
