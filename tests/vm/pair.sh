#!/bin/bash
# The whole pair in a virtual machine of little memory: nginx_and_curl.sh there.
#
#   pair.sh BIN_DIRECTORY KERNEL [fentry|tracepoint]
set -euo pipefail

bin=$1 kernel=$2 capture=${3:-fentry}
here=$(dirname "$(realpath "$0")")
for tool in nginx curl; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
exec "$here/boot.sh" --kernel "$kernel" --seconds 600 --file "$bin/shmotel-sensor:/usr/sbin/shmotel-sensor" \
	--file "$bin/shmotel-receiver:/usr/bin/shmotel-receiver" --file "$(command -v nginx):/usr/sbin/nginx" \
	--file "$(command -v curl):/usr/bin/curl" --file "$here/nginx_and_curl.sh:/nginx_and_curl.sh" -- /nginx_and_curl.sh "$capture"
