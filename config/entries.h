// The entries of a schema's sections: a section that stands once has one, a repeated one as many as stand in the file.
#pragma once

#include <cstddef>
#include <string>

#include "config/schema.h"

namespace evermilter::config {

// A section that stands once gets its defaults, a repeated one is empty. `root` is fresh.
void set_defaults(const Schema& schema, void* root);
void set_defaults(const Section& section, void* entry);

// Adds an entry with its defaults to a repeated section; keys of inner sections are as those sections are by then.
void* add_entry(const Schema& schema, const Section& section, void* root);

// Calls `see` with each key of an entry, those of inner sections last: the row, the struct that has its field, and the
// name that it has in the entry ("mode", "actions.infected").
template <class See>
void each_key(const Section& section, const void* entry, See see) {
    for (const Row& row : section.rows) see(row, entry, std::string(row.name()));
    for (const Inner& inner : section.inner)
        for (const Row& row : inner.section->rows)
            see(row, inner.place.at(const_cast<void*>(entry), 0), std::string(row.key)); // NOLINT(*-const-cast)
}

// How an entry is called in faults and changes: "milter", "listener[inside]" by its name, "listener[2]" by its position
// where it has none. Conflicts name keys of a repeated section by it: key_of() + ".mode".
[[nodiscard]] std::string key_of(const Section& section, const void* root, std::size_t index);

// The value of Section::named_by; empty where it is not set, or the section has none.
[[nodiscard]] std::string name_of(const Section& section, const void* entry);

[[nodiscard]] std::size_t entry_count(const Section& section, const void* root);
[[nodiscard]] const void* entry_of(const Section& section, const void* root, std::size_t index);

} // namespace evermilter::config
