// The options of clamav-milter.conf(5) and clamd.conf(5) of ClamAV 1.4.6, a row each, and what becomes of them here.
// The report of an import and the tables of contrib/doc/migration.md are written from these rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "supervisor/ctl/import/clamav_value.h"
#include "supervisor/ctl/import/draft.h"

namespace evermilter::ctl {

enum class Fate : std::uint8_t {
    same,    // carried over
    differs, // carried over; `note` says what is different here
    always,  // needs no key: it is so here, or `note` says what is so instead
    none,    // has no meaning here; `note` says why
};

struct ClamavOption;

// A value of the option's kind.
struct Given {
    const ClamavOption& option;
    const std::string& text;
    bool yes = false;         // kind boolean
    std::uint64_t number = 0; // kinds number and size
    const std::string& source;
};

// What became of it, for the report.
struct Carried {
    enum class How : std::uint8_t { taken, left_out, bad };
    How how = How::taken;
    std::string keys;                   // taken: "actions.infected = "reject""; more than one separated by ", "
    std::string remark = {};            // taken: what is different, beside the option's note
    std::string why_not = {};           // left_out and bad: the reason, with the remedy
    std::vector<std::string> more = {}; // lines of their own: entries of a file that were left out
};
using Carry = Carried (*)(const Given& given, Draft& draft);

struct ClamavOption {
    std::string_view name;
    ClamavKind kind = ClamavKind::text;
    Fate fate = Fate::none;
    std::string_view keys = {}; // of evermilter.toml, separated by blanks; empty: none
    std::string_view note = {};
    Carry carry = nullptr;           // nullptr: the value as it is, or the nearest that the key takes
    std::string_view words = {};     // ClamavKind::choice
    std::string_view otherwise = {}; // what ClamAV does without the option, where that is different from our default
    bool repeats = false;            // false: ClamAV takes the first
};

[[nodiscard]] std::span<const ClamavOption> clamav_milter_options();
[[nodiscard]] std::span<const ClamavOption> clamd_options();

// What ClamAV still reads and ignores.
[[nodiscard]] constexpr ClamavOption withdrawn_option(std::string_view name) {
    return {.name = name,
            .kind = ClamavKind::withdrawn,
            .fate = Fate::none,
            .note = "ClamAV has withdrawn it and ignores it too"};
}

} // namespace evermilter::ctl
