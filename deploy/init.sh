#!/bin/sh
# init.sh makes the passwords of docker-compose.yml at the first start and hands each to those who
# need it: files in the volume "secrets" that only the user of one container can read. A password
# that the environment (.env) names goes before the one that was made; the others stay.
#
#   init.sh             makes what is missing, and gives the volumes to those who write there
#   init.sh show NAME   prints a password: reader, subscriber, admin ...
#
# It runs as root without any right over the files of others, in whatever image has a busybox.
set -eu
umask 077
cd "${SECRETS:-/secrets}"

names='NATS_ADMIN NATS_INGEST NATS_ENRICH NATS_STORE NATS_SUBSCRIBER
CLICKHOUSE_MIGRATOR CLICKHOUSE_WRITER CLICKHOUSE_READER'

if [ "${1:-}" = show ]; then
	name=$(printf %s "${2:?usage: show NAME}" | tr '[:lower:]' '[:upper:]')
	grep -E "^(NATS_|CLICKHOUSE_)?${name}_PASSWORD=" passwords | cut -d= -f2 | grep . ||
		{ echo "no password of $2; there are those of $(echo "$names" | sed 's/[A-Z]*_//g' | tr '[:upper:]\n' '[:lower:] ')" >&2; exit 1; }
	exit
fi

# The list of all is root's own.
touch passwords
for name in $names; do
	eval "value=\${${name}_PASSWORD:-}"
	[ -n "$value" ] || value=$(sed -n "s/^${name}_PASSWORD=//p" passwords)
	# 160 bits in hexadecimal after a letter, so that no configuration format takes it for a number.
	[ -n "$value" ] || value=k$(od -An -vN20 -tx1 /dev/urandom | tr -d ' \n')
	case $value in
	[!a-zA-Z]* | *[!a-zA-Z0-9]*)
		echo "${name}_PASSWORD: want letters and digits, the first a letter" >&2
		exit 1
		;;
	esac
	printf '%s_PASSWORD=%s\n' "$name" "$value"
done >passwords.new
mv passwords.new passwords
. ./passwords

# give USER FILE puts stdin into a file of the user's, whole or not at all.
give() {
	cat >"$2.new"
	chmod 400 "$2.new"
	[ -n "${SECRETS:-}" ] || chown "$1" "$2.new"
	mv -f "$2.new" "$2"
}
hash() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
dsn() { printf 'http://%s:%s@clickhouse:8123/whoknocks\n' "$1" "$2"; }

sed -n 's/^NATS_/export &/p' passwords | give "$NATS_USER" nats.env
give "$CLICKHOUSE_USER" clickhouse.env <<EOF
export CLICKHOUSE_MIGRATOR_SHA256=$(hash "$CLICKHOUSE_MIGRATOR_PASSWORD")
export CLICKHOUSE_WRITER_SHA256=$(hash "$CLICKHOUSE_WRITER_PASSWORD")
export CLICKHOUSE_READER_SHA256=$(hash "$CLICKHOUSE_READER_PASSWORD")
EOF
echo "$NATS_INGEST_PASSWORD" | give "$INGEST_USER" ingest.bus
echo "$NATS_ENRICH_PASSWORD" | give "$ENRICH_USER" enrich.bus
echo "$NATS_STORE_PASSWORD" | give "$STORE_USER" store.bus
dsn writer "$CLICKHOUSE_WRITER_PASSWORD" | give "$STORE_USER" store.dsn
dsn reader "$CLICKHOUSE_READER_PASSWORD" | give "$REPORT_USER" report.dsn
echo "$NATS_ADMIN_PASSWORD" | give "$WHOKNOCKS_USER" whoknocks.bus
dsn writer "$CLICKHOUSE_WRITER_PASSWORD" | give "$WHOKNOCKS_USER" whoknocks.dsn
dsn migrator "$CLICKHOUSE_MIGRATOR_PASSWORD" | give "$WHOKNOCKS_USER" setup.dsn
[ -n "${SECRETS:-}" ] && exit

# Others pass through the folder and read what is theirs.
chmod 711 .
chown "$NATS_USER" /data
chown "$CLICKHOUSE_USER" /var/lib/clickhouse
echo 'passwords and volumes are there'
