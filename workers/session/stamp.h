// X-Virus-Scanned and X-Virus-Status: counts the ones that came with the message, and lists the header operations
// to do at end of message. Pure; the callbacks execute the list, in its order, with smfi_chgheader and
// smfi_addheader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "workers/session/policy/verdict.h"

namespace evermilter::session {

inline constexpr const char* kScannedHeader = "X-Virus-Scanned";
inline constexpr const char* kStatusHeader = "X-Virus-Status";

// How many of our headers came with the message. Call see() in each xxfi_header; a new object a message.
class ForgedHeaders {
  public:
    void see(std::string_view name) noexcept; // any case, blanks before the colon included
    [[nodiscard]] std::int32_t scanned() const noexcept { return scanned_; }
    [[nodiscard]] std::int32_t status() const noexcept { return status_; }
    [[nodiscard]] std::uint64_t total() const noexcept {
        return static_cast<std::uint64_t>(scanned_) + static_cast<std::uint64_t>(status_);
    }

  private:
    std::int32_t scanned_ = 0;
    std::int32_t status_ = 0;
};

struct HeaderOperation {
    enum class Kind : std::uint8_t {
        remove, // smfi_chgheader(ctx, name, index, NULL)
        add,    // smfi_addheader(ctx, name, value)
    };
    Kind kind = Kind::add;
    std::string name;
    std::int32_t index = 0; // from 1, among the headers of this name; only for remove
    std::string value;      // only for add; begins with a blank where leadspc was negotiated
    bool operator==(const HeaderOperation&) const = default;
};

// `identity` is the value of X-Virus-Scanned ("evermilter 0.1.0 at mx.example.org"). Empty unless decision.stamp
// (and mode is not `no`). X-Virus-Scanned is only added where a scanner has looked at the message. Forged ones stay
// where decision.keep_forged says so.
[[nodiscard]] std::vector<HeaderOperation> stamp_operations(config::HeaderMode mode, const ForgedHeaders& forged,
                                                            const Decision& decision, std::string_view identity,
                                                            bool leadspc);

} // namespace evermilter::session
