// Why a part of a message was not looked at although the scan ended without a failure. Such a message is incomplete,
// never clean. The scanner says all reasons of a message; the session worker maps them to an action. The names are
// those of the configuration (actions.*), the status document (messages.incomplete_by) and the metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace evermilter {

// In the order of weight: of reasons whose actions are the same, the first decides and is the one that is counted.
enum class Unseen : std::uint8_t {
    partial,     // a fragment of a message (RFC 2046, 5.2.2): what it carries is spread over several messages
    encrypted,   // an encrypted archive, document or mail
    limit,       // a limit of size, number, depth or effort
    unsupported, // a container, method or kind of content that libclamav cannot take apart
    malformed,   // cut off or corrupt, so that it was not taken apart to its end
    ambiguous,   // mail readers take the message apart in different ways
};
inline constexpr std::size_t kUnseen = 6;
inline constexpr std::array<Unseen, kUnseen> kUnseenReasons = {
    Unseen::partial, Unseen::encrypted, Unseen::limit, Unseen::unsupported, Unseen::malformed, Unseen::ambiguous};
inline constexpr std::array<const char*, kUnseen> kUnseenNames = {"partial",     "encrypted", "limit",
                                                                  "unsupported", "malformed", "ambiguous"};

// A set of reasons, as it travels in ScanResult.
using UnseenSet = std::uint32_t;
inline constexpr UnseenSet kAllUnseen = (UnseenSet{1} << kUnseen) - 1;

[[nodiscard]] constexpr UnseenSet unseen_bit(Unseen reason) noexcept {
    return UnseenSet{1} << static_cast<unsigned>(reason);
}

[[nodiscard]] constexpr const char* unseen_name(Unseen reason) noexcept {
    return kUnseenNames[static_cast<std::size_t>(reason)];
}

} // namespace evermilter
