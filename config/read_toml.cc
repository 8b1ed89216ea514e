// The only file that knows toml++. It turns a text into values with places; value.h says what a row accepts.
#include "config/read_toml.h"

#include <toml++/toml.h>
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "config/canonical.h"
#include "config/entries.h"
#include "config/nesting.h"
#include "config/suggest.h"
#include "config/text_check.h"
#include "config/value.h"

namespace evermilter::config {
namespace {

// Nobody reads more; and a file that is not a configuration at all must not keep the supervisor busy.
constexpr std::size_t kMostFaults = 100;

std::string type_name(const toml::node& node) {
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

class Reading {
  public:
    Reading(const Schema& schema, void* root, const std::string& origin, const FindConflicts& conflicts)
        : schema_(schema), root_(root), origin_(origin), conflicts_(conflicts) {}

    std::vector<Fault> read(std::string_view text) {
        if (const auto deep = too_deep(text)) {
            const std::string most = std::to_string(kDeepest);
            add({deep->line, deep->column}, "",
                deep->name ? "a name has more than " + most + " parts; write [section] and its keys below"
                           : "brackets stand within each other more than " + most + " deep; no value needs that");
            return std::move(faults_);
        }
        try {
            read_document(toml::parse(text, std::string_view(origin_)));
            for (const Conflict& conflict : conflicts_()) add_conflict(conflict);
        } catch (const toml::parse_error& error) {
            read_lines_before(text, error.source().begin.line);
            add_syntax_error(text, error);
        }
        std::stable_sort(faults_.begin(), faults_.end(), [](const Fault& a, const Fault& b) {
            return std::pair(a.line, a.column) < std::pair(b.line, b.column);
        });
        if (faults_.size() >= kMostFaults) add({}, "", "has more faults than are shown here");
        return std::move(faults_);
    }

  private:
    void add(toml::source_position place, std::string key, std::string message) {
        faults_.push_back({origin_, place.line, place.column, std::move(key), std::move(message)});
    }

    // toml++ stops at the first syntax error and gives no values. What stands before it is mostly whole, and its
    // faults are shown as well.
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
            const std::size_t begin = std::min(line.find_first_not_of('['), end);
            if (line.starts_with('[') && end != std::string_view::npos) section = line.substr(begin, end - begin);
            place.column = column;
        });
        if (schema_.find_row(section + "." + key) != nullptr) key = section + "." + key;
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
        // Entries of repeated sections begin with what the others say.
        for (const bool repeated : {false, true}) {
            for (const auto& [key, node] : document) {
                if (faults_.size() >= kMostFaults) return;
                const Section* section = schema_.find_section(key.str());
                if ((section != nullptr && section->place.repeated()) != repeated) continue;
                if (section == nullptr)
                    add_unknown_section(key, node);
                else if (repeated)
                    read_repeated(*section, key, node);
                else
                    read_once(*section, key, node);
            }
        }
    }

    void add_unknown_section(const toml::key& key, const toml::node& node) {
        if (node.is_table() || node.is_array_of_tables())
            return add(key.source().begin, shown_key(key.str()),
                       "unknown section; the nearest known one is " + header(nearest_section(schema_, key.str())));
        add(key.source().begin, shown_key(key.str()),
            "unknown key outside of any section; the nearest known key is " +
                std::string(nearest_key(schema_, "", key.str())));
    }

    void read_once(const Section& section, const toml::key& key, const toml::node& node) {
        if (const toml::table* table = node.as_table()) return read_entry(section, 0, *table);
        const std::string how = node.is_array_of_tables() ? "may stand only once" : "is " + type_name(node);
        add(key.source().begin, std::string(section.name), how + "; write " + header(section) + " and its keys below");
    }

    void read_repeated(const Section& section, const toml::key& key, const toml::node& node) {
        const std::string remedy = "; write " + header(section) + " and its keys below, once for each";
        const toml::array* list = node.as_array();
        if (list == nullptr) {
            const std::string how = node.is_table() ? "may stand several times" : "is " + type_name(node);
            return add(key.source().begin, std::string(section.name), how + remedy);
        }
        for (const toml::node& element : *list) {
            if (faults_.size() >= kMostFaults) return;
            const toml::table* table = element.as_table();
            if (table == nullptr) {
                add(element.source().begin, std::string(section.name), "an element is " + type_name(element) + remedy);
                continue;
            }
            static_cast<void>(add_entry(schema_, section, root_));
            read_entry(section, section.place.count(root_) - 1, *table);
        }
    }

