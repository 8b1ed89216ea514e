// The texts that are written from the schema: the sample file, the page of documentation, the manual page.
// The committed files are exactly these texts; a test compares them.
#pragma once

#include <string>

#include "config/schema.h"

namespace evermilter::config {

[[nodiscard]] std::string sample_file(const Schema& schema = config::schema()); // config/evermilter.toml
[[nodiscard]] std::string markdown(const Schema& schema = config::schema());    // contrib/doc/configuration.md
[[nodiscard]] std::string manual_page(const Schema& schema = config::schema()); // contrib/man/evermilter.toml.5

} // namespace evermilter::config
