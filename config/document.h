// What is written from the schema for people: the sample file, the page of documentation, the manual page.
// The committed files are exactly these texts; a test compares them.
#pragma once

#include <string>

namespace evermilter::config {

[[nodiscard]] std::string sample_file(); // config/evermilter.toml
[[nodiscard]] std::string markdown();    // contrib/doc/configuration.md
[[nodiscard]] std::string manual_page(); // contrib/man/evermilter.toml.5

} // namespace evermilter::config
