#!/bin/bash
# Fetch one of Debian's cloud kernels, if it is not there yet, and print the path of its image: kernel.sh 5.10|6.1|6.12|7.2
#
# From the mirror that apt is set up for, or SHMOTEL_VM_MIRROR=URL, where debian/ and debian-security/ are. Kept in
# ${XDG_CACHE_HOME:-~/.cache}/shmotel/kernels. 77 with the reason on standard error: it cannot be had.
set -euo pipefail

cannot() { echo "$*" >&2; exit 77; }

# The package that brings the newest image of that series, and the suite that has it.
case ${1:-} in
5.10) package='^linux-image-5\.10\.[0-9-]*-cloud-amd64$' suite=bullseye-security archive=debian-security ;;
6.1) package='^linux-image-6\.1\.[0-9-]*-cloud-amd64$' suite=bookworm archive=debian ;;
6.12) package='^linux-image-6\.12\.[0-9a-z+-]*-cloud-amd64$' suite=bookworm-security archive=debian-security ;;
7.2) package='^linux-binary-7\.2\.[0-9a-z+-]*-cloud-amd64$' suite=sid archive=debian ;;
*) echo "kernel.sh: give one of 5.10, 6.1, 6.12, 7.2" >&2; exit 2 ;;
esac
[ "$(uname -m)" = x86_64 ] || cannot "the kernels are for x86-64, and this machine is not"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/shmotel/kernels/$1
if [ ! -s "$cache/vmlinuz" ]; then
	command -v apt-get >/dev/null || cannot "there is no apt-get to fetch a kernel with"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$cache" "$work"/lists/partial "$work"/archives/partial
	site=${SHMOTEL_VM_MIRROR:+${SHMOTEL_VM_MIRROR%/}/$archive}
	[ -n "$site" ] || site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
		grep -m1 "debian\.org/$archive/*\$" || echo "http://deb.debian.org/$archive")
	# Its own list of sources, so that this machine's are left alone.
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" \
		>"$work/sources"
	apt=(-q -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$work/sources" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" -o Acquire::Languages=none -o APT::Update::Error-Mode=any)
	apt-get "${apt[@]}" update >"$work/log" 2>&1 ||
		{ tail -n 3 "$work/log" >&2; cannot "the packages of $suite cannot be listed from $site"; }
	name=$(apt-cache "${apt[@]}" pkgnames | { grep -E "$package" || true; } | sort -V | tail -n 1)
	[ -n "$name" ] || cannot "$suite has no package $package any more: look for another suite or series, tests/vm/kernel.sh"
	(cd "$work" && apt-get "${apt[@]}" download "$name" >"$work/log" 2>&1) ||
		{ tail -n 3 "$work/log" >&2; cannot "$name could not be downloaded"; }
	# In /boot, or beside its modules.
	dpkg-deb --fsys-tarfile "$work"/*.deb | tar -xf - --wildcards --to-stdout './*/vmlinuz*' >"$work/vmlinuz"
	[ -s "$work/vmlinuz" ] || cannot "$name holds no kernel image"
	cp "$work/vmlinuz" "$cache/vmlinuz.part"
	mv "$cache/vmlinuz.part" "$cache/vmlinuz"
fi
echo "$cache/vmlinuz"
