// Does something with the rights of one of our users, in a forked child that has become it.
#pragma once

#include <functional>
#include <string>

#include "supervisor/privileges.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

// What `job` returns. An Error: no child could be made, it could not become the user, or it died. Waits for it.
[[nodiscard]] Result<std::string> as_user(const Identity& user, const std::function<std::string()>& job);

} // namespace evermilter::supervisor
