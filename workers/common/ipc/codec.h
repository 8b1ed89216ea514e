// Messages to bytes and back. One codec for every struct of messages.h, driven by its `fields`.
// Integers are little endian and of their own width, strings and lists carry a 32-bit count. Decoding trusts
// nothing: a short, long or unknown packet, or one with the wrong number of descriptors, is an Error.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "workers/common/base/result.h"
#include "workers/common/ipc/messages.h"

namespace evermilter::codec {

// The largest packet that is sent or accepted, in bytes; below the default net.core.wmem_max of 212,992.
inline constexpr std::size_t kMaxPacket = 131072;
// The most descriptors in one message.
inline constexpr std::size_t kMaxDescriptors = 4;

struct Packet {
    std::vector<std::byte> bytes;
    std::vector<unique_fd> descriptors;
};

// Moves the descriptors out of `message`. An empty descriptor field is not sent. Fails with EMSGSIZE past kMaxPacket.
[[nodiscard]] Result<Packet> encode(messages::Message message);

// Takes the descriptors it needs from `descriptors`; what is left over makes the packet invalid.
[[nodiscard]] Result<messages::Message> decode(std::span<const std::byte> bytes, std::vector<unique_fd> descriptors);

} // namespace evermilter::codec
