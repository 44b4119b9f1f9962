#!/usr/bin/env bash
# Installs what the tests need beside Postgres. One line per need, so that each says why.
set -euo pipefail
needs=(
  openssl python3-aiosmtpd                                                     # mail: a real SMTP server, and Python's parser as a second opinion
  libjpeg-turbo-progs ffmpeg                                                   # sample media: decoders that are not ours
  unzip p7zip-full libarchive-tools python3-minimal busybox unar minizip       # albums: readers that must accept every ZIP
)
command -v npm >/dev/null || needs+=(nodejs npm)                               # uploads: the TypeScript client
"$(dirname "${BASH_SOURCE[0]}")/ceph.sh" install                              # storage: a real S3 server
exec "$(dirname "${BASH_SOURCE[0]}")/apt-install.sh" "${needs[@]}"
