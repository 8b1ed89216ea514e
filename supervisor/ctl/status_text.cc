// The status as an operator reads it at night: state and trouble, generations, sessions, messages, processes.
#include "supervisor/ctl/status_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/ctl/printable.h"
#include "supervisor/ctl/table.h"

namespace evermilter::ctl {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kVirusesShown = 10;
constexpr std::size_t kWorkersShown = 40;
constexpr std::size_t kLabelWidth = 14;

// A field, or a value that stands for its absence.
const Json& at(const Json& object, std::string_view key) {
    static const Json kNone;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? *found : kNone;
}
std::string string_at(const Json& object, std::string_view key) {
    const Json& value = at(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}
std::uint64_t number_at(const Json& object, std::string_view key) {
    const Json& value = at(object, key);
    return value.is_number() ? static_cast<std::uint64_t>(std::max(0.0, value.get<double>())) : 0;
}
double real_at(const Json& object, std::string_view key) {
    const Json& value = at(object, key);
    return value.is_number() ? value.get<double>() : 0;
}
bool true_at(const Json& object, std::string_view key) {
    const Json& value = at(object, key);
    return value.is_boolean() && value.get<bool>();
}

std::string seconds_text(double seconds) {
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), "%.*f s", seconds < 10 ? 2 : 1, seconds);
    return text.data();
}

std::string ago(std::int64_t then, std::int64_t now) {
    return duration_text(static_cast<double>(std::max<std::int64_t>(0, now - then))) + " ago";
}

std::string line(std::string_view label, const std::string& content) {
    std::string text(label);
    text.resize(std::max(kLabelWidth, text.size() + 1), ' ');
    return text + printable(content) + '\n';
}

// "mail 10, eom 2" from an object of counts, without zeros; `none` if all are zero.
std::string counts(const Json& object, const std::string& none) {
    if (!object.is_object()) return none;
    std::string text;
    for (const auto& [key, value] : object.items()) {
        if (!value.is_number() || value.get<double>() == 0) continue;
        text += (text.empty() ? "" : ", ") + key + ' ' + grouped(number_at(object, key));
    }
    return text.empty() ? none : text;
}

std::string head(const Json& status, std::int64_t now) {
    std::string state = string_at(status, "state");
    if (state == "degraded") state = "DEGRADED";
    std::string text = "evermilter " + printable(string_at(status, "version")) + " is " + printable(state) + ", pid " +
                       std::to_string(number_at(status, "pid")) + ", up " +
                       duration_text(real_at(status, "uptime_seconds")) + '\n';
    if (const std::string reason = string_at(status, "reason"); !reason.empty()) text += line("  because", reason);
    if (true_at(status, "hold")) {
        const Json& held = at(status, "held");
        text += "  reloading by itself is HELD (evermilterctl resume ends it)\n";
        if (held.is_object()) {
            const auto since = static_cast<std::int64_t>(number_at(held, "since"));
            text += line("  held by", string_at(held, "by") + ", " + ago(since, now) + ": " + string_at(held, "why"));
        }
    }
    if (const auto due = static_cast<std::int64_t>(number_at(status, "reload_due")); due != 0)
        text += line("  reload", "in " + duration_text(static_cast<double>(std::max<std::int64_t>(due - now, 0))) +
                                     " (reload.splay; evermilterctl reload does it now)");
    return text + '\n';
}

std::string last_reload(const Json& last, std::int64_t now) {
    const auto when = static_cast<std::int64_t>(number_at(last, "at"));
    if (when == 0) return line("last load", "none has ended yet");
    std::string text = true_at(last, "ok") ? "ok, took " : "FAILED after ";
    text += seconds_text(real_at(last, "seconds")) + ", " + ago(when, now);
    std::string result = line("last load", text);
    if (!true_at(last, "ok")) result += line("", string_at(last, "error"));
    return result;
}

std::string generations(const Json& status, std::int64_t now) {
    Table table({{"generation", Align::right},
                 {"state"},
                 {"signatures", Align::right},
                 {"sessions", Align::right},
                 {"scanners", Align::right},
                 {"scanning", Align::right},
                 {"loaded"},
                 {"database"}});
    std::string errors;
    for (const Json& generation : at(status, "generations")) {
        const std::uint64_t id = number_at(generation, "id");
        std::string state = string_at(generation, "state");
        const std::string step = string_at(generation, "step");
        if (state == "loading" && !step.empty()) state += ": " + step;
        if (id != 0 && id == number_at(status, "current_generation")) state += " (current)";
        const auto loaded = static_cast<std::int64_t>(number_at(generation, "loaded_at"));
        const std::string version = string_at(generation, "database_version");
        const Json& scanners = at(generation, "scanners");
        table.add({std::to_string(id), state, grouped(number_at(generation, "signatures")),
                   grouped(number_at(generation, "sessions")),
                   std::to_string(scanners.is_array() ? scanners.size() : 0),
                   std::to_string(number_at(generation, "scans_running")), loaded == 0 ? "-" : ago(loaded, now),
                   version.empty() ? "-" : version});
        if (const std::string error = string_at(generation, "error"); !error.empty()) {
            errors += "  generation " + std::to_string(id) + " failed: " + printable(error) + '\n';
        }
    }
    return (table.empty() ? "  no generation\n" : table.text()) + errors;
}

