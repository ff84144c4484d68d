#!/bin/sh
# Foreign SPIFFE clients, and services built with their libraries, against a running mandate. Exits non-zero where one fails, or where
# one could not be built (INTEROP_ALLOW_SKIP=1 lets a missing toolchain pass). INTEROP_ONLY=part,part tries these parts alone.
set -eu
cd "$(dirname "$0")/.."
exec node test/interop/run.mjs
