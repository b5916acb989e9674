# Sourced by .ci/run and scripts/slow-checks: steps with headings and times, tools on demand, and
# a last line that counts what was skipped.

declare -a STEP_LINES=()
SKIPS=0
STEP_NAME=

# step NAME COMMAND...: runs the command under a heading; a failure or an hour ends the run.
step() {
    STEP_NAME=$1
    shift
    printf '\n=== %s\n' "$STEP_NAME"
    local start=$SECONDS
    "$@"
    STEP_LINES+=("$(printf '%5d s  %s' $((SECONDS - start)) "$STEP_NAME")")
    STEP_NAME=
}

# skip NAME REASON
skip() {
    printf '\n=== %s\nSKIPPED: %s\n' "$1" "$2"
    STEP_LINES+=("$(printf 'SKIPPED  %s: %s' "$1" "$2")")
    SKIPS=$((SKIPS + 1))
}

# need TOOL [DEBIAN_PACKAGE]: true if the tool is there, or could be installed.
need() {
    local tool=$1 package=${2:-$1}
    command -v "$tool" >/dev/null && return
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
    if [ -z "${APT_UPDATED:-}" ]; then
        apt-get update -qq || return 1
        APT_UPDATED=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" \
        >/dev/null && command -v "$tool" >/dev/null
}

# within MINUTES COMMAND...: so that a test that hangs fails by name, not by the runner's limit.
within() {
    local minutes=$1
    shift
    timeout --kill-after=30 "${minutes}m" "$@"
}

summary() {
    local status=$?
    printf '\n=== summary (%d s)\n' "$SECONDS"
    [ ${#STEP_LINES[@]} = 0 ] || printf '%s\n' "${STEP_LINES[@]}"
    if [ $status != 0 ]; then
        printf 'FAILED: %s (status %d), %d skipped\n' "${STEP_NAME:-outside a step}" $status $SKIPS
    else
        printf 'OK, %d skipped\n' $SKIPS
    fi
    exit $status
}
trap summary EXIT
