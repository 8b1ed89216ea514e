// The evermilterd that runs already with the same status socket: what it holds is in use by right, for somebody who
// only looks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace evermilter::supervisor {

struct RunningService {
    pid_t pid = 0;
    std::vector<std::string> listeners; // canonical addresses, the status socket's too
    std::vector<std::string> folders;   // its temp and state directory

    [[nodiscard]] bool uses_folder(const std::string& path) const;
    [[nodiscard]] bool listens_on(const std::string& address) const;
    // "a running evermilterd (pid 7)"
    [[nodiscard]] std::string text() const;
};

// Asks at `status_socket`, an address of the configuration; nullopt where no evermilterd answers within `patience`.
// Waits.
[[nodiscard]] std::optional<RunningService> ask_running_service(const std::string& status_socket,
                                                                std::chrono::milliseconds patience);

} // namespace evermilter::supervisor
