#!/bin/bash
# Run one command in a virtual machine with another kernel, and exit with the command's code (77: cannot, with the reason).
#
#   boot.sh --kernel KERNEL [--root CPIO] [--memory MIB] [--file PATH[:DESTINATION]]... [--seconds N] [--systemd] --
#       COMMAND [ARGUMENT]...
#
# With --systemd, systemd of the root file system is process 1, and the command is a service that it starts at the end.
# The machine is an initramfs of busybox, the named files and the shared libraries they need, in front of all that a root
# file system made before (root.sh); no disk, no network but loopback. Software emulation only, so it runs wherever QEMU
# does. Kernels come from kernel.sh.
set -euo pipefail

seconds=240 memory=2048 kernel='' base='' files=() systemd=no
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--root) base=$2; shift 2 ;;
	--memory) memory=$2; shift 2 ;;
	--file) files+=("$2"); shift 2 ;;
	--seconds) seconds=$2; shift 2 ;;
	--systemd) systemd=yes; shift ;;
	--) shift; break ;;
	*) echo "boot.sh: unknown option $1" >&2; exit 2 ;;
	esac
done

skip() { echo "skipped: $*"; exit 77; }

for tool in qemu-system-x86_64 busybox cpio; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
reason=$(mktemp)
status=0
image=$("$(dirname "$(realpath "$0")")/kernel.sh" "$kernel" 2>"$reason") || status=$?
text=$(cat "$reason"); rm -f "$reason"
[ $status -ne 77 ] || skip "$text"
[ $status -eq 0 ] || { echo "$text" >&2; exit 2; }

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{dev,proc,sys,run,tmp,etc,root,usr/bin,usr/sbin,usr/lib,usr/lib64}
chmod 755 "$root"
chmod 1777 "$root/tmp"
for directory in bin sbin lib lib64; do
	ln -s usr/$directory "$root/$directory"
done
if [ -z "$base" ]; then
	printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	echo "127.0.0.1 localhost" >"$root/etc/hosts"
fi
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
for program in $(/bin/busybox --list-full); do
	[ -e /$program ] || [ -e /bin/${program##*/} ] || [ -e /sbin/${program##*/} ] || /bin/busybox ln -s /bin/busybox /$program
done
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
# Emulated, a program lasts so long that a kernel that can be preempted takes the CPU from it all the time, and refuses it to
# others meanwhile: docs/support-matrix.md. Tasks keep the CPU until they give it up, or for 100 ms.
mount -t debugfs debug /sys/kernel/debug
if grep -qE '\((full|lazy)\)' /sys/kernel/debug/sched/preempt 2>/dev/null; then
	echo NO_WAKEUP_PREEMPTION >/sys/kernel/debug/sched/features
	echo 100000000 >/sys/kernel/debug/sched/base_slice_ns
fi
echo "vm: $(uname -r) up after $(cut -d' ' -f1 /proc/uptime) s"
sh -c "$(cat /command)" </dev/null
echo "vm-exit: $?"
poweroff -f
INIT
if [ $systemd = yes ]; then
	# What systemd does itself is left to it: all mounts, the loopback interface.
	sed '/^mount /d; /^mkdir /d; /^ip /d; s/^poweroff -f$/systemctl poweroff --force --force/' "$root/init" >"$root/run-command"
	chmod +x "$root/run-command"
	rm "$root/init"
	ln -s lib/systemd/systemd "$root/init"
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	cat >"$root/etc/systemd/system/command.service" <<-'UNIT'
		[Unit]
		After=systemd-user-sessions.service dbus.service
		[Service]
		ExecStart=/run-command
		StandardOutput=file:/dev/console
		StandardError=inherit
		KillMode=process
	UNIT
	ln -s ../command.service "$root/etc/systemd/system/multi-user.target.wants/command.service"
fi
[ $systemd = yes ] || chmod +x "$root/init"
# The kernel unpacks one archive after the other: the later one's files win.
{ [ -z "$base" ] || cat "$base"; (cd "$root" && find . -print0 | cpio --null -o -H newc --quiet); } >"$root.cpio"
trap 'rm -rf "$root" "$root.cpio" "$root.log"' EXIT

timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" -nodefaults -no-user-config \
	-display none -serial stdio -no-reboot -kernel "$image" -initrd "$root.cpio" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off systemd.firstboot=off systemd.getty_auto=no systemd.unit=multi-user.target" </dev/null 2>&1 | sed -u 's,\r,,g' | tee "$root.log" || true
code=$(sed -n 's/^vm-exit: \([0-9]*\)$/\1/p' "$root.log" | tail -1)
if [ -z "$code" ]; then
	echo "boot.sh: the machine gave no exit code within $seconds s" >&2
	exit 1
fi
exit "$code"
