#!/bin/sh
# Checks a checkpoint without `warroom`: the session's own key said at that time that the journal ended with that record.
#
#   sh verify-checkpoint.sh CHECKPOINT SERVER_SIGNERS
#
# CHECKPOINT: one document with its signature, as they stand in the file `checkpoints` of a session. SERVER_SIGNERS: as
# `warroom journal export --raw` writes it; the key in it stands in record 0 of the journal too. Prints the number and the hash of
# the record; compare them with what verify-journal.sh says of the journal. Needs sh, sed and ssh-keygen.
set -eu
LC_ALL=C
export LC_ALL
if [ $# -ne 2 ]; then
    echo "usage: sh verify-checkpoint.sh CHECKPOINT SERVER_SIGNERS" >&2
    exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '1,/^time: /p' "$1" > "$work/statement"
sed '1,/^time: /d' "$1" > "$work/signature"
who=$(ssh-keygen -Y find-principals -s "$work/signature" -f "$2")
ssh-keygen -Y verify -f "$2" -I "$who" -n warroom-checkpoint@v1 -s "$work/signature" < "$work/statement" >&2
sed -n 's/^head: //p' "$work/statement"
