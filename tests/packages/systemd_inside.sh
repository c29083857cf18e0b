#!/bin/bash
# Runs in the machine of systemd_test.sh: what docs/deploy/README.md says, word for word, and what it promises.
set -uo pipefail
output=/var/lib/collector
failed=0 sent=0

# check SENTENCE COMMAND...: the command must succeed.
check()
{
	local sentence=$1
	shift
	if "$@"; then
		echo "passed $sentence ($(uptime_s) s)"
	else
		echo "FAILED $sentence"
		failed=1
	fi
}
# within SECONDS COMMAND...: it must succeed in that time.
within()
{
	local until=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.2
	done
}
uptime_s() { cut -d. -f1 /proc/uptime; }
same() { diff <(echo "$1") <(echo "$2"); }
value() { systemctl show --value -p "$2" "$1"; }
quietly() { "$@" >/tmp/log 2>&1 || { cat /tmp/log; return 1; }; }
journal() { journalctl --no-pager "$@"; }

# block HEADING [N]: the commands of the document under this heading; N: of its N-th block.
block()
{
	awk -v heading="$1" -v wanted="${2:-1}" '
		/^```/ { fenced = !fenced; blocks += fenced; next }
		/^#/ && !fenced { here = $0 == heading; blocks = 0 }
		fenced && here && blocks == wanted' /document
}
# run_block HEADING [N]: as if typed, except that nobody is there to answer apt-get's question.
run_block()
{
	local commands
	commands=$(block "$@")
	[ -n "$commands" ] || { echo "the document has no commands under: $*"; return 1; }
	quietly bash -euxo pipefail -c "$commands"
}
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/99assume-yes
export DEBIAN_FRONTEND=noninteractive

spans() { cat $output/*.jsonl 2>/dev/null | grep -o "\"kind\":$1" | wc -l; }
spans_are_there() { [ "$(spans 2)" -eq $sent ] && [ "$(spans 3)" -eq $sent ]; }
# ask N [QUERY]: so many requests.
ask()
{
	curl -s -o /dev/null "http://127.0.0.1/?${2:-more}[1-$1]"
	sent=$((sent + $1))
}
# see N [QUERY]: so many requests; the spans of both ends must come to the Collector.
see()
{
	ask "$@"
	within 60 spans_are_there && return
	echo "$sent requests, $(spans 2) server spans, $(spans 3) client spans"
	return 1
}
ready() { shmotel-receiver --status >/tmp/status; }

# A Debian with a web server that runs; the Collector and Alloy as their packages leave them, the Collector running.
echo "127.0.0.1 localhost" >/etc/hosts
useradd --system --user-group --no-create-home --shell /sbin/nologin otelcol-contrib
useradd --system --user-group --home-dir /var/lib/alloy --create-home --shell /sbin/nologin alloy
mkdir -m 1777 $output
mkdir -p /etc/otelcol-contrib /etc/alloy
cat >/etc/otelcol-contrib/test.yaml <<CONF
exporters: {file: {path: "$output/\${env:USER}.jsonl", append: true, flush_interval: 200ms}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {exporters: [debug, file]}}}
CONF
echo 'OTELCOL_OPTIONS="--config=/etc/otelcol-contrib/config.yaml --config=/etc/otelcol-contrib/test.yaml"' >/etc/otelcol-contrib/otelcol-contrib.conf
cat >/etc/otelcol-contrib/config.yaml <<CONF
receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}
exporters: {debug: null}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
CONF
# Alloy itself is not here: a Collector with the same receiver is in its place.
printf 'CONFIG_FILE="/etc/alloy/config.alloy"\nCUSTOM_ARGS=""\n' >/etc/default/alloy
printf '#!/bin/sh\nexec otelcol-contrib --config=/etc/alloy/stand-in.yaml --config=/etc/otelcol-contrib/test.yaml\n' >/usr/bin/alloy
chmod 755 /usr/bin/alloy
touch /etc/alloy/config.alloy
systemctl start otelcol-contrib nginx

everything()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run/systemd -o -path /run/log -o \
		-path /run/udev -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/systemd -o -path $output -o \
		-path /var/log -o -path /var/cache \) -prune -o ! -path '/etc/*-' ! -path /etc/ld.so.cache -printf '%p %y %m %u:%g\n' | sort
	find /run -xdev -name '*shmotel*' -o -path /run/otelcol
	cat /etc/passwd /etc/group
	systemctl list-unit-files --no-legend '*shmotel*'
}
everything >/tmp/before

cd /packages
check "apt-get installs both packages" run_block "# Five minutes to spans"
check "nothing is started or enabled by that" same "inactive inactive disabled disabled" \
	"$(systemctl is-active shmotel-sensor shmotel-receiver | xargs) $(systemctl is-enabled shmotel-sensor shmotel-receiver | xargs)"

started=$(uptime_s)
check "the document's commands start both beside the Collector, and the pair is ready" run_block "## The OpenTelemetry Collector"
[ $failed -eq 0 ] || { journal -o short-monotonic -u 'shmotel-*' -u otelcol-contrib; dmesg | tail -n 20; exit 1; }
check "a request is a span of the server and one of its client" see 1 first
took=$(($(uptime_s) - started))
echo "from the first systemctl to spans in the Collector: $took s"
check "that is within five minutes" [ $took -lt 300 ]
grep resourceSpans $output/*.jsonl
sent=$((sent + 1))
check "the document's request is in the Collector's log" run_block "## The OpenTelemetry Collector" 2
check "20 requests more are 20 spans more of each" see 20

# who UNIT: user, group and supplementary groups by name.
who()
{
	local status=/proc/$(value "$1" MainPID)/status id
	id -nu "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "$status")"
	for id in $(sed -n 's/^Gid:\t\([0-9]*\).*/\1/p; s/^Groups://p' "$status"); do getent group "$id" | cut -d: -f1; done | sort -u
}
check "the sensor is its own user, in the receiver's group" same "shmotel-sensor shmotel shmotel-sensor" "$(who shmotel-sensor | xargs)"
check "the receiver is its own user, in the Collector's group" same "shmotel otelcol-contrib shmotel" "$(who shmotel-receiver | xargs)"
capabilities() { sed -n 's/^Cap\(Eff\|Prm\|Amb\):\t//p' "/proc/$(value "$1" MainPID)/status" | sort -u | tr '\n' ' '; }
# CAP_DAC_READ_SEARCH (2), CAP_SYS_PTRACE (19)
check "the sensor has kept two capabilities" same "0000000000000000 0000000000080004 " "$(capabilities shmotel-sensor)"
check "the receiver has none" same "0000000000000000 " "$(capabilities shmotel-receiver)"
sockets() { stat -c '%A %U:%G %n' /run/otelcol /run/otelcol/otlp.sock /run/shmotel /run/shmotel/sensor.sock /run/shmotel-receiver /run/shmotel-receiver/status.sock; }
check "each socket is its server's, and its group's at most" same "drwxr-x--- otelcol-contrib:otelcol-contrib /run/otelcol
srwxrwx--- otelcol-contrib:otelcol-contrib /run/otelcol/otlp.sock
drwxr-xr-x shmotel-sensor:shmotel-sensor /run/shmotel
srw-rw---- shmotel-sensor:shmotel /run/shmotel/sensor.sock
drwxr-x--- shmotel:shmotel /run/shmotel-receiver
srw-rw---- shmotel:shmotel /run/shmotel-receiver/status.sock" "$(sockets)"
check "the receiver is alive by --alive, asked by its own user" quietly setpriv --reuid shmotel --regid shmotel --clear-groups shmotel-receiver --alive

check "the receiver restarts" systemctl restart shmotel-receiver
check "3 requests more are 3 spans more" see 3
check "the Collector restarts" systemctl restart otelcol-contrib
check "3 requests more are 3 spans more" see 3
check "the sensor restarts" systemctl restart shmotel-sensor
check "the receiver attaches to it" within 30 ready
check "3 requests more are 3 spans more" see 3
kill -KILL "$(value otelcol-contrib MainPID)"
check "3 requests at a killed Collector are 3 spans more in the next one" see 3
before=$(value shmotel-sensor MainPID)
check "the sensor reloads" systemctl reload shmotel-sensor
check "and goes on" eval 'see 1 && same "$before" "$(value shmotel-sensor MainPID)"'

before="$(value shmotel-sensor MainPID) $(value shmotel-receiver MainPID)"
check "dpkg upgrades both" quietly dpkg -i /packages/later/*.deb
check "both were started anew" eval '[ "$(value shmotel-sensor MainPID)" != ${before% *} ] && [ "$(value shmotel-receiver MainPID)" != ${before#* } ]'
check "both are ready again" within 30 ready
check "3 requests more are 3 spans more" see 3

# By TCP with TLS.
examples=/usr/share/doc/shmotel-receiver/examples
cp /server.pem /server.key /etc/otelcol-contrib
chown otelcol-contrib /etc/otelcol-contrib/server.key
chmod 600 /etc/otelcol-contrib/server.key
sed -i "s,--config,--config=$examples/otelcol/config-tls.yaml &,2" /etc/otelcol-contrib/otelcol-contrib.conf
cp -p /etc/shmotel/shmotel.yaml /tmp
cp /server.pem /etc/shmotel/ca.pem
sed -i 's,otlp-grpc:unix:///run/otelcol/otlp.sock,otlp-grpc:https://localhost:4317,; s,#ca_file: .*,ca_file: /etc/shmotel/ca.pem,' /etc/shmotel/shmotel.yaml
rm /etc/systemd/system/shmotel-receiver.service.d/otelcol.conf
cp $examples/otelcol/shmotel-receiver.service.d/tcp.conf /etc/systemd/system/shmotel-receiver.service.d
systemctl daemon-reload
systemctl stop shmotel-receiver
check "all start with a TLS endpoint" systemctl restart otelcol-contrib shmotel-receiver
check "3 requests more are 3 spans more, by TLS" see 3
systemctl stop shmotel-receiver otelcol-contrib
rm /etc/systemd/system/shmotel-receiver.service.d/tcp.conf /etc/otelcol-contrib/server.* /etc/shmotel/ca.pem
cp -p /tmp/shmotel.yaml /etc/shmotel

cp /etc/otelcol-contrib/config.yaml /etc/alloy/stand-in.yaml
check "the document's commands start the receiver beside Alloy" run_block "## Grafana Alloy"
check "Alloy's socket is its own, and its group's" same "srwxrwx--- alloy:alloy" "$(within 10 test -S /run/otelcol/otlp.sock; stat -c '%A %U:%G' /run/otelcol/otlp.sock)"
check "the receiver is in Alloy's group" same "shmotel alloy shmotel" "$(who shmotel-receiver | xargs)"
check "3 requests more are 3 spans more in Alloy's place" see 3

check "none has failed" same "0" "$(systemctl list-units --failed --no-legend 'shmotel*' 'otelcol*' 'alloy*' | wc -l)"
ask 3
check "all stop" systemctl stop shmotel-receiver shmotel-sensor alloy
check "what was seen until then has arrived" spans_are_there
check "none has failed in that" same "success success success" "$(value shmotel-sensor Result) $(value shmotel-receiver Result) $(value alloy Result)"
check "no directory of theirs is left in /run" eval '! ls -d /run/shmotel* /run/otelcol 2>/dev/null'
systemctl --quiet disable otelcol-contrib alloy

refusals()
{
	journal -o short-monotonic | grep -iE 'type=1326|SIGSYS|denied|not permitted|core.?dump|segfault|status=[0-9]' |
		grep -v 'otelcol-contrib.service: Main process exited, code=killed, status=9/KILL'
}
check "the journal knows of no refusal, no crash and no failure" eval '! refusals'
# Each end of the sensor is told, and each Collector that was not there.
complaints() { journal -o cat -u shmotel-sensor -u shmotel-receiver | grep -E '^(warning|error): ' | grep -v 'the sensor is gone; waiting for it to come back\|socket'; }
check "neither program complains of anything else than what was done to it" eval '! complaints'

cannot_start() { echo 'sensor: {capture: nonsense}' >/etc/shmotel/shmotel.yaml; ! quietly systemctl start shmotel-sensor >/dev/null; }
check "systemctl start fails with a sensor that cannot start" cannot_start
check "apt-get purges both" run_block "## Removing"
everything | grep -vE '^/etc/systemd/system/(otelcol-contrib|alloy).service.d|^/etc/alloy/stand-in.yaml' >/tmp/after
check "nothing is left: files, users, units" diff /tmp/before /tmp/after
[ $failed -eq 0 ] || journal -o short-monotonic -u 'shmotel-*' -u otelcol-contrib -u alloy | tail -n 80
exit $failed
