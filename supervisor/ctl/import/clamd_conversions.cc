// Options of clamd.conf that are not one key of the same meaning.
#include <algorithm>

#include "config/quantity.h"
#include "supervisor/ctl/import/conversions.h"

namespace evermilter::ctl {

Carried carry_temp_directory(const Given& given, Draft& draft) {
    return set_folder("scanner.temp_directory", "evermilter-scan", given, draft);
}

Carried carry_self_check(const Given& given, Draft& draft) {
    constexpr std::uint64_t second = 1000;
    if (given.number == 0)
        return set_key("database.watch", false, given, draft, "new databases are loaded only when freshclam says so");
    return set_duration("database.check_interval", std::min(given.number, kNoLimit / second) * second, given, draft);
}

Carried carry_concurrent_reload(const Given& given, Draft& draft) {
    return set_key("reload.mode", std::string(given.yes ? "overlap" : "replace"), given, draft);
}

Carried carry_pua(const Given& given, Draft& draft) {
    const std::string_view other =
        given.option.keys == "scanner.exclude_pua" ? "scanner.include_pua" : "scanner.exclude_pua";
    if (draft.has(other)) return left_out("clamd does not start with IncludePUA and ExcludePUA both; keep one of them");
    if (auto taken = draft.append(given.option.keys, given.text, given.source); !taken)
        return left_out(std::move(taken).error().reason);
    return {.keys = draft.line(given.option.keys)};
}

Carried carry_alert_exceeds_max(const Given& given, Draft& draft) {
    if (!given.yes) return left_out("actions.limit decides, and is as actions.incomplete where it is not set");
    const config::Config config = draft.config();
    const config::Value action = config::read(*config::schema().find_row("actions.infected"), &config.actions);
    return set_key("actions.limit", action, given, draft);
}

Carried carry_max_scan_time(const Given& given, Draft& draft) {
    return set_duration("scanner.max_scan_time", given.number, given, draft);
}

} // namespace evermilter::ctl
