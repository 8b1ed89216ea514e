// The schema: one table with a row for each key of the configuration. Parser, validation, diff, the canonical form,
// the sample file and the documentation all come from it, so none of them can know a key that another does not.
// A row addresses a field of its own section's struct, and a section says where in the configuration that struct is.
// The rows stand in the files schema_*.cc, one a group of sections; schema.cc puts them in order.
#pragma once

#include <cstddef>
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
    clients,  // list of CIDR networks and host names
    patterns, // list of patterns of addresses (pattern.h)
    words,    // list of plain words
    globs,    // list of patterns of names of signatures (name_glob.h)
    header,   // header field (header_field.h)
};

// What a change of the value in a running service needs. Each includes those before it.
enum class AppliesBy : std::uint8_t {
    live,                // the supervisor takes it at once
    new_session_workers, // new session workers serve new sessions, old ones end with theirs
    new_generation,      // the engine is loaded again
    restart,
};

// Where a row's value lives: a field of the struct that its section stands for. An empty optional, string or list is
// "not set".
using FieldRef =
    std::variant<bool*, std::uint32_t*, Size*, std::optional<std::uint32_t>*, std::optional<Size>*, double*,
                 std::string*, std::vector<std::string>*, Duration*, Action*, std::optional<Action>*, Pin*, ReloadMode*,
                 BrokenFile*, HeaderMode*, Mode*, CacheBy*, LogDetail*, LogTarget*, LogLevel*>;

// A pointer to one type only, which says for which struct a row or a section was written.
using TypeMark = const char*;
template <class Type>
inline constexpr char kTypeMark = 0;

template <class Owner, class Value>
Owner owner_of(Value Owner::*);
template <class Entry>
Entry element_of(const std::vector<Entry>&);
template <class Entry>
Entry element_of(const Entry&);

template <auto Member>
using OwnerOf = decltype(owner_of(Member));
template <auto Member>
[[nodiscard]] auto& member_of(void* owner) {
    return static_cast<OwnerOf<Member>*>(owner)->*Member;
}

// An accessor only forms the address of a field; what it is given must be of the type `owner`.
struct Field {
    FieldRef (*of)(void* entry) = nullptr;
    TypeMark owner = nullptr;
};
template <auto Member>
[[nodiscard]] FieldRef field_of(void* entry) {
    return &member_of<Member>(entry);
}
template <auto Member>
inline constexpr Field field = {field_of<Member>, &kTypeMark<OwnerOf<Member>>};

template <auto Member>
[[nodiscard]] bool& flag(void* entry) {
    return member_of<Member>(entry);
}

// Where a section's entries live in the root of the schema (a Config): one struct where the section stands once in a
// file, a vector of them where it may stand any number of times ("[[section]]").
struct Place {
    std::size_t (*count)(void* root) = nullptr;
    void* (*at)(void* root, std::size_t index) = nullptr;
    void* (*add)(void* root) = nullptr; // an entry at the end, without defaults; nullptr: the section stands once
    TypeMark owner = nullptr;           // of an entry

    [[nodiscard]] constexpr bool repeated() const { return add != nullptr; }
};
template <auto Member>
[[nodiscard]] std::size_t count_of(void* root) {
    return member_of<Member>(root).size();
}
template <auto Member>
[[nodiscard]] void* element_at(void* root, std::size_t index) {
    return &member_of<Member>(root).at(index);
}
template <auto Member>
[[nodiscard]] void* append_to(void* root) {
    return &member_of<Member>(root).emplace_back();
}
template <auto Member>
using EntryOf = decltype(element_of(member_of<Member>(nullptr)));

template <auto Member>
inline constexpr Place one = {[](void*) -> std::size_t { return 1; },
                              [](void* root, std::size_t) -> void* { return &member_of<Member>(root); }, nullptr,
                              &kTypeMark<EntryOf<Member>>};
template <auto Member>
inline constexpr Place many = {count_of<Member>, element_at<Member>, append_to<Member>, &kTypeMark<EntryOf<Member>>};

