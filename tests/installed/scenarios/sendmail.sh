# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# Mail through Sendmail, which takes Postfix' place.

prepare_sendmail() {
    set_up_sendmail
    fresh_database
}
through_sendmail() {
    start_service
    through_port 25 60 20
}
sendmail_restart_under_load() { restart_under_load; }
sendmail_reload_under_load() { reload_under_load; }
sendmail_service_away_defers() {
    stop_service
    empty_mailbox
    if send_message 25 clean away; then fail "a message was accepted without evermilter: $reply"; fi
    matches "the reply" "$reply" '451 4.*'
    smtp_quit
    equal "what was delivered" "$(delivered)" ""
}
sendmail_slow_clients_survive_reload() { slow_clients_survive_reload; }

# Unless only scenarios of others are wanted.
# shellcheck disable=SC2053 # a pattern
if [[ sendmail_ == ${only%%_*}* ]]; then
    mail_server_is sendmail
    scenario "Sendmail runs as contrib/sendmail sets it up" prepare_sendmail
    scenario "Sendmail: clean messages are stamped, EICAR is refused" through_sendmail
    scenario "Sendmail: while evermilter is stopped it defers" sendmail_service_away_defers
    scenario "Sendmail: clients that wait at each stage of SMTP do not notice a reload" sendmail_slow_clients_survive_reload
    scenario "Sendmail: systemctl reload under load defers no message" sendmail_reload_under_load
    scenario "Sendmail: systemctl restart under load loses no message" sendmail_restart_under_load
fi
