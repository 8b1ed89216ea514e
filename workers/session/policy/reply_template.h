// actions.reject_text and its like: "550 5.7.1 virus found: {virus}", taken apart once, filled in for each message so
// that smfi_setmlreply(3) takes it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "workers/common/base/result.h"

namespace evermilter::session {

// Ready for smfi_setmlreply(ctx, code, xcode, line...): `%` is doubled; printable ASCII, but for the line feeds between
// lines, of which there are at most kReplyLines. An empty xcode is to be passed as NULL.
struct Reply {
    std::string code;  // three digits, the first 4 or 5
    std::string xcode; // "5.7.1" (RFC 3463), first digit as in `code`; may be empty
    std::string text;
    bool operator==(const Reply&) const = default;
};

struct ReplyFacts {
    std::string_view virus;       // {virus}
    std::string_view queue_id;    // {queue_id}
    std::uint64_t generation = 0; // {generation}
    std::uint64_t limit = 0;      // {limit}: message.max_size in bytes
};

// The longest reply line: 512 octets with its CR LF (RFC 5321 4.5.3.1.5). The text is cut to fit; its doubled form
// is kept below libmilter's MAXREPLYLEN, 980 (smfi.c), past which smfi_setreply fails.
inline constexpr std::size_t kReplyLine = 512;
inline constexpr std::size_t kSetreplyText = 980;
inline constexpr std::size_t kReplyLines = 32; // smfi_setmlreply(3)

// Text as smfi_setreply takes it: unprintable bytes and each non-ASCII character become '?', '%' is doubled, cut to
// `room` characters before doubling and kSetreplyText after.
[[nodiscard]] std::string escape_reply_text(std::string_view text, std::size_t room);

// "5.7.1" (RFC 3463): class 4 or 5, and two numbers of at most three digits, as libmilter takes it.
[[nodiscard]] bool is_enhanced_code(std::string_view text) noexcept;

class ReplyTemplate {
  public:
    // Errors: no reply code of 4xx or 5xx, an enhanced code of another class, no text, too many lines, an unknown
    // {name}.
    [[nodiscard]] static Result<ReplyTemplate> parse(std::string_view text);

    [[nodiscard]] Reply fill(const ReplyFacts& facts) const;
    // The same as a reply of class '4' or '5', whichever the template has: libmilter ignores a reply whose class is
    // not that of the action (engine.c, sendreply). Another class becomes 451 or 550.
    [[nodiscard]] Reply fill_as(char reply_class, const ReplyFacts& facts) const;

  private:
    std::string code_;
    std::string xcode_;
    std::string text_;
};

} // namespace evermilter::session
