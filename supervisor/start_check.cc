#include "supervisor/start_check.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "config/address.h"
#include "supervisor/files/named_files.h"
#include "supervisor/front/socket_trial.h"
#include "supervisor/limits.h"
#include "supervisor/running_service.h"
#include "supervisor/socket_units.h"

namespace evermilter::supervisor {
namespace {

// Of systemctl, and of a service that may be busy.
constexpr std::chrono::seconds kPatience{3};
constexpr const char* kService = "evermilter.service";

bool has(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

Holders find_holders(const Settings& settings, const ServiceManager& manager, StartReport& report) {
    Holders holders;
    holders.passed = &manager.sockets;
    auto units = ask_socket_units(kPatience);
    holders.units_known = units.ok();
    if (units)
        holders.units = std::move(*units);
    else
        report.note("not checked: which sockets systemd passes to the service (" + units.error().what + ")");
    // Who connects to a socket on which systemd waits starts the service.
    const auto address = config::parse_address(settings.config.status.socket);
    const std::string status = address ? config::address_text(*address) : "";
    const bool waits = std::any_of(holders.units.begin(), holders.units.end(),
                                   [&](const SocketUnit& unit) { return unit.waits && has(unit.addresses, status); });
    if (!waits) holders.running = ask_running_service(status, kPatience);
    return holders;
}

// Sockets that the service gets from systemd and that the configuration does not name. A file of another name is the
// service's only in its own unit.
void compare_units(const Settings& settings, const Holders& holders, const std::vector<std::string>& named,
                   StartReport& report) {
    for (const std::string& socket : holders.passed->beside(named)) report.fault(unnamed_socket(socket));
    const std::string unit = own_unit();
    for (const SocketUnit& one : holders.units) {
        const bool ours = !unit.empty() && has(one.services, unit);
        if (!ours && (settings.origin != EVERMILTER_CONFIG_FILE || !has(one.services, kService))) continue;
        for (const std::string& address : one.addresses)
            if (!has(named, address)) report.fault(unnamed_socket(address + " (" + one.name + ")"));
    }
}

} // namespace

FolderLocks prepare_start(SystemProcesses& processes, const Settings& settings, StartReport& report,
                          const RunningService* running) {
    if (auto opened = processes.open_binaries(); !opened) report.fault(EX_UNAVAILABLE, opened.error().what);
    if (report.ended()) return {};
    LimitsJudgement limits = check_limits(settings);
    if (limits.fault) report.fault(std::move(*limits.fault));
    for (std::string& warning : limits.warnings) report.warning("limits", std::move(warning));
    if (report.ended()) return {};
    return prepare_folders(settings, report, running);
}

StartReport check_start(const Settings& settings, const std::vector<std::string>& unknown_users,
                        const ServiceManager& manager) {
    StartReport report(StartMode::trial);
    const bool root = ::geteuid() == 0;
    if (!root)
        report.note("not checked as root: user " + settings.identities.session.user +
                    " cannot tell what root's start meets, so that nothing below counts as a fault");
    for (const std::string& unknown : unknown_users) report.fault(EX_NOUSER, unknown);
    const Holders holders = find_holders(settings, manager, report);
    SystemProcesses processes;
    static_cast<void>(prepare_start(processes, settings, report, holders.running ? &*holders.running : nullptr));
    compare_units(settings, holders, try_sockets(settings.config, holders, report), report);
    look_at_named_files(settings, report);
    if (const std::string warning = one_user_warning(settings.identities); !warning.empty()) report.note(warning);
    if (const auto dropped = drop_privileges(); !dropped) report.fault(EX_OSERR, dropped.error().what);
    if (!root) report.faults_to_notes();
    return report;
}

} // namespace evermilter::supervisor
