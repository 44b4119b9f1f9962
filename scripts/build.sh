#!/usr/bin/env bash
# build.sh PROJECT...   builds projects (folders) for release, unless no source has changed since the last time. Leaves no build server running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p artifacts/build
checksum() { find "$@" ./*.props ./*.txt global.json .editorconfig -type f -not -path '*/bin/*' -not -path '*/obj/*' -not -path '*/node_modules/*' -not -path '*/Client/dist/*' -print0 | sort -z | xargs -0 cksum | cksum; }
# The portal's scripts are TypeScript.
if ! command -v npm >/dev/null; then scripts/apt-install.sh nodejs npm; fi
for project in "$@"; do
  case $project in */tests/*) sources=$(checksum src tests clients) ;; *) sources=$(checksum src clients) ;; esac
  stamp=artifacts/build/$(basename "$project")
  output=$project/bin/Release/net10.0/$(basename "$project").dll
  if [ -e "$output" ] && [ "$(cat "$stamp.stamp" 2>/dev/null)" = "$sources" ]; then continue; fi
  echo "Building $(basename "$project")" >&2
  if ! dotnet build "$project" -c Release -v quiet -nologo --disable-build-servers >"$stamp.log" 2>&1; then
    sed -n 's/^.*\(error .*\)$/\1/p' "$stamp.log" | sort -u | head -n 20 >&2
    echo "The build of $project failed; its whole output is in $stamp.log." >&2
    exit 1
  fi
  echo "$sources" >"$stamp.stamp"
done
