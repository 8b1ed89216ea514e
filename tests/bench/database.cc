#include "tests/bench/database.h"

#include <cstdlib>
#include <stdexcept>

#include "tests/support/command.h"

namespace evermilter::bench {

std::filesystem::path database(const test::Folder& folder, const std::string& signatures) {
    if (const char* given = std::getenv("EVERMILTER_BENCH_DATABASE"); given != nullptr) return given;
    std::filesystem::path made = folder.path() / "db";
    const test::Outcome outcome = test::run({test::program("bench_make_database"), made.string(), signatures});
    if (outcome.status != 0) throw std::runtime_error("bench_make_database: " + outcome.errors);
    return made;
}

} // namespace evermilter::bench
