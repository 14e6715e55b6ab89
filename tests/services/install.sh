#!/usr/bin/env bash
# install.sh NAME…   install what the named services need; no-op where present.
# install.sh --list  print the names.
# Runs as root on Debian 12, without systemd and without asking anything.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"

NAMES="prometheus node-exporter alertmanager sshd tmux postgres-pair nagios4 icinga2 nautobot smtp haproxy"

# Keep package scripts from starting daemons while we install.
POLICY=/usr/sbin/policy-rc.d
made_policy=
lay_policy() {
  [ -e "$POLICY" ] && return 0
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"; chmod 755 "$POLICY"; made_policy=1
}
log=$(mktemp)
trap 'rm -f "$log"; [ -z "$made_policy" ] || rm -f "$POLICY"' EXIT

updated=
apt_get() { # apt_get PACKAGE…
  export DEBIAN_FRONTEND=noninteractive
  local missing=() p
  for p in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  lay_policy
  if [ -z "$updated" ]; then
    apt-get -o DPkg::Lock::Timeout=600 -qq update >&2; updated=1
  fi
  say "apt-get install ${missing[*]}"
  apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -qq install -y --no-install-recommends \
    -o Dpkg::Options::=--force-confold "${missing[@]}" >"$log" 2>&1 </dev/null ||
    { tail -n 20 "$log" >&2; die "apt-get failed"; }
}

# pip_env NAME PROGRAM PACKAGE…: an environment of its own.
pip_env() {
  local d="$SERVICES_HOME/venv-$1" prog=$2; shift 2
  [ -e "$d/.ready" ] && [ -x "$d/bin/$prog" ] && return 0
  python3 -c 'import venv, ensurepip' 2>/dev/null || apt_get python3 python3-venv
  say "pip install $*"
  mkdir -p "$SERVICES_HOME"
  python3 -m venv --clear "$d"
  "$d/bin/pip" install -q --disable-pip-version-check "$@" >&2
  [ -x "$d/bin/$prog" ] || die "$prog is not there after the install"
  : >"$d/.ready"
}

no_main_cluster() { # before postgresql: no default cluster, we make our own
  [ -d /etc/postgresql-common ] || mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
}
postgres() { pg_bindir >/dev/null 2>&1 || { no_main_cluster; apt_get postgresql; }; }

for n in "${@:?usage: install.sh NAME… | --list}"; do
  have curl || apt_get curl
  case $n in
    --list) printf '%s\n' $NAMES; continue ;;
    git|openssl) have "$n" || apt_get "$n" ;;
    # with libcrypto, for the library that plays a security key
    cc) { have cc && [ -e /usr/include/openssl/evp.h ]; } || apt_get gcc libc6-dev libssl-dev ;;
    prometheus) have prometheus || apt_get prometheus ;;
    node-exporter) have prometheus-node-exporter || apt_get prometheus-node-exporter ;;
    alertmanager) have prometheus-alertmanager || apt_get prometheus-alertmanager ;;
    sshd) { have sshd && have ssh-agent; } || apt_get openssh-server openssh-client ;;
    tmux) have tmux || apt_get tmux ;;
    smtp) pip_env smtp aiosmtpd aiosmtpd ;;
    postgres-pair) postgres ;;
    # the version that nautobot-3.2.7.dump is of
    nautobot) postgres; have redis-server || apt_get redis-server
              have git || apt_get git
              pip_env nautobot nautobot-server nautobot==3.2.7 ;;
    haproxy) { have haproxy && have socat && have python3; } || apt_get haproxy socat python3-minimal ;;
    nagios4) apt_get nagios4-core nagios4-cgi monitoring-plugins-basic lighttpd ;;
    icinga2) { have icinga2 && have openssl; } || apt_get icinga2-bin icinga2-common monitoring-plugins-basic openssl ;;
    *) die "unknown service: $n (see --list)" ;;
  esac
done
