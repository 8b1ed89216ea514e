// See status_client.h.
#include "tests/support/status_client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "tests/support/waiting.h"

namespace evermilter::test {

StatusClient::StatusClient(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error("socket path too long: " + path);
    path.copy(address.sun_path, path.size());
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error(errno, std::generic_category(), "connect " + path);
}

void StatusClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) throw std::system_error(errno, std::generic_category(), "status socket");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string StatusClient::receive_until(char end) {
    std::array<char, 65536> block{};
    for (;;) {
        if (const auto at = pending_.find(end); at != std::string::npos) {
            std::string answer = pending_.substr(0, at);
            pending_.erase(0, at + 1);
            return answer;
        }
        wait_for(fd_.get(), POLLIN, "an answer of the status socket");
        const ssize_t got = recv(fd_.get(), block.data(), block.size(), 0);
        if (got <= 0) throw std::runtime_error("the status socket was closed after: " + pending_);
        pending_.append(block.data(), static_cast<std::size_t>(got));
    }
}

std::string StatusClient::receive_all() {
    std::array<char, 65536> block{};
    for (;;) {
        wait_for(fd_.get(), POLLIN, "the end of the status socket's answer");
        const ssize_t got = recv(fd_.get(), block.data(), block.size(), 0);
        if (got <= 0) break;
        pending_.append(block.data(), static_cast<std::size_t>(got));
    }
    return std::exchange(pending_, {});
}

nlohmann::json StatusClient::ask(const std::string& command) {
    send(command + "\n");
    return nlohmann::json::parse(receive_until('\n'));
}

} // namespace evermilter::test
