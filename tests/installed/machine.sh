# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# The machines of tests/site: a base for each Debian, which is kept, and from it a machine with evermilter, which is
# booted under systemd in namespaces of its own, with no network but loopback. Every function says on standard error
# what failed. Needs `root` (the sources), `work` (the folder of the machines) and `mirror`.

# What the scenarios use in the machine. Sendmail conflicts with Postfix, so its packages wait in apt's cache.
machine_packages=(busybox clamav-freshclam iproute2 jq kmod postfix procps rsyslog sensible-utils)
later_packages=(sendmail sendmail-bin)

# base_of SUITE: the path of its base.
base_of() { echo "$work/$1.base"; }

# make_base SUITE: debootstrap and the packages above, unless that was done for the same packages.
make_base() {
    local base stamp="${machine_packages[*]} / ${later_packages[*]}"
    base=$(base_of "$1")
    [ "$(cat "$base/.complete" 2>/dev/null)" != "$stamp" ] || return 0
    if [ ! -e "$base/etc/debian_version" ] || [ -e "$base/debootstrap" ]; then
        rm -rf --one-file-system "$base"
        debootstrap --include=systemd,systemd-sysv,dbus "$1" "$base" "$mirror" || return
    fi
    echo mx.example.org >"$base/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 mx.example.org mx\n' >"$base/etc/hosts"
    # shellcheck disable=SC2016 # expanded in the machine
    without_services "$base" sh -ec '
        printf "%s\n" "postfix postfix/main_mailer_type select Local only" \
            "postfix postfix/mailname string mx.example.org" | debconf-set-selections
        apt-get -q update
        DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $1
        DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends --download-only install $2
        useradd --create-home --shell /usr/sbin/nologin inbox' sh "${machine_packages[*]}" "${later_packages[*]}" || return
    echo "$stamp" >"$base/.complete"
}

# release_of SUITE: what the names of its packages have in them.
release_of() {
    case $1 in
        bookworm) echo deb12 ;;
        trixie) echo deb13 ;;
    esac
}

# find_package SUITE DIR: prints, as its last line, the path of the newest package in DIR; without DIR it is built of what is
# committed, by contrib/package in a machine that is kept for the next build.
find_package() {
    local builder=$work/$1.build folder=${2:-$work/packages} package
    if [ -z "$2" ]; then
        make_base "$1" && { [ -e "$builder" ] || cp -a --reflink=auto "$(base_of "$1")" "$builder"; } || return
        [ -e "$builder/src/.git" ] || git clone --quiet "$root" "$builder/src" || return
        git -C "$builder/src" fetch --quiet "$root" HEAD && git -C "$builder/src" reset --quiet --hard FETCH_HEAD || return
        without_services "$builder" env -C /src contrib/package || return
        mkdir -p "$folder" && cp "$builder/src/build/package"/evermilter_*.deb "$folder" || return
    fi
    # shellcheck disable=SC2012 # names of packages have no blanks
    package=$(ls -t "$folder"/evermilter_*"~$(release_of "$1")"_*.deb 2>/dev/null | head -n 1)
    [ -n "$package" ] || {
        echo "machine: no evermilter_*~$(release_of "$1")_*.deb in $folder; contrib/package makes one" >&2
        return 1
    }
    echo "$package"
}

# without_services MACHINE COMMAND…: keeps the scripts of packages from starting services meanwhile.
without_services() {
    local policy=$1/usr/sbin/policy-rc.d status
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || return
    "$root/contrib/inside" "$@"
    status=$?
    rm "$policy"
    return $status
}

# make_machine SUITE MACHINE PACKAGE: a copy of the base in MACHINE with this package, as the operation guide installs it,
# and the scenarios in /opt/installed.
make_machine() {
    rm -rf --one-file-system "$2"
    cp -a --reflink=auto "$(base_of "$1")" "$2" && mkdir "$2/opt/packages" && cp "$3" "$2/opt/packages/evermilter.deb" || return
    without_services "$2" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install /opt/packages/evermilter.deb || return
    cp -r "$root/tests/installed" "$root/contrib" "$2/opt/"
}

# boot MACHINE LOG: sets `nspawn` and `init`, the pid of the machine's systemd, and returns when that has started all.
boot() {
    in_own_groups setsid systemd-nspawn --quiet -D "$1" --private-network --register=no --keep-unit --resolv-conf=off \
        --link-journal=no --console=pipe -b </dev/null >"$2" 2>&1 &
    nspawn=$!
    init=
    local deadline=$((SECONDS + 180)) state
    while [ $SECONDS -lt $deadline ] && [ -e "/proc/$nspawn" ]; do
        for init in $(pgrep -P "$nspawn"); do
            state=$(enter systemctl is-system-running 2>/dev/null)
            case $state in running | degraded) return 0 ;; esac
        done
        sleep 0.5
    done
    echo "machine: $1 did not boot within 180 s; its console is in $2" >&2
    return 1
}

# in_own_groups COMMAND…: in a control group of its own in each hierarchy, so that the machine's systemd does not meet that of
# another machine, or the host's.
in_own_groups() {
    local hierarchy group
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
        [ -e "$hierarchy/cgroup.procs" ] || continue
        [ ! -e "$hierarchy/cgroup.type" ] || continue # a group, not a hierarchy
        group=$hierarchy/evermilter-site-$$
        mkdir -p "$group" && echo $BASHPID >"$group/cgroup.procs"
    done 2>/dev/null
    exec "$@"
}

# leave_groups: removes what in_own_groups has made.
leave_groups() {
    find /sys/fs/cgroup -depth -type d -path "*/evermilter-site-$$*" -exec rmdir {} + 2>/dev/null
}

# enter COMMAND…: in the booted machine.
enter() {
    nsenter -t "$init" -a -- /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# halt_machine: powers the booted machine off; kills it after 60 s.
halt_machine() {
    [ -n "${nspawn:-}" ] || return 0
    enter systemctl poweroff >/dev/null 2>&1
    local deadline=$((SECONDS + 60))
    while [ -e "/proc/$nspawn" ] && [ $SECONDS -lt $deadline ]; do sleep 0.5; done
    [ ! -e "/proc/$nspawn" ] || kill -9 "$nspawn"
    wait "$nspawn" 2>/dev/null
    leave_groups
    nspawn=
}
