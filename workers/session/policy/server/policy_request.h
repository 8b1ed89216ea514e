// What a policy server is asked, in the protocol of Postfix's policy delegation (SMTPD_POLICY_README): "name=value"
// lines and an empty one. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace evermilter::session {

// Of one recipient. What is not known is empty, and is sent so.
struct PolicyQuestion {
    std::string_view sender; // with or without angle brackets, as below
    std::string_view recipient;
    std::string_view client_address; // numeric
    std::string_view client_name;    // "unknown" is sent where the mail server has found none
    std::string_view helo;
    std::string_view user; // who has authenticated
    std::string_view queue_id;
    std::uint64_t size = 0;    // as the sender announced it (MAIL SIZE=), in bytes; 0: not announced
    std::string_view instance; // the same for all questions about one message, and for no other message
};

[[nodiscard]] std::string policy_request(const PolicyQuestion& question);

// The address without angle brackets.
[[nodiscard]] std::string_view bare_address(std::string_view address) noexcept;

// The parameter SIZE of MAIL ("SIZE=1000", in any case); 0 where there is none, or no number.
[[nodiscard]] std::uint64_t announced_size(const char* const* parameters) noexcept;

} // namespace evermilter::session
