#!/bin/bash
# Run one command in a virtual machine with another kernel, and exit with the command's code (77: cannot, with the reason).
#
#   boot.sh --kernel 6.1|6.12 [--file PATH[:DESTINATION]]... [--seconds N] -- COMMAND [ARGUMENT]...
#
# The machine is an initramfs of busybox, the named files and the shared libraries they need; no disk, no network but
# loopback. Software emulation only, so it runs wherever QEMU does. Kernels are Debian's cloud images, fetched with apt
# and kept in ${XDG_CACHE_HOME:-~/.cache}/shmotel/kernels.
set -euo pipefail

seconds=240 kernel='' files=()
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--file) files+=("$2"); shift 2 ;;
	--seconds) seconds=$2; shift 2 ;;
	--) shift; break ;;
	*) echo "boot.sh: unknown option $1" >&2; exit 2 ;;
	esac
done

skip() { echo "skipped: $*"; exit 77; }

case $kernel in
6.1) package=linux-image-cloud-amd64 ;;
6.12) package=linux-image-6.12-cloud-amd64 ;;
*) echo "boot.sh: --kernel 6.1 or 6.12" >&2; exit 2 ;;
esac
[ "$(uname -m)" = x86_64 ] || skip "the kernel matrix is x86-64 only"
for tool in qemu-system-x86_64 busybox cpio; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done

cache=${XDG_CACHE_HOME:-$HOME/.cache}/shmotel/kernels/$kernel
if [ ! -s "$cache/vmlinuz" ]; then
	command -v apt-get >/dev/null || skip "no apt-get to fetch a kernel with"
	mkdir -p "$cache"
	fetch=$(mktemp -d)
	image=$({ apt-cache depends "$package" 2>/dev/null || true; } |
		sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -1)
	[ -n "$image" ] || skip "apt knows no $package: is bookworm-security among its sources?"
	(cd "$fetch" && apt-get download -q "$image" >/dev/null 2>&1) || skip "$image could not be downloaded"
	dpkg-deb --fsys-tarfile "$fetch"/*.deb | tar -xf - -C "$fetch" ./boot
	mv "$fetch"/boot/vmlinuz-* "$cache/vmlinuz"
	rm -rf "$fetch"
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,tmp,etc,root,usr/bin,usr/sbin}
chmod 755 "$root"
chmod 1777 "$root/tmp"
printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
echo "127.0.0.1 localhost" >"$root/etc/hosts"
cp "$(command -v busybox)" "$root/bin/busybox"

add() { # host path, path inside
	mkdir -p "$root$(dirname "$2")"
	cp -aL "$1" "$root$2"
	if [ -f "$1" ] && head -c4 "$1" | grep -q ELF; then
		{ ldd "$1" 2>/dev/null || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
			[ -e "$root$library" ] || { mkdir -p "$root$(dirname "$library")"; cp -L "$library" "$root$library"; }
		done
	fi
}
for file in "${files[@]}"; do
	source=${file%%:*}
	inside=${file#*:}
	[ "$inside" != "$file" ] || inside=$(realpath -s "$source")
	add "$source" "$inside"
done

printf '%q ' "$@" >"$root/command"
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tracefs trace /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
echo "vm: $(uname -r) up after $(cut -d' ' -f1 /proc/uptime) s"
sh -c "$(cat /command)" </dev/null
echo "vm-exit: $?"
poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . -print0 | cpio --null -o -H newc --quiet) >"$root.cpio"
trap 'rm -rf "$root" "$root.cpio" "$root.log"' EXIT

timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nodefaults -no-user-config \
	-display none -serial stdio -no-reboot -kernel "$cache/vmlinuz" -initrd "$root.cpio" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off" </dev/null 2>&1 | tr -d '\r' | tee "$root.log" || true
code=$(sed -n 's/^vm-exit: \([0-9]*\)$/\1/p' "$root.log" | tail -1)
if [ -z "$code" ]; then
	echo "boot.sh: the machine gave no exit code within $seconds s" >&2
	exit 1
fi
exit "$code"
