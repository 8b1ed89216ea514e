#include "config/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "config/quantity.h"
#include "config/text_check.h"

namespace evermilter::config {
namespace {

using Names = std::vector<std::string_view>;

// The words of each enum, in the order of its values.
const Names& names_of(Action) {
    static const Names names = {"accept", "reject", "tempfail", "discard", "quarantine"};
    return names;
}
const Names& names_of(Pin) {
    static const Names names = {"session", "message", "scan"};
    return names;
}
const Names& names_of(ReloadMode) {
    static const Names names = {"overlap", "replace"};
    return names;
}
const Names& names_of(BrokenFile) {
    static const Names names = {"keep_last", "refuse"};
    return names;
}
const Names& names_of(HeaderMode) {
    static const Names names = {"no", "add", "replace"};
    return names;
}
const Names& names_of(CacheBy) {
    static const Names names = {"question", "recipient"};
    return names;
}
const Names& names_of(LogDetail) {
    static const Names names = {"off", "basic", "full"};
    return names;
}
const Names& names_of(Mode) {
    static const Names names = {"enforce", "observe"};
    return names;
}
const Names& names_of(LogTarget) {
    static const Names names = {"syslog", "stderr"};
    return names;
}
const Names& names_of(LogLevel) {
    static const Names names = {"error", "warning", "info", "debug"};
    return names;
}

std::string in_quotes(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

std::string number_text(const Row& row, std::uint64_t number) {
    switch (row.kind) {
        case Kind::duration:
            return in_quotes(duration_text(Duration(static_cast<Duration::rep>(number))));
        case Kind::size:
            return in_quotes(size_text(number));
        default:
            return std::to_string(number);
    }
}

// " from A to B", or "" where the range says nothing.
std::string range_text(const Row& row) {
    constexpr std::uint64_t open = Range{}.max;
    if (row.range.max == open) return row.range.min == 0 ? "" : ", at least " + number_text(row, row.range.min);
    return ", from " + number_text(row, row.range.min) + " to " + number_text(row, row.range.max);
}

BadValue wrong_type(const Row& row, std::string_view got) {
    return BadValue{"is " + std::string(got) + "; write " + expectation(row), std::nullopt};
}

std::string_view type_name(const Value& value) {
    static constexpr std::array<std::string_view, std::variant_size_v<Value>> names = {
        "not set", "a boolean", "an integer", "a fractional number", "a string", "a list"};
    return names.at(value.index());
}

// The number that a value of a count, size, duration or mode stands for.
Result<std::uint64_t, BadValue> to_number(const Row& row, const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        if (row.kind == Kind::duration)
            return BadValue{"a duration needs a unit: write \"" + std::to_string(*integer) + "s\" for seconds", {}};
        if (row.kind == Kind::mode) return wrong_type(row, "an integer");
        if (*integer < 0) return BadValue{"is negative; write " + expectation(row), {}};
        return static_cast<std::uint64_t>(*integer);
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || row.kind == Kind::count) return wrong_type(row, type_name(value));
    std::optional<std::uint64_t> number;
    if (row.kind == Kind::duration) {
        if (const auto duration = parse_duration(*text)) number = static_cast<std::uint64_t>(duration->count());
    } else if (row.kind == Kind::size) {
        number = parse_size(*text);
    } else {
        number = parse_mode(*text);
    }
    if (!number) return BadValue{"cannot read " + printable(*text) + "; write " + expectation(row), {}};
    return *number;
}

template <class Number>
Result<void, BadValue> assign_number(const Row& row, const Value& value, Number& target) {
    auto number = to_number(row, value);
    if (!number) return std::move(number).error();
    const std::uint64_t wanted = *number;
    if (wanted < row.range.min || wanted > row.range.max)
        return BadValue{number_text(row, wanted) + " is out of range; write " + expectation(row), {}};
    if constexpr (std::is_same_v<Number, Duration>) {
        target = Duration(static_cast<Duration::rep>(wanted));
    } else {
        if (wanted > std::numeric_limits<Number>::max())
            return BadValue{number_text(row, wanted) + " is too large; write at most " +
                                std::to_string(std::numeric_limits<Number>::max()),
                            {}};
        target = static_cast<Number>(wanted);
    }
    return {};
}

template <class Choice>
Result<void, BadValue> assign_choice(const Row& row, const Value& value, Choice& target) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return wrong_type(row, type_name(value));
    const auto allowed = split_words(row.allowed);
    const Names& names = names_of(Choice{});
    const auto found = std::find(names.begin(), names.end(), *text);
    if (found == names.end() || std::find(allowed.begin(), allowed.end(), *text) == allowed.end())
        return BadValue{printable(*text) + " is not possible here; write " + expectation(row), {}};
    target = static_cast<Choice>(found - names.begin());
    return {};
}

Result<void, BadValue> assign_text(const Row& row, const Value& value, std::string& target) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return wrong_type(row, type_name(value));
    if (text->empty() && row.unset.empty()) return BadValue{"is empty; write " + expectation(row), {}};
    if (!text->empty())
        if (auto reason = check_text(row.kind, *text)) return BadValue{std::move(*reason), {}};
    target = *text;
    return {};
}

