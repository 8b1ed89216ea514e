// Reads a mail as a mail program would (GMime), next to libclamav, which has a reader of its own. What the two read
// alike has been looked at; a part that libclamav did not open is scanned alone (content_watch.h). The one home of
// GMime. One thread. GMime's memory is GLib's: without memory the process ends (SIGTRAP), its message is tried again.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "workers/scanner/look/gap.h"

namespace evermilter::scanner {

// A part that holds content of its own, decoded from its Content-Transfer-Encoding.
struct MimePart {
    std::string path; // "1.2.1"; a part of a forwarded message: "1.2.m.1"
    std::string name; // of the file, as it is shown; may be empty
    std::string type; // "text/html"
    std::string decoded;
    std::string_view content; // `decoded`, or where nothing is encoded a piece of the message that was read

    MimePart() = default;
    MimePart(MimePart&& other) noexcept;
    MimePart& operator=(MimePart&& other) noexcept;
    MimePart(const MimePart&) = delete;
    MimePart& operator=(const MimePart&) = delete;
    ~MimePart() = default;
};

struct MimeReading {
    std::vector<MimePart> parts; // in their order; of empty ones none
    std::vector<Gap> gaps;       // fragments, encrypted mail, what programs read in different ways
};

// More parts, or nested deeper, is a limit ("MimeParts", "MimeDepth") and a gap. libclamav's own are 1,024 and lower.
inline constexpr std::size_t kMostMimeParts = 10'000;
inline constexpr int kMostMimeDepth = 100;

// `message` must outlive the result. `prefix` begins each path ("" or "1.3/"). Below 4 GiB.
[[nodiscard]] MimeReading read_mime(std::string_view message, std::string_view prefix);

// Whether CR stands alone in it. Some programs end a line there, and then read other headers and other parts.
[[nodiscard]] bool has_bare_cr(std::string_view message) noexcept;
// The message as such a program reads it: each line end is CR LF.
[[nodiscard]] std::string with_line_ends(std::string_view message);

// The same content, but for CR and for line ends at its end: libclamav ends lines in its own way.
[[nodiscard]] bool same_text(std::string_view one, std::string_view other) noexcept;

} // namespace evermilter::scanner
