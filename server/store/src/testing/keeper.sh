# Runs a PostgreSQL until standard input closes. $1: the folder of its programs, $2: what it keeps of its files in memory.
# Prints one line: "ready FOLDER", where its socket is, or what went wrong.
set -u
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/unstick-pg.XXXXXX") || { echo "no temporary folder"; exit 1; }
trap 'rm -rf "$folder"' EXIT
trap '' INT HUP
log=$folder/log
# A cluster whose own order is not that of bytes, so that a key without COLLATE "C" shows.
"$1/initdb" --pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 --no-sync --no-instructions \
    --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US >"$log" 2>&1 || { tail -n 1 "$log"; exit 1; }
"$1/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c synchronous_commit=on -c max_connections=300 -c shared_buffers="$2" -c max_wal_size=4GB \
    -c autovacuum=off -c deadlock_timeout=200ms >>"$log" 2>&1 </dev/null &
server=$!
tries=0
# The server writes «ready» into its pid file (miscadmin.h, LOCK_FILE_LINE_PM_STATUS) when it takes connections.
until grep -qs '^ready' "$folder/data/postmaster.pid"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then tail -n 1 "$log"; kill "$server"; exit 1; fi
    sleep 0.1
done
echo "ready $folder"
# Whoever started us holds the other end; this returns when it is gone.
cat >/dev/null
kill -QUIT "$server"
wait "$server"
