# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# Under load: processes of each role are killed, the service is restarted. Postfix' clients see nothing, or are deferred;
# what was accepted is delivered once, and scanned.

load_begins() {
    fresh_database
    start_service
    traffic_begins 25 3
}

# killed ROLE: kills one process of the role five times; each time mail goes on afterwards.
killed() {
    local role=$1 pid
    load_begins
    for _ in 1 2 3 4 5; do
        wait_for 30 "a $role" child_there "$role"
        pid=$(children "$role" | head -n 1)
        kill -9 "$pid"
        wait_for 60 "the end of $role $pid in the status" child_gone "$role" "$pid"
        traffic_goes_on 10
    done
    traffic_ends
    wait_for 60 "state ready" is_ready
    [ "$(status ".crashes.$role")" -ge 1 ] || fail "the status counts $(status ".crashes.$role") crashes of role $role"
    account
}
child_there() { [ -n "$(children "$1")" ]; }
child_gone() { ! children "$1" | grep -qx "$2"; }

# Clean mail was accepted, infected mail refused for good, and no connection was lost.
nobody_deferred() {
    local others
    others=$(grep -vE '^[^ ]+ (clean yes 250|infected yes 550) ' $traffic/answers) || return 0
    fail "other answers: $others"
}

killed_session() { killed session; }
killed_loader() { killed loader && nobody_deferred; }
killed_standby() { killed standby && nobody_deferred; }
killed_scanner() { killed scanner && nobody_deferred; }

killed_supervisor() {
    local pid
    load_begins
    for _ in 1 2; do
        pid=$(main_pid)
        kill -9 "$pid"
        wait_for 120 "the next supervisor" another_main_pid "$pid"
        wait_for 60 "state ready" is_ready
        traffic_goes_on 10
    done
    traffic_ends
    equal "the state" "$(unit_value ActiveState)" active
    account
}

restart_under_load() {
    load_begins
    for _ in 1 2 3; do
        systemctl restart evermilter.service
        traffic_goes_on 10
    done
    traffic_ends
    account
}
reload_under_load() {
    load_begins
    for number in 1 2 3; do
        add_signature "Site.Load$number" "signature $RANDOM $number"
        systemctl reload evermilter.service
        traffic_goes_on 10
    done
    traffic_ends
    account
    nobody_deferred
}

scenario "a killed session worker costs its own sessions at most" killed_session
scenario "a killed loader costs no message" killed_loader
scenario "a killed standby costs no message" killed_standby
scenario "a killed scanner costs no message" killed_scanner
scenario "systemd restarts a killed supervisor" killed_supervisor
scenario "systemctl restart under load loses no message" restart_under_load
scenario "systemctl reload under load defers no message" reload_under_load
