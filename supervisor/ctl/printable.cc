#include "supervisor/ctl/printable.h"

#include <algorithm>
#include <cstddef>

#include "workers/common/base/hex.h"
#include "workers/common/base/log_line.h"

namespace evermilter::ctl {

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        const bool plain = byte >= 0x20 && byte < 0x7f;
        const std::size_t length = plain ? 1 : log::utf8_length(text);
        if (length == 0) {
            out += "\\x";
            append_hex(out, byte);
        }
        out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

} // namespace evermilter::ctl
