// The only file that knows toml++. It turns a text into values with places; value.h says what a row accepts.
#include "config/parse.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <system_error>

#include "config/nesting.h"
#include "config/suggest.h"
#include "config/text_check.h"
#include "config/validate.h"
#include "config/value.h"

namespace evermilter::config {
namespace {

constexpr std::size_t kLargestFile = 1U << 20U;
// Nobody reads more; and a file that is no configuration at all must not keep the supervisor busy.
constexpr std::size_t kMostFaults = 100;

std::string name_of(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time:
            return "a date or time";
        case toml::node_type::array:
            return "a list";
        case toml::node_type::boolean:
            return "a boolean";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::floating_point:
            return "a fractional number";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::none:
            break;
    }
    return "nothing";
}

// A key as it is shown: quoted where it is not a bare one.
std::string shown(std::string_view key) {
    const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    });
    return bare && key.size() <= 80 ? std::string(key) : printable(key);
}

class Reading {
  public:
    Reading(const std::string& origin, Links links) : origin_(origin), links_(links) {}

    ParseResult parse(std::string_view text) {
        if (const auto deep = too_deep(text)) {
            const std::string most = std::to_string(kDeepest);
            add({deep->line, deep->column}, "",
                deep->name ? "a name has more than " + most + " parts; write [section] and its keys below"
                           : "brackets stand within each other more than " + most + " deep; no value needs that");
            return std::move(faults_);
        }
        try {
            read_document(toml::parse(text, std::string_view(origin_)));
            for (const Conflict& conflict : validate(config_)) add_conflict(conflict);
            for (const Conflict& conflict : check_places(config_, links_)) add_conflict(conflict);
        } catch (const toml::parse_error& error) {
            read_lines_before(text, error.source().begin.line);
            add_syntax_error(text, error);
        }
        if (faults_.empty()) return std::move(config_);
        std::stable_sort(faults_.begin(), faults_.end(), [](const Fault& a, const Fault& b) {
            return std::pair(a.line, a.column) < std::pair(b.line, b.column);
        });
        if (faults_.size() >= kMostFaults) add({}, "", "has more faults than are told here");
        return std::move(faults_);
    }

  private:
    void add(toml::source_position place, std::string key, std::string message) {
        faults_.push_back({origin_, place.line, place.column, std::move(key), std::move(message)});
    }

    // toml++ stops at the first syntax error and gives no values. What stands before it is mostly whole, and its
    // faults are told as well.
    void read_lines_before(std::string_view text, toml::source_index line) {
        std::size_t end = 0;
        for (toml::source_index i = 1; i < line && end < text.size(); ++i)
            end = std::min(text.find('\n', end), text.size() - 1) + 1;
        try {
            read_document(toml::parse(text.substr(0, end), std::string_view(origin_)));
        } catch (const toml::parse_error&) {
            return; // the error is inside of a value of several lines
        }
    }

    void add_syntax_error(std::string_view text, const toml::parse_error& error) {
        const std::string_view description = error.description();
        toml::source_position place = error.source().begin;
        if (description.find("cannot redefine existing") == std::string_view::npos)
            return add(place, "", "syntax error: " + std::string(description));
        std::string key;
        const std::size_t open = description.find('\'');
        const std::size_t close = description.find('\'', open == std::string_view::npos ? open : open + 1);
        if (close != std::string_view::npos) key = description.substr(open + 1, close - open - 1);
        // toml++ names neither the section nor the column at which the key begins.
        std::string section;
        each_line(text, place.line, [&](std::string_view line, toml::source_index column) {
            const std::size_t end = line.find(']');
            if (line.starts_with("[") && end != std::string_view::npos) section = line.substr(1, end - 1);
            place.column = column;
        });
        if (find_section(section) != nullptr && find_row(section + "." + key) != nullptr) key = section + "." + key;
        add(place, std::move(key), "is set a second time; remove one of the two");
    }

