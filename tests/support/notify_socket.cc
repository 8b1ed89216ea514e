// See notify_socket.h.
#include "tests/support/notify_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <sstream>
#include <system_error>

#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

struct Name {
    explicit Name(const std::string& path) {
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (path.front() == '@') address.sun_path[0] = '\0';
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
    sockaddr_un address{};
    socklen_t size = 0;
};

} // namespace

NotifySocket::NotifySocket(const std::string& path)
    : path_(path), socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const Name name(path);
    if (bind(socket_.get(), name.get(), name.size) != 0) throw std::system_error(errno, std::generic_category(), path);
    if (path.front() != '@') chmod(path.c_str(), 0666);
}

std::string NotifySocket::receive() {
    wait_for(socket_.get(), POLLIN, "a datagram on " + path_);
    std::array<char, 4096> bytes{};
    const ssize_t length = recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (length < 0) throw std::system_error(errno, std::generic_category(), path_);
    return {bytes.data(), static_cast<std::size_t>(length)};
}

std::string NotifySocket::wait_line(const std::string& line) {
    const Deadline deadline = patience();
    while (left(deadline) > 0) {
        std::string datagram = receive();
        if (has_line(datagram, line)) return datagram;
        seen_.push_back(std::move(datagram));
    }
    throw NeverHappened("waited in vain for " + line + " on " + path_);
}

void NotifySocket::wait_silence(const std::string& line, std::chrono::milliseconds silence) {
    const Deadline deadline = patience();
    Deadline end = std::chrono::steady_clock::now() + silence;
    pollfd entry{socket_.get(), POLLIN, 0};
    while (left(end) > 0) {
        if (left(deadline) == 0) throw NeverHappened("there was always another " + line + " on " + path_);
        if (poll(&entry, 1, left(end)) == 1 && has_line(receive(), line))
            end = std::chrono::steady_clock::now() + silence;
    }
}

void NotifySocket::fill() const {
    const unique_fd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const Name name(path_);
    while (sendto(sender.get(), "X=1", 3, 0, name.get(), name.size) >= 0) {
    }
    if (errno != EAGAIN) throw std::system_error(errno, std::generic_category(), path_);
}

bool has_line(const std::string& datagram, const std::string& line) {
    std::istringstream lines(datagram);
    for (std::string one; std::getline(lines, one);)
        if (one == line || (line.ends_with('=') && one.starts_with(line))) return true;
    return false;
}

std::string value_of(const std::string& datagram, const std::string& name) {
    std::istringstream lines(datagram);
    for (std::string one; std::getline(lines, one);)
        if (one.starts_with(name + "=")) return one.substr(name.size() + 1);
    return "";
}

} // namespace evermilter::test
