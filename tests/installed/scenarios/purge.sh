# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# The package goes, and leaves nothing.

purge_leaves_nothing() {
    local left
    start_service
    rm -rf /run/installed-package /run/systemd/system/evermilter*.d
    systemctl daemon-reload
    DEBIAN_FRONTEND=noninteractive apt-get -q -y purge evermilter </dev/null
    equal "processes of evermilter's users" "$(ps -o pid= -u evermilter -u evermilter-scanner 2>/dev/null || true)" ""
    # What an administrator has made is his: the folder of Postfix' socket.
    left=$(find / -xdev \( -path /proc -o -path /sys -o -path /opt -o -path /var/log -o -path /var/spool/postfix \) -prune -o \
        -iname '*evermilter*' -print; find /run -iname '*evermilter*')
    equal "files left" "$left" ""
    equal "units left" "$(systemctl list-units --all --plain --no-legend 'evermilter*' | awk '{ print $1, $2, $3 }')" ""
}

scenario "purging the package leaves no process, file or unit" purge_leaves_nothing
