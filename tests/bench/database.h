// The database that a benchmark runs with.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/service.h"

namespace evermilter::bench {

// The folder that EVERMILTER_BENCH_DATABASE names; otherwise a database of `signatures` synthetic signatures, made in
// `folder`. Throws.
[[nodiscard]] std::filesystem::path database(const test::Folder& folder, const std::string& signatures);

} // namespace evermilter::bench
