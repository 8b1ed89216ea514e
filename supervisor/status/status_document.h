// The document `status` of the status socket. Pure. Its names are relied on by operators' scripts: adding is free.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "supervisor/status/status_view.h"

namespace evermilter::supervisor {

[[nodiscard]] nlohmann::ordered_json status_document(const StatusView& view);

// On one line; bytes that are not UTF-8 are replaced, never an exception.
[[nodiscard]] std::string to_line(const nlohmann::ordered_json& document);

} // namespace evermilter::supervisor
