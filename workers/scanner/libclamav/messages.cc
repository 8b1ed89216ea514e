#include "workers/scanner/libclamav/messages.h"

#include <clamav.h>
#include <dlfcn.h>

#include <atomic>
#include <mutex>
#include <utility>

namespace evermilter::scanner {
namespace {

constexpr std::size_t kMostMessages = 64;
constexpr std::size_t kMostWarnings = 32;
constexpr std::string_view kDebugPrefix = "LibClamAV debug: ";

struct Store {
    std::mutex mutex;
    std::vector<LibraryMessage> messages;
};

Store& store() {
    static Store the_store;
    return the_store;
}

std::atomic<MessageListener*> g_listener{nullptr};
std::atomic<bool> g_debug{false};

// libclamav's cl_debug() cannot be taken back; its own tools use this one (libclamav.map, CLAMAV_PRIVATE).
using SetDebugFlag = std::uint8_t (*)(std::uint8_t);
SetDebugFlag set_debug_flag() noexcept {
    static const auto found = reinterpret_cast<SetDebugFlag>(::dlsym(RTLD_DEFAULT, "cli_set_debug_flag"));
    return found;
}

std::string_view without_line_end(std::string_view text) noexcept {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

// Called by libclamav; nothing may be thrown through it.
void on_message(cl_msg severity, const char*, const char* text, void*) noexcept {
    if (text == nullptr) return;
    const bool error = severity >= CL_MSG_ERROR;
    if (MessageListener* listener = g_listener.load()) {
        const Severity said = error ? Severity::error : severity >= CL_MSG_WARN ? Severity::warning : Severity::info;
        listener->heard(said, without_line_end(text));
        return;
    }
    if (severity < CL_MSG_WARN) return;
    try {
        auto& [mutex, messages] = store();
        const std::lock_guard lock(mutex);
        if (messages.size() >= (error ? kMostMessages : kMostWarnings)) return;
        messages.push_back({error ? Severity::error : Severity::warning, std::string(without_line_end(text))});
    } catch (...) {
        // Out of memory for a message: the load that caused it fails by its own allocations.
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

Listening::Listening(MessageListener& listener) noexcept {
    g_listener.store(&listener);
}

Listening::~Listening() {
    hear_debug_messages(false);
    g_listener.store(nullptr);
}

bool can_hear_debug_messages() noexcept {
    return set_debug_flag() != nullptr;
}

void hear_debug_messages(bool wanted) noexcept {
    if (g_debug.load() == wanted || set_debug_flag() == nullptr) return;
    g_debug.store(wanted);
    (void)set_debug_flag()(wanted ? 1 : 0);
}

bool stderr_of_library(std::string_view text) noexcept {
    if (!g_debug.load()) return false;
    MessageListener* listener = g_listener.load();
    if (listener == nullptr || !text.starts_with(kDebugPrefix)) return false;
    listener->heard(Severity::debug, without_line_end(text.substr(kDebugPrefix.size())));
    return true;
}

} // namespace evermilter::scanner
