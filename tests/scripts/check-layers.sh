#!/bin/bash
# Fail if a layer includes what it must not see: sensor and receiver meet in shm-protocol only, nothing includes tests.
cd "$(dirname "$0")/../.." || exit 1
failed=0

# forbid FOLDER NAMES: no file below FOLDER includes a header whose path starts with one of NAMES.
forbid()
{
	local hits

	hits=$(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]+[\"<]([.]*/)*($2)" "$1")
	[ -z "$hits" ] && return
	printf '%s\n^ %s/ must not include these\n' "$hits" "$1"
	failed=1
}

receiver='collector-receiver/|connections/|protocols/|exchanges/|otlp/|export/|intake/|loop[.]h'
kernel='bpf/|event[.]h|[a-z_]*[.]skel[.]h'
sensor='sensor/|capture[.]h'
daemon='shm-protocol/daemon|daemon/'

forbid sensor "$receiver|tests/"
forbid collector-receiver "$sensor|$kernel|tests/"
forbid bpf "$receiver|$sensor|$daemon|tests/"
forbid shm-protocol "$receiver|$sensor|$kernel|tests/"
exit "$failed"
