#!/bin/bash
# Where the kernel refuses something, the sensor says so in one sentence and exits with 1. Runs in a machine, as root; lockdown
# cannot be undone.
set -uo pipefail
failed=0

outcome() { echo "$1   $2: $3"; [ "$1" != FAILED ] || failed=1; }

# refused NAME TEXT COMMAND...: the sensor, started by the command, says one line with the text.
refused()
{
	local name=$1 text=$2 said status=0

	shift 2
	said=$(timeout 300 "$@" shmotel-sensor --socket /tmp/refused.sock --allow-uid 65534 2>&1) || status=$?
	if [ $status -eq 1 ] && [ "$(wc -l <<<"$said")" -eq 1 ] && [[ $said = *"$text"* ]]; then
		outcome passed "$name" "$said"
	else
		outcome FAILED "$name" "exit $status: $said"
	fi
}

# ready NAME: the sensor starts all the same.
ready()
{
	local sensor

	shmotel-sensor --socket /tmp/refused.sock --allow-uid 65534 2>/tmp/sensor.log &
	sensor=$!
	until grep -q ^ready /tmp/sensor.log || ! kill -0 $sensor 2>/dev/null; do sleep 0.1; done
	kill $sensor 2>/dev/null
	if wait $sensor; then
		outcome passed "$1" "$(head -n 1 /tmp/sensor.log)"
	else
		outcome FAILED "$1" "$(cat /tmp/sensor.log)"
	fi
}

refused without_btf "the kernel does not describe its types" \
	unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' --
refused without_a_capability "the kernel refuses BPF (EPERM): run as root, or give CAP_BPF and CAP_PERFMON" \
	setpriv --bounding-set=-bpf,-perfmon,-sys_admin
refused without_cap_perfmon "CAP_PERFMON" setpriv --bounding-set=-perfmon,-sys_admin
refused as_nobody "the kernel refuses BPF (EPERM)" setpriv --reuid 65534 --regid 65534 --clear-groups
case $(uname -r) in
5.10.*) refused without_locked_memory "LimitMEMLOCK" prlimit --memlock=65536 setpriv --bounding-set=-sys_resource ;;
*) outcome skipped without_locked_memory "maps are no locked memory since 5.11" ;;
esac

mount -t securityfs none /sys/kernel/security 2>/dev/null
if [ -w /sys/kernel/security/lockdown ]; then
	echo integrity >/sys/kernel/security/lockdown
	ready under_lockdown_for_integrity
	echo confidentiality >/sys/kernel/security/lockdown
	refused under_lockdown_for_confidentiality "lockdown must not be set to confidentiality" env
else
	outcome skipped under_lockdown_for_confidentiality "this kernel has no lockdown"
fi
exit $failed
