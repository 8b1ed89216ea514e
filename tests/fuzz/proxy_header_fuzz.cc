// Fuzzes PROXY headers: any bytes are a fault, or the beginning of a header that is no longer than it may be, or a
// header that lies whole in them and that its bytes alone make again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "supervisor/front/proxy_header.h"

using namespace evermilter::supervisor;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const ProxyRead read = read_proxy_header({bytes, size});
    constexpr std::size_t kLongest = kProxyStart + kLargestProxyLength;
    if (const auto* more = std::get_if<ProxyMore>(&read)) {
        if (more->size <= size || more->size > kLongest) std::abort();
    } else if (const auto* header = std::get_if<ProxyHeader>(&read)) {
        if (header->size < kProxyStart || header->size > size || header->size > kLongest) std::abort();
        if (header->own && header->client) std::abort();
        const ProxyRead again = read_proxy_header({bytes, header->size});
        if (!std::holds_alternative<ProxyHeader>(again)) std::abort();
        const ProxyRead part = read_proxy_header({bytes, header->size - 1});
        if (!std::holds_alternative<ProxyMore>(part)) std::abort();
    }
    return 0;
}
