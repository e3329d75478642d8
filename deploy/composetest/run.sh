#!/bin/sh
# run.sh TOOLS runs docker-compose.yml for real, see README.md beside it: with a Docker daemon of its
# own, Compose built from source, and stand-ins for the images that a registry would give. It needs
# root and Debian's packages docker.io and busybox-static, which it installs where they are missing;
# without them it says that it has not run. TOOLS is a folder that keeps what is built once.
set -eu
cd "$(dirname "$0")/../.."
GO=${GO:-go}
COMPOSE_VERSION=v2.40.3
mkdir -p "$1"
tools=$(cd "$1" && pwd)

cannot() {
	echo "compose-test: NOT RUN: $*"
	exit 0
}
say() { echo "compose-test: $*"; }

[ "$(uname -s)" = Linux ] || cannot "it needs Linux"
[ "$(id -u)" = 0 ] || cannot "it needs root, to run a Docker daemon of its own"
lib=$(ls .cache/deps/node_modules/@chdb/*/libchdb.so 2>/dev/null) || cannot "the engine is missing: make deps"
if ! command -v dockerd >/dev/null || ! command -v busybox >/dev/null; then
	command -v apt-get >/dev/null || cannot "there is no dockerd, and no apt-get to install it"
	{ apt-get update -q && apt-get install -qy --no-install-recommends docker.io busybox-static; } >/dev/null 2>&1 ||
		cannot "docker.io and busybox-static cannot be installed"
fi

# What is built once. Compose is no module that another can require as a tool.
if [ ! -x "$tools/docker-compose-$COMPOSE_VERSION" ]; then
	say "building docker compose $COMPOSE_VERSION, once; it takes minutes"
	scratch=$(mktemp -d)
	(
		cd "$scratch"
		printf 'module scratch\ngo 1.26.0\n' >go.mod
		GOFLAGS='' GOWORK=off "$GO" get "github.com/docker/compose/v2/cmd@$COMPOSE_VERSION" >/dev/null 2>&1
		GOFLAGS='' GOWORK=off CGO_ENABLED=0 "$GO" build -trimpath -ldflags '-s -w' -o docker-compose github.com/docker/compose/v2/cmd
		mv docker-compose "$tools/docker-compose-$COMPOSE_VERSION"
	)
	rm -rf "$scratch"
fi
nats=$(sed -n 's/^ *image: nats:\(.*\)-alpine$/\1/p' docker-compose.yml | head -n 1)
if [ ! -x "$tools/nats-server-v$nats" ]; then
	say "building nats-server $nats, once"
	GOFLAGS='' GOWORK=off CGO_ENABLED=0 GOBIN=$tools "$GO" install -trimpath -ldflags '-s -w' "github.com/nats-io/nats-server/v2@v$nats"
	mv "$tools/nats-server" "$tools/nats-server-v$nats"
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/whoknocks-compose.XXXXXX")
export DOCKER_HOST="unix://$dir/docker.sock" DOCKER_CONFIG="$dir/config" DOCKER_BUILDKIT=0 COMPOSE_BAKE=false COMPOSE_MENU=false COMPOSE_PARALLEL_LIMIT=1
end() {
	code=$?
	trap - EXIT INT TERM
	set +e
	if [ -S "$dir/docker.sock" ]; then
		containers=$(docker ps -aq)
		[ -z "$containers" ] || docker rm -f $containers >/dev/null 2>&1
	fi
	if [ -s "$dir/docker.pid" ]; then
		kill "$(cat "$dir/docker.pid")"
		for _ in $(seq 100); do
			[ -e "$dir/docker.pid" ] || break
			sleep 0.2
		done
	fi
	rm -rf "$dir" 2>/dev/null || { sleep 2; rm -rf "$dir"; }
	exit $code
}
trap end EXIT
trap 'exit 130' INT TERM

# In a network of its own, which reaches nothing: neither the builds nor the start can need one, and
# what this machine listens on and filters is left alone.
say "starting a Docker daemon of its own"
unshare --net sh -c 'busybox ip link set lo up && exec "$@"' - \
	dockerd --host "$DOCKER_HOST" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" >"$dir/dockerd.log" 2>&1 &
for _ in $(seq 150); do
	docker version >/dev/null 2>&1 && break
	sleep 0.2
done
docker version >/dev/null 2>&1 || {
	tail -n 5 "$dir/dockerd.log"
	cannot "the Docker daemon does not start here"
}

# The stand-ins. Each is a folder with a busybox and what the image is for.
root=$dir/root
new() {
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/root"
	chmod 1777 "$root/tmp"
	for applet in $(busybox --list); do ln -sf busybox "$root/bin/$applet"; done
	cp --remove-destination "$(command -v busybox)" "$root/bin/busybox"
	[ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
}
import() { # NAME [CHANGE...]
	name=$1
	shift
	changes=
	for change; do changes="$changes --change '$change'"; done
	tar -C "$root" -c . | eval "docker import $changes - '$name'" >/dev/null
	say "stand-in for $name"
}
from() { sed -n "s/^FROM \\([^ ]*\\) AS $1\$/\\1/p" deploy/Dockerfile; }
image() { sed -n "s#^ *image: \\($1:.*\\)#\\1#p" docker-compose.yml | head -n 1; }

# The local toolchain with the modules that go.work asks for, and compiled packages to begin with.
new
mkdir -p "$root/go/pkg" "$root/root/.cache" "$root/usr/local"
export GOFLAGS=-buildvcs=false
for file in go.work go.work.sum $(git ls-files '*/go.mod' '*/go.sum'); do # a copy: go mod download adds to go.work.sum
	mkdir -p "$dir/modules/$(dirname "$file")"
	cp "$file" "$dir/modules/$file"
done
(
	export GOMODCACHE="$root/go/pkg/mod" GOPROXY="file://$("$GO" env GOMODCACHE)/cache/download,$("$GO" env GOPROXY)"
	cd "$dir/modules" && "$GO" mod download
)
CGO_ENABLED=0 GOCACHE=$tools/gocache "$GO" build -trimpath -tags apart -ldflags '-s -w' -o "$dir/" ./services/ingest/cmd/ingest ./services/enrich/cmd/enrich \
	./services/store/cmd/store ./services/report/cmd/report ./services/standalone/cmd/standalone
cp -a "$("$GO" env GOROOT)" "$root/usr/local/go"
cp -a "$tools/gocache" "$root/root/.cache/go-build"
import "$(from build)" 'ENV PATH=/usr/local/go/bin:/usr/local/bin:/bin' 'ENV GOPATH=/go GOPROXY=off GOSUMDB=off HOME=/root'

# npm, which brings what make deps has brought here.
new
mkdir -p "$root/packages"
cp -a .cache/deps/node_modules/@ip-location-db "$root/packages/"
printf '#!/bin/sh\nmkdir -p node_modules && cp -a /packages/. node_modules/\n' >"$root/usr/local/bin/npm"
chmod 755 "$root/usr/local/bin/npm"
import "$(from ipdata)" 'ENV PATH=/usr/local/bin:/bin'

new
cp "$tools/nats-server-v$nats" "$root/usr/local/bin/nats-server"
import "$(image nats)" 'ENV PATH=/usr/local/bin:/bin' 'ENTRYPOINT ["nats-server"]'

# The embedded engine, with the libraries of this machine.
new
engine=$root/usr/share/whoknocks/@chdb/$(basename "$(dirname "$lib")")
mkdir -p "$engine" "$root/usr/bin" "$root/etc/clickhouse-server/config.d" "$root/etc/clickhouse-server/users.d" "$root/var/lib/clickhouse"
cp -L "$lib" "$engine/"
"$GO" test -c -o "$root/usr/bin/standin" ./services/standalone/internal/chdb
for file in $(ldd "$lib" "$root/usr/bin/standin" | grep -o '/[^ :]*' | grep -v "^$root\|^$PWD\|libchdb" | sort -u); do
	mkdir -p "$root$(dirname "$file")"
	cp -L "$file" "$root$file"
done
printf '#!/bin/sh\nexec /usr/bin/standin clickhouse-server "$@"\n' >"$root/usr/bin/clickhouse-server"
chmod 755 "$root/usr/bin/clickhouse-server"
import "$(image clickhouse/clickhouse-server)" 'ENV PATH=/usr/bin:/bin'
rm -rf "$root"

say "running docker-compose.yml"
"$GO" test -c -o "$dir/stack.test" ./services/standalone
cd services/standalone
WHOKNOCKS_COMPOSE=$tools/docker-compose-$COMPOSE_VERSION \
	nsenter "--net=/proc/$(cat "$dir/docker.pid")/ns/net" "$dir/stack.test" -test.timeout 40m -test.run '^TestComposeStack$' -test.v
