#!/bin/bash
# Build both images by their Dockerfiles, then run what e2e.containers runs with them: dockerfiles_test.sh BIN_DIRECTORY
#
# Debian's image is made by debootstrap, as no registry need be reachable. The first run takes ten minutes; what does not
# change is kept in ~/.cache/shmotel/containers. Only with SHMOTEL_TEST_DOCKERFILES=1.
set -uo pipefail
here=$(dirname "$(realpath "$0")") bin=$1
top=$here/../..

skip() { echo "skipped: $*"; exit 77; }
[ "${SHMOTEL_TEST_DOCKERFILES:-}" = 1 ] || skip "to build the images takes ten minutes: set SHMOTEL_TEST_DOCKERFILES=1"
for tool in buildah podman debootstrap; do
	command -v $tool >/dev/null || skip "$tool is not installed: scripts/install-deps test"
done
[ "$(id -u)" -eq 0 ] || skip "images are built by root here"
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
bud()
{
	buildah --root "${XDG_CACHE_HOME:-$HOME/.cache}/shmotel/containers" --runroot /run/shmotel-test-containers/storage \
		--storage-driver overlay bud --isolation chroot --format docker --pull-never --layers "$@" >"$work/log" 2>&1 ||
		{ tail -n 15 "$work/log"; return 1; }
}

base=docker.io/library/debian:12-slim
if ! buildah --root "${XDG_CACHE_HOME:-$HOME/.cache}/shmotel/containers" --runroot /run/shmotel-test-containers/storage \
	--storage-driver overlay inspect --type image $base >/dev/null 2>&1; then
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m1 debian.org || true)
	debootstrap --variant=minbase bookworm "$work/root" "${mirror:-http://deb.debian.org/debian}" >"$work/log" 2>&1 ||
		{ tail -n 3 "$work/log"; skip "debootstrap could not make Debian's image"; }
	printf 'FROM scratch\nCOPY . /\n' >"$work/Dockerfile"
	bud -f "$work/Dockerfile" -t $base "$work/root" || skip "buildah cannot build an image here"
	rm -rf --one-file-system "$work/root"
fi
for program in sensor receiver; do
	bud -f "$top/docs/deploy/container/$program.Dockerfile" -t localhost/shmotel-$program:built "$top" ||
		{ echo "FAILED $program.Dockerfile"; exit 1; }
	echo "passed $program.Dockerfile"
done
SHMOTEL_TEST_IMAGES=built python3 "$here/../e2e/containers.py" --bin "$bin"
