#!/bin/bash
# The two packages in a clean Debian 12: installed by apt-get, checked, upgraded, removed, purged: install_test.sh PACKAGES
#
# PACKAGES is a directory made by build.sh. What needs a running systemd is tried in a machine: vm.systemd.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
packages=$(realpath "$1")

compgen -G "$packages/*.deb" >/dev/null || { echo "skipped: there are no packages in $packages"; exit 77; }
archive=$("$here/root.sh" "$packages"/*.deb 2>&1) || { status=$?; echo "skipped: $archive"; exit $status; }
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
tar -C "$root" -xf "$archive"
mkdir "$root/tmp/later"
cp "$packages"/*.deb "$root/tmp"
cp "$packages"/later/*.deb "$root/tmp/later"

failed=0
# check SENTENCE COMMAND...: the command must succeed.
check()
{
	local sentence=$1
	shift
	if "$@"; then
		echo "passed $sentence"
	else
		echo "FAILED $sentence"
		failed=1
	fi
}
same() { diff -u "$1" "$2"; }
inside() { unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" "$@"; }
as() { inside setpriv --reuid "$1" --regid "$(inside id -g "$1")" --init-groups --inh-caps=-all --bounding-set=-all "${@:2}"; }
apt() { inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; return 1; }; }
install_from() { apt install -y --no-install-recommends $(cd "$root" && printf '/%s ' "$1"/*.deb); }

# What a package leaves: files with owner and mode, and the users. Of what apt-get and dpkg keep for themselves: nothing.
everything()
{
	inside find / -xdev \( -path /proc -o -path /tmp -o -path /sys -o -path /dev -o -path /var/lib/dpkg -o -path /var/lib/apt -o \
		-path /var/log -o -path /var/cache \) -prune -o ! -path '/etc/*-' ! -path /etc/ld.so.cache -printf '%p %y %m %u:%g\n' | sort
	inside cat /etc/passwd /etc/group
	inside cut -d: -f1 /etc/shadow /etc/gshadow
}

everything >"$root/tmp/before"
check "apt-get installs both on a clean Debian 12" install_from tmp

cat >"$root/tmp/expected" <<'LIST'
-rw-r----- root:shmotel /etc/shmotel/shmotel.yaml
-rw-r--r-- root:root /usr/lib/systemd/system/shmotel-receiver.service
-rw-r--r-- root:root /usr/lib/systemd/system/shmotel-sensor.service
-rw-r--r-- root:root /usr/lib/sysusers.d/shmotel.conf
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/copyright
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/alloy/alloy.service.d/shmotel.conf
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/alloy/config.alloy
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/alloy/shmotel-receiver.service.d/alloy.conf
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/otelcol/config-tls.yaml
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/otelcol/config.yaml
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/otelcol/otelcol-contrib.service.d/shmotel.conf
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/otelcol/shmotel-receiver.service.d/otelcol.conf
-rw-r--r-- root:root /usr/share/doc/shmotel-receiver/examples/otelcol/shmotel-receiver.service.d/tcp.conf
-rw-r--r-- root:root /usr/share/doc/shmotel-sensor/copyright
-rw-r--r-- root:root /usr/share/man/man5/shmotel.yaml.5
-rw-r--r-- root:root /usr/share/man/man8/shmotel-receiver.8
-rw-r--r-- root:root /usr/share/man/man8/shmotel-sensor.8
-rwxr-xr-x root:root /usr/bin/shmotel-receiver
-rwxr-xr-x root:root /usr/sbin/shmotel-sensor
LIST
inside sh -c 'dpkg -L shmotel-sensor shmotel-receiver | sort -u | while read -r path; do [ ! -f "$path" ] || stat -c "%A %U:%G %n" "$path"; done' |
	LC_ALL=C sort >"$root/tmp/installed"
check "each file has its owner and mode, and there is no other" same "$root/tmp/expected" "$root/tmp/installed"
no_file_bits() { [ -z "$(inside sh -c 'getcap -r /usr/bin /usr/sbin 2>/dev/null | grep shmotel; find /usr/bin /usr/sbin -name "shmotel*" -perm /6000')" ]; }
check "no program has a capability or a set-id bit of its own" no_file_bits

users()
{
	inside getent passwd shmotel shmotel-sensor | cut -d: -f1,5-7
	inside id -nG shmotel
	inside id -nG shmotel-sensor
}
users >"$root/tmp/users"
cat >"$root/tmp/expected" <<'LIST'
shmotel:shmotel receiver:/:/usr/sbin/nologin
shmotel-sensor:shmotel sensor:/:/usr/sbin/nologin
shmotel
shmotel-sensor shmotel
LIST
check "the users cannot log in, and the sensor's is in the receiver's group" same "$root/tmp/expected" "$root/tmp/users"

takes_its_configuration() { as "$1" "$2" --check-config >"$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; return 1; }; }
check "the sensor takes the installed configuration as its user" takes_its_configuration shmotel-sensor shmotel-sensor
check "the receiver takes it as its own" takes_its_configuration shmotel shmotel-receiver
nobody_else() { ! as nobody shmotel-receiver --check-config >"$root/tmp/log" 2>&1 && grep -q 'shmotel.yaml' "$root/tmp/log"; }
check "nobody else can read it, and is told so" nobody_else
states_its_version() { inside "$1" --version | grep -qF "$(inside dpkg-query -W -f '${Version}' "$1")"; }
check "the sensor's version is its package's" states_its_version shmotel-sensor
check "so is the receiver's" states_its_version shmotel-receiver

if command -v mandoc >/dev/null; then
	for page in "$root"/usr/share/man/man*/shmotel*; do
		check "mandoc can read ${page##*/}" mandoc -T lint -W error "$page"
	done
	documented() { mandoc -T utf8 "$root"/usr/share/man/man5/shmotel.yaml.5 | col -b | grep "$1" >/dev/null; }
	for key in filters.ports.include sending_queue.storage.directory redaction.query_text; do
		check "shmotel.yaml(5) tells of $key" documented "$key"
	done
fi

echo "# by an administrator" >>"$root/etc/shmotel/shmotel.yaml"
chmod 600 "$root/etc/shmotel/shmotel.yaml"
inside systemctl -q enable shmotel-sensor shmotel-receiver
cp "$root/etc/shmotel/shmotel.yaml" "$root/tmp/edited"
check "apt-get upgrades both" install_from tmp/later
upgraded() { [ "$(inside dpkg-query -W -f '${Version} ' shmotel-sensor shmotel-receiver | grep -o later | wc -l)" -eq 2 ]; }
check "both are the later version" upgraded
check "the edited configuration is kept" same "$root/tmp/edited" "$root/etc/shmotel/shmotel.yaml"
kept_mode() { [ "$(inside stat -c '%a %U:%G' /etc/shmotel/shmotel.yaml)" = "600 root:shmotel" ]; }
check "so are its owner and mode" kept_mode
enabled() { [ "$(inside systemctl is-enabled shmotel-sensor shmotel-receiver | grep -c enabled)" -eq 2 ]; }
check "what was enabled stays enabled" enabled
install_without_it() { rm "$root/etc/shmotel/shmotel.yaml" && inside dpkg -i $(cd "$root" && printf '/%s ' tmp/later/*.deb) >"$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; return 1; }; }
check "a configuration that an administrator has removed is not needed to install" install_without_it
cp "$root/tmp/edited" "$root/etc/shmotel/shmotel.yaml"

mkdir -p "$root/var/lib/shmotel"
touch "$root/var/lib/shmotel/otlp-grpc.spool"
check "apt-get removes both" apt remove -y shmotel-receiver shmotel-sensor
what_stays() { inside sh -c 'find / -xdev -path /proc -prune -o -path /var/lib/dpkg -prune -o -path /tmp -prune -o -name "*shmotel*" -print' | sort; }
what_stays >"$root/tmp/stays"
printf '%s\n' /etc/shmotel /etc/shmotel/shmotel.yaml /var/lib/shmotel >"$root/tmp/expected"
check "the configuration and what waits on disk stay, and nothing else" same "$root/tmp/expected" "$root/tmp/stays"
check "apt-get purges both and what came with them" apt purge -y --auto-remove shmotel-receiver shmotel-sensor
everything >"$root/tmp/after"
check "nothing is left: the file system and the users are as before" same "$root/tmp/before" "$root/tmp/after"

leaves_somebody() { inside useradd shmotel && install_from tmp && apt purge -y shmotel-receiver shmotel-sensor && inside getent passwd shmotel >/dev/null; }
check "a purge leaves somebody who had the name of a user before" leaves_somebody
exit $failed
