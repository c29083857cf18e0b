#!/bin/sh
# nginx and curl over TCP and a Unix socket: as many spans as requests at both ends. Runs in the machine.
#
#   nginx_and_curl.sh fentry|tracepoint
requests=100

# await PID LOG: until it is ready; whoever started the machine limits the time.
await()
{
	until grep -q ^ready "$2"; do
		kill -0 "$1" 2>/dev/null || { cat "$2"; exit 1; }
		sleep 0.1
	done
}

mkdir -p /run/shmotel /tmp/www /tmp/out /var/log/nginx /var/lib/nginx
chmod 777 /tmp/out
echo "hello from nginx" >/tmp/www/index.html
head -c 300000 /dev/urandom >/tmp/www/large
cat >/tmp/nginx.conf <<'CONF'
worker_processes 1; error_log /tmp/nginx.err; pid /tmp/nginx.pid; user root;
events {}
http { access_log /tmp/access.log; sendfile on; keepalive_requests 100000;
  server { listen 127.0.0.1:8080; listen unix:/tmp/nginx.sock; root /tmp/www; } }
CONF
nginx -c /tmp/nginx.conf
shmotel-sensor --socket /run/shmotel/sensor.sock --allow-uid 65534 --capture "$1" 2>/tmp/sensor.log &
sensor=$!
await $sensor /tmp/sensor.log
shmotel-receiver --socket /run/shmotel/sensor.sock --user 65534 --export file:/tmp/out/spans.json 2>/tmp/receiver.log &
receiver=$!
await $receiver /tmp/receiver.log
cat /tmp/sensor.log /tmp/receiver.log
sleep 1
i=0
while [ $i -lt $requests ]; do
	curl -s -o /dev/null "http://127.0.0.1:8080/index.html?n=$i" || echo "curl failed: $?"
	i=$((i + 1))
done
curl -s -o /dev/null http://127.0.0.1:8080/large
curl -s -o /dev/null http://127.0.0.1:8080/large http://127.0.0.1:8080/index.html http://127.0.0.1:8080/missing
curl -s -o /dev/null --unix-socket /tmp/nginx.sock http://unix/index.html
curl -s -o /dev/null -d "a=1&b=2" http://127.0.0.1:8080/index.html
requests=$((requests + 6))
sleep 4
kill -TERM $receiver; wait $receiver; echo "receiver exit: $?"
kill -TERM $sensor; wait $sensor; echo "sensor exit: $?"
grep counter: /tmp/sensor.log /tmp/receiver.log
server=$(grep -o '"kind":2' /tmp/out/spans.json | wc -l)
client=$(grep -o '"kind":3' /tmp/out/spans.json | wc -l)
served=$(wc -l </tmp/access.log)
echo "requests $requests, nginx served $served, server spans $server, client spans $client"
[ $served -eq $requests ] && [ $server -eq $requests ] && [ $client -eq $requests ]
