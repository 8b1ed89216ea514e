// Escaping for terminals. UTF-8's C1 controls (U+0080 to U+009F) are controls too.
#include "supervisor/ctl/printable.h"

namespace evermilter::ctl {

namespace {

void escape(std::string& out, unsigned char byte) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\x";
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        const bool c1 = byte == 0xc2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0;
        if (c1) {
            escape(out, byte);
            escape(out, static_cast<unsigned char>(text[++at]));
        } else if (byte < 0x20 || byte == 0x7f) {
            escape(out, byte);
        } else {
            out += text[at];
        }
    }
    return out;
}

} // namespace evermilter::ctl
