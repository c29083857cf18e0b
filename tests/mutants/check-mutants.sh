#!/bin/bash
# Break the ring's sources in one place at a time, and see the test that is named for it fail.
set -uo pipefail

tests=$(cd "$(dirname "$0")/.." && pwd)
protocol=$(cd "$tests/../shm-protocol" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

flags=(-std=gnu11 -O1 -g -w -D_GNU_SOURCE -I "$work/shm-protocol/include" -I "$tests"
	-I "$tests/unit/shm-protocol" -pthread)
asan=(-fsanitize=address,undefined -fno-sanitize-recover=all)
src=$work/shm-protocol/src

# The tests, each built from $src. A test that ends badly, in whatever way, has noticed.

ring()
{
	cc "${flags[@]}" "${asan[@]}" "$tests/unit/shm-protocol/ring_test.c" "$src"/*.c -o "$work/test" \
		-lcmocka ||
		return 125
	timeout 60 "$work/test"
}

vectors()
{
	cc "${flags[@]}" "${asan[@]}" "$tests"/vectors/{vectors_test,record_text}.c "$src"/*.c -o "$work/test" \
		-lcmocka ||
		return 125
	timeout 60 "$work/test" "$tests/vectors/ring.vectors"
}

ring_step_killed()
{
	cc "${flags[@]}" -Wl,-z,now "$tests"/kill/{ring_step_killed_test,single_step}.c "$src"/*.c -o "$work/test" \
		-lcmocka || return 125
	timeout 200 "$work/test"
}

hostile()
{
	local hooked=("${flags[@]}" "${asan[@]}" -DSHM_ORDER_HOOK=hostile_hook)

	cc "${hooked[@]}" -Dmemcpy=hostile_memcpy -c "$src/ring_reader.c" -o "$work/ring_reader.o" &&
		cc "${hooked[@]}" "$tests/hostile/$1_fuzz.c" "$tests/hostile/script.c" "$tests/fuzz/replay_main.c" \
			"$src"/{ring_writer,record_check,segment}.c "$work/ring_reader.o" -o "$work/test" || return 125
	timeout 60 "$work/test" "$tests/hostile/corpus/$1"
}

hostile_writer() { hostile hostile_writer; }
hostile_reader() { hostile hostile_reader; }

# What is not ordered is a race, over the compiler's atomics. It shows only where the two threads met, so they get some
# tries to meet.
two_threads()
{
	command -v clang >/dev/null || { echo "there is no clang"; return 77; }
	clang "${flags[@]}" -fsanitize=thread "$tests/stress/ring_two_threads_test.c" "$src"/*.c -o "$work/test" \
		-lcmocka ||
		return 125
	for _ in 1 2 3 4 5; do
		TSAN_OPTIONS=halt_on_error=1 timeout 100 "$work/test" || return 1
	done
}

# On x86-64 only the full fences are instructions.
x86()
{
	local function count

	[ "$(uname -m)" = x86_64 ] || { echo "this is no x86-64"; return 77; }
	for function in ring_writer:shm_ring_writer_publish ring_reader:shm_ring_reader_sleep; do
		cc "${flags[@]}" -O2 -c "$src/${function%:*}.c" -o "$work/fenced.o" || return 125
		count=$(objdump -d --disassemble="${function#*:}" "$work/fenced.o" | grep -cE '\s(xchg .*\(|lock |mfence)')
		[ "$count" -ge 1 ] || return 1
	done
}

arm64() { "$tests/arm64/check-arm64.sh" "$work/shm-protocol"; }

fresh_copy()
{
	rm -rf "$work/shm-protocol"
	cp -r "$protocol" "$work/shm-protocol"
}

# sound TEST: the test passes with the sources as they are.
sound()
{
	fresh_copy
	"$1" >"$work/log" 2>&1
	case $? in
	0) printf '%-16s passes on the sources as they are\n' "$1" ;;
	77) printf '%-16s cannot run here: %s\n' "$1" "$(tail -n 1 "$work/log")" && unable+=" $1 " ;;
	*) echo "FAILED: $1 without a mutation" && tail -n 20 "$work/log" && failed=1 ;;
	esac
}

# mutant TEST FILE SED WHAT: with the change, the test fails.
mutant()
{
	local test=$1 file=$2 change=$3 what=$4 status

	[[ $unable != *" $test "* ]] || return
	fresh_copy
	sed -i -E "$change" "$work/shm-protocol/$file"
	if cmp -s "$work/shm-protocol/$file" "$protocol/$file"; then
		echo "FAILED: the mutation changes nothing: $what"
		failed=1
		return
	fi
	"$test" >"$work/log" 2>&1
	status=$?
	case $status in
	0) echo "FAILED: $test did not notice: $what" && failed=1 ;;
	125) echo "FAILED: the mutant does not build: $what" && tail -n 5 "$work/log" && failed=1 ;;
	*) printf '%-16s notices: %s\n' "$test" "$what" ;;
	esac
}

unable=
# ring_step_killed takes longest, and is a test of its own.
for test in ring vectors hostile_writer hostile_reader two_threads arm64 x86; do
	sound "$test"
done

# The writer
mutant hostile_reader src/ring_writer.c 's/>= length;/>= length - 8;/' 'room for one word too many'
mutant hostile_reader include/shm_protocol/ring_writer.h 's/>= length \|\|/>= length - 8 ||/' \
	'room for one word too many, at the first look'
mutant hostile_reader src/ring_writer.c 's/head - writer->head_seen > writer->published - writer->head_seen/false/' \
	'any head is believed'
mutant hostile_reader src/ring_writer.c 's/(head - writer->head_seen > writer->)published/\1tail/' \
	'a head beyond what was published is believed'
mutant hostile_reader src/ring_writer.c 's/head % SHM_RECORD_ALIGN_BYTES != 0 \|\|/false ||/' 'an odd head is believed'
mutant hostile_reader src/ring_writer.c 's/writer->violations\+\+;//' 'a violation is not counted'
mutant hostile_reader src/ring_writer.c 's/writer->lost_records\+\+;//' 'a loss is not counted'
mutant hostile_reader include/shm_protocol/ring_writer.h 's/(writer->data \+ \(writer->)tail/\1head_seen/' \
	'written in the wrong place'
mutant ring_step_killed include/shm_protocol/ring_writer.h \
	's/^(\twriter->reserved = length;)/\1 writer->producer->tail = writer->tail + length;/' 'published before it is filled'
mutant ring_step_killed src/ring_writer.c 's/(shm_store_release_64.*writer->tail)\);/\1 + 8);/' \
	'published one word too far'
mutant ring src/ring_writer.c 's/return shm_load_32\(.*reader_asleep\) != 0;/return false;/' \
	'the bell is never asked for'
mutant arm64 src/ring_writer.c 's/shm_fence_full\(\);//' 'no full fence in publish'
mutant arm64 src/ring_writer.c 's/shm_store_release_64/shm_store_64/' 'tail is stored without release'
mutant arm64 src/ring_writer.c 's/shm_load_acquire_64\((.*)\);/*(volatile uint64_t *)\1;/' \
	'head is loaded without acquire'

# The reader
mutant hostile_writer src/ring_reader.c 's/(record_copy_short\(copy, at, )length\);/\1((struct shm_record_header *)at)->length);/' \
	'the length is fetched twice'
mutant hostile_writer src/ring_reader.c 's/(reader_take_long\(.*, at, )length\);/\1((struct shm_record_header *)at)->length);/' \
	'the length of a long record is fetched twice'
mutant hostile_writer src/ring_reader.c 's/^.*\)copy\)->length = length;//' \
	'the copy keeps a length that was not checked'
mutant hostile_writer src/ring_reader.c 's/length > SHM_RECORD_BYTES_MAX \|\|//' 'a record longer than the longest'
mutant hostile_writer src/ring_reader.c 's/length < sizeof\(struct shm_record_header\)/false/' \
	'a record shorter than a header'
mutant hostile_writer src/ring_reader.c 's/length % SHM_RECORD_ALIGN_BYTES != 0/false/' 'a record of odd length'
mutant hostile_writer src/ring_reader.c 's/\|\| length > reader->tail_seen - head/|| false/' 'a record beyond the tail'
mutant hostile_writer src/ring_reader.c 's/tail - reader->head > reader->capacity/false/' 'a tail beyond the capacity'
mutant vectors src/ring_reader.c 's/tail % SHM_RECORD_ALIGN_BYTES != 0 \|\|/false ||/' 'an odd tail'
mutant ring_step_killed src/ring_reader.c \
	's/^(\tif \(length > COPY_SHORT)/\treader->head += length; shm_ring_reader_release(reader); reader->head -= length;\n\1/' \
	'given back before it is copied'
mutant ring src/ring_reader.c 's/if \(shm_load_acquire_64\(.*tail\) == reader->head\)/if (true)/' \
	'sleep without another look'
mutant ring src/ring_reader.c 's/(reader_asleep, )1\)/\10)/' 'sleep is not announced'
mutant arm64 src/ring_reader.c 's/shm_fence_full\(\);//' 'no full fence in sleep'
mutant arm64 src/ring_reader.c 's/shm_store_release_64/shm_store_64/' 'head is stored without release'
mutant arm64 src/ring_reader.c '0,/shm_load_acquire_64/s/shm_load_acquire_64\((.*)\);/*(volatile uint64_t *)\1;/' \
	'tail is loaded without acquire'

mutant two_threads src/ring_writer.c 's/shm_store_release_64/shm_store_64/' 'tail is stored without release'
mutant two_threads src/ring_reader.c 's/shm_store_release_64/shm_store_64/' 'head is stored without release'
mutant two_threads src/ring_writer.c 's/shm_load_acquire_64\((.*)\);/__atomic_load_n(\1, __ATOMIC_RELAXED);/' \
	'head is loaded without acquire'
mutant two_threads src/ring_reader.c 's/shm_load_acquire_64\((.*)\);/__atomic_load_n(\1, __ATOMIC_RELAXED);/' \
	'tail is loaded without acquire'

# The order of x86-64
mutant x86 src/order.h 's/ck_pr_fas_32\(.*//' 'a full fence that is none'
mutant x86 src/ring_writer.c 's/shm_fence_full\(\);//' 'no full fence in publish'
mutant x86 src/ring_reader.c 's/shm_fence_full\(\);//' 'no full fence in sleep'

# The segment and the records
for seal in SHRINK GROW FUTURE_WRITE; do
	mutant vectors src/segment.c "s/(DATA_SEALS = .*)F_SEAL_$seal/\10/" "data without F_SEAL_$seal is accepted"
done
mutant vectors src/segment.c 's/\|\| !has_seals\(control_fd, CONTROL_SEALS\)//' 'any control memfd is accepted'
mutant vectors src/segment.c 's/!has_size\(data_fd, .*\)\) \|\|/false ||/' 'data of any size is accepted'
mutant vectors src/segment.c 's/page->layout_major != SHM_LAYOUT_MAJOR/false/' 'any major version is accepted'
mutant vectors src/record_check.c 's/length > length_max \|\|//' 'a string past its limit'
mutant vectors src/record_check.c 's/\|\| length > tail->left\)/)/' 'a string past the record'
mutant vectors src/record_check.c 's/\|\| fixed->captured_bytes > tail.left \|\|/||/' 'captured bytes past the record'
mutant vectors src/record_check.c 's/fixed->byte_count > UINT64_MAX - fixed->offset/false/' 'an offset that wraps'
mutant vectors src/record_check.c 's/fixed->role > SHM_ROLE_CLIENT/false/' 'a role that is not listed'
mutant vectors src/record_check.c 's/fixed->count > tail.left \/ sizeof\(uint64_t\)/fixed->count * 8 > tail.left/' \
	'a count that wraps'
mutant vectors src/record_check.c 's/length < record_types\[header->type\].fixed_bytes/false/' \
	'less than the fixed part'
exit "$failed"
