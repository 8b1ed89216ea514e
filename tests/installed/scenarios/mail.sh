# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# Mail through Postfix: what its clients are told, what is delivered, and slow clients during a reload.

# through_port PORT CLEAN INFECTED: so many messages each, one after the other.
through_port() {
    local number
    empty_mailbox
    : >/run/installed-expected
    for number in $(seq "$2"); do
        send_message "$1" clean "clean.$number" || fail "clean message $number got $reply"
        echo "clean.$number Clean" >>/run/installed-expected
    done
    for number in $(seq "$3"); do
        if send_message "$1" infected "infected.$number"; then fail "infected message $number was accepted: $reply"; fi
        matches "the reply" "$reply" '550 5.7.1 virus found: Eicar-Test-Signature*'
        smtp_quit
    done
    wait_for 60 "an empty queue" queue_is_empty
    equal "what was delivered" "$(delivered | sort)" "$(sort /run/installed-expected)"
}
chrooted_port() {
    start_service
    through_port 25 150 50
}
port_of_users() {
    start_service
    through_port 587 30 10
}

# Mail of local programs: what is infected goes back to its sender.
local_command() {
    start_service
    empty_mailbox
    local number
    for number in $(seq 10); do
        message clean "local.$number" | tr -d '\r' | sendmail -f inbox@mx.example.org inbox@mx.example.org
    done
    message infected local.infected | tr -d '\r' | sendmail -f inbox@mx.example.org inbox@mx.example.org
    wait_for 60 "a bounce" grep -q '^Subject: Undelivered Mail Returned to Sender' $mailbox
    wait_for 60 "an empty queue" queue_is_empty
    equal "what was delivered" "$(delivered | sort)" "$(for number in $(seq 10); do echo "local.$number Clean"; done | sort)"
    matches "the bounce" "$(cat $mailbox)" '*virus found: Eicar-Test-Signature*'
}

# Without signatures a message is deferred, and clients that come again are served after the signatures have come.
no_signatures_defer() {
    stop_service
    rm -rf "${database:?}"/* /var/lib/evermilter
    configure
    systemctl start evermilter.service
    empty_mailbox
    if send_message 25 clean early; then fail "a message was accepted without signatures: $reply"; fi
    matches "the reply" "$reply" '451 4.7.1 *'
    smtp_quit
    fresh_database
    wait_for 60 "state ready" is_ready
    send_message 25 clean late || fail "the message got $reply"
    wait_for 60 "an empty queue" queue_is_empty
    equal "what was delivered" "$(delivered)" "late Clean"
}
service_away_defers() {
    stop_service
    empty_mailbox
    if send_message 25 clean away; then fail "a message was accepted without evermilter: $reply"; fi
    matches "the reply" "$reply" '451 4.7.1 *'
    smtp_quit
    equal "what was delivered" "$(delivered)" ""
}

# Clients wait at each stage while systemctl reload brings new signatures into use; then each goes on.
slow_stages='greeting ehlo mail rcpt data half'
slow_client() {
    local stage=$1 step fifo=$traffic/$1.go whole
    whole=$(message clean "slow.$stage"; echo .)
    smtp_connect 25 || return 1
    for step in $slow_stages; do
        case $step in
            ehlo) smtp_say 'EHLO client.example.org' ;;
            mail) smtp_say 'MAIL FROM:<sender@example.org>' ;;
            rcpt) smtp_say 'RCPT TO:<inbox@mx.example.org>' ;;
            data) smtp_say DATA ;;
            half) printf '%s' "${whole:0:1500}" 1>&"$smtp" ;;
        esac || return 1
        [ "$step" != "$stage" ] || { echo waits >"$traffic/$stage.waits"; read -r _ <"$fifo"; }
    done
    printf '%s\r\n' "${whole:1500}" 1>&"$smtp"
    smtp_reply
    local final=$reply
    smtp_quit
    echo "$final" >"$traffic/$stage.reply"
}
all_wait() {
    local stage
    for stage in $slow_stages; do [ -e "$traffic/$stage.waits" ] || return 1; done
}
slow_clients_survive_reload() {
    local stage before
    fresh_database
    start_service
    empty_mailbox
    rm -rf $traffic && mkdir $traffic
    for stage in $slow_stages; do
        mkfifo "$traffic/$stage.go"
        slow_client "$stage" &
    done
    wait_for 60 "a client waiting at each stage" all_wait
    before=$(status .current_generation)
    add_signature Site.Slow "slow signature $RANDOM"
    systemctl reload evermilter.service
    [ "$(status .current_generation)" -gt "$before" ] || fail "generation $before is still in use"
    for stage in $slow_stages; do echo >"$traffic/$stage.go"; done
    wait
    for stage in $slow_stages; do
        matches "the reply to the client that waited at $stage" "$(cat "$traffic/$stage.reply")" '250 *'
    done
    wait_for 60 "an empty queue" queue_is_empty
    equal "what was delivered" "$(delivered | sort)" "$(for stage in $slow_stages; do echo "slow.$stage Clean"; done | sort)"
}

scenario "200 messages through the chrooted smtpd: clean ones are stamped, EICAR is refused" chrooted_port
scenario "likewise through the port of users" port_of_users
scenario "mail of the sendmail command is scanned, infected mail goes back" local_command
scenario "without signatures mail is deferred, until they come" no_signatures_defer
scenario "while evermilter is stopped Postfix defers" service_away_defers
scenario "clients that wait at each stage of SMTP do not notice a reload" slow_clients_survive_reload
