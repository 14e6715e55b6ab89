#!/bin/sh
# Checks without `warroom` that a host stands for the key of a session: who signed its checkpoints was that session's server.
#
#   warroom journal export SESSION --seq 0 --raw DIR
#   sh verify-session.sh DIR/certificate DIR/host_signers DIR/server_signers [DIR/event DIR/body]
#
# CERTIFICATE: the statement a host key signed when the session began, with its signature. HOST_SIGNERS: the list
# `server_signers` of the policy, best from where you trust it and not from the export. SERVER_SIGNERS: the session's key as
# verify-checkpoint.sh uses it. EVENT and BODY, of record 0, show that it began with this very certificate. Prints the name of
# the host key. Exit status 0: the host stands for it. Needs only sh, grep, sed, cut, sort, uniq, sha256sum and ssh-keygen.
set -eu
LC_ALL=C
export LC_ALL
if [ $# -ne 3 ] && [ $# -ne 5 ]; then
    echo "usage: sh verify-session.sh CERTIFICATE HOST_SIGNERS SERVER_SIGNERS [EVENT BODY]" >&2
    exit 2
fi
certificate=$1 hosts=$2 session=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

must() {
    what=$1
    shift
    "$@" || { echo "not good: $what" >&2; exit 1; }
}

must "a key stands twice in $hosts" [ -z "$(grep -oE 'AAAA[0-9A-Za-z+/=]+' "$hosts" | sort | uniq -d)" ]
must "a name in $hosts is not plain" [ -z "$(grep -v '^#' "$hosts" | grep . | cut -d' ' -f1 | grep -vE '^[a-z][a-z0-9._-]*$')" ]
sed -n '1,/^issued: /p' "$certificate" > "$work/statement"
sed '1,/^issued: /d' "$certificate" > "$work/signature"
must "it is no certificate" [ "$(head -n 1 "$work/statement")" = warroom-session@v1 ]
key=$(sed -n 's/^key: //p' "$work/statement")
must "it is about another key than that of $session" grep -qF " $key" "$session"
# Judged at the time of the certificate: a host key that has ended since was good then.
at=$(sed -n 's/^issued: //p' "$work/statement" | tr -d 'T:-' | sed 's/Z//')Z
who=$(ssh-keygen -Y find-principals -O verify-time="$at" -s "$work/signature" -f "$hosts")
must "the signature does not fit" ssh-keygen -Y verify -f "$hosts" -I "$who" -n warroom-session@v1 \
    -O verify-time="$at" -s "$work/signature" < "$work/statement" >&2
if [ $# -eq 5 ]; then
    event=$4 body=$5
    # The hash of record 0 is the `genesis` of every statement and checkpoint.
    must "the event is not record 0" grep -qx 'seq: 0' "$event"
    must "the event is of another session" grep -qx "$(grep '^session: ' "$work/statement")" "$event"
    must "the body is not the one the event names" grep -qx "body: sha256:$(sha256sum < "$body" | cut -d' ' -f1)" "$event"
    must "the body names another key" grep -qF "\"session_key\":\"$key\"" "$body"
fi
echo "$who"