    void read_entry(const Section& section, std::size_t index, const toml::table& table) {
        void* entry = section.place.at(root_, index);
        // The name first: faults of the others are shown with it.
        if (!section.named_by.empty()) read_name(section, index, table);
        const std::string prefix = key_of(section, root_, index) + ".";
        for (const auto& [key, node] : table) {
            if (faults_.size() >= kMostFaults) return;
            const Row* row = section.find_row(key.str());
            if (const Inner* inner = section.find_inner(key.str()); row == nullptr && inner != nullptr)
                read_inner(*inner, inner->place.at(entry, 0), prefix, key, node);
            else if (row == nullptr)
                add(key.source().begin, prefix + shown_key(key.str()),
                    "unknown key; the nearest known key is " +
                        std::string(nearest_key(schema_, section.name, key.str())));
            else if (section.named_by.empty() || row->name() != section.named_by)
                read_value(*row, entry, prefix + std::string(row->name()), node);
        }
    }

    void read_inner(const Inner& inner, void* entry, const std::string& prefix, const toml::key& section_key,
                    const toml::node& section_node) {
        const std::string name(inner.section->name);
        const toml::table* table = section_node.as_table();
        if (table == nullptr)
            return add(
                section_key.source().begin, prefix + name,
                "is " + type_name(section_node) + "; write " + name + ".KEY = VALUE with a key of [" + name + "]");
        for (const auto& [key, node] : *table) {
            if (faults_.size() >= kMostFaults) return;
            const Row* row = inner.section->find_row(key.str());
            if (row == nullptr)
                add(key.source().begin, prefix + name + "." + shown_key(key.str()),
                    "unknown key; the nearest known key is " + std::string(nearest_key(schema_, name, key.str())));
            else
                read_value(*row, entry, prefix + std::string(row->key), node);
        }
    }

    void read_name(const Section& section, std::size_t index, const toml::table& table) {
        const Row* row = section.find_row(section.named_by);
        const std::string key = key_of(section, root_, index) + "." + std::string(section.named_by);
        const toml::node* node = table.get(section.named_by);
        if (node == nullptr)
            return add(table.source().begin, key,
                       "is missing; each " + header(section) + " has a " + std::string(section.named_by) +
                           " of its own, such as " + value_text(example(*row)));
        if (!read_value(*row, section.place.at(root_, index), key, *node)) return;
        const std::string name = name_of(section, section.place.at(root_, index));
        for (std::size_t i = 0; i < index; ++i) {
            if (name_of(section, section.place.at(root_, i)) != name) continue;
            const auto first = places_.find(key_of(section, root_, i) + "." + std::string(section.named_by));
            const std::string line = first == places_.end() ? "" : " (line " + std::to_string(first->second.line) + ")";
            return add(node->source().begin, key,
                       printable(name) + " is the " + std::string(section.named_by) + " of another " + header(section) +
                           line + "; give each its own");
        }
        places_.emplace(key_of(section, root_, index) + "." + std::string(section.named_by), node->source().begin);
    }

    // False: a fault was added.
    bool read_value(const Row& row, void* entry, const std::string& key, const toml::node& node) {
        places_.emplace(key, node.source().begin);
        if (row.in_file != nullptr) row.in_file(entry) = true;
        const auto value = to_value(row, key, node);
        if (!value) return false;
        const auto assigned = assign(row, *value, entry);
        if (assigned) return true;
        const BadValue& bad = assigned.error();
        const toml::array* list = node.as_array();
        const toml::node* at_fault = list != nullptr && bad.element ? list->get(*bad.element) : nullptr;
        add((at_fault != nullptr ? *at_fault : node).source().begin, key, bad.reason);
        return false;
    }

    // nullopt: a fault was added.
    std::optional<Value> to_value(const Row& row, const std::string& key, const toml::node& node) {
        if (const auto* boolean = node.as_boolean()) return boolean->get();
        if (const auto* integer = node.as_integer()) return integer->get();
        if (const auto* number = node.as_floating_point()) return number->get();
        if (const auto* text = node.as_string()) return text->get();
        const toml::array* list = node.as_array();
        if (list == nullptr) {
            add(node.source().begin, key, "is " + type_name(node) + "; write " + expectation(row));
            return std::nullopt;
        }
        std::vector<std::string> words;
        for (const toml::node& element : *list) {
            const auto* text = element.as_string();
            if (text == nullptr) {
                add(element.source().begin, key, "an element is " + type_name(element) + "; write " + expectation(row));
                return std::nullopt;
            }
            words.push_back(text->get());
        }
        return words;
    }

    const Schema& schema_;
    void* root_;
    const std::string& origin_;
    const FindConflicts& conflicts_;
    std::vector<Fault> faults_;
    std::map<std::string, toml::source_position, std::less<>> places_; // of the keys in the file
};

} // namespace

std::vector<Fault> read_toml(const Schema& schema, void* root, std::string_view text, const std::string& origin,
                             const FindConflicts& conflicts) {
    return Reading(schema, root, origin, conflicts).read(text);
}

} // namespace evermilter::config
