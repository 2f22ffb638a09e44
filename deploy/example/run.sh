#!/bin/sh
# Runs the health service and the demonstration with it as one supergraph. Ctrl-C, or the end of
# either, ends both. The arguments are those of `linhui demo`.
health_addr=${HEALTH_ADDR:-127.0.0.1:8082}
state=${STATE_DIR:-.state}

bin/health --addr "$health_addr" --state-dir "$state/health" &
health=$!
bin/linhui demo --subgraph "health=http://$health_addr/graphql" --poll 2s "$@" &
linhui=$!

# At a terminal both get the Ctrl-C themselves; a second signal of the same kind would be too much.
trap ':' INT
trap 'kill "$health" "$linhui" 2>/dev/null' TERM HUP

while kill -0 "$linhui" 2>/dev/null && kill -0 "$health" 2>/dev/null; do
	wait "$linhui"
	status=$?
done
kill "$health" "$linhui" 2>/dev/null
wait "$linhui" "$health"
exit "$status"
