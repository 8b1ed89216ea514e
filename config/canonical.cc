// Defaults and the canonical form: a Config without a file, and a file without a person.
#include "config/parse.h"
#include "config/value.h"

namespace evermilter::config {

Config defaults() {
    Config config;
    for (const Section& section : sections()) {
        for (const Row& row : section.rows) {
            const Value value = default_of(row);
            if (std::holds_alternative<std::monostate>(value)) continue;
            // A default that its own row refuses is a mistake in the table; a test goes through all of them.
            [[maybe_unused]] const auto assigned = assign(row, value, config);
        }
    }
    return config;
}

std::string to_toml(const Config& config) {
    std::string text;
    for (const Section& section : sections()) {
        text += (text.empty() ? "[" : "\n[") + std::string(section.name) + "]\n";
        for (const Row& row : section.rows) {
            const Value value = read(row, config);
            if (std::holds_alternative<std::monostate>(value))
                text += "# " + std::string(row.name()) + " is not set: " + std::string(row.unset) + "\n";
            else
                text += std::string(row.name()) + " = " + value_text(value) + "\n";
        }
    }
    return text;
}

} // namespace evermilter::config
