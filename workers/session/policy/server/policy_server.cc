#include "workers/session/policy/server/policy_server.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/session/policy/server/policy_connection.h"

namespace evermilter::session {

Result<std::vector<config::ListenAddress>> PolicyServer::addresses_of(const config::PolicyCheck& policy) {
    std::vector<config::ListenAddress> addresses;
    for (const std::string& text : policy.servers) {
        auto address = config::parse_address(text);
        if (!address) return Error{0, "policy[" + policy.name + "].servers: " + address.error().reason};
        addresses.push_back(std::move(*address));
    }
    return addresses;
}

PolicyServer::PolicyServer(const config::PolicyCheck& policy, std::vector<config::ListenAddress> addresses)
    : policy_(policy),
      addresses_(std::move(addresses)),
      cache_(policy.cache),
      breaker_(policy.failures, policy.retry_after) {}

std::string PolicyServer::key_of(const PolicyQuestion& question) const {
    if (policy_.cache_by == config::CacheBy::recipient) return std::string(bare_address(question.recipient));
    PolicyQuestion same = question; // for any message
    same.queue_id = {};
    same.instance = {};
    return policy_request(same);
}

Result<PolicyReceived, PolicyFault> PolicyServer::ask(const PolicyQuestion& question) {
    const SteadyTime deadline = steady_now() + policy_.timeout;
    const std::string key = policy_.cache.count() == 0 ? std::string() : key_of(question);
    Lock lock(mutex_);
    if (!key.empty())
        if (auto known = cache_.find(key, question.size, steady_now())) return PolicyReceived{std::move(*known), true};
    const bool trial = breaker_.suspended();
    if (!breaker_.allows(steady_now())) return PolicyFault{false, "it is not asked for a while"};
    auto connection = take(lock, trial, deadline);
    if (!connection) {
        if (trial) breaker_.given_up();
        return std::move(connection).error();
    }
    lock.unlock();
    auto answer = converse_or_fail(*connection, question, deadline);
    lock.lock();
    if (!answer) {
        lose();
        const std::string what = answer.error().what;
        report(breaker_.failed(steady_now()), what);
        return PolicyFault{true, what};
    }
    give_back(std::move(*connection));
    report(breaker_.succeeded(), {});
    if (!key.empty()) cache_.keep(key, question.size, *answer, steady_now());
    return PolicyReceived{std::move(*answer), false};
}

Result<PolicyServer::Connection, PolicyFault> PolicyServer::take(Lock& lock, bool trial, SteadyTime deadline) {
    while (idle_.empty() && open_ >= policy_.connections) {
        if (room_.wait_until(lock, deadline) == std::cv_status::timeout)
            return PolicyFault{false, "all connections were busy"};
        if (!trial && breaker_.suspended()) return PolicyFault{false, "it is not asked for a while"};
    }
    if (idle_.empty()) {
        ++open_;
        return Connection{};
    }
    Connection connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
}

void PolicyServer::give_back(Connection connection) {
    connection.used = true;
    idle_.push_back(std::move(connection));
    room_.notify_one();
}

void PolicyServer::lose() {
    --open_;
    room_.notify_all(); // there may be a connection to make, or none to wait for any more
}

// One address after the other, from the one that answered last; each has its part of the time that is left.
Result<PolicyServer::Connection> PolicyServer::connect(SteadyTime deadline) {
    std::size_t first = 0;
    {
        const Lock lock(mutex_);
        first = first_;
    }
    Error error{EINVAL, "no address"};
    for (std::size_t tried = 0; tried < addresses_.size(); ++tried) {
        const std::size_t at = (first + tried) % addresses_.size();
        const auto part = (deadline - steady_now()) / static_cast<int>(addresses_.size() - tried);
        auto fd = connect_to(addresses_[at], steady_now() + part);
        if (fd) {
            const Lock lock(mutex_);
            first_ = at;
            return Connection{std::move(*fd), false};
        }
        error = std::move(fd).error();
    }
    return error;
}

// The connection is lost without memory too.
Result<PolicyAnswer> PolicyServer::converse_or_fail(Connection& connection, const PolicyQuestion& question,
                                                    SteadyTime deadline) {
    try {
        return converse(connection, policy_request(question), deadline);
    } catch (const std::exception& error) {
        return Error{0, error.what()};
    }
}

// A server may close a connection that was idle: that is no failure, if it takes another.
Result<PolicyAnswer> PolicyServer::converse(Connection& connection, const std::string& request, SteadyTime deadline) {
    if (connection.fd && !is_quiet(connection.fd.get())) connection = {};
    for (;;) {
        if (!connection.fd) {
            auto made = connect(deadline);
            if (!made) return std::move(made).error();
            connection = std::move(*made);
        }
        std::string bytes;
        auto done = send_all(connection.fd.get(), request, deadline);
        while (done && end_of_answer(bytes) == 0) {
            if (bytes.size() > kLongestPolicyAnswer) return Error{0, "its answer has no end"};
            done = receive_some(connection.fd.get(), bytes, deadline);
        }
        if (done) {
            if (end_of_answer(bytes) != bytes.size()) return Error{0, "it answers more than was asked"};
            return parse_policy_answer(bytes);
        }
        const bool closed = done.error().code == EPIPE || done.error().code == ECONNRESET;
        if (!closed || !connection.used || !bytes.empty()) return std::move(done).error();
        connection = {};
    }
}

void PolicyServer::report(Breaker::Change change, const std::string& what) const {
    if (change == Breaker::Change::suspended)
        log::warning("policy-suspended", {{"policy", policy_.name},
                                          {"reason", what},
                                          {"failures", policy_.failures},
                                          {"seconds", policy_.retry_after.count() / 1000}});
    if (change == Breaker::Change::resumed) log::info("policy-resumed", {{"policy", policy_.name}});
}

} // namespace evermilter::session