// Inclusive, in the value's own unit: milliseconds, bytes, or a count.
struct Range {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::int64_t>::max(); // TOML's integers end there
};

struct Row {
    std::string_view key; // "section.name"
    Kind kind = Kind::boolean;
    Field field = {};
    // As in the file but without quotes; lists are separated by blanks; empty: not set, see `unset`.
    std::string_view default_value;
    AppliesBy applies_by = AppliesBy::live;
    Range range = {};
    std::string_view allowed = {}; // Kind::choice: the words, separated by blanks
    // What "not set" means, for the documentation. Non-empty exactly for rows that may be left without a value;
    // these have no default, but an example of a value in the same form. So has the key by which the entries of a
    // repeated section are known (Section::named_by), which has neither a default nor a meaning when it is not set.
    std::string_view unset = {};
    std::string_view example = {};
    bool& (*in_file)(void* entry) = nullptr; // is set to true where the key stands in the file
    std::string_view text = {};              // documentation; `code` in backticks

    [[nodiscard]] constexpr bool required() const { return default_value.empty() && unset.empty(); }
    [[nodiscard]] constexpr std::string_view section() const { return key.substr(0, key.find('.')); }
    [[nodiscard]] constexpr std::string_view name() const { return key.substr(key.find('.') + 1); }
};

struct Section;

// Another section of the schema whose keys each entry of a repeated one may set for itself ("actions.infected" in a
// [[listener]]). `place` is where the entry has a struct of that section's type, one<…>. It begins with what the
// section itself says in the file.
struct Inner {
    const Section* section = nullptr;
    Place place = {};
};

struct Section {
    std::string_view name;
    Place place;
    std::span<const Row> rows;
    std::string_view text; // documentation, paragraphs separated by an empty line
    // Of a repeated section: the key, without the section, whose value tells its entries apart. It is required in each,
    // and no two have the same. Empty: they are known by their position.
    std::string_view named_by = {};
    // Of a repeated section.
    std::span<const Inner> inner = {};
    bool ordered = false; // of a repeated section: the order of its entries has a meaning

    // nullptr where there is none of that name ("eom", not "timeouts.eom").
    [[nodiscard]] const Row* find_row(std::string_view row_name) const;
    // nullptr where no inner section has that name.
    [[nodiscard]] const Inner* find_inner(std::string_view inner_name) const;
};

// All sections, in the order of the documentation. What they address is the root, a struct that has them as members; it
// is passed as void*, because tests have schemas of their own.
struct Schema {
    std::span<const Section> sections;

    // nullptr where there is none of that name, "section" or "section.name".
    [[nodiscard]] const Section* find_section(std::string_view name) const;
    [[nodiscard]] const Row* find_row(std::string_view key) const;
};

// The schema of evermilter.toml, whose root is a Config.
[[nodiscard]] const Schema& schema();

// Units of Range.
inline constexpr std::uint64_t kSecond = 1000;
inline constexpr std::uint64_t kMinute = 60 * kSecond;
inline constexpr std::uint64_t kHour = 60 * kMinute;
inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
// Every timeout may be as short as 100 ms and as long as a week.
inline constexpr Range kTimeout = {100, 168 * kHour};

// The groups of rows, for schema() only.
extern const Section kMilterSection;
extern const Section kListenerSection;
extern const Section kWorkersSection;
extern const Section kScannerSection;
extern const Section kDatabaseSection;
extern const Section kReloadSection;
extern const Section kTimeoutsSection;
extern const Section kActionsSection;
extern const Section kSkipSection;
extern const Section kPoisonSection;
extern const Section kMessageSection;
extern const Section kHeadersSection;
extern const Section kStatusSection;
extern const Section kOnInfectedSection;
extern const Section kRuleSection;
extern const Section kPolicySection;
extern const Section kSendersSection;
extern const Section kTapSection;
extern const Section kLogSection;
extern const Section kProcessSection;

} // namespace evermilter::config
