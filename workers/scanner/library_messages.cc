#include "workers/scanner/library_messages.h"

#include <clamav.h>

#include <mutex>
#include <utility>

namespace evermilter::scanner {
namespace {

constexpr std::size_t kMostMessages = 64;
constexpr std::size_t kMostWarnings = 32;

struct Store {
    std::mutex mutex;
    std::vector<LibraryMessage> messages;
};

Store& store() {
    static Store the_store;
    return the_store;
}

// Called by libclamav; nothing may be thrown through it.
void on_message(cl_msg severity, const char*, const char* text, void*) noexcept {
    try {
        if (severity < CL_MSG_WARN || text == nullptr) return;
        const bool error = severity >= CL_MSG_ERROR;
        auto& [mutex, messages] = store();
        const std::lock_guard lock(mutex);
        if (messages.size() >= (error ? kMostMessages : kMostWarnings)) return;
        LibraryMessage message{error ? Severity::error : Severity::warning, text};
        while (!message.text.empty() && (message.text.back() == '\n' || message.text.back() == '\r'))
            message.text.pop_back();
        messages.push_back(std::move(message));
    } catch (...) {
        // Out of memory for a message: the scan that caused it fails by its own allocations.
        return;
    }
}

} // namespace

void capture_library_messages() {
    (void)store();
    cl_set_clcb_msg(on_message);
}

std::vector<LibraryMessage> take_library_messages() {
    auto& [mutex, messages] = store();
    const std::lock_guard lock(mutex);
    return std::exchange(messages, {});
}

} // namespace evermilter::scanner
