# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# Runs scenarios and judges them: each is a function that runs in a shell of its own with `errexit`, so that the first
# command that fails ends it. Prints a line for each, "passed NAME" or "FAILED NAME" with its output, and evermilter's journal.
# What a scenario has started is killed at its end; then after_scenario is called, which another part defines.
# Counts in `passed` and `failed`.

passed=0
failed=0

# scenario NAME FUNCTION: the name is a sentence that states the promise. One that does not fit `only` is skipped,
# unless it prepares others (prepare_*).
scenario() {
    local name=$1 function=$2 log=/run/installed-scenario.log begun status
    # shellcheck disable=SC2053 # a pattern
    [[ $function == ${only:-*} || $function == prepare_* ]] || return 0
    begun=$(date +%s.%N)
    journalctl --sync
    (
        set -Eeuo pipefail
        trap 'echo "at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
        trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT
        "$function"
    ) >"$log" 2>&1
    status=$?
    after_scenario >/dev/null 2>&1
    if [ $status -eq 0 ]; then
        passed=$((passed + 1))
        echo "passed $name$(sed -n 's/^seen: \(.*\)/ (\1)/p' "$log" | tail -n 1)"
        return
    fi
    failed=$((failed + 1))
    echo "FAILED $name ($function)"
    tail -n 30 "$log" | sed 's/^/    /'
    journalctl --no-pager --output short-precise --since "@${begun%.*}" -u evermilter.service -u evermilter.socket |
        grep -vE 'event=message|: Message from ' | tail -n 30 | cut -c 1-400 | sed 's/^/    | /'
}

# fail TEXT: ends the scenario.
fail() {
    echo "$1"
    exit 1
}

# equal WHAT ACTUAL EXPECTED
equal() { [ "$2" = "$3" ] || fail "$1 is \"$2\", not \"$3\""; }

# matches WHAT ACTUAL PATTERN: the pattern is that of case.
matches() {
    # shellcheck disable=SC2053 # a pattern
    [[ $2 == $3 ]] || fail "$1 is \"$2\", which does not fit \"$3\""
}

# seen TEXT: figures for the line of the scenario.
seen() { echo "seen: $1"; }

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "$what did not happen in time"
        sleep 0.1
    done
}
