#!/bin/bash
# Make a root file system of this machine's own Debian packages, for virtual machines, and print the path of its archive:
#   root.sh PACKAGE...
#
# What the packages depend on comes with them. Kept in ${XDG_CACHE_HOME:-~/.cache}/shmotel/roots until a package changes.
set -euo pipefail

cannot() { echo "$*" >&2; exit 77; }

for tool in dpkg-query apt-cache cpio; do
	command -v $tool >/dev/null || cannot "$tool is not installed"
done
for package in "$@"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || cannot "$package is not installed: scripts/install-deps test"
done
mapfile -t packages < <(apt-cache depends --recurse --installed --no-suggests --no-recommends --no-conflicts --no-breaks \
	--no-replaces --no-enhances "$@" | grep -E '^[a-z0-9]' | sort -u)
mapfile -t packages < <(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "${packages[@]}" 2>/dev/null |
	sed -n 's/^installed //p')
key=$(dpkg-query -W -f '${binary:Package} ${Version}\n' "${packages[@]}" | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shmotel/roots
if [ ! -s "$cache/$key.cpio" ]; then
	root=$(mktemp -d)
	trap 'rm -rf "$root"' EXIT
	chmod 755 "$root"
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{dev,proc,sys,run,root,etc} "$cache"
	mkdir -m 1777 "$root/tmp"
	for directory in bin sbin lib lib64; do
		ln -s usr/$directory "$root/$directory"
	done
	dpkg-query -L "${packages[@]}" | grep -vE '^/usr/share/(doc|man|info|locale|lintian|bug)/' | sort -u |
		while read -r path; do [ -d "$path" ] && [ ! -L "$path" ] || [ ! -e "$path" ] || echo "$path"; done |
		tar -cf - -C / --no-recursion -T - 2>/dev/null | tar -xf - -C "$root" --keep-directory-symlink
	grep -E '^(root|nobody|www-data|redis|memcache|postgres|mysql):' /etc/passwd >"$root/etc/passwd"
	grep -E '^(root|nogroup|www-data|redis|memcache|postgres|mysql):' /etc/group >"$root/etc/group"
	echo "127.0.0.1 localhost" >"$root/etc/hosts"
	mkdir -p "$root"/var/{lib,log,tmp,cache} "$root"/var/{lib,log}/nginx
	rm -f "$cache"/*.cpio
	(cd "$root" && find . -print0 | cpio --null -o -H newc --quiet) >"$cache/$key.part"
	mv "$cache/$key.part" "$cache/$key.cpio"
fi
echo "$cache/$key.cpio"
