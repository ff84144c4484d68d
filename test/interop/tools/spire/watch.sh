#!/bin/sh
# `spire-agent api watch`, with its errors among its lines: tools/lines.mjs reads both.
exec "$(dirname "$0")/spire-agent" api watch -socketPath "${SPIFFE_ENDPOINT_SOCKET#unix://}" 2>&1
