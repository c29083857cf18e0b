#!/bin/bash
# What the two images hold is enough: both programs start from it alone, on a read-only root: image_test.sh BIN_DIRECTORY
#
# The directory is made by the script that the Dockerfiles use. The sensor is not attached here.
set -uo pipefail
bin=$1 make_root=$(dirname "$(realpath "$0")")/../../docs/deploy/container/make-root

[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root to change the root directory"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
chmod 755 "$work"
failed=0
check()
{
	local sentence=$1
	shift
	if "$@"; then
		echo "passed $sentence"
	else
		echo "FAILED $sentence"
		failed=1
	fi
}
# in_image PROGRAM COMMAND...: with the image as a read-only root, /proc and /dev, and an empty /run: what a runtime gives.
in_image()
{
	local root=$work/$1
	shift
	unshare --mount --pid --fork --kill-child sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
		mount -t tmpfs -o mode=755 run "$0/run" && mkdir -m 777 "$0/run/shmotel-receiver" &&
		mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec "$@"' "$root" "$@"
}
for program in shmotel-sensor shmotel-receiver; do
	"$make_root" "$bin/$program" "$work/$program"
	check "$program says its version" in_image $program chroot "$work/$program" /usr/bin/$program --version
	check "$program takes the configuration that is built in" in_image $program sh -c 'chroot "$0" "$@" >/dev/null' "$work/$program" \
		/usr/bin/$program --check-config
	others() { [ "$(find "$work/$program/usr/bin" "$work/$program"/*bin -type f 2>/dev/null | wc -l)" -eq 1 ]; }
	check "$program is the only program in its image" others
done

receiver_answers()
{
	in_image shmotel-receiver sh -c 'chroot --userspec=10001:10001 "$0" /usr/bin/shmotel-receiver --export console >&2 &
		for i in $(seq 100); do
			chroot --userspec=10001:10001 "$0" /usr/bin/shmotel-receiver --alive && exit 0
			sleep 0.1
		done
		exit 1' "$work/shmotel-receiver" >"$work/log" 2>&1 || { tail -n 3 "$work/log"; return 1; }
}
check "the receiver runs as 10001 on a read-only root, and is alive" receiver_answers
check "there is a list of authorities for TLS" test -s "$work/shmotel-receiver/etc/ssl/certs/ca-certificates.crt"
exit $failed
