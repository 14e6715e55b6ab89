#!/bin/sh
# Verifies a journal of `warroom` without `warroom`: chain of hashes, numbers, lengths and digests of bodies.
#
#   sh verify-journal.sh JOURNAL
#
# Needs only sh, dd, head, tail, cut, sed, wc and sha256sum. A journal is a row of records, each of them
#
#   WJ1 <number> <header length> <body length> LF, header, body, LF
#
# The header is text, one `key: value` a line. Its `prev` is the SHA-256 of the header before it (`none` in record
# 0), its `body` and `body-len` are digest and length of the body. So the hash that is printed at the end stands for
# every byte of the journal: compare it with the `head` of a checkpoint that was kept elsewhere.
#
# Exit status: 0 intact, 1 damaged (the first damage is printed), 2 wrong use.
set -eu
LC_ALL=C
export LC_ALL

if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    echo "usage: sh verify-journal.sh JOURNAL" >&2
    exit 2
fi
journal=$1
size=$(wc -c < "$journal")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

damaged() {
    echo "damaged at byte $offset (record $number): $1" >&2
    exit 1
}
# part FROM LENGTH: bytes of the journal, FROM counted from 0
part() { tail -c +"$(($1 + 1))" "$journal" | head -c "$2"; }
# field KEY: value of a line of the header
field() { sed -n "s/^$1: //p" "$work/header"; }
digest() { printf 'sha256:%s\n' "$(sha256sum < "$1" | cut -d' ' -f1)"; }

offset=0
number=0
head=none
session=
while [ "$offset" -lt "$size" ]; do
    line=$(dd if="$journal" bs=1 skip="$offset" count=68 2>/dev/null | head -n 1 | tr -d '\000')
    header_len=$(echo "$line" | cut -d' ' -f3)
    body_len=$(echo "$line" | cut -d' ' -f4)
    case "$header_len$body_len" in
        *[!0-9]* | '') damaged "no record begins here" ;;
    esac
    [ "$line" = "WJ1 $number $header_len $body_len" ] || damaged "no record begins here"
    header_at=$((offset + ${#line} + 1))
    body_at=$((header_at + header_len))
    end=$((body_at + body_len))
    [ "$end" -lt "$size" ] || damaged "the record is incomplete"

    part "$header_at" "$header_len" > "$work/header"
    part "$body_at" "$body_len" > "$work/body"
    part "$end" 1 > "$work/end"
    [ "$(head -n 1 "$work/header")" = "warroom-event@v1" ] || damaged "the header is of another kind"
    [ "$(cut -d: -f1 "$work/header" | tail -n +2 | tr '\n' ' ')" = \
        "session seq prev time boot mono-ms kind actor via body body-len " ] || damaged "the header has other keys"
    [ "$(field seq)" = "$number" ] || damaged "the header has another number"
    [ "$(field prev)" = "$head" ] || damaged "the header does not name the header before it"
    [ "$(field body)" = "$(digest "$work/body")" ] || damaged "the body has another digest"
    [ "$(field body-len)" = "$body_len" ] || damaged "the body has another length"
    [ "$(wc -l < "$work/end")" -eq 1 ] || damaged "the record does not end with a line feed"
    [ "${session:=$(field session)}" = "$(field session)" ] || damaged "the record is of another session"

    head=$(digest "$work/header")
    offset=$((end + 1))
    number=$((number + 1))
done
echo "intact: $number records, head $head"
