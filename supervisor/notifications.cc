#include "supervisor/notifications.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// How much time is asked for while a load goes on, and how often (three times as often as needed).
constexpr std::chrono::microseconds kLoadStep = 30s;
constexpr std::chrono::nanoseconds kLoadInterval = 10s;
constexpr std::string_view kReloading = "RELOADING=1\n";
constexpr std::chrono::nanoseconds kRetry = 100ms;
// The newest says all: past this the oldest is left out.
constexpr std::size_t kMostPending = 32;

std::string state_words(ServiceState state) {
    switch (state) {
        case ServiceState::starting:
        case ServiceState::stopping:
            return "";
        case ServiceState::ready:
        case ServiceState::degraded:
            return "READY=1\n";
        case ServiceState::reloading:
            return std::string(kReloading);
    }
    return "";
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

} // namespace

std::string status_line(const State& state) {
    std::string line = name(state.service);
    const std::string reason = reason_of(state);
    if (!reason.empty()) line += ": " + reason;
    const Generation* active = nullptr;
    for (const Generation& one : state.generations) {
        if (one.state == GenerationState::active) active = &one;
    }
    std::string separator = reason.empty() ? ": " : "; ";
    if (active != nullptr) {
        line += separator + "generation " + std::to_string(active->id) + ", " + std::to_string(active->signatures) +
                " signatures";
        separator = "; ";
    }
    for (const Generation& one : state.generations) {
        if (one.state != GenerationState::loading) continue;
        line += separator + "generation " + std::to_string(one.id) + " is being loaded";
        if (!one.step.empty()) line += " (" + one.step + ")";
        separator = "; ";
    }
    return one_line(line);
}

Notifications::Notifications(TimeSource& time, const State& state, std::function<bool()> well)
    : time_(time),
      state_(state),
      well_(std::move(well)),
      keep_alive_timer_(time.timer([this] { keep_alive(); })),
      flush_timer_(time.timer([this] { flush(); })) {}

void Notifications::begin(const ServiceManager& manager) {
    if (manager.notify_socket.empty()) return;
    address_ = manager.notify_socket;
    watchdog_ = manager.watchdog;
    socket_ = unique_fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) log::error("service-manager", {{"error", system_error("cannot make a socket").what}});
    report();
    keep_alive();
}

void Notifications::report() {
    if (!socket_ || state_.service == ServiceState::stopping) return;
    const std::string words = state_words(state_.service);
    std::string datagram = words + "STATUS=" + status_line(state_);
    if (datagram == last_) return;
    const bool reloading = state_.service == ServiceState::reloading;
    const bool begins = reloading && !last_.starts_with(kReloading);
    last_ = datagram;
    // systemd compares this time with that of its own SIGHUP (Type=notify-reload).
    if (reloading)
        datagram += "\nMONOTONIC_USEC=" +
                    std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time_.now()).count());
    send(std::move(datagram));
    if (begins) keep_alive();
}

void Notifications::report_stopping(std::chrono::nanoseconds bound, const std::string& reason) {
    if (!socket_) return;
    const auto time = std::chrono::ceil<std::chrono::microseconds>(bound);
    send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(time.count()) + "\nSTATUS=stopping" +
         (reason.empty() ? "" : ": " + one_line(reason)));
}

void Notifications::keep_alive() {
    if (!socket_) return;
    // TimeoutStartSec= is for a reload as well.
    const bool loading = state_.service == ServiceState::starting || state_.service == ServiceState::reloading;
    if (well_()) {
        std::string datagram;
        if (loading) datagram = "EXTEND_TIMEOUT_USEC=" + std::to_string(kLoadStep.count()) + "\n";
        if (watchdog_ > 0us) datagram += "WATCHDOG=1\n";
        if (!datagram.empty()) send_now_or_never(datagram);
    }
    const std::chrono::nanoseconds third = watchdog_ / 3;
    if (watchdog_ > 0us)
        keep_alive_timer_->start(loading ? std::min(third, kLoadInterval) : third);
    else if (loading)
        keep_alive_timer_->start(kLoadInterval);
}

void Notifications::send(std::string datagram) {
    pending_.push_back(std::move(datagram));
    if (pending_.size() > kMostPending) pending_.pop_front();
    flush();
}

void Notifications::send_now_or_never(const std::string& datagram) {
    if (pending_.empty()) static_cast<void>(send_one(datagram));
}

void Notifications::flush() {
    while (!pending_.empty() && send_one(pending_.front())) pending_.pop_front();
    if (!pending_.empty()) flush_timer_->start(kRetry);
}

bool Notifications::send_one(const std::string& datagram) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::size_t length = std::min(address_.size(), sizeof name.sun_path - 1);
    address_.copy(name.sun_path, length);
    if (address_.front() == '@') name.sun_path[0] = '\0'; // an abstract one
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    const ssize_t sent = ::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&name), size);
    const int code = sent >= 0 ? 0 : errno;
    if (code == EAGAIN || code == EWOULDBLOCK || code == EINTR || code == ENOBUFS) return false;
    // Once, not at each feeding of the watchdog.
    if (const int before = std::exchange(last_error_, code); code != 0 && code != before)
        log::error("service-manager", {{"error", system_error("cannot tell " + address_, code).what}});
    return true;
}

} // namespace evermilter::supervisor
