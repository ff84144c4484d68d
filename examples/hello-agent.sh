#!/bin/sh
# The smallest useful agent: it asks for its identity, shows it, and writes the serial number to the file named by its argument.
# Start it with: mandate run --name hello -- examples/hello-agent.sh /tmp/serial
set -eu
mandate=${MANDATE:-mandate}
"$mandate" svid -o json >"$1.json"
sed -n 's/^ *"spiffeId": "\(.*\)",\{0,1\}$/I am \1/p; s/^ *"serial": "\(.*\)",\{0,1\}$/  serial   \1/p; s/^ *"notAfter": "\(.*\)",\{0,1\}$/  until    \1/p' "$1.json"
sed -n 's/^ *"serial": "\([0-9a-f]*\)",\{0,1\}$/\1/p' "$1.json" | sed -n 1p >"$1"
rm -f "$1.json"
