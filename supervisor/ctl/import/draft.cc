#include "supervisor/ctl/import/draft.h"

#include <algorithm>
#include <utility>

#include "config/canonical.h"
#include "config/parse.h"
#include "config/text_check.h"
#include "supervisor/ctl/printable.h"

namespace evermilter::ctl {
namespace {

struct Target {
    const config::Row* row = nullptr;
    void* entry = nullptr;
};

// Of a key that is in the schema; the table of options names no other (a test walks it).
Target target_of(std::string_view key, config::Config& config) {
    const config::Schema& schema = config::schema();
    return {schema.find_row(key), schema.find_section(key.substr(0, key.find('.')))->place.at(&config, 0)};
}

Result<void, config::BadValue> put(std::string_view key, const config::Value& value, config::Config& config) {
    const Target target = target_of(key, config);
    auto assigned = config::assign(*target.row, value, target.entry);
    if (assigned && target.row->in_file != nullptr) target.row->in_file(target.entry) = true;
    return assigned;
}

} // namespace

Result<void, Draft::Refusal> Draft::set(std::string_view key, const config::Value& value, const std::string& source) {
    config::Config trial = config::defaults();
    if (auto taken = put(key, value, trial); !taken) return Refusal{std::move(taken).error().reason};
    // In the schema's own form: "60s" is "1m".
    const Target target = target_of(key, trial);
    const config::Value canonical = config::read(*target.row, target.entry);
    const auto found = entries_.find(key);
    if (found != entries_.end() && found->second.value != canonical)
        return Refusal{found->second.source + " has set " + line(key) + ", which wins"};
    if (found == entries_.end()) entries_.emplace(std::string(key), Entry{canonical, source});
    return {};
}

Result<void, Draft::Refusal> Draft::append(std::string_view key, const std::string& element,
                                           const std::string& source) {
    const auto found = entries_.find(key);
    std::vector<std::string> list;
    if (found != entries_.end()) list = std::get<std::vector<std::string>>(found->second.value);
    if (std::find(list.begin(), list.end(), element) != list.end()) return {};
    config::Config trial = config::defaults();
    if (auto taken = put(key, std::vector{element}, trial); !taken) return Refusal{std::move(taken).error().reason};
    list.push_back(element);
    list_bytes_ += config::toml_string(element).size() + 2; // and ", "
    if (found == entries_.end())
        entries_.emplace(std::string(key), Entry{std::move(list), source});
    else
        found->second.value = std::move(list);
    return {};
}

void Draft::replace(std::string_view key, const config::Value& value, const std::string& source) {
    drop(key);
    [[maybe_unused]] const auto taken = set(key, value, source); // the caller chose a value that the schema takes
}

void Draft::drop(std::string_view key) {
    if (const auto found = entries_.find(key); found != entries_.end()) entries_.erase(found);
}

bool Draft::has(std::string_view key) const {
    return entries_.find(key) != entries_.end();
}

std::string Draft::line(std::string_view key) const {
    const auto found = entries_.find(key);
    return std::string(key) + " = " + (found == entries_.end() ? "" : config::value_text(found->second.value));
}

config::Config Draft::config() const {
    config::Config config = config::defaults();
    for (const auto& [key, entry] : entries_) {
        [[maybe_unused]] const auto taken = put(key, entry.value, config); // it was taken once
    }
    return config;
}

std::string Draft::toml(const std::vector<std::string>& head) const {
    std::string text;
    for (const std::string& line : head) text += "# " + printable(line) + "\n";
    for (const config::Section& section : config::schema().sections) {
        std::string keys;
        for (const config::Row& row : section.rows) {
            const auto found = entries_.find(row.key);
            if (found == entries_.end()) continue;
            keys += "# " + printable(found->second.source) + "\n" + std::string(row.name()) + " = " +
                    config::value_text(found->second.value) + "\n";
        }
        if (!keys.empty()) text += "\n" + config::header(section) + "\n" + keys;
    }
    return text;
}

} // namespace evermilter::ctl
