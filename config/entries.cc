#include "config/entries.h"

#include "config/text_check.h"
#include "config/value.h"

namespace evermilter::config {
namespace {

// The accessors of a schema only form addresses; what is given as const is only read.
void* writable(const void* address) {
    return const_cast<void*>(address);
}

} // namespace

void set_defaults(const Section& section, void* entry) {
    for (const Row& row : section.rows) {
        const Value value = default_of(row);
        if (std::holds_alternative<std::monostate>(value)) continue;
        // A default that its own row refuses is a mistake in the table; a test goes through all of them.
        [[maybe_unused]] const auto assigned = assign(row, value, entry);
    }
}

void set_defaults(const Schema& schema, void* root) {
    for (const Section& section : schema.sections)
        if (!section.place.repeated()) set_defaults(section, section.place.at(root, 0));
}

void* add_entry(const Schema& schema, const Section& section, void* root) {
    void* entry = section.place.add(root);
    set_defaults(section, entry);
    for (const Inner& inner : section.inner) {
        void* own = inner.place.at(entry, 0);
        set_defaults(*inner.section, own);
        const void* common = entry_of(*schema.find_section(inner.section->name), root, 0);
        for (const Row& row : inner.section->rows) {
            const Value value = read(row, common);
            if (std::holds_alternative<std::monostate>(value)) continue;
            [[maybe_unused]] const auto assigned = assign(row, value, own); // it was taken once
        }
    }
    return entry;
}

std::string name_of(const Section& section, const void* entry) {
    const Row* row = section.named_by.empty() ? nullptr : section.find_row(section.named_by);
    if (row == nullptr) return {};
    const Value value = read(*row, entry);
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? value_text(value) : *text;
}

std::string key_of(const Section& section, const void* root, std::size_t index) {
    std::string key(section.name);
    if (!section.place.repeated()) return key;
    const std::string name = name_of(section, entry_of(section, root, index));
    return key + "[" + (name.empty() ? std::to_string(index + 1) : shown_key(name)) + "]";
}

std::size_t entry_count(const Section& section, const void* root) {
    return section.place.count(writable(root));
}

const void* entry_of(const Section& section, const void* root, std::size_t index) {
    return section.place.at(writable(root), index);
}

} // namespace evermilter::config
