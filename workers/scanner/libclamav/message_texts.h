// What libclamav means by what it says during a scan. It tells of much that it did not look at by a message alone,
// often one of its debug messages. The table is of libclamav 1.4's sources; each row says where its text stands. A
// warning or an error that is not in the table counts: it is a gap, or a failure. Another message counts only if it is.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "workers/common/shared/unseen.h"
#include "workers/scanner/libclamav/messages.h"

namespace evermilter::scanner {

enum class Meaning : std::uint8_t {
    harmless, // all was looked at, or it is told in another way
    gap,      // a part was not looked at
    failure,  // of the host, not of the content: another try may go better
};

struct TextWeight {
    Meaning meaning = Meaning::harmless;
    Unseen reason = Unseen::unsupported; // of a gap
    std::string_view label;              // of a gap; in the table empty where it is the reason's name
};

struct TextPattern {
    std::string_view text;
    bool anywhere = false; // or only at the beginning
};

struct LibraryText {
    Severity severity;
    TextPattern pattern; // without "LibClamAV debug: "; at least kShortestText bytes
    TextWeight weight;
    const char* source; // file and line in libclamav 1.4
};
inline constexpr std::size_t kShortestText = 5; // "PNG: "

// nullptr: not in the table.
[[nodiscard]] const LibraryText* find_library_text(Severity severity, std::string_view text) noexcept;

// All rows, for tests.
[[nodiscard]] std::vector<const LibraryText*> all_library_texts();

// What a message means, also where it is not in the table. The label is never empty with a gap.
[[nodiscard]] TextWeight weigh_text(Severity severity, std::string_view text) noexcept;

} // namespace evermilter::scanner
