#!/usr/bin/env bash
# A private S3 server on 127.0.0.1: Ceph's RADOS Gateway with one monitor and one OSD, for tests and development.
#   ceph.sh install            installs the packages that are missing (root, Debian or Ubuntu; 109 MB)
#   ceph.sh start DIR [PORT]   creates it where there is none, starts it, prints "http;https;CA file;access key;secret key"; running: only prints
#   ceph.sh stop DIR           ends it; not running: nothing to do
# http is on PORT, TLS with a certificate of its own on PORT+1: R2's settings of the SDK want TLS. Without PORT it takes free ones.
# DIR holds all of it. OSD_STORE=memstore keeps objects in memory, and forgets them at the end (tests); bluestore keeps them in a sparse file.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() { echo "$*" >&2; exit 1; }
usage() { fail "Usage: ceph.sh install | start DIR [PORT] | stop DIR"; }
installed() { command -v ceph-mon && command -v ceph-osd && command -v radosgw && command -v openssl; } >/dev/null

if [ "${1:-}" = install ]; then
  installed && exit 0
  policy=/usr/sbin/policy-rc.d # keeps the packages from starting services of their own
  if [ "$(id -u)" -eq 0 ] && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  "$here/apt-install.sh" ceph-mon ceph-osd radosgw openssl
  exit
fi

[ $# -ge 2 ] || usage
mkdir -p "$2"
dir=$(cd "$2" && pwd)
conf=$dir/ceph.conf
exec 9>"$dir/.lock" # one start or stop at a time; the daemons do not inherit the descriptor
flock 9

# Whether daemon $1 runs. A pid file left by a crash may name a process of somebody else.
alive() {
  local pid
  pid=$(cat "$dir/run/$1.pid" 2>/dev/null) && grep -qF "$conf" "/proc/$pid/cmdline" 2>/dev/null
}
spawn() {
  local name=$1
  shift
  alive "$name" && return
  setsid "$@" >>"$dir/log/$name.out" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/run/$name.pid"
}
stop() {
  local name pid
  for name in rgw osd mon; do
    alive "$name" || continue
    pid=$(cat "$dir/run/$name.pid")
    kill "$pid"
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    ! alive "$name" || kill -9 "$pid"
  done
  rm -f "$dir"/run/*.pid
}
await() { # await SECONDS NAME COMMAND...: until the command succeeds, while the daemon lives
  local seconds=$1 name=$2
  shift 2
  for _ in $(seq $((seconds * 5))); do
    if "$@" >/dev/null 2>&1; then return; fi
    kill -0 "$(cat "$dir/run/$name.pid")" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 5 "$dir/log/$name".* >&2
  fail "Ceph's $name did not start; see $dir/log."
}

case $1 in
  stop) stop; exit ;;
  start) ;;
  *) usage ;;
esac
installed || fail "The S3 server for the tests is not installed: run \`scripts/ceph.sh install\` as root (Ceph's ceph-mon, ceph-osd and radosgw)."

free_port() { # a port that is free, and the next one too
  local port
  while :; do
    port=$((20000 + RANDOM % 12000)) # below the ports the system hands out
    if ! { (exec 3<>"/dev/tcp/127.0.0.1/$port") || (exec 3<>"/dev/tcp/127.0.0.1/$((port + 1))"); } 2>/dev/null; then echo "$port"; return; fi
  done
}
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
mkdir -p "$dir"/{run,log,rgw}

if [ ! -s "$conf" ]; then
  port=${3:-$(free_port)}
  umask 077
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>"$dir/log/openssl.out"
  cat >"$conf.new" <<END
# http://127.0.0.1:$port;https://127.0.0.1:$((port + 1));$dir/tls.crt;test$(random_hex 6);$(random_hex 20)
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$(free_port)/0]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = $dir/keyring
run_dir = $dir/run
admin_socket =
log_file = $dir/log/\$name.log
crash_dir = $dir/log
pid_file =
log_to_stderr = false
err_to_stderr = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 2000
[mon]
mon_data = $dir/mon
mon_cluster_log_file = $dir/log/cluster.log
mon_data_avail_crit = 1
[osd]
osd_data = $dir/osd
osd_objectstore = ${OSD_STORE:-bluestore}
bluestore_block_size = 32212254720
memstore_device_bytes = 32212254720
osd_memory_target = 1073741824
mon_osd_full_ratio = 0.98
[client.rgw]
rgw_data = $dir/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$((port + 1)) ssl_certificate=$dir/tls.crt ssl_private_key=$dir/tls.key
rgw_enable_apis = s3
rgw_dynamic_resharding = false
rgw_override_bucket_index_max_shards = 1
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_gc_obj_min_wait = 60
rgw_gc_processor_period = 60
rgw_gc_processor_max_time = 60
rgw_thread_pool_size = 64
END
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
  ceph-authtool "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd' >/dev/null
  ceph-authtool "$dir/keyring" --gen-key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx' --cap mgr 'allow rw' >/dev/null
  mv "$conf.new" "$conf"
fi
setting() { sed -n "s/^$1 = //p" "$conf"; }
ceph=$(command -v ceph)
address=$(sed -n '1s/^# //p' "$conf")
IFS=';' read -r endpoint _ _ access secret <<<"$address"
ceph() { timeout 60 "$ceph" -c "$conf" --connect-timeout 20 "$@"; }

if [ "$(setting osd_objectstore)" = memstore ] && ! alive osd; then # it starts empty, so all else does too
  stop
  rm -rf "$dir"/{mon,osd,made-*}
fi
if [ ! -e "$dir/made-mon" ]; then
  rm -rf "$dir"/{mon,monmap}
  mkdir "$dir/mon"
  monmaptool --create --fsid "$(setting fsid)" --addv a "$(setting mon_host)" "$dir/monmap" >/dev/null
  ceph-mon -c "$conf" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring" >>"$dir/log/mon.out" 2>&1
  touch "$dir/made-mon"
fi
spawn mon ceph-mon -c "$conf" -f -i a
await 30 mon ceph mon stat
if [ ! -e "$dir/made-osd" ]; then
  rm -rf "$dir/osd"
  mkdir "$dir/osd"
  [ -s "$dir/osd.uuid" ] || cp /proc/sys/kernel/random/uuid "$dir/osd.uuid"
  ceph osd new "$(cat "$dir/osd.uuid")" 0 >/dev/null
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$(cat "$dir/osd.uuid")" >>"$dir/log/osd.out" 2>&1
  touch "$dir/made-osd"
fi
spawn osd ceph-osd -c "$conf" -f -i 0
osd_is_up() { ceph osd stat | grep -q '1 up'; }
await 30 osd osd_is_up
spawn rgw radosgw -c "$conf" -f -n client.rgw
answers() {
  exec 3<>"/dev/tcp/127.0.0.1/${endpoint##*:}"
  printf 'GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
  head -n 1 <&3 | grep -q ' 200'
}
gateway_answers() { (answers); }
await 90 rgw gateway_answers
if [ ! -e "$dir/made-user" ]; then
  radosgw-admin -c "$conf" -n client.admin user create --uid=test --display-name=test --access-key="$access" --secret="$secret" >"$dir/log/user.out" 2>&1 ||
    radosgw-admin -c "$conf" -n client.admin user info --uid=test >>"$dir/log/user.out" 2>&1 || fail "Ceph did not create its user; see $dir/log/user.out."
  touch "$dir/made-user"
fi
echo "$address"
