#!/usr/bin/env bash
# libevent and its regression program. Its configure finds kqueue() where a library has it, tries
# it and prefers it to epoll, so that nothing needs a patch. Started by scripts/real-programs.
set -euo pipefail
. "$PROGRAMS/sources.sh"
. "$PROGRAMS/judge.sh"

prepare() {
    tool make make && tool cc gcc && tool python3 python3-minimal && fetch libevent
}

# build kqueue|freebsd|epoll
build() {
    local tree=$WORK/build/libevent-$1 version flags=(CFLAGS="-g -O1") make
    version=$(source_version libevent)
    is_built "$tree" libevent "$version" && return
    rm -rf "$tree"
    mkdir -p "$WORK/build"
    cp -a "$(source_directory libevent)" "$tree"
    [ "$1" = epoll ] || flags+=(CPPFLAGS="$(interface "$1")" LDFLAGS="-L$LIBRARY"
        LIBS=-lkqueue)
    # Debian's patches make configure.ac look newer than what was generated from it.
    make=(make -s -j2 AUTOMAKE=: AUTOCONF=: ACLOCAL=: AUTOHEADER=:)
    (
        cd "$tree"
        export LD_LIBRARY_PATH=$LIBRARY
        ./configure -q --disable-openssl --disable-shared --disable-samples "${flags[@]}" &&
            "${make[@]}" include/event2/event-config.h && "${make[@]}" test/regress || exit
        [ "$1" = epoll ] || grep '^#define HAVE_WORKING_KQUEUE 1' config.h ||
            { echo "configure found no kqueue that works"; exit 1; }
    ) >"$tree/build.log" 2>&1 || { tail -30 "$tree/build.log"; return 1; }
    built "$tree" libevent "$version"
}

run_tests() {
    local build=$1 log=$WORK/results/libevent/$1.log
    shift
    build "$build" >&2
    if [ $# = 0 ]; then
        # The tests of http wait most of their time: the others run beside them.
        regress "$build" http/.. >"$log" &
        regress "$build" :http/.. >"$log.others"
        wait $!
        verdicts <"$log"
        verdicts <"$log.others" | grep -v '^skip http/'
    else
        regress "$build" "$@" | tee -a "$log" | verdicts
    fi
}

# regress BUILD [ARGUMENT...]: with no method of waiting left but the build's own.
regress() {
    local build=$1 method count
    shift
    [[ "$*" == *..* ]] && count=0 || count=$#
    (
        for method in EVPORT KQUEUE EPOLL DEVPOLL POLL SELECT WIN32; do
            [ $method = "$(method "$build")" ] || export EVENT_NO$method=yes
        done
        cd "$WORK/build/libevent-$build"
        LD_LIBRARY_PATH=$LIBRARY timeout --kill-after=10 "$(limit $count)" test/regress "$@" 2>&1 || true
    )
}

method() { [ "$1" = epoll ] && echo EPOLL || echo KQUEUE; }

# The verdict ends the test's line, or stands in a later line of its own after what was logged.
verdicts() {
    awk '
        match($0, /^[a-z0-9_]+(\/[a-zA-Z0-9_]+)+: /) { test = substr($0, 1, RLENGTH - 2) }
        /^[0-9]+ tests ok\./ || /^[0-9]+\/[0-9]+ TESTS FAILED\./ { ended = 1 }
        test == "" { next }
        /(^|[ \]])OK$/ { print "pass", test; test = "" }
        /SKIPPED$/ { print "skip", test; test = "" }
        /DISABLED$/ { test = "" }
        /\[[^ ]+ FAILED\]$/ { print "fail", test; test = "" }
        END {
            if (test != "") print "fail", test
            if (!ended) print "fail (a run did not come to its end)"
        }'
}

# shows_method BUILD: by its own word, a base of this build waits as the build's name says.
shows_method() {
    local method
    method=$(method "$1")
    EVENT_SHOW_METHOD=1 regress "$1" main/base_environ | grep -m1 -oE 'libevent using: [a-z]+' |
        grep -x "libevent using: ${method,,}"
}

case $1 in
--prepare) prepare ;;
run)
    for build in kqueue $([ "$MODE" != full ] || echo freebsd); do
        build $build
        uses_our_library regress "$WORK/build/libevent-$build/test/regress" main/base_environ
        shows_method $build
        judge libevent $build
    done
    [ "$MODE" != full ] || shows_method epoll
    ;;
esac
