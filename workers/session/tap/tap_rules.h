// Which messages a tap copies: the lines of its switch.
//   sender PATTERN      envelope sender, as in [skip]
//   recipient PATTERN   one of the recipients
//   client CLIENT       a network, a host name, or the names below a domain
// A message fits if one line fits; a file without lines is for all. Pure but for read_tap_rules().
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/client_set.h"
#include "config/pattern.h"
#include "workers/common/base/result.h"
#include "workers/session/policy/listener_policy.h"

namespace evermilter::session {

class TapRules {
  public:
    // Says why a line cannot be taken, with the remedy.
    [[nodiscard]] std::optional<std::string> add(std::string_view line);
    void seal();

    [[nodiscard]] bool fits_all() const noexcept { return lines_ == 0; }
    [[nodiscard]] std::size_t lines() const noexcept { return lines_; }
    [[nodiscard]] bool fits_client(const Client& client) const;
    [[nodiscard]] bool fits_sender(std::string_view sender) const { return senders_.matches(sender); }
    [[nodiscard]] bool fits_recipient(std::string_view recipient) const { return recipients_.matches(recipient); }

  private:
    std::size_t lines_ = 0;
    config::PatternSet senders_;
    config::PatternSet recipients_;
    config::ClientSet clients_;
};

// An error says "PATH:LINE: what is wrong".
[[nodiscard]] Result<TapRules, std::string> read_tap_rules(const std::string& path);

} // namespace evermilter::session
