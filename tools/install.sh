#!/bin/sh
# Installs the locked dependencies of a folder of the project (tools/install.sh [folder]), by default of the project itself, and does
# nothing where they are installed already: the lockfile they were installed from is kept beside them and compared by content, since every
# checkout gives files new times.
set -eu
cd "$(dirname "$0")/../${1:-.}"
cmp -s package-lock.json node_modules/.installed-from && exit 0
command -v npm >/dev/null || { echo 'error: npm is not on PATH; install Node.js 20.19 or newer with npm' >&2; exit 1; }
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
cp package-lock.json node_modules/.installed-from
