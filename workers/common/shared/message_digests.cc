#include "workers/common/shared/message_digests.h"

#include <cstring>
#include <string_view>

namespace evermilter {

std::string MessageDigest::text() const {
    if (!*this) return {};
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, sizeof words> bytes{};
    std::memcpy(bytes.data(), words.data(), bytes.size());
    std::string text;
    for (const unsigned char byte : bytes) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

} // namespace evermilter
