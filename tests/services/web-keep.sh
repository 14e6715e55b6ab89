#!/usr/bin/env bash
# web-keep.sh DIR PORT   keep a web server running, as an init system would:
# whenever it ends it is started again, in the version that DIR/version names.
set -u
here=$(cd "$(dirname "$0")" && pwd)
trap 'kill "$child" 2>/dev/null; exit 0' TERM
while :; do
  python3 "$here/web.py" "$1" "$2" & child=$!
  wait "$child"
  sleep 0.2
done
