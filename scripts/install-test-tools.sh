#!/usr/bin/env bash
# Installs what the tests need beside Postgres. One line per need, so that each says why.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/apt-install.sh" openssl python3-aiosmtpd   # mail: a real SMTP server, and Python's parser as a second opinion
