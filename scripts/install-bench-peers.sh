#!/usr/bin/env bash
# install-bench-peers.sh [NAME...]   installs what ./bench measures beside: Postgres for all; packers, AWS SDKs and an S3 server for "zip"; nginx and @tus/server for "upload"; nginx for "download"; chromium for "portal"; libvips and sharp for "images"; rclone, aws and an S3 server for "sync".
# A program that is there already is taken, wherever it is from.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
has() { command -v "$1" >/dev/null; }
packages=()
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || has initdb || packages+=(postgresql)
zip=no
case " ${*:-zip} " in *" zip "* | *" memory "*) zip=yes ;; esac
if [ $zip = yes ]; then
  "$root/scripts/ceph.sh" install
  has zip || packages+=(zip)
  has 7z || packages+=(p7zip-full)
  packages+=(python3-boto3) # for Debian's own Python
  has python3 || packages+=(python3-minimal)
  ls /usr/lib/*/libeatmydata.so >/dev/null 2>&1 || packages+=(libeatmydata1)
  has npm || packages+=(nodejs npm)
fi
upload=no
case " ${*:-upload} " in *" upload "*) upload=yes ;; esac
if [ $upload = yes ]; then
  has nginx || packages+=(nginx-light)
  has npm || packages+=(nodejs npm)
fi
case " ${*:-download} " in *" download "*) has nginx || packages+=(nginx-light) ;; esac
case " ${*:-portal} " in *" portal "*) has chromium || packages+=(chromium) ;; esac
images=no
case " ${*:-images} " in *" images "*) images=yes ;; esac
if [ $images = yes ]; then
  packages+=(libvips42)
  has npm || packages+=(nodejs npm)
fi
case " ${*:-sync} " in *" sync "*)
  "$root/scripts/ceph.sh" install
  has rclone || packages+=(rclone)
  has aws || packages+=(awscli)
  ;;
esac
if [ ${#packages[@]} -gt 0 ]; then "$root/scripts/apt-install.sh" "${packages[@]}"; fi
peers=$root/tests/Benchmarks/peers
if [[ "$zip $upload $images" = *yes* ]] && [ ! "$peers/node_modules" -nt "$peers/package-lock.json" ]; then
  npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$peers" >&2
  touch "$peers/node_modules"
fi
