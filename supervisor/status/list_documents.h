// The documents `sessions`, `poison` and `snapshots` of the status socket.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "supervisor/status/status_view.h"

namespace evermilter::supervisor {

// Open sessions, those before hand-over last.
[[nodiscard]] nlohmann::ordered_json sessions_document(const StatusView& view);
// The poison messages; those whose time is over are forgotten first.
[[nodiscard]] nlohmann::ordered_json poison_document(State& state, std::int64_t now_ns);
// The snapshots on disk, newest first. Reads the folder.
[[nodiscard]] nlohmann::ordered_json snapshots_document(const State& state, const std::string& state_directory);

} // namespace evermilter::supervisor
