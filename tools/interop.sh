#!/bin/sh
# Foreign SPIFFE clients against a running mandate. Exits non-zero where one fails, or where one could not be built
# (INTEROP_ALLOW_SKIP=1 lets a missing toolchain pass).
set -eu
cd "$(dirname "$0")/.."
exec node test/interop/run.mjs
