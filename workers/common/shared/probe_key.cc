#include "workers/common/shared/probe_key.h"

#include <sys/random.h>

#include <cstddef>

#include "workers/common/base/hex.h"

namespace evermilter {

ProbeKey make_probe_key() noexcept {
    ProbeKey key{};
    if (::getrandom(key.data(), sizeof key, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof key)) return {};
    return key;
}

std::string probe_key_text(const ProbeKey& key) {
    if (key == ProbeKey{}) return {};
    return to_hex({reinterpret_cast<const char*>(key.data()), sizeof key});
}

bool is_probe_key(const ProbeKey& key, std::string_view text) {
    const std::string right = probe_key_text(key);
    if (right.empty() || text.size() != right.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < right.size(); ++i) difference |= static_cast<unsigned>(right[i] ^ text[i]) & 0xffU;
    return difference == 0;
}

} // namespace evermilter
