#include "supervisor/children/wait_status.h"

#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "workers/common/ipc/from_loader.h"

namespace evermilter::supervisor {

bool has_temp_failed(int wait_status) noexcept {
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == messages::kScannerTempFailed;
}

std::string end_text(const Child& child, int wait_status) {
    return child.kill_reason.empty() ? wait_status_text(wait_status) : "killed: " + child.kill_reason;
}

std::string wait_status_text(int wait_status) {
    if (WIFEXITED(wait_status)) return "exit status " + std::to_string(WEXITSTATUS(wait_status));
    if (WIFSIGNALED(wait_status)) {
        const int number = WTERMSIG(wait_status);
        const char* text = ::sigdescr_np(number);
        return "signal " + std::to_string(number) + " (" + (text == nullptr ? "unknown" : text) + ")";
    }
    return "wait status " + std::to_string(wait_status);
}

} // namespace evermilter::supervisor
