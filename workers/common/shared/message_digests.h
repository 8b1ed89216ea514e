// The two digests by which a message is known when it comes back: whole, and its body alone, which is the same where
// only headers differ. SHA-256; made by the session worker (workers/scanning/digest_message.h), compared anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace evermilter {

// 32 bytes as they come from the hash, in words only so that they fit a scoreboard. All zero: none.
struct MessageDigest {
    std::array<std::uint64_t, 4> words{};

    [[nodiscard]] bool operator==(const MessageDigest&) const = default;
    [[nodiscard]] explicit operator bool() const noexcept { return *this != MessageDigest{}; }
    // Lower-case hexadecimal, 64 characters; empty for none.
    [[nodiscard]] std::string text() const;
};

struct MessageDigests {
    MessageDigest whole; // none: the message could not be read, and is not known by anything
    MessageDigest body;  // none: there is nothing in the body to know it by

    [[nodiscard]] bool operator==(const MessageDigests&) const = default;
    // The same message, or another with the same body.
    [[nodiscard]] bool matches(const MessageDigests& other) const noexcept {
        return (whole && whole == other.whole) || (body && body == other.body);
    }
};

} // namespace evermilter
