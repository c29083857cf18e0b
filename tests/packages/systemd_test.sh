#!/bin/bash
# The packages where systemd is process 1, beside a Collector, as docs/deploy/README.md has it: systemd_test.sh PACKAGES KERNEL
#
# A clean Debian 12 in a virtual machine: the commands of the document, requests, and their spans in the Collector; then
# restarts, a Collector killed, an upgrade, TLS, a stop and a purge. What runs in the machine is systemd_inside.sh.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
packages=$(realpath "$1") kernel=$2 document=$here/../../docs/deploy/README.md

compgen -G "$packages/*.deb" >/dev/null || { echo "skipped: there are no packages in $packages"; exit 77; }
for tool in openssl cpio; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
collector=$(/usr/bin/python3 "$here/../e2e/collector.py") || { status=$?; echo "$collector"; exit $status; }
archive=$("$here/root.sh" "$packages"/*.deb 2>&1) || { status=$?; echo "skipped: $archive"; exit $status; }

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir "$work/root"
tar -C "$work/root" -xf "$archive"
(cd "$work/root" && find . -print0 | cpio --null -o -H newc --quiet) >"$work/root.cpio"
rm -rf "$work/root"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$work/server.key" -out "$work/server.pem" 2>/dev/null

status=0
"$here/../vm/boot.sh" --kernel "$kernel" --systemd --root "$work/root.cpio" --memory 2048 --seconds 1000 \
	--file "$packages:/packages" --file "$document:/document" --file "$here/systemd_inside.sh:/inside" \
	--file "$here/otelcol-contrib.service:/etc/systemd/system/otelcol-contrib.service" \
	--file "$here/alloy.service:/etc/systemd/system/alloy.service" \
	--file "$work/server.key:/server.key" --file "$work/server.pem:/server.pem" --file "$collector:/usr/bin/otelcol-contrib" \
	-- /inside >"$work/log" || status=$?
grep -v '^{"resource' "$work/log" || true
[ $status -eq 0 ] || exit $status
grep '^{"resource' "$work/log" >"$work/first.jsonl" || { echo "FAILED nothing came out of the Collector"; exit 1; }
/usr/bin/python3 "$here/systemd_spans.py" "$work/first.jsonl"
