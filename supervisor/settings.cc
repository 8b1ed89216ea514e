// The configuration, resolved: where the log goes, how many scanners there are.
#include "supervisor/settings.h"

#include <utility>

#include "config/parse.h"
#include "workers/common/base/journal.h"
#include "workers/common/base/usable_cpus.h"

namespace evermilter::supervisor {

std::uint32_t scanner_processes(const config::Scanner& scanner) {
    return scanner.processes == 0 ? usable_cpus() : scanner.processes;
}

Settings make_settings(config::Config config, std::string origin, std::string lists, Identities identities,
                       bool foreground) {
    // Under systemd standard error is the journal as well, but syslog(3) keeps facility and priority.
    if (!config.log.target_in_file)
        config.log.target =
            foreground && !log::standard_error_is_journal() ? config::LogTarget::stderr_ : config::LogTarget::syslog;
    Settings settings;
    settings.foreground = foreground;
    settings.scanners = scanner_processes(config.scanner);
    settings.toml = config::to_toml(config);
    settings.config = std::move(config);
    settings.origin = std::move(origin);
    settings.lists = std::move(lists);
    settings.identities = std::move(identities);
    return settings;
}

} // namespace evermilter::supervisor
