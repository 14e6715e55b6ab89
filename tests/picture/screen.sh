# A terminal of our own to draw screens in: a tmux server on its own socket. Source it; do not run it.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/picture

die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The program: WARROOM, else the release build, else the debug build.
program() {
  local p
  for p in "${WARROOM:-}" "$root/target/release/warroom" "$root/target/debug/warroom"; do
    [ -n "$p" ] && [ -x "$p" ] && { echo "$p"; return; }
  done
  die "no warroom to draw: run \`cargo build --release\` first"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/warroom-picture-XXXXXX")
end_screen() {
  tm kill-server 2>/dev/null || true
  rm -rf "$work"
}
cat >"$work/tmux.conf" <<'CONF'
set -g status off
set -g remain-on-exit on
set -g default-terminal tmux-256color
set -as terminal-features ',*:RGB'
set -s escape-time 0
CONF
tm() { env -u TMUX tmux -S "$work/tmux.sock" -f "$work/tmux.conf" "$@"; }

# open_screen COLUMNS ROWS COMMAND…
open_screen() {
  columns=$1 rows=$2; shift 2
  tm new-session -d -s p -x "$columns" -y "$rows" -- env COLORTERM=truecolor LC_ALL=C.UTF-8 "$@"
}
press() { tm send-keys -t =p: -- "$@"; }
type_text() { tm send-keys -l -t =p: -- "$1"; }
text() { tm capture-pane -p -t =p:; }

# wait_text SECONDS REGEX: until the screen shows it
wait_text() {
  local end=$((SECONDS + $1))
  until text | grep -qE -- "$2"; do
    [ "$SECONDS" -lt "$end" ] || { text >&2; die "\`$2\` did not come on the screen in $1 s"; }
    sleep 0.1
  done
}
# wait_still: until two captures in a row are the same but for digits, so that no half-drawn frame is kept
wait_still() {
  local before='' now _
  for _ in $(seq 50); do
    now=$(text | tr 0-9 '#')
    [ "$now" != "$before" ] || return 0
    before=$now; sleep 0.15
  done
}
# draw OUT.svg: the screen as it is; beside it OUT.png where rsvg-convert is installed and PNG=1
draw() {
  tm capture-pane -e -N -p -t =p: >"$work/screen.ansi"
  python3 "$here/ansi2svg.py" "$columns" "$rows" <"$work/screen.ansi" >"$work/screen.svg"
  mkdir -p "$(dirname "$1")"
  mv "$work/screen.svg" "$1"
  if [ "${PNG:-}" = 1 ] && command -v rsvg-convert >/dev/null; then
    rsvg-convert -z "${ZOOM:-1.5}" "$1" -o "${1%.svg}.png"
  fi
}
