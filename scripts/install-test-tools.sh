#!/usr/bin/env bash
# install-test-tools.sh [--long]   installs what the tests need beside Postgres. One line per need, so that each says why.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
needs=(
  openssl python3-aiosmtpd                                                     # mail: a real SMTP server, and Python's parser as a second opinion
  libjpeg-turbo-progs ffmpeg                                                   # sample media: decoders that are not ours
  libvips42                                                                    # assets: what makes images
  unzip p7zip-full libarchive-tools python3-minimal busybox unar minizip       # albums: readers that must accept every ZIP
)
command -v curl >/dev/null || needs+=(curl)                                    # uploads: a client that knows no upload protocol
needs+=(chromium fonts-inter)                                                  # portal, uploads: a browser, and the font of its pictures
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then needs+=(nodejs npm); fi # uploads: the TypeScript client, and those of others
if [ "${1:-}" = --long ]; then
  needs+=(openjdk-17-jdk-headless golang-go ziptool php-cli php-zip)           # albums: more readers
fi
"$scripts/ceph.sh" install                                                     # storage: a real S3 server
"$scripts/apt-install.sh" "${needs[@]}"
for packages in "$scripts/../tests/Clients" "$scripts/../tests/Portal.Tests" "$scripts/../tests/Assets.Tests/vite"; do
  if [ ! "$packages/node_modules" -nt "$packages/package-lock.json" ]; then
    npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$packages" >&2
    npm run --silent --if-present --prefix "$packages" build >&2
    touch "$packages/node_modules"
  fi
done
if [ "${1:-}" = --long ] && [ ! -e "$scripts/../artifacts/tools/node_modules/yauzl" ]; then
  npm install --silent --no-fund --no-audit --prefix "$scripts/../artifacts/tools" yauzl@3.4.0 >&2
fi
