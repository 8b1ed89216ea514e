// One policy server: its few connections, which stay open, its answers of the last seconds, and its breaker. Asked by
// the pool thread that stands in a callback, which waits for the answer no longer than the policy's timeout.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "config/address.h"
#include "config/config.h"
#include "workers/common/base/clock.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/session/policy/server/answer_cache.h"
#include "workers/session/policy/server/breaker.h"
#include "workers/session/policy/server/policy_answer.h"
#include "workers/session/policy/server/policy_request.h"

namespace evermilter::session {

// Why there is no answer.
struct PolicyFault {
    bool asked = false; // false: the server is suspended, or all of its connections were busy for as long
    std::string what;
};

struct PolicyReceived {
    PolicyAnswer answer;
    bool cached = false;
};

// Any thread.
class PolicyServer {
  public:
    // An Error names the key.
    [[nodiscard]] static Result<std::vector<config::ListenAddress>> addresses_of(const config::PolicyCheck& policy);

    PolicyServer(const config::PolicyCheck& policy, std::vector<config::ListenAddress> addresses);
    PolicyServer(const PolicyServer&) = delete;
    PolicyServer& operator=(const PolicyServer&) = delete;
    ~PolicyServer() = default;

    [[nodiscard]] const config::PolicyCheck& policy() const noexcept { return policy_; }

    // Blocks for policy.timeout at most.
    [[nodiscard]] Result<PolicyReceived, PolicyFault> ask(const PolicyQuestion& question);

  private:
    struct Connection {
        unique_fd fd;
        bool used = false; // it has had an answer before
    };
    using Lock = std::unique_lock<std::mutex>;

    [[nodiscard]] std::string key_of(const PolicyQuestion& question) const;
    // A connection, or the right to make one (empty).
    [[nodiscard]] Result<Connection, PolicyFault> take(Lock& lock, bool trial, SteadyTime deadline);
    void give_back(Connection connection);
    void lose();
    [[nodiscard]] Result<Connection> connect(SteadyTime deadline);
    [[nodiscard]] Result<PolicyAnswer> converse_or_fail(Connection& connection, const PolicyQuestion& question,
                                                        SteadyTime deadline);
    [[nodiscard]] Result<PolicyAnswer> converse(Connection& connection, const std::string& request,
                                                SteadyTime deadline);
    void report(Breaker::Change change, const std::string& what) const;

    const config::PolicyCheck policy_;
    const std::vector<config::ListenAddress> addresses_;

    std::mutex mutex_;
    std::condition_variable room_;
    std::vector<Connection> idle_;
    std::size_t open_ = 0;  // connections and rights to make one, idle ones included
    std::size_t first_ = 0; // the address that answered last
    AnswerCache cache_;
    Breaker breaker_;
};

} // namespace evermilter::session
