#include "supervisor/running_service.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/address.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

// A status with thousands of generations and workers is smaller.
constexpr std::size_t kLongestAnswer = std::size_t{16} << 20U;

unique_fd connect_to(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) return {};
    std::copy(path.begin(), path.end(), static_cast<char*>(name.sun_path));
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return {};
    return fd;
}

// The answer, a document on one line; null where there is none by `end`.
Json ask(int fd, std::string_view command, Clock::time_point end) {
    if (::send(fd, command.data(), command.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(command.size())) return {};
    std::string answer;
    while (!answer.ends_with('\n') && answer.size() < kLongestAnswer) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        pollfd readable{fd, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return {};
        std::array<char, 65536> part{};
        const ssize_t got = ::recv(fd, part.data(), part.size(), MSG_DONTWAIT);
        if (got <= 0) return {};
        answer.append(part.data(), static_cast<std::size_t>(got));
    }
    Json document = Json::parse(answer, nullptr, false);
    return document.is_object() ? document : Json{};
}

} // namespace

bool RunningService::uses_folder(const std::string& path) const {
    return std::find(folders.begin(), folders.end(), path) != folders.end();
}

bool RunningService::listens_on(const std::string& address) const {
    return std::find(listeners.begin(), listeners.end(), address) != listeners.end();
}

std::string RunningService::text() const {
    return "a running evermilterd (pid " + std::to_string(pid) + ")";
}

std::optional<RunningService> ask_running_service(const std::string& status_socket,
                                                  std::chrono::milliseconds patience) {
    const auto address = config::parse_address(status_socket);
    const auto* local = address ? std::get_if<config::UnixAddress>(&*address) : nullptr;
    if (local == nullptr) return std::nullopt;
    const auto end = Clock::now() + patience;
    const unique_fd fd = connect_to(local->path);
    if (!fd) return std::nullopt;
    try {
        const Json status = ask(fd.get(), "status\n", end);
        if (status.is_null()) return std::nullopt;
        RunningService running;
        running.pid = status.at("pid").get<pid_t>();
        running.listeners = status.at("listeners").get<std::vector<std::string>>();
        running.listeners.push_back(config::address_text(*address));
        const Json effective = ask(fd.get(), "config\n", end).at("config");
        running.folders = {effective.at("scanner").at("temp_directory").get<std::string>(),
                           effective.at("database").at("state_directory").get<std::string>()};
        return running;
    } catch (const Json::exception&) {
        return std::nullopt; // somebody else's socket
    }
}

} // namespace evermilter::supervisor
