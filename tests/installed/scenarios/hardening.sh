# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # commands for another shell; variables that the parts share
# The unit's sandbox, directive by directive: a transient copy of the unit tries what must fail, and the processes of the
# running service show what they kept.

# sandboxed COMMAND…: as root in the sandbox of evermilter.service; its output and exit status.
sandboxed() {
    local unit=evermilter-trial.service
    {
        sed -e '/^\(Type\|NotifyAccess\|Exec[A-Za-z]*\|WatchdogSec\|Restart[A-Za-z]*\)=/d' -e '/^\[Install\]/,$d' \
            "$(unit_value FragmentPath)"
        printf 'Type=oneshot\nExecStart=/bin/bash /run/installed-trial\nStandardOutput=truncate:/run/installed-trial.out\n'
    } >/run/systemd/system/$unit
    # The command is run as a child, so that a system call that kills it is seen as a failure.
    printf '%q ' "$@" >/run/installed-trial
    printf '2>&1\necho "exit $?"\n' >>/run/installed-trial
    systemctl daemon-reload
    systemctl start $unit
    cat /run/installed-trial.out
}

# forbidden WHAT COMMAND…: works outside of the sandbox, and fails in it.
forbidden() {
    local what=$1 outcome
    shift
    outcome=$("$@" 2>&1) || fail "$what fails outside of the sandbox too, which proves nothing: $outcome"
    outcome=$(sandboxed "$@")
    [[ ${outcome##*exit } =~ ^[1-9] ]] || fail "$what: $outcome"
    echo "$what: $outcome"
}
allowed() {
    local outcome what=$1
    shift
    outcome=$(sandboxed "$@")
    [[ ${outcome##*exit } == 0 ]] || fail "$what: $outcome"
}

sandbox_files() {
    touch /home/inbox/secret /tmp/outside /dev/evermilter-trial
    forbidden "ProtectSystem: writing to /usr" touch /usr/evermilter-trial
    forbidden "ProtectSystem: writing to /etc" touch /etc/evermilter/trial
    forbidden "ReadOnlyPaths: writing to ClamAV's folder" touch /var/lib/clamav/trial
    rm -f /usr/evermilter-trial /etc/evermilter/trial /var/lib/clamav/trial
    forbidden "ProtectHome: reading a home" cat /home/inbox/secret
    forbidden "PrivateTmp: reading another's /tmp" cat /tmp/outside
    forbidden "PrivateDevices: what else is in /dev" test -e /dev/evermilter-trial
    # The root of the hierarchies is not always systemd's.
    forbidden "ProtectControlGroups: a new control group" sh -c \
        'for f in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do mkdir $f/trial && exec rmdir $f/trial; done; exit 1'
    allowed "ReadWritePaths: /run, /var/lib and /var/spool" \
        sh -ec 'for f in /run /var/lib /var/spool; do touch $f/evermilter-trial; rm $f/evermilter-trial; done'
}
sandbox_kernel() {
    # A user namespace, which needs no capability.
    forbidden "RestrictNamespaces: a new namespace" unshare --user true
    forbidden "a mount" mount -t tmpfs tmpfs /mnt
    umount /mnt
    forbidden "another host name" hostname trial.example.org
    hostname mx.example.org
    forbidden "a real-time priority" chrt --rr 1 true
    forbidden "RestrictSUIDSGID" sh -c 'cp /bin/true /run/trial && chmod u+s /run/trial'
    rm -f /run/trial
    forbidden "LockPersonality" setarch --addr-no-randomize true
    forbidden "RestrictAddressFamilies: netlink" ip link show lo
    forbidden "ProtectKernelTunables" sh -c \
        'ttl=$(cat /proc/sys/net/ipv4/ip_default_ttl) && echo $ttl >/proc/sys/net/ipv4/ip_default_ttl'
}

# process_value PID FIELD: of /proc/PID/status.
process_value() { sed -n "s/^$2:\s*//p" "/proc/$1/status"; }

# capabilities PID: those that the process holds, by the numbers of capability.h.
capabilities() {
    local bits number
    bits=$((16#$(process_value "$1" CapEff)))
    for number in $(seq 0 40); do [ $((bits >> number & 1)) = 0 ] || printf '%s ' "$number"; done
}
processes_hold_little() {
    start_service
    local pid role user
    pid=$(main_pid)
    # CHOWN DAC_OVERRIDE FOWNER KILL SETGID SETUID NET_BIND_SERVICE
    equal "capabilities of the supervisor" "$(capabilities "$pid")" "0 1 3 5 6 7 10 "
    equal "NoNewPrivs of the supervisor" "$(process_value "$pid" NoNewPrivs)" 1
    equal "the system call filter of the supervisor" "$(process_value "$pid" Seccomp)" 2
    for role in session loader standby scanner; do
        for pid in $(children $role); do
            equal "capabilities of a $role" "$(capabilities "$pid")" ""
            equal "permitted capabilities of a $role" "$(process_value "$pid" CapPrm)" 0000000000000000
            equal "NoNewPrivs of a $role" "$(process_value "$pid" NoNewPrivs)" 1
            equal "the system call filter of a $role" "$(process_value "$pid" Seccomp)" 2
            user=evermilter-scanner
            [ $role != session ] || user=evermilter
            equal "the user of a $role" "$(id -nu "$(process_value "$pid" Uid | cut -f 1)")" $user
            # What the process keeps in memory is root's, not its user's.
            equal "the owner of the memory of a $role" "$(stat -c %U "/proc/$pid/mem")" root
        done
    done
}

scenario "the sandbox: files that the service may not touch" sandbox_files
scenario "the sandbox: what the service may not ask of the kernel" sandbox_kernel
scenario "the supervisor holds seven capabilities, its children none, as users of their own" processes_hold_little