    // Calls `see` with each line up to `last`, blanks at its front removed, and the column at which it begins.
    template <class See>
    static void each_line(std::string_view text, toml::source_index last, See see) {
        for (toml::source_index i = 1; i <= last && !text.empty(); ++i) {
            std::string_view line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(line.size() + 1, text.size()));
            const std::size_t blanks = std::min(line.find_first_not_of(" \t"), line.size());
            line.remove_prefix(blanks);
            see(line, static_cast<toml::source_index>(blanks + 1));
        }
    }

    void add_conflict(const Conflict& conflict) {
        // A value that was refused has left its default behind, which conflicts with nothing that was meant.
        const auto takes_part = [&](const Fault& fault) {
            return std::find(conflict.keys.begin(), conflict.keys.end(), fault.key) != conflict.keys.end();
        };
        if (std::any_of(faults_.begin(), faults_.end(), takes_part)) return;
        for (const std::string& key : conflict.keys)
            if (const auto found = places_.find(key); found != places_.end())
                return add(found->second, key, conflict.reason);
        add({}, conflict.keys.front(), conflict.reason);
    }

    void read_document(const toml::table& document) {
        for (const auto& [key, node] : document) {
            if (faults_.size() >= kMostFaults) return;
            const Section* section = find_section(key.str());
            if (section == nullptr) {
                add_unknown_section(key, node);
            } else if (const toml::table* table = node.as_table()) {
                read_section(*section, *table);
            } else {
                add(key.source().begin, shown(key.str()),
                    "is " + name_of(node) + "; write [" + shown(key.str()) + "] and its keys below");
            }
        }
    }

    void add_unknown_section(const toml::key& key, const toml::node& node) {
        if (node.is_table())
            return add(key.source().begin, shown(key.str()),
                       "unknown section; the nearest known one is [" + std::string(nearest_section(key.str())) + "]");
        add(key.source().begin, shown(key.str()),
            "unknown key outside of any section; the nearest known key is " + std::string(nearest_key("", key.str())));
    }

    void read_section(const Section& section, const toml::table& table) {
        for (const auto& [key, node] : table) {
            if (faults_.size() >= kMostFaults) return;
            const std::string full = std::string(section.name) + "." + shown(key.str());
            const Row* row = find_row(std::string(section.name) + "." + std::string(key.str()));
            if (row == nullptr) {
                add(key.source().begin, full,
                    "unknown key; the nearest known key is " + std::string(nearest_key(section.name, key.str())));
                continue;
            }
            read_value(*row, node);
        }
    }

    void read_value(const Row& row, const toml::node& node) {
        places_.emplace(row.key, node.source().begin);
        if (row.in_file != nullptr) row.in_file(config_) = true;
        const std::string key(row.key);
        const auto value = to_value(row, node);
        if (!value) return;
        const auto assigned = assign(row, *value, config_);
        if (assigned) return;
        const BadValue& bad = assigned.error();
        const toml::array* list = node.as_array();
        const toml::node* at_fault = list != nullptr && bad.element ? list->get(*bad.element) : nullptr;
        add((at_fault != nullptr ? *at_fault : node).source().begin, key, bad.reason);
    }

    // nullopt: a fault was added.
    std::optional<Value> to_value(const Row& row, const toml::node& node) {
        if (const auto* boolean = node.as_boolean()) return boolean->get();
        if (const auto* integer = node.as_integer()) return integer->get();
        if (const auto* number = node.as_floating_point()) return number->get();
        if (const auto* text = node.as_string()) return text->get();
        const toml::array* list = node.as_array();
        if (list == nullptr) {
            add(node.source().begin, std::string(row.key), "is " + name_of(node) + "; write " + expectation(row));
            return std::nullopt;
        }
        std::vector<std::string> words;
        for (const toml::node& element : *list) {
            const auto* text = element.as_string();
            if (text == nullptr) {
                add(element.source().begin, std::string(row.key),
                    "an element is " + name_of(element) + "; write " + expectation(row));
                return std::nullopt;
            }
            words.push_back(text->get());
        }
        return words;
    }

    const std::string& origin_;
    Links links_;
    Config config_ = defaults();
    std::vector<Fault> faults_;
    std::map<std::string, toml::source_position, std::less<>> places_; // of the keys in the file
};

} // namespace

std::string Fault::text() const {
    std::string text = file + ":";
    if (line != 0) text += std::to_string(line) + ":" + std::to_string(column) + ":";
    if (!key.empty()) text += " " + key + ":";
    return text + " " + message;
}

ParseResult parse(std::string_view text, const std::string& origin, Links links) {
    return Reading(origin, links).parse(text);
}

Result<std::string, Fault> read_text(const std::string& path) {
    const auto failed = [&](const std::string& what, int code) {
        return Fault{path, 0, 0, "", what + ": " + std::generic_category().message(code)};
    };
    // O_NONBLOCK: a FIFO of that name must not stop whoever reads the configuration.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        const int code = errno;
        Fault fault = failed("cannot open the configuration", code);
        if (code == ENOENT) fault.message += "; name the file with --config";
        return fault;
    }
    struct Closer {
        int fd;
        ~Closer() { ::close(fd); }
    } closer{fd};
    struct stat status {};
    if (::fstat(fd, &status) != 0) return failed("cannot read the configuration", errno);
    if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) // /dev/null: all defaults
        return Fault{path, 0, 0, "", "is not a regular file"};
    std::string text;
    std::array<char, 16384> part{};
    for (;;) {
        const ssize_t got = ::read(fd, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("cannot read the configuration", errno);
        if (got == 0) return text;
        text.append(part.data(), static_cast<std::size_t>(got));
        if (text.size() > kLargestFile) return Fault{path, 0, 0, "", "is larger than 1 MiB; this is no configuration"};
    }
}

ParseResult parse_file(const std::string& path) {
    auto text = read_text(path);
    if (!text) return std::vector{std::move(text).error()};
    return parse(*text, path, Links::followed);
}

} // namespace evermilter::config
