#!/usr/bin/env bash
# CPython's select module, compiled from Debian's source with its kqueue branch and put in the
# place of the one in /usr/bin/python3; then CPython's own tests of select.kqueue, of selectors
# and, in the full mode, of asyncio, whose default selector it becomes. What it is compared with
# is the interpreter as Debian built it. Started by scripts/real-programs.
set -euo pipefail
. "$PROGRAMS/sources.sh"
. "$PROGRAMS/judge.sh"

FAST="test.test_kqueue test.test_selectors"
FULL="$FAST test._test_eintr test.test_select test.test_poll test.test_epoll test.test_asyncio"

PYTHON=/usr/bin/python3
BUILD=$WORK/build/python

version() { $PYTHON -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
include() { $PYTHON -c 'import sysconfig; print(sysconfig.get_path("include"))'; }

prepare() {
    header python3-minimal $PYTHON && header python3-dev "$(include)/internal/pycore_fileutils.h" &&
        tool cc gcc && fetch "python$(version)"
}

# build kqueue|freebsd
build() {
    local tree=$BUILD/$1 source from
    source=$(source_directory "python$(version)")
    from=$(source_version "python$(version)")
    is_built "$tree" python "$from" && return
    rm -rf "$tree"
    mkdir -p "$tree" "$BUILD/tests"
    ln -sfn "$source/Lib/test" "$BUILD/tests/test"
    cp "$PROGRAMS/python/sitecustomize.py" "$tree"
    cc -shared -fPIC -g -O1 -Wall -DHAVE_KQUEUE=1 -DHAVE_SYS_EVENT_H=1 $(interface "$1") \
        -I"$(include)" -I"$(include)/internal" "$source/Modules/selectmodule.c" \
        -Wl,--no-as-needed -L"$LIBRARY" -lkqueue -o "$tree/select.so"
    built "$tree" python "$from"
}

run_tests() {
    local path=$BUILD/tests log=$WORK/results/python/$1.log modules=$FAST
    [ "$1" = epoll ] || path=$BUILD/$1:$path
    [ "$MODE" != full ] || modules=$FULL
    shift
    [ $# != 0 ] || set -- $modules
    (
        cd "$(mktemp -d -p "$WORK/scratch")"
        LD_LIBRARY_PATH=$LIBRARY PYTHONPATH=$path PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore \
            timeout --kill-after=10 "$(limit $#)" $PYTHON "$PROGRAMS/python/verdicts.py" "$@" 2>>"$log" ||
            echo "fail (the run did not come to its end)"
        rm -rf "$PWD"
    )
}

case $1 in
--prepare) prepare ;;
run)
    for build in kqueue $([ "$MODE" != full ] || echo freebsd); do
        build $build
        uses_our_library select.so env PYTHONPATH="$BUILD/$build" $PYTHON -c 'import select
select.kqueue()'
        judge python $build
    done
    ;;
esac
