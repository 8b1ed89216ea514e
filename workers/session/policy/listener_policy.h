// What holds for the sessions of one listener: actions, headers, who is exempt, whether it only observes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/skip_lists.h"
#include "workers/common/base/result.h"
#include "workers/common/shared/counter_labels.h"
#include "workers/session/policy/recipient_check.h"
#include "workers/session/policy/sender_lists.h"
#include "workers/session/policy/verdict.h"

namespace evermilter::session {

struct ListenerPolicy {
    std::string name; // of the [[listener]]; empty: milter.listen
    bool observe = false;
    Policy policy;
    config::Headers headers;
    config::SkipLists skip;
    PolicyServers servers; // asked at RCPT
    SenderLists senders;
};

// Those of a configuration, taken apart once. Its files of lists are read: waits for the disk.
class ListenerPolicies {
  public:
    // A list that cannot be read is logged, and empty: more is scanned, not less. An Error names the key.
    [[nodiscard]] static Result<ListenerPolicies> make(const config::Config& config);

    // The policy of milter.listen where there is none of that name: a listener that was removed while its connection
    // waited for a worker.
    [[nodiscard]] const ListenerPolicy& of(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<ListenerPolicy>& all() const noexcept { return all_; }
    // All lists of senders, each once.
    [[nodiscard]] const SenderLists& senders() const noexcept { return senders_; }

  private:
    std::vector<ListenerPolicy> all_; // milter.listen's first
    SenderLists senders_;
};

// Who connects to the MTA, as it says.
struct Client {
    std::optional<config::ClientSet::Address> address;
    std::string_view name; // empty: not known, or it does not lead back to the address
};

[[nodiscard]] std::optional<SkipReason> exempt_client(const config::SkipLists& skip, const Client& client);
// At MAIL. `user` is who has authenticated; empty: nobody.
[[nodiscard]] std::optional<SkipReason> exempt_sender(const config::SkipLists& skip, std::string_view user,
                                                      std::string_view sender);

} // namespace evermilter::session