Result<void, BadValue> assign_list(const Row& row, const Value& value, std::vector<std::string>& target) {
    const auto* list = std::get_if<std::vector<std::string>>(&value);
    if (list == nullptr) return wrong_type(row, type_name(value));
    for (std::size_t i = 0; i < list->size(); ++i) {
        if (auto reason = check_text(row.kind, (*list)[i])) return BadValue{std::move(*reason), i};
        if (std::find(list->begin(), list->begin() + static_cast<std::ptrdiff_t>(i), (*list)[i]) !=
            list->begin() + static_cast<std::ptrdiff_t>(i))
            return BadValue{printable((*list)[i]) + " stands in the list twice; remove one", i};
    }
    target = *list;
    return {};
}

template <class Number>
Value number_value(const Row& row, Number number) {
    switch (row.kind) {
        case Kind::size:
            return size_text(number);
        case Kind::mode:
            return mode_text(static_cast<std::uint32_t>(number));
        default:
            return static_cast<std::int64_t>(number);
    }
}

// One overload for each type of field.
struct Assign {
    const Row& row;
    const Value& value;

    Result<void, BadValue> operator()(bool* target) const {
        const auto* boolean = std::get_if<bool>(&value);
        if (boolean == nullptr) return wrong_type(row, type_name(value));
        *target = *boolean;
        return {};
    }
    Result<void, BadValue> operator()(std::uint32_t* target) const { return assign_number(row, value, *target); }
    Result<void, BadValue> operator()(std::uint64_t* target) const { return assign_number(row, value, *target); }
    Result<void, BadValue> operator()(Duration* target) const { return assign_number(row, value, *target); }
    template <class Plain>
    Result<void, BadValue> operator()(std::optional<Plain>* target) const {
        Plain plain{};
        auto assigned = (*this)(&plain);
        if (assigned) *target = plain;
        return assigned;
    }
    Result<void, BadValue> operator()(double* target) const {
        double number = 0;
        if (const auto* integer = std::get_if<std::int64_t>(&value))
            number = static_cast<double>(*integer);
        else if (const auto* fraction = std::get_if<double>(&value))
            number = *fraction;
        else
            return wrong_type(row, type_name(value));
        if (!(number >= 0 && number <= 1)) return BadValue{"is out of range; write " + expectation(row), {}};
        *target = number;
        return {};
    }
    Result<void, BadValue> operator()(std::string* target) const { return assign_text(row, value, *target); }
    Result<void, BadValue> operator()(std::vector<std::string>* target) const {
        return assign_list(row, value, *target);
    }
    template <class Choice>
    requires std::is_enum_v<Choice> Result<void, BadValue>
    operator()(Choice* target) const { return assign_choice(row, value, *target); }
};

struct Read {
    const Row& row;

    Value operator()(const bool* field) const { return *field; }
    Value operator()(const std::uint32_t* field) const { return number_value(row, *field); }
    Value operator()(const std::uint64_t* field) const { return number_value(row, *field); }
    Value operator()(const Duration* field) const { return duration_text(*field); }
    template <class Plain>
    Value operator()(const std::optional<Plain>* field) const {
        return *field ? (*this)(&**field) : Value{};
    }
    Value operator()(const double* field) const { return *field; }
    Value operator()(const std::string* field) const { return field->empty() ? Value{} : Value{*field}; }
    Value operator()(const std::vector<std::string>* field) const {
        return field->empty() && !row.unset.empty() ? Value{} : Value{*field};
    }
    template <class Choice>
    requires std::is_enum_v<Choice> Value operator()(const Choice* field) const {
        return std::string(names_of(Choice{}).at(static_cast<std::size_t>(*field)));
    }
};

// A value as the table has it.
Value from_table(Kind kind, std::string_view text) {
    if (text.empty()) return {};
    switch (kind) {
        case Kind::boolean:
            return text == "true";
        case Kind::count: {
            std::int64_t number = 0;
            std::from_chars(text.data(), text.data() + text.size(), number);
            return number;
        }
        case Kind::ratio: {
            double number = 0;
            std::from_chars(text.data(), text.data() + text.size(), number);
            return number;
        }
        case Kind::sockets:
        case Kind::networks:
        case Kind::clients:
        case Kind::patterns:
        case Kind::words:
        case Kind::globs:
            return split_words(text);
        case Kind::size:
        case Kind::duration:
        case Kind::mode:
        case Kind::choice:
        case Kind::path:
        case Kind::name:
        case Kind::reply:
        case Kind::socket:
        case Kind::header:
            return std::string(text);
    }
    return {};
}

} // namespace

Result<void, BadValue> assign(const Row& row, const Value& value, void* entry) {
    return std::visit(Assign{row, value}, row.field.of(entry));
}

