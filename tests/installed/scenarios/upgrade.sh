# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086,SC2154 # variables that the parts share; none of them has blanks
# The package is upgraded under load.

# A package of the same files with a higher version.
newer_package() {
    rm -rf /run/installed-package
    dpkg-deb -R /opt/packages/evermilter.deb /run/installed-package
    sed -i 's/^Version: .*/&+site/' /run/installed-package/DEBIAN/control
    dpkg-deb -Zgzip -z1 -b /run/installed-package /opt/packages/newer.deb
}
upgrade_under_load() {
    newer_package
    load_begins
    local pid
    pid=$(main_pid)
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install /opt/packages/newer.deb </dev/null
    matches "the installed version" "$(dpkg-query -W -f '${Version}' evermilter)" '*+site'
    wait_for 60 "the new supervisor" another_main_pid "$pid"
    wait_for 60 "state ready" is_ready
    traffic_goes_on 20
    traffic_ends
    account
    matches "the administrator's configuration" "$(cat "$configuration")" '*postfix/evermilter/milter.sock*'
}

scenario "an upgrade of the package under load loses no message" upgrade_under_load
