#!/bin/sh
# Generated sources: the Prisma client and the protobuf messages. Neither is committed. What the generators say is shown when they fail.
set -eu
cd "$(dirname "$0")/.."
said=$(node node_modules/prisma/build/index.js generate 2>&1) || {
  printf '%s\n' "$said" >&2
  exit 1
}
node node_modules/@bufbuild/buf/bin/buf generate
