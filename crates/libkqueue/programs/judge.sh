# Sourced by the programs' scripts: what a run of tests says, and whether kqueue's says enough.
#
# A script offers `run_tests BUILD [TEST...]`, which runs all or the named tests with a build
# and prints a line "pass TEST", "fail TEST" or "skip TEST" for each. Builds are `kqueue`, `freebsd` (kqueue through
# the interface of FreeBSD's structure) and `epoll`.

# uses_our_library NAME COMMAND...: the loader says from where a program has its kqueue() and its
# kevent(), whose symbol is another one with FreeBSD's interface.
uses_our_library() {
    local name=$1 log=$WORK/scratch/loader symbol
    shift
    rm -f "$log".*
    LD_LIBRARY_PATH=$LIBRARY LD_BIND_NOW=1 LD_DEBUG=bindings LD_DEBUG_OUTPUT=$log \
        timeout 60 "$@" >/dev/null 2>&1 || true
    for symbol in kqueue "kevent(_[a-z]+)?"; do
        grep -hoE "binding file .* symbol \`$symbol'" "$log".* | sort -u | head -1 |
            grep -F " to $LIBRARY/libkqueue.so.0 " ||
            { echo "$name does not have its $symbol from $LIBRARY"; return 1; }
    done
}

# interface BUILD: what the compiler is told of the library; nothing for epoll.
interface() {
    case $1 in
    kqueue) echo "-I$PREFIX/include" ;;
    freebsd) echo "-I$PREFIX/include -DKEVENT_FREEBSD" ;;
    esac
}

# judge NAME BUILD: what passes with epoll must pass with the build, unless the program itself does
# not try it with kqueue; what fails with the build must fail with epoll. The full mode runs both
# whole; the fast one tries with epoll only what did not pass.
judge() {
    local name=$1 results=$WORK/results/$1 build=$2 ours epoll lost
    ours=$results/$build epoll=$results/epoll lost=$results/lost
    mkdir -p "$results"
    rm -f "$results/$build"*
    run_tests "$build" | sort -u >"$ours"
    if [ "$MODE" != full ]; then
        mapfile -t doubtful < <(not_passed "$ours")
        rm -f "$epoll"*
        [ ${#doubtful[@]} = 0 ] || run_tests epoll "${doubtful[@]}" | sort -u >"$epoll"
        touch "$epoll"
    elif [ "$build" = kqueue ]; then
        rm -f "$epoll"*
        run_tests epoll | sort -u >"$epoll"
    fi
    echo "$name, $build: $(counts "$ours")"
    echo "$name, epoll: $(counts "$epoll")$([ "$MODE" = full ] || echo ', of those that did not pass')"
    [ -n "$(of pass "$ours")" ] || { echo "no test passed: see $results"; return 1; }
    sed -n "s/^fail /fails with $build: /p" "$ours"
    sed -n "s/^fail /fails with epoll: /p" "$epoll"
    comm -12 <(of pass "$epoll") <(of skip "$ours") | sed "s/^/not tried with $build: /"
    sort -u >"$lost" <(comm -23 <(of pass "$epoll") <(sed -nE 's/^(pass|skip) //p' "$ours" | sort)) \
        <(comm -23 <(of fail "$ours") <(of fail "$epoll"))
    confirm "$build" "$lost"
}

# confirm BUILD FILE: a test may fail because the machine is busy. Alone, it must pass three times of
# three; that it was needed is printed.
confirm() {
    local build=$1 test wrong=0
    while read -r test <&9; do
        if passes_alone "$build" "$test" && passes_alone "$build" "$test" &&
            passes_alone "$build" "$test"; then
            echo "unsteady: $test did not pass at first; alone it passes three times of three"
        else
            echo "LOST: $test: $(verdict "$test" "$ours") with $build," \
                "$(verdict "$test" "$epoll") with epoll"
            wrong=1
        fi
    done 9<"$2"
    return $wrong
}

# verdict TEST RESULTS
verdict() {
    local verdict
    for verdict in fail pass skip; do
        grep -qxF "$verdict $1" "$2" && echo $verdict && return
    done
    echo "no verdict"
}

passes_alone() { run_tests "$1" "$2" | grep -xF "pass $2" >/dev/null; }

# of VERDICT FILE: the tests with this verdict; one that also failed has not passed.
of() {
    if [ "$1" = pass ]; then
        comm -23 <(sed -n 's/^pass //p' "$2" | sort -u) <(sed -n 's/^fail //p' "$2" | sort -u)
    else
        sed -n "s/^$1 //p" "$2" | sort -u
    fi
}

not_passed() { sed -nE '/come to its end\)$/d; s/^(fail|skip) //p' "$1" | sort -u; }

counts() {
    echo "$(of pass "$1" | wc -l) passed, $(of fail "$1" | wc -l) failed," \
        "$(of skip "$1" | wc -l) skipped"
}

# is_built DIRECTORY WHAT...: whether the directory was built from just this; `built` says so.
is_built() { [ "$(cat "$1/built-from" 2>/dev/null)" = "$(fingerprint "${@:2}")" ]; }
built() { fingerprint "${@:2}" >"$1/built-from"; }
fingerprint() { echo "$*"; cat "$PREFIX/include/sys/event.h" "$0" | sha256sum; }

# limit COUNT: how long a run of so many tests may take, 0 being all: what hangs has failed.
limit() { [ "$1" = 1 ] && echo 1m || echo 10m; }
