#!/bin/sh
# secrets.sh EXAMPLE FILE copies EXAMPLE to FILE and gives every empty *_PASSWORD a random value:
# 160 bits in hexadecimal after a letter, so that no configuration format takes it for a number.
# FILE is readable by its owner only, and complete or not there at all.
set -eu
example=${1:?usage: secrets.sh EXAMPLE FILE}
file=${2:?usage: secrets.sh EXAMPLE FILE}
umask 077
while IFS= read -r line || [ -n "$line" ]; do
	case $line in
	'#'*) printf '%s\n' "$line" ;;
	*_PASSWORD=) printf '%sk%s\n' "$line" "$(od -An -vN20 -tx1 /dev/urandom | tr -d ' \n')" ;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$example" >"$file.new"
mv "$file.new" "$file"
echo "made $file with new secrets"
