// The documents of the status socket as text: what is wrong first, then what serves, then figures. Pure.
// A field that is missing (the service may be of another version) is left out; nothing throws.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace evermilter::ctl {

// `now` is Unix time.
[[nodiscard]] std::string status_text(const nlohmann::json& status, std::int64_t now);
[[nodiscard]] std::string sessions_text(const nlohmann::json& sessions);
// Of `snapshots`. `now` is Unix time.
[[nodiscard]] std::string snapshots_text(const nlohmann::json& snapshots, std::int64_t now);
// Of `poison`. `now` is Unix time.
[[nodiscard]] std::string poison_text(const nlohmann::json& poison, std::int64_t now);
// Of `poison forget`.
[[nodiscard]] std::string forgotten_text(const nlohmann::json& outcome);
// Of `reload` and `rollback`.
[[nodiscard]] std::string outcome_text(const nlohmann::json& outcome);
// Of `reload-config`.
[[nodiscard]] std::string config_outcome_text(const nlohmann::json& outcome);
// Of `config`: the keys as TOML, one a line.
[[nodiscard]] std::string config_text(const nlohmann::json& document);
// One line for a terminal while a reload is awaited: "generation 18: load, 3 s".
[[nodiscard]] std::string progress_text(const nlohmann::json& status, double seconds);

// "3 d 4 h", "12 min", "40 s".
[[nodiscard]] std::string duration_text(double seconds);
// "8,012,345".
[[nodiscard]] std::string grouped(std::uint64_t number);

} // namespace evermilter::ctl
