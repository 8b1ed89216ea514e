// See fake_policy_server.h.
#include "tests/support/fake_policy_server.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <utility>

#include "tests/support/listening.h"

namespace evermilter::test {

FakePolicyServer::FakePolicyServer(Answer answer)
    : answer_(std::move(answer)), listener_(listen_on(folder_.path("policy.sock"))) {
    BOOST_REQUIRE(::listen(listener_.get(), 4096) == 0);
    BOOST_REQUIRE(::chmod(folder_.path("policy.sock").c_str(), 0666) == 0);
    acceptor_ = std::thread([this] { accept_all(); });
}

FakePolicyServer::~FakePolicyServer() {
    stop();
    for (std::thread& thread : threads_) thread.join();
}

std::vector<PolicyAttributes> FakePolicyServer::questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
}

void FakePolicyServer::hang_up() {
    const std::lock_guard lock(mutex_);
    for (const unique_fd& connection : connections_) ::shutdown(connection.get(), SHUT_RDWR);
}

void FakePolicyServer::stop() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (acceptor_.joinable()) acceptor_.join();
    listener_.reset();
    hang_up();
}

void FakePolicyServer::accept_all() {
    for (;;) {
        unique_fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection) return;
        const std::lock_guard lock(mutex_);
        ++accepted_;
        threads_.emplace_back([this, fd = connection.get()] { serve(fd); });
        connections_.push_back(std::move(connection)); // until the end, so that no number is used again
    }
}

void FakePolicyServer::serve(int connection) {
    std::string bytes;
    char byte = 0;
    while (::recv(connection, &byte, 1, 0) == 1) {
        bytes += byte;
        if (!bytes.ends_with("\n\n")) continue;
        PolicyAttributes attributes;
        for (std::size_t line = 0; bytes[line] != '\n';) {
            const std::size_t end = bytes.find('\n', line);
            const std::size_t sign = bytes.find('=', line);
            attributes[bytes.substr(line, sign - line)] = bytes.substr(sign + 1, end - sign - 1);
            line = end + 1;
        }
        bytes.clear();
        {
            const std::lock_guard lock(mutex_);
            questions_.push_back(attributes);
        }
        if (const auto answer = answer_(attributes))
            static_cast<void>(!::send(connection, answer->data(), answer->size(), MSG_NOSIGNAL));
    }
    ::shutdown(connection, SHUT_RDWR);
}

} // namespace evermilter::test
