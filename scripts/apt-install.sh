#!/usr/bin/env bash
# apt-install.sh PACKAGE...   installs the Debian/Ubuntu packages that are missing, as root; otherwise says what to install and fails.
set -euo pipefail
missing=()
for package in "$@"; do
  if ! { command -v dpkg-query && dpkg-query -W -f '${db:Status-Abbrev}' "$package" | grep -q '^ii'; } >/dev/null 2>&1; then missing+=("$package"); fi
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Please install: ${missing[*]} (on Debian or Ubuntu: sudo apt-get install ${missing[*]})." >&2
  exit 1
fi
echo "Installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  echo "apt-get could not install ${missing[*]}; its whole output is in $log." >&2
  exit 1
fi
rm -f "$log"
