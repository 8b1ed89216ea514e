#include "config/canonical.h"

#include "config/entries.h"
#include "config/value.h"

namespace evermilter::config {
namespace {

std::string entry_text(const Section& section, const void* entry) {
    std::string text = header(section) + "\n";
    for (const Row& row : section.rows) {
        const Value value = read(row, entry);
        if (std::holds_alternative<std::monostate>(value))
            text += "# " + std::string(row.name()) + " is not set: " + std::string(row.unset) + "\n";
        else
            text += std::string(row.name()) + " = " + value_text(value) + "\n";
    }
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
            text += (text.empty() ? "" : "\n") + entry_text(section, entry_of(section, root, i));
    }
    return text;
}

std::string inline_table(const Section& section, const void* entry) {
    std::string text;
    const auto add = [&](const Row& row) {
        text += (text.empty() ? "" : ", ") + std::string(row.name()) + " = " + value_text(read(row, entry));
    };
    const Row* name = section.named_by.empty() ? nullptr : section.find_row(section.named_by);
    if (name != nullptr) add(*name);
    for (const Row& row : section.rows)
        if (&row != name && read(row, entry) != default_of(row)) add(row);
    return "{" + text + "}";
}

} // namespace evermilter::config
