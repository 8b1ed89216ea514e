# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# evermilter under systemd: its configuration, its state, its processes, its lines in the journal.

configuration=/etc/evermilter/evermilter.toml
database=/var/lib/clamav

# configure [LINE…]: writes the configuration for Postfix (contrib/postfix/README.md), with more lines at its end.
configure() {
    {
        printf '[milter]\nlisten = ["%s"]\nsocket_group = "%s"\n' "${milter_socket:?}" "${milter_group:?}"
        printf '[status]\nsocket_group = "clamav"\n'
        printf '[scanner]\nprocesses = 2\n'
        printf '[database]\nsettle = "1s"\n'
        printf '%s\n' "$@"
    } >"$configuration"
    chmod 644 "$configuration"
}

# fresh_database: the demo signatures and nothing else.
fresh_database() {
    rm -rf "${database:?}"/*
    install -o clamav -g clamav -m 0644 /opt/contrib/demo-db/demo.* "$database"
}

# add_signature NAME TEXT: finds the text anywhere in a file, once it is loaded.
add_signature() {
    printf '%s:0:*:%s\n' "$1" "$(printf %s "$2" | od -An -tx1 | tr -d ' \n')" >"/tmp/$1.ndb"
    install -o clamav -g clamav -m 0644 "/tmp/$1.ndb" "$database/$1.ndb"
}

unit_value() { systemctl show --value -p "$1" "${2:-evermilter.service}"; }

main_pid() { unit_value MainPID; }

# status FILTER: of the status document, by jq; nothing if nobody answers.
status() { evermilterctl --json status 2>/dev/null | jq -r "$1"; }

is_ready() { [ "$(status .state)" = ready ]; }

# children ROLE: the pids of the processes of a role, one a line.
children() { status ".workers[] | select(.role == \"$1\") | .pid"; }

# start_service [LINE…]: configures it and starts it newly.
start_service() {
    configure "$@"
    systemctl reset-failed evermilter.service evermilter.socket
    systemctl restart evermilter.service
    wait_for 30 "state ready" is_ready
}

stop_service() {
    systemctl stop evermilter.service evermilter.socket
    systemctl reset-failed evermilter.service evermilter.socket 2>/dev/null || true
}

# mark: sets `since`, from which lines_since looks. Not a cursor: with one, journalctl passes over the first line that fits
# (seen with systemd 252, if the line of the cursor does not fit).
mark() { since=@$(date +%s.%6N); }

# lines_since [OPTION…]: what evermilter has logged since mark, and systemd about it.
lines_since() {
    journalctl --sync
    journalctl --unit evermilter.service --output cat --no-pager --since "$since" "$@"
}

# drop_in UNIT TEXT: overrides the unit until the end of the scenario.
drop_in() {
    mkdir -p "/run/systemd/system/$1.d"
    printf '%b\n' "$2" >"/run/systemd/system/$1.d/scenario.conf"
    systemctl daemon-reload
}

# after_scenario: no drop-in, no socket held by systemd, also if the scenario has failed.
after_scenario() {
    systemctl disable evermilter.socket
    systemctl is-active --quiet evermilter.socket && stop_service
    rm -f /run/systemd/system/evermilter*.d/scenario.conf /run/systemd/system/evermilter-trial.service
    systemctl daemon-reload
}
