#!/bin/sh
# Generated sources: the Prisma client and the protobuf messages. Neither is committed.
set -eu
cd "$(dirname "$0")/.."
node node_modules/prisma/build/index.js generate >/dev/null
node node_modules/@bufbuild/buf/bin/buf generate
