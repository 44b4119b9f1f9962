#!/usr/bin/env bash
# Fails with one sentence where the .NET SDK that global.json asks for is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ! command -v dotnet >/dev/null; then
  echo "The .NET 10 SDK is missing: install it from https://dotnet.microsoft.com/download/dotnet/10.0." >&2
  exit 1
fi
if ! version=$(dotnet --version 2>/dev/null); then
  found=$(dotnet --list-sdks 2>/dev/null | cut -d' ' -f1 | paste -sd' ' -)
  echo "The .NET 10 SDK is needed, found is ${found:-only a runtime}: install it from https://dotnet.microsoft.com/download/dotnet/10.0." >&2
  exit 1
fi
case $version in 1[0-9].*) ;; *) echo "The .NET 10 SDK is needed, found is $version: install it from https://dotnet.microsoft.com/download/dotnet/10.0." >&2; exit 1 ;; esac
