#include "config/canonical.h"

#include "config/effective.h"
#include "config/entries.h"
#include "config/value.h"

namespace evermilter::config {
namespace {

std::string entry_text(const Schema& schema, const Section& section, const void* root, std::size_t index) {
    std::string text = header(section) + "\n";
    const void* entry = entry_of(section, root, index);
    each_key(section, entry, [&](const Row& row, const void* owner, const std::string& name) {
        const Value value = value_to_write(schema, section, root, row, owner);
        if (std::holds_alternative<std::monostate>(value))
            text += "# " + name + " is not set: " + std::string(row.unset) + "\n";
        else
            text += name + " = " + value_text(value) + "\n";
    });
    return text;
}

} // namespace

std::string header(const Section& section) {
    const std::string name(section.name);
    return section.place.repeated() ? "[[" + name + "]]" : "[" + name + "]";
}

std::string to_toml(const Schema& schema, const void* root) {
    std::string text;
    for (const Section& section : schema.sections) {
        const std::size_t count = entry_count(section, root);
        if (count == 0) text += (text.empty() ? "# " : "\n# ") + header(section) + " does not stand in the file\n";
        for (std::size_t i = 0; i < count; ++i)
            text += (text.empty() ? "" : "\n") + entry_text(schema, section, root, i);
    }
    return text;
}

std::string inline_table(const Section& section, const void* entry) {
    std::string text;
    const auto add = [&](const std::string& name, const Value& value) {
        text += (text.empty() ? "" : ", ") + name + " = " + value_text(value);
    };
    const Row* known_by = section.named_by.empty() ? nullptr : section.find_row(section.named_by);
    if (known_by != nullptr) add(std::string(known_by->name()), read(*known_by, entry));
    each_key(section, entry, [&](const Row& row, const void* owner, const std::string& name) {
        const Value value = read(row, owner);
        if (&row != known_by && !is_default(row, value)) add(name, value);
    });
    return "{" + text + "}";
}

} // namespace evermilter::config