// A row's accessors only form the address of a field; nothing is written through it by the two functions below.
Value read(const Row& row, const void* entry) {
    return std::visit(Read{row}, row.field.of(const_cast<void*>(entry)));
}

bool stands_in_file(const Row& row, const void* entry) {
    return row.in_file != nullptr && row.in_file(const_cast<void*>(entry));
}

Value default_of(const Row& row) {
    return from_table(row.kind, row.default_value);
}

bool is_default(const Row& row, const Value& value) {
    const Value other = default_of(row);
    if (value == other) return true;
    if (row.kind != Kind::duration && row.kind != Kind::size && row.kind != Kind::mode) return false;
    const auto number = to_number(row, value);
    const auto other_number = to_number(row, other);
    return number && other_number && *number == *other_number;
}

Value example(const Row& row) {
    return from_table(row.kind, row.example);
}

std::string value_text(const Value& value) {
    struct Text {
        std::string operator()(std::monostate) const { return {}; }
        std::string operator()(bool boolean) const { return boolean ? "true" : "false"; }
        std::string operator()(std::int64_t number) const { return std::to_string(number); }
        std::string operator()(double number) const {
            std::array<char, 32> text{};
            const auto result = std::to_chars(text.data(), text.data() + text.size(), number);
            std::string shortest(text.data(), result.ptr);
            if (shortest.find_first_of(".e") == std::string::npos) shortest += ".0";
            return shortest;
        }
        std::string operator()(const std::string& text) const { return toml_string(text); }
        std::string operator()(const std::vector<std::string>& list) const {
            std::string text = "[";
            for (const std::string& word : list) text += (text.size() > 1 ? ", " : "") + toml_string(word);
            return text + "]";
        }
    };
    return std::visit(Text{}, value);
}

std::string expectation(const Row& row) {
    switch (row.kind) {
        case Kind::boolean:
            return "true or false";
        case Kind::count:
            return "an integer" + range_text(row);
        case Kind::ratio:
            return "a number from 0 to 1";
        case Kind::size:
            return "a size such as \"25MiB\" or \"64KiB\", or bytes as an integer" + range_text(row);
        case Kind::duration:
            return "a duration such as \"500ms\", \"30s\", \"5m\" or \"1h\"" + range_text(row);
        case Kind::mode:
            return "an octal mode as a string, such as \"0660\"";
        case Kind::choice: {
            const auto words = split_words(row.allowed);
            std::string text = in_quotes(words.front());
            for (std::size_t i = 1; i < words.size(); ++i)
                text += (i + 1 == words.size() ? " or " : ", ") + in_quotes(words[i]);
            return text;
        }
        case Kind::path:
            return "an absolute path as a string";
        case Kind::name:
            return "a name as a string";
        case Kind::reply:
            return "a reply as a string, such as \"550 5.7.1 text\"";
        case Kind::socket:
            return "an address as a string, such as \"unix:/path\"";
        case Kind::sockets:
            return "a list of addresses, such as [\"unix:/path\", \"inet:8891@127.0.0.1\"]";
        case Kind::networks:
            return "a list of networks, such as [\"127.0.0.0/8\", \"::1/128\"]";
        case Kind::clients:
            return "a list of networks and host names, such as [\"192.0.2.0/24\", \".example.org\"]";
        case Kind::patterns:
            return "a list of patterns, such as [\"postmaster@example.org\", \"@example.net\", \"/^bounce-/\"]";
        case Kind::words:
            return "a list of words, such as [\"One\", \"Two\"]";
        case Kind::globs:
            return "a list of patterns of names, such as [\"PUA.*\", \"*.UNOFFICIAL\"]";
        case Kind::header:
            return "a header field as a string, such as \"X-Spam-Tag: {virus}\"";
    }
    return {};
}

std::string summary(const Row& row) {
    switch (row.kind) {
        case Kind::boolean:
        case Kind::choice:
            return expectation(row);
        case Kind::count:
            return "integer" + range_text(row);
        case Kind::ratio:
            return "number from 0 to 1";
        case Kind::size:
            return "size" + range_text(row);
        case Kind::duration:
            return "duration" + range_text(row);
        case Kind::mode:
            return "octal mode";
        case Kind::path:
            return "absolute path";
        case Kind::name:
            return "name";
        case Kind::reply:
            return "reply";
        case Kind::socket:
            return "address of a unix socket";
        case Kind::sockets:
            return "list of addresses";
        case Kind::networks:
            return "list of networks";
        case Kind::clients:
            return "list of networks and host names";
        case Kind::patterns:
            return "list of patterns";
        case Kind::words:
            return "list of words";
        case Kind::globs:
            return "list of patterns of names";
        case Kind::header:
            return "header field";
    }
    return {};
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::size_t blank = text.find(' ');
        if (blank != 0) words.emplace_back(text.substr(0, blank));
        text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
    }
    return words;
}

} // namespace evermilter::config
