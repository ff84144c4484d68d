#!/bin/sh
# `make run`: starts mandate in the foreground, launches a small agent through it, and shows whose that agent is.
set -u
cd "$(dirname "$0")/.." || exit 1
mandate=$PWD/bin/mandate
scratch=$(mktemp -d) || exit 1
service=

finish() {
  trap - EXIT INT TERM HUP
  if [ -n "$service" ] && kill -TERM "$service" 2>/dev/null; then wait "$service"; fi
  rm -rf "$scratch"
  exit "$1"
}
trap 'finish 0' INT TERM HUP
trap 'finish 1' EXIT

# Opened for both ways, so that opening waits for nobody.
mkfifo "$scratch/said" || exit 1
exec 3<>"$scratch/said"
"$mandate" up >&3 3>&- &
service=$!

# The shell that reads ends with the service: without this it would wait for a line that never comes.
( while kill -0 "$service" 2>/dev/null; do sleep 0.2; done; echo ended >&3 ) 2>/dev/null &
watcher=$!
ready=
while IFS= read -r line <&3; do
  case $line in
    Ready*) ready=$line; break ;;
    ended) break ;;
  esac
done
if [ -z "$ready" ]; then
  wait "$service"
  status=$?
  service=
  finish "$status"
fi
# What else the service says is for its own terminal no more.
cat <&3 >/dev/null &
drain=$!

echo
echo "\$ mandate run --name hello -- examples/hello-agent.sh"
MANDATE=$mandate "$mandate" run --name hello -- examples/hello-agent.sh "$scratch/serial" || { echo 'the agent got no identity' >&2; finish 1; }
serial=$(cat "$scratch/serial")
echo
echo "\$ mandate trace $serial"
"$mandate" trace "$serial" || finish 1

cat <<TEXT

$ready
Next, in another terminal:
  $mandate run -- claude            an agent of your own
  $mandate agents ls                who is running, on whose behalf
  $mandate help                     everything else
Ctrl-C ends mandate.
TEXT

wait "$service"
status=$?
service=
kill "$watcher" "$drain" 2>/dev/null
finish "$status"
