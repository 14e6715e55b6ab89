#!/usr/bin/env bash
# up.sh NAME… DIR   start services on loopback with their data under DIR, wait
# until each answers, and print KEY=value lines (also kept in DIR/env).
# Calling it again starts only what is not running, on the same ports.
# A port is chosen freely unless its variable is set, e.g. PROMETHEUS_PORT=9090.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"
[ $# -ge 2 ] || die "usage: up.sh NAME… DIR"
DIR=${!#}; set -- "${@:1:$#-1}"
mkdir -p "$DIR"; DIR=$(cd "$DIR" && pwd); chmod 755 "$DIR"
exec 9>"$DIR/.lock"; flock 9
L=127.0.0.1

up_prometheus() {
  local d=$DIR/prometheus p; p=$(port PROMETHEUS)
  mkdir -p "$d/data" "$d/rules" "$DIR/sd"
  # Every *.json in DIR/sd is scraped; alertmanager.json in DIR/am takes alerts.
  mkdir -p "$DIR/am"
  [ -e "$d/prometheus.yml" ] || cat >"$d/prometheus.yml" <<EOF
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$d/rules/*.yml"]
alerting:
  alertmanagers:
    - file_sd_configs: [{files: ["$DIR/am/*.json"], refresh_interval: 2s}]
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["$L:$p"]}]
  - job_name: sd
    file_sd_configs: [{files: ["$DIR/sd/*.json"], refresh_interval: 2s}]
EOF
  spawn prometheus prometheus --config.file="$d/prometheus.yml" --storage.tsdb.path="$d/data" \
    --web.listen-address="$L:$p" --web.enable-lifecycle --web.enable-admin-api --log.level=warn
  until_ok 30 prometheus http_ok "http://$L:$p/-/ready"
  emit prometheus "PROMETHEUS_URL=http://$L:$p" "PROMETHEUS_CONFIG=$d/prometheus.yml" "PROMETHEUS_RULES_DIR=$d/rules" "PROMETHEUS_SD_DIR=$DIR/sd"
}
up_node_exporter() {
  local p; p=$(port NODE_EXPORTER); mkdir -p "$DIR/node-exporter/textfile"
  spawn node-exporter prometheus-node-exporter --web.listen-address="$L:$p" \
    --collector.textfile.directory="$DIR/node-exporter/textfile" --log.level=warn
  until_ok 15 node-exporter http_ok "http://$L:$p/metrics"
  sd node "$L:$p"
  emit node-exporter "NODE_EXPORTER_URL=http://$L:$p" "NODE_EXPORTER_TEXTFILE_DIR=$DIR/node-exporter/textfile"
}
up_alertmanager() {
  local d=$DIR/alertmanager p; p=$(port ALERTMANAGER); mkdir -p "$d" "$DIR/am"
  [ -e "$d/alertmanager.yml" ] || cat >"$d/alertmanager.yml" <<'EOF'
route: {receiver: none, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}
receivers: [{name: none}]
EOF
  # No cluster: the gossip port stays shut.
  spawn alertmanager prometheus-alertmanager --config.file="$d/alertmanager.yml" --storage.path="$d/data" \
    --web.listen-address="$L:$p" --cluster.listen-address= --log.level=warn
  until_ok 15 alertmanager http_ok "http://$L:$p/-/ready"
  printf '[{"targets":["%s"]}]\n' "$L:$p" >"$DIR/am/alertmanager.json"
  emit alertmanager "ALERTMANAGER_URL=http://$L:$p" "ALERTMANAGER_CONFIG=$d/alertmanager.yml"
}

# Two people on one bastion: two Unix users, a key and an agent for each.
: "${WARROOM_USERS:=wr-alice wr-bob}"
# A group that both are in: sessions that accounts share belong to it.
: "${WARROOM_GROUP:=wr-ops}"
people() {
  local u
  mkdir -p "${TMPDIR:-/tmp}/warroom-ports"
  (
    # two up.sh at once would both see that an account is missing
    flock 8
    getent group "$WARROOM_GROUP" >/dev/null || groupadd "$WARROOM_GROUP"
    for u in $WARROOM_USERS; do
      # '*' and not '!': without PAM sshd turns locked accounts away
      id "$u" >/dev/null 2>&1 || useradd -m -s /bin/bash -p '*' "$u"
      usermod -a -G "$WARROOM_GROUP" "$u"
    done
  ) 8>"${TMPDIR:-/tmp}/warroom-ports/people"
}
up_sshd() {
  local d=$DIR/sshd p u n=0 sock out=(); p=$(port SSHD)
  people
  mkdir -p "$d/authorized" /run/sshd; chmod 755 "$d" "$d/authorized"
  [ -e "$d/host_key" ] || ssh-keygen -q -t ed25519 -N '' -C bastion -f "$d/host_key"
  echo "[$L]:$p $(cut -d' ' -f1,2 "$d/host_key.pub")" >"$d/known_hosts"
  : >"$d/allowed_signers.new"; : >"$d/ssh_config.new"
  for u in $WARROOM_USERS; do
    mkdir -p "$d/$u"
    [ -e "$d/$u/id" ] || ssh-keygen -q -t ed25519 -N '' -C "$u" -f "$d/$u/id"
    cp "$d/$u/id.pub" "$d/authorized/$u"
    echo "$u@example.org namespaces=\"warroom\" $(cut -d' ' -f1,2 "$d/$u/id.pub")" >>"$d/allowed_signers.new"
    chown -R "$u:" "$d/$u"; chmod 700 "$d/$u"
    printf 'Host %s\n  HostName %s\n  Port %s\n  User %s\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  StrictHostKeyChecking yes\n  BatchMode yes\n' \
      "$u" "$L" "$p" "$u" "$d/$u/id" "$d/known_hosts" >>"$d/ssh_config.new"
    sock=$d/$u/agent.sock
    running "ssh-agent-$u" || rm -f "$sock"
    spawn "ssh-agent-$u" setpriv --reuid "$u" --regid "$(id -g "$u")" --init-groups ssh-agent -D -a "$sock"
    # the socket is there a moment before anybody listens on it
    until_ok 5 "ssh-agent-$u" as "$u" SSH_AUTH_SOCK="$sock" ssh-add -q "$d/$u/id"
    n=$((n + 1))
    out+=("SSH_USER_$n=$u" "SSH_KEY_$n=$d/$u/id" "SSH_AGENT_SOCK_$n=$sock")
  done
  mv "$d/allowed_signers.new" "$d/allowed_signers"; mv "$d/ssh_config.new" "$d/ssh_config"
  cat >"$d/sshd_config" <<EOF
Port $p
ListenAddress $L
HostKey $d/host_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AuthorizedKeysFile $d/authorized/%u
# the data folder may lie under a world-writable one
StrictModes no
AllowUsers $WARROOM_USERS
AllowAgentForwarding yes
AllowStreamLocalForwarding yes
Subsystem sftp internal-sftp
LogLevel VERBOSE
EOF
  spawn sshd "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f "$d/sshd_config"
  until_ok 10 sshd ssh-keyscan -T 2 -p "$p" "$L"
  emit sshd "SSHD_HOST=$L" "SSHD_PORT=$p" "SSH_CONFIG=$d/ssh_config" "SSH_KNOWN_HOSTS=$d/known_hosts" "ALLOWED_SIGNERS=$d/allowed_signers" "PEOPLE_GROUP=$WARROOM_GROUP" "${out[@]}"
}

# One tmux server of the first user that the second user may attach to.
up_tmux() {
  local d=$DIR/tmux u1 u2 s; people
  read -r u1 u2 _ <<<"$WARROOM_USERS"
  s=$d/sock; mkdir -p "$d"; chown "$u1:" "$d"; chmod 755 "$d"
  running tmux || rm -f "$s"
  spawn tmux setpriv --reuid "$u1" --regid "$(id -g "$u1")" --init-groups \
    env -u TMUX HOME="$(getent passwd "$u1" | cut -d: -f6)" TERM=screen-256color LANG=C.UTF-8 SHELL=/bin/bash tmux -D -f /dev/null -S "$s"
  until_ok 10 tmux test -S "$s"
  tm() { as "$u1" TERM=screen-256color LANG=C.UTF-8 tmux -S "$s" "$@"; }
  tm has-session -t warroom 2>/dev/null || tm new-session -d -s warroom -x 120 -y 40
  tm set-option -g default-terminal screen-256color
  # two gates: the socket's mode, and since 3.3 the server's own list
  chmod 666 "$s"
  tm server-access -a -w "$u2" 2>/dev/null || tm server-access -w "$u2"
  emit tmux "TMUX_SOCK=$s" "TMUX_SESSION=warroom" "TMUX_USER_1=$u1" "TMUX_USER_2=$u2"
}

# ---- PostgreSQL ----------------------------------------------------------
# The account that owns the databases; another one than Debian's for a person who is their administrator.
pg_run_as=${WARROOM_PG_USER:-postgres}
pg() { local c=$1; shift; as "$pg_run_as" "$(pg_bindir)/$c" "$@"; }
pg_conf() { # pg_conf DATADIR PORT SOCKETDIR
  cat >>"$1/postgresql.conf" <<EOF
listen_addresses = '$L'
port = $2
unix_socket_directories = '$3'
fsync = off
shared_buffers = 32MB
max_connections = 60
EOF
}
pg_spawn() { # pg_spawn NAME DATADIR
  spawn "$1" setpriv --reuid "$pg_run_as" --regid "$(id -g "$pg_run_as")" --init-groups "$(pg_bindir)/postgres" -D "$2"
}
pg_stale() { # a killed server leaves its own pid file behind
  running "$1" || rm -f "$2/postmaster.pid"
}
up_postgres_pair() {
  local d=$DIR/pg a b; a=$(port PG_A); b=$(port PG_B)
  [ -z "${WARROOM_PG_USER:-}" ] || people
  install -d -o "$pg_run_as" -m 755 "$d"
  if [ ! -e "$d/a/PG_VERSION" ]; then
    pg initdb -D "$d/a" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >>"$DIR/pg-initdb.log" 2>&1
    pg_conf "$d/a" "$a" "$d"
    cat >>"$d/a/postgresql.conf" <<EOF
wal_level = replica
hot_standby = on
wal_log_hints = on
wal_keep_size = 256MB
cluster_name = 'a'
EOF
    echo "host replication all $L/32 trust" >>"$d/a/pg_hba.conf"
  fi
  pg_stale pg-a "$d/a"; pg_spawn pg-a "$d/a"
  until_ok 30 pg-a pg pg_isready -q -h "$L" -p "$a"
  if [ ! -e "$d/b/PG_VERSION" ]; then
    pg pg_basebackup -D "$d/b" -R -X stream -c fast --no-sync -d "host=$L port=$a user=postgres application_name=b" >>"$DIR/pg-initdb.log" 2>&1
    printf "port = %s\ncluster_name = 'b'\n" "$b" >>"$d/b/postgresql.conf"
  fi
  pg_stale pg-b "$d/b"; pg_spawn pg-b "$d/b"
  until_ok 30 pg-b pg pg_isready -q -h "$L" -p "$b"
  until_ok 30 - pg_streams "$a" "$b"
  emit postgres-pair "PG_A_URL=postgres://postgres@$L:$a/postgres" "PG_B_URL=postgres://postgres@$L:$b/postgres" \
    "PG_A_DATA=$d/a" "PG_B_DATA=$d/b" "PG_A_PORT=$a" "PG_B_PORT=$b" "PG_BINDIR=$(pg_bindir)" "PG_OS_USER=$pg_run_as"
}
# A relay that takes every mail and lays it into a Maildir.
up_smtp() {
  local p b=$SERVICES_HOME/venv-smtp/bin/aiosmtpd; p=$(port SMTP); mkdir -p "$DIR/smtp"
  [ -x "$b" ] || die "aiosmtpd is not installed"
  spawn smtp "$b" -n -l "$L:$p" -c aiosmtpd.handlers.Mailbox "$DIR/smtp/maildir"
  until_ok 15 smtp port_busy "$p"
  emit smtp "SMTP_PORT=$p" "SMTP_MAILDIR=$DIR/smtp/maildir"
}
# What the pair says of itself, as metrics of the DIR's node exporter.
up_pg_metrics() {
  local f=$DIR/node-exporter/textfile/pg.prom
  [ -d "${f%/*}" ] || die "pg-metrics needs node-exporter in the same DIR before"
  spawn pg-metrics "$here/pg-metrics.sh" "$(cat "$DIR/ports/PG_A")" "$(cat "$DIR/ports/PG_B")" "$f"
  until_ok 10 pg-metrics test -s "$f"
  emit pg-metrics "PG_METRICS_FILE=$f"
}
pg_streams() { # one of the two streams to the other
  local q p; for p in "$@"; do
    q=$(pg psql -h "$L" -p "$p" -U postgres -Atc "select count(*) from pg_stat_replication where state='streaming'") || continue
    [ "$q" = 1 ] && return 0
  done; return 1
}

# ---- HAProxy -------------------------------------------------------------
# Three web servers, kept running by somebody, and HAProxy before them: to restart one without a request lost, drain it.
# Whoever runs the maintenance owns servers and admin socket.
up_haproxy() {
  local d=$DIR/haproxy u=${WARROOM_PG_USER:-root} p s i b lines=''
  p=$(port HAPROXY); s=$(port HAPROXY_STATS); mkdir -p "$d"; chown "$u:" "$d"
  for i in 1 2 3; do
    b=$(port "HAPROXY_WEB_$i"); mkdir -p "$d/web$i"
    [ -e "$d/web$i/version" ] || echo v1 >"$d/web$i/version"
    echo "$b" >"$d/web$i/port"
    chown -R "$u:" "$d/web$i"
    spawn "haproxy-web$i" setpriv --reuid "$u" --regid "$(id -g "$u")" --init-groups "$here/web-keep.sh" "$d/web$i" "$b"
    until_ok 15 "haproxy-web$i" http_ok "http://$L:$b/"
    lines+="  server web$i $L:$b check inter 200 fall 2 rise 1"$'\n'
  done
  cat >"$d/haproxy.cfg" <<EOF
global
  stats socket $d/admin.sock user $u mode 600 level admin
  maxconn 200
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
frontend web
  bind $L:$p
  default_backend web
backend web
  balance roundrobin
  http-reuse never
${lines}frontend stats
  bind $L:$s
  stats enable
  stats uri /stats
  http-request use-service prometheus-exporter if { path /metrics }
EOF
  spawn haproxy haproxy -db -f "$d/haproxy.cfg"
  until_ok 15 haproxy http_ok "http://$L:$p/"
  sd haproxy "$L:$s"
  emit haproxy "HAPROXY_URL=http://$L:$p" "HAPROXY_ADDRESS=$L:$p" "HAPROXY_SOCK=$d/admin.sock" "HAPROXY_DIR=$d" "HAPROXY_METRICS_URL=http://$L:$s/metrics"
}

# ---- Nautobot ------------------------------------------------------------
# nautobot-VERSION.dump beside this script is an empty, migrated database with the user admin and his token: to migrate
# from nothing takes many minutes.
NAUTOBOT_TOKEN=0123456789abcdef0123456789abcdef01234567
up_nautobot() {
  local d=$DIR/nautobot v=$SERVICES_HOME/venv-nautobot p g r ver dump cfg
  p=$(port NAUTOBOT); g=$(port NAUTOBOT_PG); r=$(port NAUTOBOT_REDIS)
  [ -x "$v/bin/nautobot-server" ] || die "nautobot is not installed"
  [ -z "${WARROOM_PG_USER:-}" ] || people
  install -d -o "$pg_run_as" -m 755 "$d"; mkdir -p "$d/home" "$d/redis" "$DIR/log"
  ver=$("$v/bin/python" -c 'from importlib.metadata import version as v; print(v("nautobot"))')
  dump=$here/nautobot-$ver.dump; [ -s "$dump" ] || die "there is no $dump"
  spawn nautobot-redis redis-server --bind "$L" --port "$r" --dir "$d/redis" --save '' --appendonly no
  if [ ! -e "$d/pg/PG_VERSION" ]; then
    pg initdb -D "$d/pg" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >>"$DIR/pg-initdb.log" 2>&1
    pg_conf "$d/pg" "$g" "$d"; printf 'synchronous_commit = off\nfull_page_writes = off\n' >>"$d/pg/postgresql.conf"
  fi
  pg_stale nautobot-pg "$d/pg"; pg_spawn nautobot-pg "$d/pg"
  until_ok 30 nautobot-pg pg pg_isready -q -h "$L" -p "$g"
  export NAUTOBOT_ROOT=$d/home NAUTOBOT_DB_HOST=$L NAUTOBOT_DB_PORT=$g NAUTOBOT_DB_USER=postgres NAUTOBOT_DB_PASSWORD=x \
    NAUTOBOT_DB_NAME=nautobot NAUTOBOT_REDIS_HOST=$L NAUTOBOT_REDIS_PORT=$r NAUTOBOT_ALLOWED_HOSTS='*' \
    NAUTOBOT_SECRET_KEY=not-a-secret-only-for-tests-0123456789abcdef0123456789
  cfg=$d/home/nautobot_config.py
  [ -e "$cfg" ] || "$v/bin/nautobot-server" init --disable-installation-metrics "$cfg" >>"$DIR/log/nautobot.log" 2>&1
  if [ ! -e "$d/.db-ready" ]; then
    pg psql -h "$L" -p "$g" -U postgres -qc 'drop database if exists nautobot' -c 'create database nautobot' >/dev/null
    install -o "$pg_run_as" -m 600 "$dump" "$d/template.dump"   # readable wherever the checkout is
    pg pg_restore -h "$L" -p "$g" -U postgres -d nautobot --no-owner -j 2 "$d/template.dump" >>"$DIR/log/nautobot.log" 2>&1
    : >"$d/.db-ready"
  fi
  spawn nautobot "$v/bin/nautobot-server" runserver --noreload --insecure "$L:$p"
  until_ok 180 nautobot http_ok -H "Authorization: Token $NAUTOBOT_TOKEN" "http://$L:$p/api/status/"
  emit nautobot "NAUTOBOT_URL=http://$L:$p" "NAUTOBOT_TOKEN=$NAUTOBOT_TOKEN"
}

# ---- Nagios --------------------------------------------------------------
up_nagios4() {
  local d=$DIR/nagios4 p cgi=/usr/lib/cgi-bin/nagios4; p=$(port NAGIOS)
  install -d -o nagios -g nagios -m 755 "$d" "$d/var" "$d/var/archives" "$d/var/checkresults" "$d/rw"
  mkdir -p "$d/objects" "$d/www"
  cat >"$d/resource.cfg" <<'EOF'
$USER1$=/usr/lib/nagios/plugins
EOF
  [ -e "$d/objects/site.cfg" ] || cat >"$d/objects/site.cfg" <<'EOF'
define command {
  command_name check-ok
  command_line $USER1$/check_dummy 0 "all well"
}
define command {
  command_name check-file
  command_line NAGIOS_DIR/check-file "$ARG1$"
}
define command {
  command_name notify-none
  command_line /bin/true
}
define timeperiod {
  timeperiod_name 24x7
  alias always
  sunday 00:00-24:00
  monday 00:00-24:00
  tuesday 00:00-24:00
  wednesday 00:00-24:00
  thursday 00:00-24:00
  friday 00:00-24:00
  saturday 00:00-24:00
}
define contact {
  contact_name nagiosadmin
  host_notification_period 24x7
  service_notification_period 24x7
  host_notification_options n
  service_notification_options n
  host_notification_commands notify-none
  service_notification_commands notify-none
}
define host {
  host_name web1
  address 127.0.0.1
  check_command check-ok
  check_interval 1
  max_check_attempts 1
  check_period 24x7
  contacts nagiosadmin
}
define service {
  host_name web1
  service_description http
  check_command check-file!NAGIOS_DIR/break-http
  check_interval 1
  max_check_attempts 1
  check_period 24x7
  contacts nagiosadmin
}
EOF
  sed -i "s#NAGIOS_DIR#$d#g" "$d/objects/site.cfg"
  # critical, with the file's first line, while the named file exists
  cat >"$d/check-file" <<'EOF'
#!/bin/sh
if [ -e "$1" ]; then head -n 1 "$1"; exit 2; fi
echo OK
EOF
  chmod 755 "$d/check-file"
  cat >"$d/nagios.cfg" <<EOF
service_inter_check_delay_method=n
host_inter_check_delay_method=n
log_file=$d/var/nagios.log
cfg_dir=$d/objects
resource_file=$d/resource.cfg
object_cache_file=$d/var/objects.cache
precached_object_file=$d/var/objects.precache
status_file=$d/var/status.dat
status_update_interval=1
nagios_user=nagios
nagios_group=nagios
check_external_commands=1
command_file=$d/rw/nagios.cmd
lock_file=$d/var/nagios.pid
temp_file=$d/var/nagios.tmp
temp_path=/tmp
log_rotation_method=n
log_archive_path=$d/var/archives
check_result_path=$d/var/checkresults
state_retention_file=$d/var/retention.dat
query_socket=$d/rw/nagios.qh
interval_length=1
check_for_updates=0
illegal_object_name_chars=\`~!\$%^&*|'"<>?,()=
illegal_macro_output_chars=\`~\$&|'"<>
date_format=iso8601
EOF
  cat >"$d/cgi.cfg" <<EOF
main_config_file=$d/nagios.cfg
physical_html_path=/usr/share/nagios4/htdocs
url_html_path=/nagios4
use_authentication=1
use_ssl_authentication=0
authorized_for_system_information=nagiosadmin
authorized_for_configuration_information=nagiosadmin
authorized_for_system_commands=nagiosadmin
authorized_for_all_services=nagiosadmin
authorized_for_all_hosts=nagiosadmin
authorized_for_all_service_commands=nagiosadmin
authorized_for_all_host_commands=nagiosadmin
default_statuswrl_layout=4
EOF
  echo 'nagiosadmin:nagiosadmin' >"$d/users"
  cat >"$d/lighttpd.conf" <<EOF
server.modules = ("mod_access", "mod_alias", "mod_auth", "mod_authn_file", "mod_setenv", "mod_cgi")
server.document-root = "$d/www"
server.bind = "$L"
server.port = $p
server.username = "nagios"
server.groupname = "nagios"
alias.url = ("/nagios4/cgi-bin/" => "$cgi/")
auth.backend = "plain"
auth.backend.plain.userfile = "$d/users"
auth.require = ("/nagios4/" => ("method" => "basic", "realm" => "Nagios Access", "require" => "valid-user"))
setenv.add-environment = ("NAGIOS_CGI_CONFIG" => "$d/cgi.cfg")
cgi.assign = (".cgi" => "")
EOF
  running nagios4 || rm -f "$d/rw/nagios.cmd" "$d/rw/nagios.qh" "$d/var/nagios.pid"
  spawn nagios4 nagios4 "$d/nagios.cfg"
  spawn nagios4-web lighttpd -D -f "$d/lighttpd.conf"
  until_ok 20 nagios4 test -s "$d/var/status.dat"
  until_ok 20 nagios4-web http_ok -u nagiosadmin:nagiosadmin "http://$L:$p/nagios4/cgi-bin/statusjson.cgi?query=programstatus"
  emit nagios4 "NAGIOS_URL=http://$L:$p/nagios4" "NAGIOS_STATUSJSON_URL=http://$L:$p/nagios4/cgi-bin/statusjson.cgi" \
    "NAGIOS_USER=nagiosadmin" "NAGIOS_PASSWORD=nagiosadmin" "NAGIOS_CMD=$d/rw/nagios.cmd" "NAGIOS_BREAK_HTTP=$d/break-http"
}

# ---- Icinga 2 with its API ----------------------------------------------
up_icinga2() {
  local d=$DIR/icinga2 p u; p=$(port ICINGA)
  u=nagios; id "$u" >/dev/null 2>&1 || die "icinga2 is not installed"
  install -d -o "$u" -g "$u" -m 755 "$d" "$d/lib" "$d/lib/certs" "$d/cache" "$d/log" "$d/run" "$d/spool" "$d/conf"
  local defs=(-D "DataDir=$d/lib" -D "CacheDir=$d/cache" -D "LogDir=$d/log" -D "InitRunDir=$d/run" -D "SpoolDir=$d/spool"
    -D "RunAsUser=$u" -D "RunAsGroup=$u" -D "NodeName=warroom" -D "PluginDir=/usr/lib/nagios/plugins")
  if [ ! -e "$d/lib/certs/warroom.crt" ]; then
    local c=$d/lib/certs
    # An authority and a certificate from it, as Icinga's own setup makes them.
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=Icinga CA' -addext basicConstraints=critical,CA:TRUE \
      -keyout "$d/ca.key" -out "$c/ca.crt" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj /CN=warroom -keyout "$c/warroom.key" -out "$d/warroom.csr" 2>/dev/null
    printf 'subjectAltName=DNS:warroom,DNS:localhost,IP:%s\nbasicConstraints=CA:FALSE\n' "$L" >"$d/warroom.ext"
    openssl x509 -req -in "$d/warroom.csr" -CA "$c/ca.crt" -CAkey "$d/ca.key" -CAcreateserial -days 3650 \
      -extfile "$d/warroom.ext" -out "$c/warroom.crt" 2>/dev/null
    chown "$u:" "$c"/*
  fi
  [ -e "$d/conf/icinga2.conf" ] || cat >"$d/conf/icinga2.conf" <<EOF
include <itl>
include <plugins>
object Zone "warroom" { endpoints = [ "warroom" ] }
object Endpoint "warroom" { }
object IcingaApplication "app" { }
object CheckerComponent "checker" { }
object ApiListener "api" { bind_host = "$L", bind_port = $p, accept_config = false, accept_commands = true }
object ApiUser "warroom" { password = "warroom", permissions = [ "*" ] }
object Host "web1" { check_command = "dummy", vars.dummy_state = 0, check_interval = 5s, retry_interval = 2s, max_check_attempts = 1 }
object Service "http" { host_name = "web1", check_command = "dummy", vars.dummy_state = 0, check_interval = 5s, retry_interval = 2s, max_check_attempts = 1 }
EOF
  spawn icinga2 icinga2 daemon -c "$d/conf/icinga2.conf" "${defs[@]}"
  until_ok 30 icinga2 http_ok --cacert "$d/lib/certs/ca.crt" -u warroom:warroom "https://localhost:$p/v1/status" --resolve "localhost:$p:$L"
  emit icinga2 "ICINGA_URL=https://localhost:$p" "ICINGA_USER=warroom" "ICINGA_PASSWORD=warroom" "ICINGA_CA=$d/lib/certs/ca.crt"
}

for n; do
  f=up_${n//-/_}
  declare -F "$f" >/dev/null || die "unknown service: $n"
  t0=$(date +%s%N)
  "$f"
  say "$n is up ($(( ($(date +%s%N) - t0) / 1000000 )) ms)"
done
