#include "supervisor/ctl/import/conversions.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "config/quantity.h"

namespace evermilter::ctl {
namespace {

std::string_view first_key(const Given& given) {
    return given.option.keys.substr(0, given.option.keys.find(' '));
}

// What the key takes of a count; optional counts of the schema are 32 bits wide even where the row does not say so.
std::uint64_t within(const config::Row& row, std::uint64_t number) {
    std::uint64_t most = row.range.max;
    if (row.kind == config::Kind::count && row.default_value.empty() && row.key.find("pcre") == std::string_view::npos)
        most = std::min<std::uint64_t>(most, std::numeric_limits<std::uint32_t>::max());
    return std::clamp(number, row.range.min, most);
}

} // namespace

Carried left_out(std::string why_not) {
    return {.how = Carried::How::left_out, .keys = {}, .why_not = std::move(why_not)};
}

Carried bad(std::string why_not) {
    return {.how = Carried::How::bad, .keys = {}, .why_not = std::move(why_not)};
}

Carried set_key(std::string_view key, const config::Value& value, const Given& given, Draft& draft,
                std::string remark) {
    if (auto taken = draft.set(key, value, given.source); !taken) return left_out(std::move(taken).error().reason);
    return {.keys = draft.line(key), .remark = std::move(remark)};
}

Carried set_duration(std::string_view key, std::uint64_t milliseconds, const Given& given, Draft& draft) {
    const config::Row& row = *config::schema().find_row(key);
    const std::uint64_t wanted = milliseconds == 0 ? kNoLimit : milliseconds;
    constexpr std::uint64_t second = 1000;
    const std::uint64_t most = row.range.max / second * second; // "299s" reads better than "299999ms"
    const std::uint64_t taken = std::clamp(wanted, row.range.min, most);
    const auto text = config::duration_text(config::Duration(static_cast<config::Duration::rep>(taken)));
    return set_key(key, text, given, draft,
                   taken == wanted     ? ""
                   : milliseconds == 0 ? "there is a limit here"
                                       : "the nearest that is possible");
}

Carried set_folder(std::string_view key, std::string_view name, const Given& given, Draft& draft) {
    std::string folder = given.text;
    while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
    if (folder == "/tmp" || folder == "/var/tmp")
        return left_out("everybody may write to " + folder + "; name a folder of evermilter's own in " +
                        std::string(key) + " if the default has no room");
    return set_key(key, folder + (folder == "/" ? "" : "/") + std::string(name), given, draft);
}

Carried carry_as_it_is(const Given& given, Draft& draft) {
    const std::string_view key = first_key(given);
    const config::Row& row = *config::schema().find_row(key);
    switch (given.option.kind) {
        case ClamavKind::boolean:
            return set_key(key, given.yes, given, draft);
        case ClamavKind::number:
        case ClamavKind::size: {
            std::uint64_t number = given.number;
            // There 0 sets no limit; a key that does not take 0 has its largest value instead.
            const bool no_limit = number == 0 && given.option.kind == ClamavKind::size && row.range.min > 0;
            const std::uint64_t taken = no_limit ? row.range.max : within(row, number);
            const bool same = taken == number;
            if (given.option.kind == ClamavKind::size)
                return set_key(key, config::size_text(taken), given, draft, same ? "" : "the nearest that is possible");
            return set_key(key, static_cast<std::int64_t>(taken), given, draft,
                           same ? "" : "the nearest that is possible");
        }
        case ClamavKind::text:
        case ClamavKind::choice:
        case ClamavKind::withdrawn:
            break;
    }
    return set_key(key, given.text, given, draft);
}

Carried carry_log_syslog(const Given& given, Draft& draft) {
    if (!given.yes) return left_out("without syslog there is standard error only (log.target = \"stderr\")");
    return set_key("log.target", std::string("syslog"), given, draft);
}

Carried carry_log_verbose(const Given& given, Draft& draft) {
    return set_key("log.level", std::string(given.yes ? "debug" : "info"), given, draft);
}

Carried carry_switch(const Given& given, Draft& draft) {
    const std::string_view key = first_key(given);
    const bool by_default = config::default_of(*config::schema().find_row(key)) == config::Value(true);
    if (given.yes != by_default) draft.drop(key);
    return set_key(key, given.yes, given, draft);
}

Carried carry_milliseconds(const Given& given, Draft& draft) {
    return set_duration(first_key(given), given.number, given, draft);
}

} // namespace evermilter::ctl
