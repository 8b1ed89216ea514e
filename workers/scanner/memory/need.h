// reload.memory_check: whether there is room for one more engine, decided from figures alone. A refusal is wrong where
// the load would have succeeded, so every doubt counts for the load; what is prevented is the certain OOM kill.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workers/scanner/memory/left.h"
#include "workers/scanner/refusal.h"

namespace evermilter::scanner {

// Bytes of engine that a file of that name and size surely becomes, by its kind. `compressed` says that a .cvd, .cld or
// .cud holds a compressed archive.
[[nodiscard]] std::uint64_t expected_engine(std::string_view name, std::uint64_t bytes, bool compressed);

// The same for all database files in `folder`, each looked at for its kind; what cannot be read counts nothing.
[[nodiscard]] std::uint64_t expected_engine(const std::string& folder);

// What the active generation was measured at; zeros when there is none.
struct ActiveEngine {
    std::uint64_t engine_bytes = 0;   // private memory that load and compilation took
    std::uint64_t expected_bytes = 0; // expected_engine() of its snapshot
};

// Bytes of an engine from a database of which `expected` is expected: the active one's measured size in proportion,
// where the two are of one order (half to double); else `expected` itself.
[[nodiscard]] std::uint64_t engine_need(const ActiveEngine& active, std::uint64_t expected);

// 71 with the figures when one of `left` is less than `need`.
[[nodiscard]] Result<void, Refusal> check_memory(std::uint64_t need, const std::vector<MemoryLeft>& left);

} // namespace evermilter::scanner
