#!/usr/bin/env bash
# pg-metrics.sh PORT_A PORT_B FILE   write what a PostgreSQL pair says of itself
# into a node exporter's textfile folder, twice a second, until it is killed.
# A server that does not answer has pg_up 0 and no other metric: no last value
# of a dead server stays behind.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"
file=${3:?usage: pg-metrics.sh PORT_A PORT_B FILE}
psql=$(pg_bindir)/psql
declare -A ports=([a]=$1 [b]=$2)
q="select pg_is_in_recovery()::int, (current_setting('default_transaction_read_only') = 'on')::int,
  (select count(*) from pg_stat_replication where state = 'streaming'),
  case when pg_is_in_recovery() then 0 else (select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), -1)
    from pg_stat_replication where state = 'streaming') end"
while :; do
  {
    for s in a b; do
      if line=$(PGCONNECT_TIMEOUT=2 "$psql" -h 127.0.0.1 -p "${ports[$s]}" -U postgres -AtF ' ' -c "$q" 2>/dev/null); then
        read -r recovery read_only standbys lag <<<"$line"
        printf 'pg_up{server="%s"} 1\npg_in_recovery{server="%s"} %s\npg_read_only{server="%s"} %s\n' "$s" "$s" "$recovery" "$s" "$read_only"
        printf 'pg_streaming_standbys{server="%s"} %s\n' "$s" "$standbys"
        # -1: nobody streams from it, so there is no lag to tell
        [ "$recovery" = 1 ] || [ "$lag" = -1 ] || printf 'pg_replication_lag_bytes{primary="%s"} %s\n' "$s" "$lag"
      else
        printf 'pg_up{server="%s"} 0\n' "$s"
      fi
    done
  } >"$file.new"
  mv "$file.new" "$file"
  sleep 0.5
done
