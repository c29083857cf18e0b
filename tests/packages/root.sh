#!/bin/bash
# Make a clean Debian 12 with systemd, nginx and curl, and beside it what the given packages depend on, and print the path
# of its archive: root.sh DEB...
#
# The packages are not installed. Inside, apt-get knows one repository, /opt/repository, which holds the packages that are
# missing for them: nothing is fetched later. Kept in ${XDG_CACHE_HOME:-~/.cache}/shmotel/clean-roots.
set -euo pipefail

cannot() { echo "$*" >&2; exit 77; }

for tool in debootstrap dpkg-deb dpkg-scanpackages apt-get; do
	command -v $tool >/dev/null || cannot "$tool is not installed"
done
[ "$(id -u)" -eq 0 ] || cannot "a clean root is made by root only"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/shmotel/clean-roots
key=$({ cat "$0"; for deb in "$@"; do dpkg-deb -f "$deb" Depends; done; } | sha256sum | cut -c 1-16)
if [ ! -s "$cache/$key.tar" ]; then
	work=$(mktemp -d)
	trap 'rm -rf --one-file-system "$work"' EXIT
	mkdir -p "$cache"
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m1 debian.org || true)
	debootstrap --variant=minbase --include=systemd,nginx-light,curl bookworm "$work/root" "${mirror:-http://deb.debian.org/debian}" \
		>"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; cannot "debootstrap could not make a root"; }

	root=$work/root
	mkdir -p "$root/opt/repository"
	cp "$@" "$root/tmp"
	inside=("${@##*/}")
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	chroot "$root" sh -c 'apt-get clean && cd /tmp && apt-get update && apt-get install -y --no-install-recommends --download-only "$@" &&
		mv /var/cache/apt/archives/*.deb /opt/repository' sh "${inside[@]/#/./}" >"$work/log" 2>&1 ||
		{ tail -n 3 "$work/log" >&2; cannot "what the packages depend on could not be fetched"; }

	rm -rf "$root"/tmp/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,locale}/* "$root/etc/resolv.conf"
	(cd "$root/opt/repository" && rm -f "${inside[@]}" && dpkg-scanpackages . >Packages 2>/dev/null)
	echo "deb [trusted=yes] file:/opt/repository ./" >"$root/etc/apt/sources.list"
	chroot "$root" apt-get update >/dev/null
	chroot "$root" apt-get clean
	rm -f "$cache"/*.tar
	tar -C "$root" --one-file-system -cf "$cache/$key.part" .
	mv "$cache/$key.part" "$cache/$key.tar"
fi
echo "$cache/$key.tar"
