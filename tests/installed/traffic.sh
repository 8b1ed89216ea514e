# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# Mail that keeps coming while something happens to evermilter, and the account of it afterwards. Each message has an id
# of its own; what a client was told stands in a file of lines "ID KIND ASKED REPLY".

traffic=/run/installed-traffic
mailbox=/var/mail/inbox

# one_client PORT NAME: sends until the file `stop` is there; every fourth message is infected.
one_client() {
    local number=0 kind
    set +e
    trap - ERR
    while [ ! -e $traffic/stop ]; do
        number=$((number + 1)) kind=clean
        [ $((number % 4)) -ne 0 ] || kind=infected
        send_message "$1" $kind "$2.$number"
        printf '%s %s %s %s\n' "$2.$number" $kind "$asked" "$reply" >>"$traffic/$2"
        { exec {smtp}>&-; } 2>/dev/null
        [[ $reply == 2* ]] || sleep 0.05
    done
}

# traffic_begins PORT CLIENTS: returns once some messages were accepted.
traffic_begins() {
    local client
    rm -rf $traffic && mkdir $traffic
    empty_mailbox
    for client in $(seq "$2"); do
        one_client "$1" "$client.$RANDOM" &
    done
    wait_for 60 "mail being accepted" more_messages 10
}

# more_messages COUNT: that many answers 250 at least.
more_messages() { [ "$(cat $traffic/[0-9]* 2>/dev/null | grep -c ' yes 250')" -ge "$1" ]; }

# traffic_goes_on COUNT: until so many more messages were accepted.
traffic_goes_on() {
    local before
    before=$(cat $traffic/[0-9]* | grep -c ' yes 250')
    wait_for 90 "mail being accepted afterwards" more_messages $((before + $1))
}

traffic_ends() {
    touch $traffic/stop
    wait
    cat $traffic/[0-9]* >$traffic/answers
}

empty_mailbox() {
    wait_for 60 "an empty queue" queue_is_empty
    : >$mailbox
    chown inbox:mail $mailbox
    chmod 660 $mailbox
}

# delivered: a line "ID STATUS" for each message in the mailbox, STATUS being all its X-Virus-Status.
delivered() {
    awk '
        function close_message() { if (id != "") print id, (status == "" ? "unscanned" : status) }
        /^From / { close_message(); id = status = ""; header = 1; next }
        header && /^$/ { header = 0 }
        header && /^X-Test-Id: / { id = $2 }
        header && /^X-Virus-Status: / { sub(/^X-Virus-Status: /, ""); status = status (status == "" ? "" : "+") $0 }
        END { close_message() }' $mailbox
}

# account: every message that was accepted is in the mailbox once and as clean; no infected one was accepted; what was
# answered otherwise is not there, unless the connection was lost when the answer was due. Prints the figures.
account() {
    wait_for 120 "an empty queue" queue_is_empty
    delivered | sort >$traffic/delivered
    awk '
        NR == FNR { count[$1]++; sub(/^[^ ]+ /, ""); if ($0 != "Clean") bad("delivered with status " $0); next }
        {
            code = $4; answers[$2 " " code]++
            if ($2 == "infected" && code ~ /^2/) bad("infected " $1 " was accepted")
            if ($2 == "infected" && count[$1]) bad("infected " $1 " was delivered")
            if ($2 == "clean" && code ~ /^5/) bad("clean " $1 " was refused: " $0)
            if ($2 == "clean" && code ~ /^2/ && count[$1] != 1) bad($1 " was accepted and delivered " count[$1] + 0 " times")
            if (code ~ /^[45]/ && count[$1]) bad($1 " was not accepted, but delivered: " $0)
            if (code == "closed" && count[$1] > 1) bad($1 " was delivered " count[$1] " times")
            if (code == "closed" && count[$1] && $3 == "no") bad($1 " was delivered, but never sent")
        }
        function bad(text) { print text; wrong = 1 }
        END { for (a in answers) line = line (line == "" ? "" : ", ") answers[a] " " a
              print "seen: " line; exit wrong }' $traffic/delivered $traffic/answers
}
