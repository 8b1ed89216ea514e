#include "workers/scanner/library_texts.h"

#include <algorithm>
#include <array>

namespace evermilter::scanner {
namespace {

// What libclamav's parsers say at error level about content that is cut off or corrupt, and nothing else: each seen
// with such a file (libclamav 1.4.6; engine_test.cc has them). Sent again, the same file would fail again.
constexpr auto kMalformed = Unseen::malformed;
constexpr std::array<LibraryText, 11> kTexts = {{
    {Severity::error, "cli_scanxz: premature end of compressed stream", Meaning::gap, kMalformed, "", "xz"},
    {Severity::error, "cli_scanxz: decompress error: ", Meaning::gap, kMalformed, "", "xz"},
    {Severity::error, "cli_egg_peek_file_header: Invalid handle values!", Meaning::gap, kMalformed, "", "egg.c"},
    {Severity::error, "cli_egg_extract_file: egg_file is missing filename!", Meaning::gap, kMalformed, "", "egg.c"},
    {Severity::error, "cli_egg_deflate_decompress: failed to decompress data", Meaning::gap, kMalformed, "", "egg.c"},
    {Severity::error, "cli_egg_bzip2_decompress: failed to decompress data", Meaning::gap, kMalformed, "", "egg.c"},
    {Severity::error, "cli_egg_lzma_decompress: failed to decompress data", Meaning::gap, kMalformed, "", "egg.c"},
    {Severity::error, "HWP3.x: Failed to read fmap for hwp docinfo", Meaning::gap, kMalformed, "", "hwp.c"},
    {Severity::error, "HWP3.x: Font Entry: number of fonts is too high, invalid. ", Meaning::gap, kMalformed, "",
     "hwp.c"},
    {Severity::error, "scanzws: Error reading SWF file", Meaning::gap, kMalformed, "", "swf.c"},
    {Severity::error, "scanzws: LzmaInit() failed", Meaning::gap, kMalformed, "", "swf.c"},
}};

} // namespace

const LibraryText* find_library_text(Severity severity, std::string_view text) noexcept {
    const auto found = std::find_if(kTexts.begin(), kTexts.end(), [&](const LibraryText& one) {
        return severity == one.severity && text.starts_with(one.begins);
    });
    return found == kTexts.end() ? nullptr : &*found;
}

TextWeight weigh_text(Severity severity, std::string_view text) noexcept {
    if (const LibraryText* known = find_library_text(severity, text))
        return {known->meaning, known->reason, known->label.empty() ? unseen_name(known->reason) : known->label};
    switch (severity) {
        case Severity::debug:
        case Severity::info:
            break;
        case Severity::warning:
            return {Meaning::gap, Unseen::unsupported, unseen_name(Unseen::unsupported)};
        case Severity::error:
            return {Meaning::failure, {}, {}};
    }
    return {};
}

} // namespace evermilter::scanner
