#!/bin/sh
# `make run`: starts mandate in the foreground, launches a small agent through it, and shows whose that agent is.
set -u
cd "$(dirname "$0")/.." || exit 1
mandate=$PWD/bin/mandate
scratch=$(mktemp -d) || exit 1
service=
agent=
helpers=

finish() {
  trap - EXIT INT TERM HUP
  [ -z "$agent" ] || kill -TERM "$agent" 2>/dev/null
  if [ -n "$service" ] && kill -TERM "$service" 2>/dev/null; then wait "$service"; fi
  # shellcheck disable=SC2086
  [ -z "$helpers" ] || kill $helpers 2>/dev/null
  rm -rf "$scratch"
  exit "$1"
}
trap 'finish 0' INT TERM HUP
trap 'finish 1' EXIT

# Says `ended` to a pipe when a process has ended: whoever reads it would otherwise wait for a line that never comes. A zombie has ended;
# it stays one, since its parent is the one who reads.
watch() {
  ( while kill -0 "$1" && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; do sleep 0.2; done; echo ended >"$2" ) 2>/dev/null &
  watcher=$!
}

# Both pipes stay open for both ways here, so that opening waits for nobody. Every writer opens them itself: node makes its
# end non-blocking, and that must not be ours.
mkfifo "$scratch/service" "$scratch/agent" || exit 1
exec 3<>"$scratch/service" 4<>"$scratch/agent"

"$mandate" up >"$scratch/service" 3>&- 4>&- &
service=$!
watch "$service" "$scratch/service"
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
kill "$watcher" 2>/dev/null

echo
echo '$ mandate run --name hello -- examples/hello-agent.mjs &'
"$mandate" run --name hello -- examples/hello-agent.mjs >"$scratch/agent" 3>&- 4>&- &
agent=$!
watch "$agent" "$scratch/agent"
IFS= read -r said <&4
[ "$said" != ended ] || { agent=; finish 1; }
kill "$watcher" 2>/dev/null
echo "$said"
serial=${said#*serial }
serial=${serial%%,*}

echo
echo "\$ mandate trace $serial"
"$mandate" trace "$serial" || finish 1

cat <<TEXT

$ready
Next, in another terminal:
  $mandate agents ls                who is running, on whose behalf
  $mandate run -- claude            an agent of your own
  $mandate help                     everything else
Ctrl-C ends mandate.
TEXT

# Whatever else they say goes on to be seen.
cat <&4 & helpers="$helpers $!"
cat <&3 >/dev/null & helpers="$helpers $!"
wait "$service"
status=$?
service=
finish "$status"
