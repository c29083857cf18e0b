#!/bin/bash
# The kernel side compiles for arm64, the first build and the last: compile_for_arm64.sh CLANG
set -euo pipefail
clang=$1
cd "$(dirname "$(realpath "$0")")/../.."
headers=/usr/aarch64-linux-gnu/include
[ -d $headers ] || { echo "skipped: libc6-dev-arm64-cross is not installed"; exit 77; }
object=$(mktemp)
trap 'rm -f "$object"' EXIT
failed=0
for build in "" "-DCORE_COMPAT_BEFORE_6_2 -DCORE_COMPAT_BEFORE_5_12"; do
	for source in bpf/*.bpf.c bpf/hooks/*.bpf.c; do
		"$clang" -target bpf -mcpu=v3 -O2 -g -std=gnu11 -ffreestanding -D__TARGET_ARCH_arm64 $build -Ibpf -Ishm-protocol/include \
			-idirafter $headers -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-function \
			-Wno-missing-declarations -Wno-visibility -c "$source" -o "$object" || { echo "$source $build"; failed=1; }
	done
done
exit $failed
