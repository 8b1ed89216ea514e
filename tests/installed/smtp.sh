# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# An SMTP client that sends one command at a time to 127.0.0.1 (RFC 5321). Its connection is descriptor `smtp`, its last
# reply `reply`, which is "closed" after the connection has ended. A command returns 0 if the reply is 2yz or 3yz.
# It waits at most five minutes for a reply, as RFC 5321 4.5.3.2 asks.

trap '' PIPE

smtp_reply() {
    local line
    while IFS= read -r -t 300 -u "$smtp" line; do
        reply=${line%$'\r'}
        [[ $reply == ???-* ]] || { [[ $reply == [23]* ]]; return; }
    done
    reply=closed
    return 1
}

# smtp_connect PORT
smtp_connect() {
    reply=closed
    { exec {smtp}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null && smtp_reply
}

smtp_say() { printf '%s\r\n' "$1" 1>&"$smtp" 2>/dev/null && smtp_reply; }

smtp_quit() {
    printf 'QUIT\r\n' 1>&"$smtp" 2>/dev/null
    exec {smtp}>&-
}

# shellcheck disable=SC2016 # as it is
eicar='X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR''-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'

filler=$(head -c 3000 /dev/urandom | base64)
filler=${filler//$'\n'/$'\r\n'}

# message KIND ID: a message on standard output; KIND is clean or infected.
message() {
    printf '%s\r\n' "From: sender@example.org" "To: inbox@mx.example.org" "Subject: $1" "X-Test-Id: $2"
    if [ "$1" = infected ]; then
        printf '%s\r\n' 'MIME-Version: 1.0' 'Content-Type: multipart/mixed; boundary=b' '' --b 'Content-Type: text/plain' '' \
            "message $2" --b 'Content-Type: application/octet-stream' 'Content-Disposition: attachment; filename=a.com' '' \
            "$eicar" --b--
    else
        printf '\r\n%s\r\n' "message $2" "$filler"
    fi
}

# smtp_envelope: EHLO to DATA.
smtp_envelope() {
    smtp_say 'EHLO client.example.org' && smtp_say 'MAIL FROM:<sender@example.org>' &&
        smtp_say 'RCPT TO:<inbox@mx.example.org>' && smtp_say DATA
}

smtp_content() { { message "$1" "$2" && printf '.\r\n'; } 1>&"$smtp" 2>/dev/null && smtp_reply; }

# send_message PORT KIND ID: a message in a connection of its own; `reply` is the answer that decided, `asked` is yes if
# the message had been sent whole.
send_message() {
    asked=no
    smtp_connect "$1" || return
    smtp_envelope || return
    asked=yes
    smtp_content "$2" "$3" || return
    smtp_quit
}
