#include "config/effective.h"

#include "config/canonical.h"
#include "config/entries.h"

namespace evermilter::config {
namespace {

bool is_set(const Value& value) {
    return !std::holds_alternative<std::monostate>(value);
}

bool is_inner(const Section& section, const Row& row) {
    return row.section() != section.name;
}

// The value that a key of an inner section begins with.
Value common_value(const Schema& schema, const void* root, const Row& row) {
    return read(row, entry_of(*schema.find_section(row.section()), root, 0));
}

bool is_changed(const Schema& schema, const Section& section, const void* root, const Row& row, const void* owner) {
    if (!section.named_by.empty() && !is_inner(section, row) && row.name() == section.named_by) return true;
    if (stands_in_file(row, owner)) return true;
    const Value value = read(row, owner);
    return is_inner(section, row) ? value != common_value(schema, root, row) : !is_default(row, value);
}

std::string line_of(const EffectiveKey& key) {
    const std::string name = key.section->place.repeated() ? key.name : std::string(key.section->name) + "." + key.name;
    if (is_set(key.value)) return name + " = " + value_text(key.value) + "\n";
    return "# " + name + " is not set: " + std::string(key.row->unset) + "\n";
}

} // namespace

Value value_to_write(const Schema& schema, const Section& section, const void* root, const Row& row,
                     const void* owner) {
    Value value = read(row, owner);
    if (is_set(value) || !is_inner(section, row)) return value;
    const Value common = common_value(schema, root, row);
    if (!is_set(common)) return value;
    if (std::holds_alternative<std::vector<std::string>>(common)) return std::vector<std::string>{};
    return std::string{};
}

std::vector<EffectiveKey> effective_keys(const Schema& schema, const void* root, Keys which) {
    std::vector<EffectiveKey> keys;
    // Keys that stand for themselves must come before any [[section]].
    for (const bool repeated : {false, true}) {
        for (const Section& section : schema.sections) {
            if (section.place.repeated() != repeated) continue;
            for (std::size_t entry = 0; entry < entry_count(section, root); ++entry) {
                each_key(section, entry_of(section, root, entry),
                         [&](const Row& row, const void* owner, const std::string& name) {
                             if (which == Keys::changed && !is_changed(schema, section, root, row, owner)) return;
                             keys.push_back(
                                 {&section, entry, &row, name, value_to_write(schema, section, root, row, owner)});
                         });
            }
        }
    }
    return keys;
}

std::string effective_text(const Schema& schema, const void* root, Keys which) {
    std::string text;
    const Section* section = nullptr;
    std::size_t entry = 0;
    for (const EffectiveKey& key : effective_keys(schema, root, which)) {
        if (key.section->place.repeated() && (key.section != section || key.entry != entry))
            text += (text.empty() ? "" : "\n") + header(*key.section) + "\n";
        section = key.section;
        entry = key.entry;
        text += line_of(key);
    }
    return text;
}

std::string effective_text(const Config& config, Keys which) {
    return effective_text(schema(), &config, which);
}

} // namespace evermilter::config
