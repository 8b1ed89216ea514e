// A header field that is added to messages, as it stands in the configuration: "X-Spam-Tag: {virus}". Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/address.h"
#include "workers/common/base/result.h"

namespace evermilter::config {

struct HeaderField {
    std::string name;
    std::string value; // without the blank behind the colon; {virus} stands for the name of the signature
};

// Refuses what is no field of one line of ASCII (RFC 5322, section 2.2), and our own X-Virus-Status and
// X-Virus-Scanned.
[[nodiscard]] Result<HeaderField, AddressFault> parse_header_field(std::string_view text);

} // namespace evermilter::config
