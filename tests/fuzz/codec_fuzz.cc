// Fuzzes the codec: any bytes are refused, or are a message that encodes to the same bytes.
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "workers/common/ipc/codec.h"
#include "workers/common/ipc/directions.h"

namespace codec = evermilter::codec;

namespace {

template <class Messages>
void check(const std::vector<std::byte>& packet, std::size_t count) {
    std::vector<evermilter::unique_fd> descriptors(count);
    for (auto& descriptor : descriptors) descriptor = evermilter::unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    auto message = codec::decode<Messages>(packet, std::move(descriptors));
    if (!message) return;
    const auto again = codec::encode<Messages>(std::move(*message));
    if (packet.size() <= codec::kMaxPacket && (!again || again->bytes != packet)) std::abort();
}

template <class... All>
void check_all(std::type_identity<std::tuple<All...>>, const std::vector<std::byte>& packet, std::size_t count) {
    (check<All>(packet, count), ...);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size == 0) return 0;
    // The first byte says how many descriptors came along.
    std::vector<std::byte> packet(size - 1);
    if (size > 1) std::memcpy(packet.data(), bytes + 1, size - 1);
    check_all(std::type_identity<evermilter::messages::Directions>{}, packet, bytes[0] % (codec::kMaxDescriptors + 1));
    return 0;
}
