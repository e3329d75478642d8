#!/bin/sh
# fetch.sh DIR puts what whoknocks loads at run time under DIR/node_modules: the engine's shared
# library for this platform (566 MB) and the IP data (150 MB), as package-lock.json names them.
#
# npm checks every package against the hash in the lock file. The lock has no hash for the three
# platforms whose packages were not offered where it was written (macOS, and Linux on arm64): there
# npm checks against the hash its registry states. No script of any package is run.
#
# It does nothing when DIR already holds what the lock file names, and an interrupted run leaves
# the old content, or none, never half of the new one. Needs npm 9 or later.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: fetch.sh DIR}

otherwise() {
	cat >&2 <<-'EOF'
	There are two ways without it, by the environment (or clickhouse.lib and clickhouse.dsn in the configuration):
	  - name a libchdb of your own:           WHOKNOCKS_CLICKHOUSE_LIB=/path/to/libchdb.so
	  - name a ClickHouse that runs already:  WHOKNOCKS_CLICKHOUSE_DSN=http://user:password@host:8123/whoknocks
	EOF
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
stamp=$dir/deps.stamp

# The platform is part of the stamp: a folder shared between machines holds one platform's library.
want="$(cat "$here/package.json" "$here/package-lock.json" | cksum) $(uname -s)-$(uname -m)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
	exit 0
fi

if ! command -v npm >/dev/null 2>&1; then
	echo "make deps: npm is not installed; it fetches the engine and the IP data." >&2
	otherwise
	exit 1
fi

# One run at a time: two makes in two terminals would empty each other's folder.
if ! mkdir "$dir/fetch.lock" 2>/dev/null; then
	echo "make deps: another run is fetching into $dir; if none is, remove $dir/fetch.lock" >&2
	exit 1
fi
new=$dir/fetch.new
trap 'rm -rf "$new" "$dir/fetch.lock"' EXIT
trap 'exit 130' INT TERM

rm -rf "$new"
mkdir "$new"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$new/"
echo "make deps: fetching the engine and the IP data (about 200 MB, once)" >&2
if ! (cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2; then
	echo "make deps: npm could not fetch the packages, see above." >&2
	otherwise
	exit 1
fi

rm -rf "$dir/node_modules" "$stamp"
mv "$new/node_modules" "$dir/node_modules"
if ! ls "$dir"/node_modules/@chdb/*/libchdb.* >/dev/null 2>&1; then
	# Not an error and no stamp: the IP data is there, and the next run asks npm again.
	echo "make deps: npm offers no engine for $(uname -s) on $(uname -m)." >&2
	otherwise
	exit 0
fi
echo "$want" >"$stamp"
