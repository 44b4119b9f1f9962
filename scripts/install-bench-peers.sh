#!/usr/bin/env bash
# Installs what ./bench measures beside: packers for "zip"; Postgres for both.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/apt-install.sh" postgresql
if [ "${1:-all}" = all ] || [ "$1" = zip ]; then
  "$root/scripts/apt-install.sh" zip p7zip-full python3-minimal nodejs npm
  if [ ! -d "$root/artifacts/peers/node_modules/archiver" ]; then
    npm install --silent --no-audit --no-fund --prefix "$root/artifacts/peers" archiver@7 >&2 \
      || echo "npm could not install archiver: the table will lack it." >&2
  fi
fi
