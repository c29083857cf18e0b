#!/bin/bash
# Fail if a table of docs/ names a test that does not exist: check-promises.sh BUILD_DIR
#
# A test is `group.name` as ctest knows it, or a backquoted_function_name_of_a_test.
cd "$(dirname "$0")/../.." || exit 1
known=$(ctest --test-dir "$1" -N | sed -n 's/^ *Test *#[0-9]*: //p')
failed=0

for page in docs/security-model.md docs/proofs.md docs/deploy/README.md; do
	for name in $(grep '^|' "$page" | grep -oE '\b(unit|cage|proof|stress|fuzz|contract|e2e|bpf|vm|package)\.[a-z0-9_]+' | sort -u); do
		# A name may stand for a family: fuzz.hostile for fuzz.hostile_reader.
		if ! grep -q "^$name" <<<"$known"; then
			echo "$page: there is no test $name"
			failed=1
		fi
	done
	for name in $(grep '^|' "$page" | grep -oE '`[a-z0-9]+(_[a-z0-9]+){3,}`' | tr -d '`' | sort -u); do
		if ! grep -rqE "(void|def) $name\(" tests; then
			echo "$page: no test is called $name"
			failed=1
		fi
	done
done
exit "$failed"
