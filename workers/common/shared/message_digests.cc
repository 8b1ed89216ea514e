#include "workers/common/shared/message_digests.h"

#include "workers/common/base/hex.h"

namespace evermilter {

std::string MessageDigest::text() const {
    if (!*this) return {};
    return to_hex({reinterpret_cast<const char*>(words.data()), sizeof words});
}

} // namespace evermilter
