#!/bin/sh
# A CGI program for fcgiwrap: notes each run in the file RUNS, waits ms, says what it was asked.
id=${QUERY_STRING%%&*} ms=${QUERY_STRING##*&}
id=${id#id=} ms=${ms#ms=}
body=
[ "${CONTENT_LENGTH:-0}" -eq 0 ] || body=$(head -c "$CONTENT_LENGTH")
printf '%s %s\n' "$REQUEST_METHOD" "$id" >>"$RUNS"
[ "$ms" -eq 0 ] || sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
printf 'Content-Type: text/plain\r\n\r\n%s %s %s' "$REQUEST_METHOD" "$id" "$body"
