// Fuzzes the codec: any bytes are refused, or are a message that encodes to the same bytes.
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "workers/common/ipc/codec.h"

namespace codec = evermilter::codec;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size == 0) return 0;
    // The first byte says how many descriptors came along.
    std::vector<evermilter::unique_fd> descriptors(bytes[0] % (codec::kMaxDescriptors + 1));
    for (auto& descriptor : descriptors) descriptor = evermilter::unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    std::vector<std::byte> packet(size - 1);
    if (size > 1) std::memcpy(packet.data(), bytes + 1, size - 1);
    auto message = codec::decode(packet, std::move(descriptors));
    if (!message) return 0;
    const auto again = codec::encode(std::move(*message));
    if (packet.size() <= codec::kMaxPacket && (!again || again->bytes != packet)) std::abort();
    return 0;
}