std::string sessions(const Json& status) {
    const Json& sessions = at(status, "sessions");
    return line("sessions", grouped(number_at(sessions, "open")) + " open, " +
                                grouped(number_at(sessions, "accepted_total")) + " accepted since the start") +
           line("  waiting for", counts(at(sessions, "by_stage"), "-")) +
           line("  refused", counts(at(sessions, "refused_total"), "none")) +
           line("  timed out", counts(at(sessions, "timed_out_total"), "none"));
}

std::string messages(const Json& status) {
    const Json& messages = at(status, "messages");
    std::string text = line("messages", counts(messages, "none yet"));
    if (const std::string incomplete = counts(at(messages, "incomplete_by"), ""); !incomplete.empty()) {
        text += line("  incomplete", incomplete);
    }
    if (const std::string skipped = counts(at(messages, "skipped_by"), ""); !skipped.empty()) {
        text += line("  skipped", skipped);
    }
    std::vector<std::pair<std::uint64_t, std::string>> viruses;
    const Json& found = at(status, "viruses");
    if (found.is_object()) {
        for (const auto& [name, count] : found.items())
            viruses.emplace_back(count.is_number_unsigned() ? count.get<std::uint64_t>() : 0, name);
    }
    std::sort(viruses.rbegin(), viruses.rend());
    for (std::size_t index = 0; index < std::min(viruses.size(), kVirusesShown); ++index) {
        text += line(index == 0 ? "  viruses" : "", grouped(viruses[index].first) + " x " + viruses[index].second);
    }
    if (viruses.size() > kVirusesShown) {
        text += line("", "and " + std::to_string(viruses.size() - kVirusesShown) + " other names (--json has all)");
    }
    return text;
}

std::string processes(const Json& status) {
    Table table({{"pid", Align::right}, {"role"}, {"state"}, {"sessions", Align::right}, {"generation", Align::right}});
    std::size_t left_out = 0;
    std::size_t shown = 0;
    for (const Json& worker : at(status, "workers")) {
        if (++shown > kWorkersShown) {
            ++left_out;
            continue;
        }
        const std::string role = string_at(worker, "role");
        const std::uint64_t generation = number_at(worker, "generation");
        table.add({std::to_string(number_at(worker, "pid")), role, string_at(worker, "state"),
                   role == "session" ? std::to_string(number_at(worker, "sessions")) : "",
                   generation == 0 ? "" : std::to_string(generation)});
    }
    std::string text = line("crashes", counts(at(status, "crashes"), "none"));
    text += '\n' + table.text();
    if (left_out != 0) text += "  and " + std::to_string(left_out) + " more (--json has all)\n";
    return text;
}

std::string warnings_text(const Json& outcome) {
    std::string warnings;
    for (const Json& one : at(outcome, "warnings"))
        if (one.is_string()) warnings += "WARNING: " + printable(one.get<std::string>()) + '\n';
    return warnings;
}

} // namespace

std::string duration_text(double seconds) {
    const auto whole = static_cast<std::int64_t>(std::max(0.0, seconds));
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 3600;
    constexpr std::int64_t kDay = 86400;
    if (whole < kMinute) return std::to_string(whole) + " s";
    if (whole < kHour) return std::to_string(whole / kMinute) + " min";
    if (whole < kDay) {
        return std::to_string(whole / kHour) + " h " + std::to_string(whole % kHour / kMinute) + " min";
    }
    return std::to_string(whole / kDay) + " d " + std::to_string(whole % kDay / kHour) + " h";
}

std::string grouped(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    std::string text;
    for (std::size_t at_digit = 0; at_digit < digits.size(); ++at_digit) {
        if (at_digit > 0 && (digits.size() - at_digit) % 3 == 0) text += ',';
        text += digits[at_digit];
    }
    return text;
}

std::string status_text(const Json& status, std::int64_t now) {
    std::string listeners;
    for (const Json& address : at(status, "listeners")) {
        if (!address.is_string()) continue;
        listeners += line(listeners.empty() ? "listens on" : "", address.get<std::string>());
    }
    if (listeners.empty()) listeners = line("listens on", "nothing");
    return head(status, now) + generations(status, now) + '\n' + last_reload(at(status, "last_reload"), now) +
           listeners + sessions(status) + messages(status) + processes(status);
}

