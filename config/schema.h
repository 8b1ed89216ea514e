// The schema: one table with a row for each key of the configuration. Parser, validation, diff, the canonical form,
// the sample file and the documentation all come from it, so none of them can know a key that another does not.
// The rows stand in the files schema_*.cc, one a group of sections; schema.cc puts them in order.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace evermilter::config {

// How a value is written in the file, and which checks belong to that.
enum class Kind : std::uint8_t {
    boolean,
    count,    // integer
    ratio,    // number from 0 to 1
    size,     // "25MiB", or bytes as an integer
    duration, // "30s"
    mode,     // "0660"
    choice,   // one word of `allowed`
    path,     // absolute path
    name,     // of a user or group
    reply,    // SMTP reply: code, enhanced code, text with placeholders
    socket,   // address of a unix socket
    sockets,  // list of addresses
    networks, // list of CIDR networks
    words,    // list of plain words
};

// What a change of the value in a running service needs. Each includes those before it.
enum class AppliesBy : std::uint8_t {
    live,                // the supervisor takes it at once
    new_session_workers, // new session workers serve new sessions, old ones end with theirs
    new_generation,      // the engine is loaded anew
    restart,
};

// Where a row's value lives in a Config. An empty optional, string or list is "not set".
using FieldRef =
    std::variant<bool*, std::uint32_t*, Size*, std::optional<std::uint32_t>*, std::optional<Size>*, double*,
                 std::string*, std::vector<std::string>*, Duration*, Action*, std::optional<Action>*, Pin*, ReloadMode*,
                 BrokenFile*, HeaderMode*, LogTarget*, LogLevel*>;

template <auto Section, auto Member>
[[nodiscard]] FieldRef field(Config& config) {
    return &(config.*Section.*Member);
}

template <auto Section, auto Member>
[[nodiscard]] bool& flag(Config& config) {
    return config.*Section.*Member;
}

// Inclusive, in the value's own unit: milliseconds, bytes, or a count.
struct Range {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::int64_t>::max(); // TOML's integers end there
};

struct Row {
    std::string_view key; // "section.name"
    Kind kind = Kind::boolean;
    FieldRef (*field)(Config&) = nullptr;
    // As in the file but without quotes; lists are separated by blanks; empty: not set, see `unset`.
    std::string_view default_value;
    AppliesBy applies_by = AppliesBy::live;
    Range range = {};
    std::string_view allowed = {}; // Kind::choice: the words, separated by blanks
    // What "not set" means, for the documentation. Non-empty exactly for rows that may be left without a value;
    // these have no default, but an example of a value in the same form.
    std::string_view unset = {};
    std::string_view example = {};
    bool& (*in_file)(Config&) = nullptr; // is set to true where the key stands in the file
    std::string_view text = {};          // documentation; `code` in backticks

    [[nodiscard]] constexpr std::string_view section() const { return key.substr(0, key.find('.')); }
    [[nodiscard]] constexpr std::string_view name() const { return key.substr(key.find('.') + 1); }
};

struct Section {
    std::string_view name;
    std::span<const Row> rows;
    std::string_view text; // documentation, paragraphs separated by an empty line
};

// All sections, in the order of the documentation.
[[nodiscard]] std::span<const Section> sections();
// nullptr where there is none of that name.
[[nodiscard]] const Section* find_section(std::string_view name);
[[nodiscard]] const Row* find_row(std::string_view key);

// Units of Range.
inline constexpr std::uint64_t kSecond = 1000;
inline constexpr std::uint64_t kMinute = 60 * kSecond;
inline constexpr std::uint64_t kHour = 60 * kMinute;
inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
// Every timeout may be as short as 100 ms and as long as a week.
inline constexpr Range kTimeout = {100, 168 * kHour};

// The groups of rows, for sections() only.
extern const Section kMilterSection;
extern const Section kWorkersSection;
extern const Section kScannerSection;
extern const Section kDatabaseSection;
extern const Section kReloadSection;
extern const Section kTimeoutsSection;
extern const Section kActionsSection;
extern const Section kPoisonSection;
extern const Section kMessageSection;
extern const Section kHeadersSection;
extern const Section kStatusSection;
extern const Section kLogSection;
extern const Section kProcessSection;

} // namespace evermilter::config
