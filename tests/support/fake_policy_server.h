// A policy server that answers as a test says: its own thread for each connection, and a record of what it was asked.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/folder.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

using PolicyAttributes = std::map<std::string, std::string>;

class FakePolicyServer {
  public:
    // The bytes to answer with; nullopt: none, ever. Called from the connections' threads.
    using Answer = std::function<std::optional<std::string>(const PolicyAttributes&)>;

    // At a unix socket that any user may open.
    explicit FakePolicyServer(Answer answer);
    ~FakePolicyServer();
    FakePolicyServer(const FakePolicyServer&) = delete;
    FakePolicyServer& operator=(const FakePolicyServer&) = delete;

    [[nodiscard]] std::string address() const { return "unix:" + folder_.path("policy.sock"); }
    // As a value of policy.servers.
    [[nodiscard]] std::string servers() const { return "[\"" + address() + "\"]"; }
    [[nodiscard]] std::vector<PolicyAttributes> questions() const;
    [[nodiscard]] std::size_t connections() const { return accepted_; }
    // Closes every connection; new ones are taken.
    void hang_up();
    // No connection is taken any more, and all are closed.
    void stop();

  private:
    void accept_all();
    void serve(int connection);

    Folder folder_;
    Answer answer_;
    unique_fd listener_;
    std::atomic<std::size_t> accepted_{0};
    mutable std::mutex mutex_;
    std::vector<PolicyAttributes> questions_;
    std::vector<unique_fd> connections_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

} // namespace evermilter::test
