#include "supervisor/settings.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "config/parse.h"

namespace evermilter::supervisor {
namespace {

std::uint32_t usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
}

} // namespace

Settings make_settings(config::Config config, std::string origin, Identities identities, bool foreground) {
    // Under systemd standard error is the journal as well, but syslog(3) keeps facility and priority.
    const bool journal = std::getenv("JOURNAL_STREAM") != nullptr && std::getenv("NOTIFY_SOCKET") != nullptr;
    if (!config.log.target_in_file)
        config.log.target = foreground && !journal ? config::LogTarget::stderr_ : config::LogTarget::syslog;
    Settings settings;
    settings.foreground = foreground;
    settings.scanners = config.scanner.processes == 0 ? usable_cpus() : config.scanner.processes;
    settings.toml = config::to_toml(config);
    settings.config = std::move(config);
    settings.origin = std::move(origin);
    settings.identities = std::move(identities);
    return settings;
}

} // namespace evermilter::supervisor
