// The effective configuration, a key at a time, as a program that asks for it is shown it: all keys, or only those that
// are not as without a file. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"

namespace evermilter::config {

enum class Keys : std::uint8_t { all, changed };

struct EffectiveKey {
    const Section* section = nullptr;
    std::size_t entry = 0; // of the section
    const Row* row = nullptr;
    std::string name; // in its entry: "listen"; of an inner section "actions.infected"
    Value value;      // monostate: not set
};

// In the schema's order; of a repeated section at least the key by which its entries are known. What an entry of a
// repeated section has of an inner one is changed where it is not as that section is.
[[nodiscard]] std::vector<EffectiveKey> effective_keys(const Schema& schema, const void* root, Keys which);

// The same as TOML, a key a line: "milter.listen = [...]", and below [[listener]] "name = ...". What is not set is a
// comment. A file of this text gives the same configuration, allow_in_file and target_in_file aside where all keys are
// shown (they are then true).
[[nodiscard]] std::string effective_text(const Schema& schema, const void* root, Keys which);
[[nodiscard]] std::string effective_text(const Config& config, Keys which);

// What a file must say of a key of an entry of a section so that it has the value that it has: the value; for a key of
// an inner section that is not set while the section of that name sets it, an empty one; monostate: nothing.
[[nodiscard]] Value value_to_write(const Schema& schema, const Section& section, const void* root, const Row& row,
                                   const void* owner);

} // namespace evermilter::config
