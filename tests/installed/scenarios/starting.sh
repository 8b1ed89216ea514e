# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# systemd starts, reloads, restarts and watches the service, and the journal and syslog say why it does not start.

prepare_postfix() {
    systemctl disable --now clamav-freshclam.service
    fresh_database
    set_up_postfix
}

# Type=notify: the job ends when the signatures are in use, and not before.
start_is_ready() {
    stop_service
    configure
    systemctl start evermilter.service
    equal "the state right after the start" "$(status .state)" ready
    equal "signatures" "$(status '.generations[] | select(.state == "active") | .signatures > 0')" true
    matches "the text for systemctl status" "$(unit_value StatusText)" "ready:*"
    evermilterctl probe
}

start_writes_both_logs() {
    mark
    local before
    before=$(grep -c 'evermilter\[' /var/log/mail.log || true)
    start_service
    matches "the journal" "$(lines_since)" '*event=listening*'
    wait_for 10 "a line in /var/log/mail.log" mail_log_grew "$before"
}
mail_log_grew() { [ "$(grep -c 'evermilter\[' /var/log/mail.log)" -gt "$1" ]; }

# The outcome of systemctl reload is that of the reload.
reload_tells_success() {
    fresh_database
    start_service
    local before pid
    before=$(status .current_generation) pid=$(main_pid)
    add_signature Site.Reload "reload $RANDOM"
    systemctl reload evermilter.service
    # The watch of the directory may have been first.
    [ "$(status .current_generation)" -gt "$before" ] || fail "generation $before is still in use"
    equal "the supervisor" "$(main_pid)" "$pid"
}
reload_tells_failure() {
    start_service
    local before
    before=$(status .current_generation)
    configure 'nonsense = 1'
    mark
    if systemctl reload evermilter.service; then fail "systemctl reload succeeds with a broken configuration"; fi
    matches "the journal" "$(lines_since)" '*nonsense*'
    configure
    is_ready || fail "the service is not ready afterwards"
    equal "the generation" "$(status .current_generation)" "$before"
    systemctl reload evermilter.service
}
reload_tells_refused_signatures() {
    fresh_database
    start_service
    mark
    printf 'broken\n' >"$database/broken.ndb"
    rm "$database/demo.ldb" "$database/demo.ndb" "$database/demo.hsb"
    if systemctl reload evermilter.service; then fail "systemctl reload succeeds with a broken database"; fi
    matches "the journal" "$(lines_since)" '*load-refused*'
    fresh_database
    systemctl reload evermilter.service
    is_ready || fail "the service is not ready afterwards"
}

# A supervisor that stands still is replaced within WatchdogSec, the unit's own 60 s shortened.
watchdog_restarts() {
    drop_in evermilter.service '[Service]\nWatchdogSec=10s\nTimeoutStopSec=20s'
    start_service
    local pid begun=$SECONDS
    pid=$(main_pid)
    kill -STOP "$pid"
    wait_for 60 "the watchdog" another_main_pid "$pid"
    local took=$((SECONDS - begun))
    wait_for 60 "state ready" is_ready
    matches "the journal" "$(journalctl -u evermilter.service -o cat -n 200)" '*atchdog timeout*'
    seen "$took s from SIGSTOP to the next supervisor, WatchdogSec=10s"
}
another_main_pid() {
    local now
    now=$(main_pid)
    [ "$now" != 0 ] && [ "$now" != "$1" ]
}

# A connection to a socket that systemd holds starts the service, and is served.
socket_activation() {
    stop_service
    configure
    drop_in evermilter.socket "[Socket]\nListenStream=\nListenStream=${milter_socket#unix:}\nSocketGroup=$milter_group"
    systemctl enable evermilter.socket
    systemctl start evermilter.socket
    equal "the service before the first connection" "$(unit_value ActiveState)" inactive
    empty_mailbox
    send_message 25 clean activated || fail "the first message got $reply"
    equal "the service" "$(unit_value ActiveState)" active
    local owned
    owned=$(ss -xlpH src "${milter_socket#unix:}")
    matches "who listens" "$owned" '*systemd*'
    wait_for 30 "an empty queue" queue_is_empty
    equal "what was delivered" "$(delivered)" "activated Clean"
    # A restart keeps the socket: a connection waits instead of being refused.
    systemctl restart evermilter.service
    equal "the socket unit" "$(unit_value ActiveState evermilter.socket)" active
}

# fails_with STATUS TEXT: the start fails with it, and says why where an operator looks; lines of level err are marked so.
fails_with() {
    mark
    if systemctl start evermilter.service; then fail "the service has started"; fi
    # Of the journal: the next try may have begun.
    matches "the exit status" "$(lines_since)" "*Main process exited, code=exited, status=$1/*"
    matches "the journal" "$(lines_since)" "*$2*"
    matches "journalctl -p err" "$(lines_since -p err)" "*$2*"
    stop_service
}
failed_start_configuration() {
    stop_service
    configure '[scanner' 'x ='
    fails_with 78 "$configuration:*"
    configure 'socket_gruop = "x"'
    fails_with 78 'socket_gruop'
}
failed_start_user() {
    stop_service
    configure '[process]' 'user = "nobody-has-this-name"'
    fails_with 67 nobody-has-this-name
}
failed_start_folder() {
    stop_service
    mkdir -p /var/lib/of-another
    chown postfix: /var/lib/of-another
    chmod 700 /var/lib/of-another
    touch /var/lib/of-another/file
    configure 'state_directory = "/var/lib/of-another"'
    fails_with 77 /var/lib/of-another
    rm -r /var/lib/of-another
}
failed_start_is_not_repeated() {
    stop_service
    configure 'nonsense = 1'
    if systemctl start evermilter.service; then fail "the service has started"; fi
    equal "the state" "$(unit_value ActiveState)/$(unit_value SubState)" failed/failed
    equal "restarts" "$(unit_value NRestarts)" 0
    # A user may be known later: that is tried again, and succeeds once the reason has gone.
    configure '[process]' 'user = "late"'
    systemctl reset-failed evermilter.service
    systemctl start evermilter.service || true
    wait_for 30 "another try" restarted
    useradd --system late
    wait_for 30 "state ready" is_ready
    stop_service
    userdel late
}
restarted() { [ "$(unit_value NRestarts)" -gt 0 ]; }

mail_server_is postfix
scenario "Postfix runs as contrib/postfix sets it up" prepare_postfix
scenario "systemctl start returns when the signatures are in use" start_is_ready
scenario "the log is in the journal and in /var/log/mail.log" start_writes_both_logs
scenario "systemctl reload waits until new signatures are in use" reload_tells_success
scenario "systemctl reload fails if the configuration is wrong, and nothing changes" reload_tells_failure
scenario "systemctl reload fails if the signatures are refused, and mail goes on" reload_tells_refused_signatures
scenario "a supervisor that stands still is replaced" watchdog_restarts
scenario "a connection to evermilter.socket starts the service" socket_activation
scenario "a wrong configuration: exit status 78, and the journal says why as an error" failed_start_configuration
scenario "an unknown user: exit status 67, and the journal says why as an error" failed_start_user
scenario "a folder of another owner: exit status 77, and the journal says why as an error" failed_start_folder
scenario "systemd repeats a start only if the reason may pass" failed_start_is_not_repeated
