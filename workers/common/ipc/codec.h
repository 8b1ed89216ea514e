// Messages to bytes and back: one codec for the variants of all directions, driven by the `fields` of their structs.
// Integers are little endian and of their own width, strings and lists carry a 32-bit count. Decoding trusts
// nothing: a short, long or unknown packet, one of another direction, or one with the wrong number of descriptors, is
// an Error.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "workers/common/base/result.h"
#include "workers/common/ipc/message.h"

namespace evermilter::codec {

// The largest packet that is sent or accepted, in bytes; below the default net.core.wmem_max of 212,992.
inline constexpr std::size_t kMaxPacket = 131072;
// The most descriptors in one message.
inline constexpr std::size_t kMaxDescriptors = 4;

struct Packet {
    std::vector<std::byte> bytes;
    std::vector<unique_fd> descriptors;
};

// Both are made for the directions of directions.h (codec.cc). `Messages` is always written out: a struct alone does
// not say which way it goes.

// Moves the descriptors out of `message`. An empty descriptor field is not sent. Fails with EMSGSIZE past kMaxPacket.
template <class Messages>
[[nodiscard]] Result<Packet> encode(std::type_identity_t<Messages> message);

// Takes the descriptors it needs from `descriptors`; what is left over makes the packet invalid.
template <class Messages>
[[nodiscard]] Result<Messages> decode(std::span<const std::byte> bytes, std::vector<unique_fd> descriptors);

} // namespace evermilter::codec
