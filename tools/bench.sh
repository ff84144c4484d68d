#!/bin/sh
# Measures speed against thresholds and fails below one: tools/bench.sh [measurement...]. The clients that make the load are built by Go.
set -eu
cd "$(dirname "$0")/.."
command -v go >/dev/null || { echo 'error: the clients of the measurements need Go 1.24 or newer on PATH' >&2; exit 1; }
node node_modules/typescript/bin/tsc -p bench
exec node dist/bench/main.js "$@"
