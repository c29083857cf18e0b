#!/bin/bash
# Make the two packages of a build, and the same as a later version: build.sh CPACK_CONFIG INTO
#
# INTO gets both packages, INTO/later the later version. 77: cannot, with the reason.
set -euo pipefail
config=$1 into=$2

for tool in cpack dpkg-deb dpkg-shlibdeps help2man; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
rm -rf "$into"
mkdir -p "$into/later"
cpack --config "$config" -B "$into" >"$into/log" 2>&1 || { cat "$into/log"; exit 1; }
rm -rf "$into/_CPack_Packages"

version=$(dpkg-deb -f "$into"/shmotel-sensor_*.deb Version)
for deb in "$into"/*.deb; do
	dpkg-deb -R "$deb" "$into/tree"
	sed -i "s/^Version: .*/Version: $version+later/; s/(= $version)/(= $version+later)/" "$into/tree/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$into/tree" "$into/later" >/dev/null
	rm -rf "$into/tree"
done
ls "$into"/*.deb "$into"/later/*.deb
