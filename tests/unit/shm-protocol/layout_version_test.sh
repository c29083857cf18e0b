#!/bin/sh
# Fail when the shared-memory layout changes without its version: layout_version_test.sh SHM_PROTOCOL_DIR [--update]
#
# VERSION.sum keeps the version and the checksum of the headers that define the layout, comments and white space aside.
set -eu
cd "$1"

headers="limits.h record_types.h record.h layout.h handoff.h"
version=$(cat VERSION)
# gcc -fpreprocessed strips comments and expands nothing.
sum=$(for header in $headers; do
	gcc -fpreprocessed -dD -E -P "include/shm_protocol/$header"
done | tr -s '[:space:]' ' ' | sha256sum | cut -d ' ' -f 1)
read -r recorded_version recorded_sum < VERSION.sum || true

major=$(sed -n 's/.*SHM_LAYOUT_MAJOR = \([0-9]*\).*/\1/p' include/shm_protocol/layout.h)
minor=$(sed -n 's/.*SHM_LAYOUT_MINOR = \([0-9]*\).*/\1/p' include/shm_protocol/layout.h)
if [ "$version" != "$major.$minor" ]; then
	echo "VERSION says $version and layout.h says $major.$minor: make them agree" >&2
	exit 1
fi
if [ "${2:-}" = --update ]; then
	if [ "$version" = "${recorded_version:-}" ] && [ "$sum" != "$recorded_sum" ]; then
		echo "the layout has changed and VERSION still says $version: change it first" >&2
		exit 1
	fi
	echo "$version $sum" > VERSION.sum
	exit 0
fi
if [ "$sum" != "${recorded_sum:-}" ] || [ "$version" != "${recorded_version:-}" ]; then
	cat >&2 <<-END
	The headers of the shared-memory layout have changed since version ${recorded_version:-none} was recorded.
	  Readers of $version would misread it:      raise SHM_LAYOUT_MAJOR and the first number of VERSION
	  Readers of $version can ignore the change: raise SHM_LAYOUT_MINOR and the second number of VERSION
	Correct SPEC.md, then record it: tests/unit/shm-protocol/layout_version_test.sh shm-protocol --update
	END
	exit 1
fi
