#!/usr/bin/env bash
# Redis with its ae_kqueue.c: its own test files, and redis-benchmark (which uses the same event
# loop) with persistent and with short connections. Started by scripts/real-programs.
set -euo pipefail
. "$PROGRAMS/sources.sh"
. "$PROGRAMS/judge.sh"

# Those that work the event loop hardest: many clients, blocked clients, forks that write dumps
# while clients are served, replication, closing and reopening of listeners.
FAST="unit/networking unit/protocol unit/limits unit/pubsub unit/multi unit/type/list-2
    unit/querybuf unit/pendingquerybuf unit/obuf-limits unit/shutdown unit/quit
    integration/rdb integration/redis-benchmark integration/replication-2"

prepare() {
    tool make make && tool cc gcc && tool tclsh tcl && fetch redis
}

# build kqueue|freebsd|epoll
build() {
    local tree=$WORK/build/redis-$1 version flags=
    version=$(source_version redis)
    is_built "$tree" redis "$version" && return
    rm -rf "$tree"
    mkdir -p "$WORK/build"
    cp -a "$(source_directory redis)" "$tree"
    if [ "$1" != epoll ]; then
        patch -d "$tree" -p1 <"$PROGRAMS/redis-ae.patch"
        flags="-DHAVE_KQUEUE $(interface "$1")"
        # The library stands before the objects in Redis's link command.
        export REDIS_LDFLAGS="-Wl,--no-as-needed -L$LIBRARY -lkqueue"
    fi
    env REDIS_CFLAGS="$flags" make -s -j2 -C "$tree/src" MALLOC=libc BUILD_TLS=no USE_SYSTEMD=no \
        OPTIMIZATION=-O1 redis-server redis-cli redis-benchmark >"$tree/build.log" 2>&1 ||
        { tail -30 "$tree/build.log"; return 1; }
    unset REDIS_LDFLAGS
    built "$tree" redis "$version"
}

# A test is named after its file and its title, without numbers: some are random.
run_tests() {
    local build=$1 file
    shift
    build "$build" >&2
    cd "$WORK/build/redis-$build"
    ln -sf redis-server src/redis-sentinel
    if [ $# = 0 ]; then
        [ "$MODE" = full ] && set -- $(./runtest --list-tests | grep /) || set -- $FAST
    fi
    for file in $(printf '%s\n' "${@%%: *}" | sort -u); do
        LD_LIBRARY_PATH=$LIBRARY timeout --kill-after=10 "$(limit 0)" \
            ./runtest --clients 1 --durable --single "$file" 2>&1 |
            tee "$WORK/results/redis/$build-${file//\//-}.log" | verdicts "$file"
    done
}

# [ok]: TITLE 1 (2 ms)  ->  pass FILE: TITLE N
verdicts() {
    sed -E 's/\x1b\[[0-9;]*m//g' | sed -nE "
        s/[0-9]+/N/g
        s,^\[ok\]: (.*) \(N ms\)\$,pass $1: \1,p
        s,^\[(err|exception|timeout)\]: (.*) in tests/.*,fail $1: \2,p
        s,^\[(err|exception|timeout)\]: (.*),fail $1: \2,p
        s,^\[(ignore|skip)\]: (.*),skip $1: \2,p
        s,^!!! WARNING The following tests failed.*,end,p
        s,.*All tests passed without errors.*,end,p" | awk -v file="$1" '
            /^end$/ { ended = 1; next }
            { print }
            END { if (!ended) print "fail " file ": (the run did not come to its end)" }'
}

# benchmark BUILD: both ends have the build's event loop; every request must be answered.
benchmark() {
    local tree=$WORK/build/redis-$1 method=kqueue directory server port keep
    [ "$1" != epoll ] || method=epoll
    directory=$(mktemp -d -p "$WORK/scratch")
    export LD_LIBRARY_PATH=$LIBRARY
    serve
    "$tree/src/redis-cli" -p $port info server | tr -d '\r' | grep -x "multiplexing_api:$method"
    [ "$1" = epoll ] || grep -m1 -F "$LIBRARY/libkqueue.so.0" /proc/$server/maps || {
        echo "redis-server does not have $LIBRARY/libkqueue.so.0 in memory"
        return 1
    }
    for keep in 1 0; do
        timeout 120 "$tree/src/redis-benchmark" -p $port -k $keep -c 50 -n 20000 \
            -t ping,set,get,lpush,lpop --csv >"$directory/csv"
        echo "$1, $([ $keep = 1 ] && echo persistent || echo short) connections, requests/s:" \
            "$(sed -nE '2,$s/^"([^"]*)","([^".]*).*/\1 \2,/p' "$directory/csv" | tr '\n' ' ')"
        [ "$(grep -c '^"[A-Z]' "$directory/csv")" = 6 ] || { cat "$directory/csv"; return 1; }
    done
    kill -TERM $server
    wait $server
    unset LD_LIBRARY_PATH
    rm -r "$directory"
}

# serve: starts `tree`'s server in `directory`; sets `server` and `port`.
serve() {
    while port=$((20000 + RANDOM % 10000)); do
        "$tree/src/redis-server" --port $port --save '' --dir "$directory" >"$directory/log" 2>&1 &
        server=$!
        while kill -0 $server 2>/dev/null; do
            grep -qi 'ready to accept' "$directory/log" && return
            sleep 0.1
        done
        grep -qi 'address already in use' "$directory/log" || { cat "$directory/log"; return 1; }
    done
}

case $1 in
--prepare) prepare ;;
run)
    for build in kqueue $([ "$MODE" != full ] || echo freebsd epoll); do
        build $build
        [ $build = epoll ] ||
            uses_our_library redis-server "$WORK/build/redis-$build/src/redis-server" --version
        benchmark $build
    done
    judge redis kqueue
    ;;
esac
