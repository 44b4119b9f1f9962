#!/usr/bin/env bash
# A private Postgres on 127.0.0.1.
#   postgres.sh start DIR [PORT]   creates the cluster where there is none, starts it, prints its connection string; running: only prints
#   postgres.sh stop DIR           ends it in an orderly way; not running: nothing to do
# DIR holds data/ (the cluster), port, password (mode 600) and postgres.log. Without PORT it keeps the port it had, or takes a free one.
# PG_FSYNC=off gives up durability for speed (tests). PG_BIN names the binaries; else they are found, or installed (as root, by apt-get).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() { echo "$*" >&2; exit 1; }
[ $# -ge 2 ] || fail "Usage: postgres.sh start DIR [PORT] | stop DIR"
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
data=$dir/data

# Prints the pid of the server that runs on this cluster. A pid file left by a crash may name a process of somebody else, or a dead one
# that nobody has waited for: the server is the one that works in the data folder.
server() {
  local pid
  pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || return 1
  [ "/proc/$pid/cwd" -ef "$data" ] || return 1
  echo "$pid"
}

if [ -e "$data" ] && [ ! -w "$data" ]; then
  fail "The data in $data belongs to $(stat -c %U "$data" 2>/dev/null || echo another user): run this as that user (or root), or move $dir away."
fi

if [ "$command" = stop ]; then
  pid=$(server) || exit 0
  kill -INT "$pid" 2>/dev/null || exit 0 # fast shutdown: open sessions are ended, everything is flushed
  for _ in $(seq 300); do server >/dev/null || exit 0; sleep 0.1; done
  fail "Postgres (process $pid) did not stop within 30 s; see $dir/postgres.log."
fi
[ "$command" = start ] || fail "Usage: postgres.sh start DIR [PORT] | stop DIR"

find_binaries() {
  local version candidate
  version=$(cat "$data/PG_VERSION" 2>/dev/null || true) # a cluster only runs on the major version that made it
  # shellcheck disable=SC2012 # plain version folders
  for candidate in ${PG_BIN:-} $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -rV) \
    "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
    if [ ! -x "$candidate/initdb" ] || [ ! -x "$candidate/postgres" ]; then continue; fi
    if [ -z "$version" ] || "$candidate/postgres" --version | grep -q " ${version}[.b]"; then echo "$candidate"; return; fi
  done
  return 1
}

if ! bin=$(find_binaries); then
  [ ! -e "$data/PG_VERSION" ] || fail "The data in $data needs Postgres $(cat "$data/PG_VERSION"): install it, or move the folder away to start afresh."
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && [ ! -e /etc/postgresql-common ]; then
    # The package would create and start a cluster of its own on port 5432.
    mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
  fi
  "$here/apt-install.sh" postgresql
  bin=$(find_binaries) || fail "Postgres' server programs (initdb, postgres) were not found: install them, or name their folder in PG_BIN."
fi

# Postgres refuses to run as root, so as root it runs as whoever the data belongs to, at first the user "postgres". That user cannot walk
# into a checkout below /root or a folder of mode 700, and needs no right to: it inherits an open descriptor of the data folder and reaches
# everything through that.
# (cwd is / because Postgres 15 changes back to the absolute path of its cwd while it looks for its own program.)
as_server=()
reachable() { echo "$1"; }
if [ "$(id -u)" -eq 0 ]; then
  user=$(stat -c %U "$data" 2>/dev/null || echo postgres)
  group=$(id -g "$user" 2>/dev/null) || fail "There is no user $user to run Postgres as: create it (useradd --system $user), or run this as an ordinary user."
  as_server=(setpriv --reuid="$user" --regid="$group" --init-groups)
  reachable() { echo "/proc/self/fd/$2"; }
fi
own() { [ "$(id -u)" -ne 0 ] || chown "$user:$group" "$1"; }
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

if [ ! -e "$data" ]; then
  rm -rf "$dir/data.new" # of an initdb that was cut off
  (umask 077; mkdir "$dir/data.new"; od -An -N18 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password")
  own "$dir/data.new"; own "$dir/password"
  no_sync=()
  [ "${PG_FSYNC:-on}" = on ] || no_sync=(--no-sync)
  (
    exec 8<"$dir/password" 9<"$dir/data.new"
    cd /
    "${as_server[@]}" "$bin/initdb" -D "$(reachable "$dir/data.new" 9)" --pwfile="$(reachable "$dir/password" 8)" \
      --username=postgres --auth=scram-sha-256 --encoding=UTF8 --locale=C ${no_sync[@]+"${no_sync[@]}"}
  ) >"$dir/postgres.log" 2>&1 || { cat "$dir/postgres.log" >&2; fail "initdb could not create a cluster in $dir."; }
  mv "$dir/data.new" "$data"
fi
start_server() {
  local options=(-p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c shared_buffers=128MB)
  [ "${PG_FSYNC:-on}" = on ] || options+=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
  (
    exec 9<"$data"
    cd /
    # A session of its own: Ctrl-C reaches the host first, which still needs its database to stop in order.
    exec setsid "${as_server[@]}" "$bin/postgres" -D "$(reachable "$data" 9)" "${options[@]}"
  ) >>"$dir/postgres.log" 2>&1 </dev/null &
  local pid=$!
  for _ in $(seq 600); do
    # It is ready once it says so in its pid file (pg_ctl looks there, too): another server on the port cannot be mistaken for it.
    if grep -q '^ready' "$data/postmaster.pid" 2>/dev/null && server >/dev/null; then return 0; fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.1
  done
  fail "Postgres did not get ready within 60 s; see $dir/postgres.log."
}

if server >/dev/null; then
  for _ in $(seq 300); do ! grep -q '^stopping' "$data/postmaster.pid" 2>/dev/null || sleep 0.1; done
fi
if ! server >/dev/null; then
  # Of a crash: its pid is free again or somebody else's. Where it is free, Postgres itself checks what else may be left.
  if pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null; then rm -f "$data/postmaster.pid"; fi
  port=${3:-$(cat "$dir/port" 2>/dev/null || true)}
  started=false
  for _ in 1 2 3 4 5; do
    if [ -z "${3:-}" ]; then
      while [ -z "$port" ] || listening "$port"; do port=$((20000 + RANDOM % 12000)); done # below the ports the system hands out
    elif listening "$port"; then
      fail "Port $port is in use: Postgres cannot listen there."
    fi
    if start_server; then started=true; break; fi
    sleep 1 # sessions of a killed server are still ending, or the port was just taken
  done
  $started || { tail -n 5 "$dir/postgres.log" >&2; fail "Postgres did not start; see $dir/postgres.log."; }
  echo "$port" >"$dir/port"
fi
echo "Host=127.0.0.1;Port=$(cat "$dir/port");Username=postgres;Password=$(cat "$dir/password");Database=postgres"
