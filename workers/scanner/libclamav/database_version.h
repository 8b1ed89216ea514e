// Version and age of the databases, from the headers of their containers (CVD, CLD).
#pragma once

#include <cstdint>
#include <string>

namespace evermilter::scanner {

// clamd's form in VERSION: "27800/Fri Nov 20 09:36:00 2026" (local time); empty for version 0.
[[nodiscard]] std::string version_text(std::uint64_t version, std::int64_t unix_time);

// The newest build time that a container in `directory` has, Unix time; 0 if there is none.
[[nodiscard]] std::int64_t newest_database_time(const std::string& directory);

} // namespace evermilter::scanner
