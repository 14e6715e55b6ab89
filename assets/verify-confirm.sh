#!/bin/sh
# Checks one confirm without `warroom`: who said yes to exactly which plan, by which key, and when.
#
#   warroom journal export SESSION --seq N --raw DIR
#   sh verify-confirm.sh DIR/event DIR/body DIR/plan DIR/allowed_signers PERSON
#
# Needs only sh, grep, sed, cut, sort, uniq, tr, sha256sum and ssh-keygen. Prints the hash of the record, which the next record names
# as `prev` and a checkpoint as `head`. Exit status 0: the confirm is good; anything else: it is not, and the last line that
# was printed comes from the check that failed.
#
# Not judged here: whether a security key was touched (see `flags` in `ssh-keygen -vvv`, or use `warroom verify`), and what
# the journal says before and after (see verify-journal.sh).
set -eu
LC_ALL=C
export LC_ALL
if [ $# -ne 5 ]; then
    echo "usage: sh verify-confirm.sh EVENT BODY PLAN ALLOWED_SIGNERS PERSON" >&2
    exit 2
fi
event=$1 body=$2 plan=$3 signers=$4 who=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

must() {
    what=$1
    shift
    "$@" || { echo "not good: $what" >&2; exit 1; }
}
field() { sed -n "s/^$1: //p" "$2"; }
digest() { printf 'sha256:%s\n' "$(sha256sum < "$1" | cut -d' ' -f1)"; }

# `ssh-keygen` stops at the first line that has a key: so no key may stand there twice, and names must be plain.
must "a key stands twice in $signers" [ -z "$(grep -oE 'AAAA[0-9A-Za-z+/=]+' "$signers" | sort | uniq -d)" ]
must "a name in $signers is not plain" [ -z "$(grep -v '^#' "$signers" | grep . | cut -d' ' -f1 | grep -vE '^[a-z][a-z0-9._-]*$')" ]
must "the event is no confirm" [ "$(field kind "$event")" = step.confirmed ]
must "the body is not the one the event names" [ "$(field body "$event")" = "$(digest "$body")" ]
sed -n '1,/^expires: /p' "$body" > "$work/statement"
sed '1,/^expires: /d' "$body" > "$work/signature"
must "it rests on an account alone, and nobody signed it" [ "$(head -n 1 "$work/statement")" != warroom-confirm-uid@v1 ]
must "the statement is no confirm" [ "$(head -n 1 "$work/statement")" = warroom-confirm@v1 ]
must "the statement is about another plan" [ "$(field plan "$work/statement")" = "$(digest "$plan")" ]
must "$who did not sign it" [ "$(field signer "$work/statement")" = "$who" ]
must "$who proposed it" [ "$(field proposer "$work/statement")" != "$who" ]
must "$who executes it" [ "$(field executor "$work/statement")" != "$who" ]
# Judged at the time of the record: a key that has ended since was good then.
at=$(field time "$event" | tr -d 'T:-' | sed 's/\..*//;s/Z//')Z
found=$(ssh-keygen -Y find-principals -O verify-time="$at" -s "$work/signature" -f "$signers")
must "the key is not that of $who alone" [ "$found" = "$who" ]
must "the signature does not fit" ssh-keygen -Y verify -f "$signers" -I "$who" -n warroom-confirm@v1 \
    -O verify-time="$at" -s "$work/signature" < "$work/statement"
digest "$event"
