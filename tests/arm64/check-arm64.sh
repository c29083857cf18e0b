#!/bin/bash
# Build the ring for arm64, see that each ordering became an instruction there, and run its threads and the vectors
# under qemu: once over ck_pr and once over the compiler's atomics.
#
# qemu on x86-64 keeps the host's order of stores, so running shows that the code is right for the machine, and the
# disassembly that no barrier is missing. What a missing one would do is for the model to say (tests/model).
#
# usage: check-arm64.sh [SHM_PROTOCOL_DIR], by default the tree's own
set -uo pipefail

tests=$(cd "$(dirname "$0")/.." && pwd)
protocol=$(cd "${1:-$tests/../shm-protocol}" && pwd)
cc=aarch64-linux-gnu-gcc
objdump=aarch64-linux-gnu-objdump
qemu=qemu-aarch64

for tool in "$cc" "$objdump" "$qemu"; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool here (scripts/install-deps test)"; exit 77; }
done
[ -e /usr/include/gcc/aarch64/ck_pr.h ] || { echo "skipped: Concurrency Kit's arm64 header is not installed"; exit 77; }
echo '#include <pthread.h>' | "$cc" -E - >/dev/null 2>&1 || { echo "skipped: no C library for arm64 here"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# Functions that are not `inline` stay apart, so that what orders one is not counted for another.
apart='-fno-inline-functions -fno-inline-small-functions -fno-inline-functions-called-once -fno-ipa-icf'

# Concurrency Kit is headers only as far as the ring goes. Its configuration in the host's ck_md.h is for x86-64, where
# most fences are nothing: arm64 has the relaxed memory order.
mkdir "$work/ck" "$work/ck_of_x86"
ln -s /usr/include/ck_*.h /usr/include/gcc "$work/ck"
ln -s /usr/include/ck_*.h /usr/include/gcc "$work/ck_of_x86"
rm "$work/ck/ck_md.h"
sed 's/CK_MD_TSO/CK_MD_RMO/' /usr/include/ck_md.h >"$work/ck/ck_md.h"

complain()
{
	echo "FAILED: $1"
	failed=1
}

# build NAME FLAGS...: the ring and two tests, in $work/NAME
build()
{
	local out=$work/$1 file
	shift

	mkdir "$out" || return 1
	for file in ring_writer ring_reader segment record_check; do
		"$cc" -std=gnu11 -O2 $apart -D_GNU_SOURCE "$@" -I "$protocol/include" -c "$protocol/src/$file.c" \
			-o "$out/$file.o" || return 1
	done
	"$cc" -std=gnu11 -O2 -static -pthread -D_GNU_SOURCE \
		-I "$tests/arm64/stand_in" -I "$protocol/include" -I "$tests" \
		"$tests/stress/ring_two_threads_test.c" "$out"/*.o -o "$out/ring_two_threads" &&
		"$cc" -std=gnu11 -O2 -static -I "$tests/arm64/stand_in" -I "$protocol/include" -I "$tests" \
			"$tests/vectors/vectors_test.c" "$tests/vectors/record_text.c" "$out"/*.o -o "$out/vectors"
}

# orders NAME OBJECT FUNCTION LEAST: the function has at least that many instructions that order memory.
orders()
{
	local count

	count=$("$objdump" -d --disassemble="$3" "$work/$1/$2.o" | grep -cE '\s(dmb|stlr|ldar|ldapr)\s')
	[ "$count" -ge "$4" ] || complain "$1: $3 has $count instructions that order memory, needs $4"
}

check()
{
	local name=$1

	build "$@" || { complain "$name does not build"; return; }
	orders "$name" ring_writer writer_refresh_head 1	# head: acquire
	orders "$name" ring_writer shm_ring_writer_publish 2	# tail: release, then the full fence
	orders "$name" ring_reader reader_refresh_tail 1	# tail: acquire
	orders "$name" ring_reader shm_ring_reader_release 1	# head: release
	orders "$name" ring_reader shm_ring_reader_sleep 2	# the full fence, then tail: acquire
	[ "$failed" -eq 0 ] || return
	"$qemu" "$work/$name/ring_two_threads" || complain "$name: two threads"
	"$qemu" "$work/$name/vectors" "$tests/vectors/ring.vectors" || complain "$name: vectors"
}

check over_ck_pr -isystem "$work/ck"
check over_builtins -DSHM_ORDER_BUILTINS=1

# The same with the host's ck_md.h would run, and have no barrier: it must not build.
if build misconfigured -isystem "$work/ck_of_x86" 2>/dev/null; then
	complain "a ck_md.h for another machine goes unnoticed"
fi
[ "$failed" -eq 0 ] && echo "every ordering is an instruction, and all tests pass, over ck_pr and over builtins"
exit "$failed"
