# Shared helpers of install.sh, up.sh and down.sh. Source it; do not run it.
# shellcheck shell=bash

say() { printf '%s\n' "services: $*" >&2; }
die() { say "$*"; exit 1; }

# Where environments of Python packages are kept between runs.
SERVICES_HOME="${WARROOM_SERVICES_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/warroom-services}"

have() { command -v "$1" >/dev/null 2>&1; }

# The PostgreSQL server programs are not on PATH in Debian.
pg_bindir() {
  local d
  for d in /usr/lib/postgresql/*/bin; do [ -x "$d/initdb" ] && { echo "$d"; return; }; done
  return 1
}

# ---- processes -----------------------------------------------------------
# A pid file holds "PID STARTTICKS": the second number is the process's start
# time from /proc, so a recycled pid is never mistaken for ours.
start_ticks() { # the 22nd field of stat, counted after the ")" of the name
  local s; s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  s=${s##*) }; set -- $s; echo "${20}"
}
alive() { # alive PIDFILE
  local pid t
  [ -s "$1" ] || return 1
  read -r pid t <"$1" || return 1
  [ "$(start_ticks "$pid" || true)" = "$t" ]
}
note_pid() { # note_pid NAME PID
  mkdir -p "$DIR/run"
  echo "$2 $(start_ticks "$2")" >"$DIR/run/$1.pid"
}
# spawn NAME COMMAND…: start in its own session with output in log/NAME.log;
# does nothing when NAME is already running under DIR.
spawn() {
  local name=$1; shift
  mkdir -p "$DIR/run" "$DIR/log"
  alive "$DIR/run/$name.pid" && return 0
  setsid "$@" </dev/null >>"$DIR/log/$name.log" 2>&1 9>&- &
  local pid=$!
  # setsid(1) forks only when it is a group leader, which a background child
  # of a non-interactive shell is not, so $! is the program itself.
  note_pid "$name" "$pid"
}
running() { alive "$DIR/run/$1.pid"; }
log_tail() { say "last lines of $1.log:"; tail -n 15 "$DIR/log/$1.log" >&2 || true; }

# as USER COMMAND…: run as another user without a login shell or PAM.
as() {
  local u=$1 home; shift
  home=$(getent passwd "$u" | cut -d: -f6)
  setpriv --reuid "$u" --regid "$(id -g "$u")" --init-groups --inh-caps=-all \
    env HOME="$home" USER="$u" LOGNAME="$u" "$@"
}

# ---- ports ---------------------------------------------------------------
port_busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# port KEY: the loopback port of KEY under this DIR. KEY_PORT in the
# environment wins, then the port used before in this DIR, then a free one
# (20000-29999, below the range the kernel gives to outgoing connections).
port() {
  local key=$1 var="${1}_PORT" f="$DIR/ports/$1" p
  mkdir -p "$DIR/ports" "${TMPDIR:-/tmp}/warroom-ports"
  if [ -n "${!var:-}" ]; then echo "${!var}" | tee "$f"; return; fi
  if [ -s "$f" ]; then cat "$f"; return; fi
  (
    flock 8
    find "${TMPDIR:-/tmp}/warroom-ports" -name '[0-9]*' -mmin +5 -delete 2>/dev/null || true
    for _ in $(seq 200); do
      p=$((20000 + (RANDOM * 32768 + RANDOM) % 10000))
      [ -e "${TMPDIR:-/tmp}/warroom-ports/$p" ] && continue
      port_busy "$p" && continue
      : >"${TMPDIR:-/tmp}/warroom-ports/$p"   # claimed for five minutes
      echo "$p" | tee "$f"; exit 0
    done
    exit 1
  ) 8>"${TMPDIR:-/tmp}/warroom-ports/lock" || die "no free port for $key"
}

# ---- readiness -----------------------------------------------------------
# until_ok SECONDS NAME COMMAND…: poll every 0.1 s; fail early when process
# NAME ("-" for none) has died.
until_ok() {
  local secs=$1 name=$2 end; shift 2
  end=$((SECONDS + secs))
  while :; do
    "$@" >/dev/null 2>&1 && return 0
    if [ "$name" != - ] && ! running "$name"; then log_tail "$name"; die "$name stopped while starting"; fi
    if [ "$SECONDS" -ge "$end" ]; then
      [ "$name" = - ] || log_tail "$name"
      die "not ready after $secs s: $*"
    fi
    sleep 0.1
  done
}
http_ok() { curl -fsS -m 3 -o /dev/null "$@"; }

# ---- environment lines ---------------------------------------------------
# emit SERVICE KEY=VALUE…: print, and keep in DIR/env.d/SERVICE.
emit() {
  local svc=$1; shift
  mkdir -p "$DIR/env.d"
  printf '%s\n' "$@" >"$DIR/env.d/$svc"
  cat "$DIR/env.d/$svc"
  cat "$DIR"/env.d/* >"$DIR/env"
}
# sd JOB HOST:PORT: let a Prometheus of the same DIR scrape this target.
sd() {
  mkdir -p "$DIR/sd"
  printf '[{"targets":["%s"],"labels":{"job":"%s"}}]\n' "$2" "$1" >"$DIR/sd/$1.json.new"
  mv "$DIR/sd/$1.json.new" "$DIR/sd/$1.json"
}