std::string sessions_text(const Json& sessions) {
    Table table({{"session", Align::right},
                 {"stage"},
                 {"for", Align::right},
                 {"generation", Align::right},
                 {"worker", Align::right},
                 {"peer"},
                 {"queue id"}});
    for (const Json& session : at(sessions, "sessions")) {
        const auto number_or_dash = [&](std::string_view key) {
            const std::uint64_t number = number_at(session, key);
            return number == 0 ? std::string("-") : std::to_string(number);
        };
        table.add({number_or_dash("id"), string_at(session, "stage"),
                   duration_text(real_at(session, "seconds_in_stage")), number_or_dash("generation"),
                   number_or_dash("worker"), string_at(session, "peer"), string_at(session, "queue_id")});
    }
    return table.empty() ? "no session is open\n" : table.text();
}

std::string poison_text(const Json& poison, std::int64_t now) {
    // Enough to name the digest; --json has all of it.
    constexpr std::size_t kShown = 16;
    Table table(
        {{"digest"}, {"body"}, {"since"}, {"scans lost", Align::right}, {"not scanned", Align::right}, {"last"}});
    for (const Json& one : at(poison, "poison")) {
        table.add({string_at(one, "digest").substr(0, kShown), string_at(one, "body").substr(0, kShown),
                   ago(static_cast<std::int64_t>(number_at(one, "since")), now), grouped(number_at(one, "scans_lost")),
                   grouped(number_at(one, "count")), ago(static_cast<std::int64_t>(number_at(one, "last")), now)});
    }
    return table.empty() ? "no message is known as poison\n" : table.text();
}

std::string snapshots_text(const Json& snapshots, std::int64_t now) {
    Table table({{"generation", Align::right},
                 {"state"},
                 {"signatures", Align::right},
                 {"taken"},
                 {"database"},
                 {"digest"},
                 {"why"}});
    constexpr std::size_t kShown = 12;
    for (const Json& one : at(snapshots, "snapshots")) {
        const auto taken = static_cast<std::int64_t>(number_at(one, "taken_at"));
        const std::string version = string_at(one, "database_version");
        const std::string digest = string_at(one, "digest").substr(0, kShown);
        table.add({std::to_string(number_at(one, "generation")), string_at(one, "state"),
                   grouped(number_at(one, "signatures")), taken == 0 ? "-" : ago(taken, now),
                   version.empty() ? "-" : version, digest.empty() ? "-" : digest, string_at(one, "why")});
    }
    return table.empty() ? "no snapshot is kept\n" : table.text();
}

std::string forgotten_text(const Json& outcome) {
    const std::uint64_t count = number_at(outcome, "forgotten");
    return grouped(count) + (count == 1 ? " poison message is forgotten\n" : " poison messages are forgotten\n");
}

std::string outcome_text(const Json& outcome) {
    const auto id = number_at(outcome, "generation");
    if (!true_at(outcome, "ok")) {
        // Happens only with reload.mode = "replace". The service loads the former database again.
        const bool none = at(outcome, "generation").is_number() && id == 0;
        return "refused: " + printable(string_at(outcome, "error")) + (none ? "; no generation is in use now" : "") +
               '\n';
    }
    const std::string generation = id == 0 ? "no generation" : "generation " + std::to_string(id);
    if (at(outcome, "waited").is_boolean()) return "asked for; " + generation + " is in use meanwhile\n";
    const std::uint64_t content = number_at(outcome, "content_of");
    const std::string warnings = warnings_text(outcome);
    const std::string held =
        true_at(outcome, "held") ? "reloading by itself is held until evermilterctl resume, or reload\n" : "";
    if (!true_at(outcome, "changed")) return "nothing has changed; " + generation + " stays in use\n" + warnings + held;
    return generation + " is in use" +
           (content == 0 || content == id ? "" : ", with the content of generation " + std::to_string(content)) +
           ", after " + seconds_text(real_at(outcome, "seconds")) + '\n' + warnings + held;
}

std::string config_outcome_text(const Json& outcome) {
    if (!true_at(outcome, "ok")) return outcome_text(outcome);
    if (!true_at(outcome, "changed")) return "the configuration has not changed\n";
    std::string text = "the configuration is in use\n";
    for (const Json& change : at(outcome, "changes")) {
        const auto shown = [&](std::string_view side) {
            const std::string value = string_at(change, side);
            return value.empty() ? std::string("(not set)") : value;
        };
        text += "  " + printable(string_at(change, "key") + ": " + shown("before") + " -> " + shown("after")) + '\n';
    }
    return text + warnings_text(outcome);
}

std::string config_text(const Json& document) {
    std::string text;
    std::istringstream lines(string_at(document, "toml"));
    for (std::string one; std::getline(lines, one);) text += printable(one) + '\n';
    return text;
}

std::string progress_text(const Json& status, double seconds) {
    for (const Json& generation : at(status, "generations")) {
        if (string_at(generation, "state") != "loading") continue;
        const std::string step = string_at(generation, "step");
        return "generation " + std::to_string(number_at(generation, "id")) + ": " +
               (step.empty() ? "loading" : printable(step)) + ", " + duration_text(seconds);
    }
    return "waiting, " + duration_text(seconds);
}

} // namespace evermilter::ctl
