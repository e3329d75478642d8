#!/bin/sh
# backup.sh puts the volumes of the stopped stack into one file below /backups, and back:
#
#   backup.sh                 makes whoknocks-<time>.tar.gz
#   backup.sh restore FILE    empties the volumes and fills them from the file of that name
#
# The file holds the passwords, too: it is readable by root only.
set -eu
umask 077
cd /volumes

# Both servers leave a lock or a socket open only while they run; nothing here can see them, but a
# file that changes while it is read shows.
case ${1:-} in
'')
	file=/backups/whoknocks-$(date -u +%Y%m%dT%H%M%SZ).tar.gz
	trap 'rm -f "$file.new"' EXIT
	tar -czf "$file.new" secrets bus clickhouse
	gzip -t "$file.new"
	mv "$file.new" "$file"
	echo "${file#/backups/}"
	;;
restore)
	file=/backups/${2:?usage: restore FILE}
	gzip -t "$file"
	tar -tzf "$file" >/dev/null
	for volume in secrets bus clickhouse; do
		rm -rf "$volume"/* "$volume"/.[!.]* "$volume"/..?*
	done
	tar -xzpf "$file"
	echo "restored from $2"
	;;
*)
	echo 'usage: backup.sh [restore FILE]' >&2
	exit 2
	;;
esac
