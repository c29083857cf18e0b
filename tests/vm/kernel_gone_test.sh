#!/bin/bash
# kernel.sh says in a sentence why a kernel cannot be had, and exits with 77: with an apt of its own, without a network.
set -uo pipefail
here=$(dirname "$(realpath "$0")") failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
cat >"$work/bin/apt-get" <<'APT'
#!/bin/sh
case "$*" in
*update*) [ "$FAKE" != no-mirror ] || { echo "E: Could not resolve 'mirror.invalid'"; exit 100; } ;;
*download*) [ "$FAKE" != no-file ] || { echo "E: Failed to fetch the file  404  Not Found"; exit 100; } ;;
esac
APT
cat >"$work/bin/apt-cache" <<'APT'
#!/bin/sh
echo linux-doc-6.12
[ "$FAKE" = no-package ] || echo linux-image-6.12.1+deb12-cloud-amd64
APT
chmod +x "$work/bin/"*

# expect CASE TEXT: what kernel.sh says then.
expect()
{
	local said status=0

	said=$(FAKE=$1 SHMOTEL_VM_MIRROR=http://mirror.invalid XDG_CACHE_HOME=$work/cache PATH=$work/bin:$PATH "$here/kernel.sh" 6.12 2>&1) || status=$?
	[[ $status -eq 77 && $said = *"$2"* ]] && return
	echo "$1: exit $status, and it said: $said"
	failed=1
}

[ "$(uname -m)" = x86_64 ] || { echo "skipped: this machine is not x86-64"; exit 77; }
expect no-mirror "the packages of bookworm-security cannot be listed from http://mirror.invalid/debian-security"
expect no-package "bookworm-security has no package ^linux-image-6"
expect no-file "linux-image-6.12.1+deb12-cloud-amd64 could not be downloaded"
# A failure leaves nothing that the next run would take for a kernel.
[ -z "$(find "$work/cache" -type f)" ] || { find "$work/cache" -type f; failed=1; }
exit $failed
