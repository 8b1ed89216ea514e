# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# Postfix and Sendmail as packaged, set up as contrib/postfix and contrib/sendmail say, delivering to /var/mail/inbox.

# mail_server_is NAME: which of the two configure and queue_is_empty are about; it says nothing to the server.
mail_server_is() {
    mail_server=$1
    case $1 in
        postfix) milter_socket=unix:/var/spool/postfix/evermilter/milter.sock milter_group=postfix ;;
        sendmail) milter_socket=unix:/run/evermilter/milter.sock milter_group=root ;;
    esac
}

queue_is_empty() {
    case $mail_server in
        postfix) [ -z "$(postqueue -j)" ] ;;
        # Of both queues, the MTA's and that of the sendmail command.
        sendmail) [ "$({ mailq -Am && mailq -Ac; } | sed -n 's/^.*Total requests: //p' | sort -u)" = 0 ] ;;
    esac
}

set_up_postfix() {
    install -d -o root -g postfix -m 0750 /var/spool/postfix/evermilter
    grep -v '^#' /opt/contrib/postfix/main.cf | grep . | while read -r line; do postconf -e "$line"; done
    postconf -e 'mydestination = mx.example.org, localhost' 'home_mailbox =' 'mailbox_command ='
    # The port of users, with a chrooted smtpd as that of port 25.
    postconf -M 'submission/inet=submission inet n - y - - smtpd'
    equal "the chroot of smtpd" "$(postconf -Fh smtp/inet/chroot)" y
    systemctl restart postfix
    wait_for 30 "a greeting of Postfix" greets 25
    wait_for 30 "a greeting of Postfix at the port of users" greets 587
}

greets() { (smtp_connect "$1" && smtp_quit); }

# Instead of Postfix, from apt's cache.
set_up_sendmail() {
    stop_service
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install sendmail </dev/null
    # Without DNS; and the machine's load must not matter.
    printf 'hosts files\naliases files\n' >/etc/mail/service.switch
    {
        cat /etc/mail/sendmail.mc
        printf 'define(`%s'\'', `%s'\'')dnl\n' confSERVICE_SWITCH_FILE /etc/mail/service.switch confQUEUE_LA 1000 \
            confREFUSE_LA 1000 confDELIVERY_MODE background
        printf 'FEATURE(`%s'\'')dnl\n' accept_unresolvable_domains nocanonify
        cat /opt/contrib/sendmail/evermilter.mc
    } >/etc/mail/sendmail.mc.new
    mv /etc/mail/sendmail.mc.new /etc/mail/sendmail.mc
    echo mx.example.org >/etc/mail/local-host-names
    make -C /etc/mail
    systemctl restart sendmail
    wait_for 60 "a greeting of Sendmail" greets 25
}
