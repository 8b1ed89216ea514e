# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# Real freshclam fetches from a mirror on this machine and notifies evermilter, as contrib/freshclam says.

# freshclam with a database of a site, over HTTP; the official ones need the Internet.
freshclam_is_set_up() {
    mkdir -p /srv/mirror
    busybox httpd -f -p 127.0.0.1:8081 -h /srv/mirror &
    install -D -m 0644 /opt/contrib/freshclam/clamd.conf /etc/evermilter/clamd.conf
    cat >/etc/clamav/freshclam.conf <<END
DatabaseOwner clamav
DatabaseDirectory /var/lib/clamav
UpdateLogFile /var/log/clamav/freshclam.log
DNSDatabaseInfo no
DatabaseMirror http://127.0.0.1:8081
ScriptedUpdates no
DatabaseCustomURL http://127.0.0.1:8081/site.ndb
NotifyClamd /etc/evermilter/clamd.conf
END
}
# publish TEXT: the mirror's database finds it.
publish() {
    printf 'Site.Published:0:*:%s\n' "$(printf %s "$1" | od -An -tx1 | tr -d ' \n')" >/srv/mirror/site.ndb
}
freshclam_notifies() {
    local before said words
    fresh_database
    # So that only NotifyClamd can be the reason of the reload.
    start_service 'watch = false' "$@"
    freshclam_is_set_up
    words="only the mirror knows $RANDOM"
    before=$(status .current_generation)
    publish "$words"
    said=$(freshclam --update-db=custom --stdout 2>&1) || fail "freshclam: $said"
    matches "freshclam" "$said" '*Clamd successfully notified about the update*'
    wait_for 60 "a new generation" newer_generation "$before"
    smtp_connect 25
    smtp_envelope
    printf 'Subject: x\r\n\r\n%s\r\n.\r\n' "$words" 1>&"$smtp"
    if smtp_reply; then fail "the new signature is not in use: $reply"; fi
    matches "the reply" "$reply" '550 5.7.1 virus found: Site.Published*'
    smtp_quit
    seen "$(stat -c 'database of mode %a, owner %U' $database/site.ndb)"
}
newer_generation() { [ "$(status .current_generation)" -gt "$1" ]; }

scenario "freshclam's NotifyClamd: a signature of a mirror is in use" freshclam_notifies
