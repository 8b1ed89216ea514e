#include "supervisor/front/socket_trial.h"

#include <sysexits.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "supervisor/config_reader.h"
#include "supervisor/front/admission.h"
#include "supervisor/front/endpoint.h"
#include "supervisor/front/listener.h"

namespace evermilter::supervisor {
namespace {

void fault(const Error& error, StartReport& report) {
    report.fault(exit_code_of_socket(error.code), error.what);
}

// What holds an address by right, as "evermilter.socket"; "": nothing.
std::string holder_of(const std::string& address, const Holders& holders) {
    for (const SocketUnit& unit : holders.units) {
        const auto& all = unit.addresses;
        if (unit.active && std::find(all.begin(), all.end(), address) != all.end()) return unit.name;
    }
    if (holders.running && holders.running->listens_on(address)) return holders.running->text();
    return {};
}

void try_one(const Endpoint& endpoint, const ResolvedAccess& access, const Holders& holders, StartReport& report) {
    if (holders.passed != nullptr && holders.passed->has(endpoint.key)) return;
    const auto possible = could_bind_endpoint(endpoint, access);
    if (possible) return;
    const Error& error = possible.error();
    if (error.code == EADDRINUSE) {
        if (const std::string holder = holder_of(endpoint.key, holders); !holder.empty())
            return report.note(endpoint.key + ": " + holder + " holds it");
        if (!holders.units_known)
            return report.note(error.what + " (unless it is systemd for evermilter.socket: systemctl gave no answer)");
    }
    if (may_come_by_itself(endpoint, error.code))
        return report.note(error.what + "; the start serves without it, and tries again until it can be bound");
    fault(error, report);
}

// Each name by itself, so that every one that cannot be resolved is reported; then those that can be, together.
std::vector<Endpoint> resolved(const std::vector<std::string>& addresses, StartReport& report) {
    std::vector<std::string> good;
    for (const std::string& address : addresses) {
        if (const auto one = endpoints_of({address}); one)
            good.push_back(address);
        else
            fault(one.error(), report);
    }
    auto all = endpoints_of(good);
    if (!all) fault(all.error(), report);
    return all ? std::move(*all) : std::vector<Endpoint>{};
}

} // namespace

std::vector<std::string> try_sockets(const config::Config& config, const Holders& holders, StartReport& report) {
    std::vector<std::string> keys;
    const auto try_group = [&](const ListenerSet::Group& group, const std::string& purpose) {
        const auto access = ListenerSet::access_of(group, purpose);
        if (!access) fault(access.error(), report);
        for (const Endpoint& one : resolved(group.addresses, report)) {
            if (std::find(keys.begin(), keys.end(), one.key) != keys.end()) continue;
            keys.push_back(one.key);
            try_one(one, access ? ResolvedAccess(*access) : ResolvedAccess{}, holders, report);
        }
    };
    for (const SocketGroup& one : sockets_of(config)) {
        if (const auto allow = AllowList::parse(one.allow); !allow)
            report.fault(exit_code_of_socket(allow.error().code), one.key("allow") + ": " + allow.error().what);
        try_group({one.listener, one.addresses, SocketAccess{one.mode, one.group}}, "milter");
    }
    const config::Status& status = config.status;
    try_group({"", {status.socket}, SocketAccess{static_cast<mode_t>(status.socket_mode), status.socket_group}},
              "status");
    return keys;
}

StartFault unnamed_socket(const std::string& socket) {
    return {EX_CONFIG,
            "the service manager passes a socket that is neither in milter.listen, nor a listener's, nor "
            "status.socket: " +
                socket + "; write the same address in both, or remove it from the socket unit"};
}

} // namespace evermilter::supervisor
