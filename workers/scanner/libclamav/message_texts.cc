#include "workers/scanner/libclamav/message_texts.h"

#include <unordered_map>

#include "workers/scanner/libclamav/message_texts_rows.h"

namespace evermilter::scanner {
namespace {

using namespace text_rows;

// What libclamav's parsers say at error level about content that is cut off or corrupt, and nothing else: each seen
// with such a file (libclamav 1.4.6; engine_test.cc has them). Sent again, the same file would fail again.
constexpr LibraryText kSeen[] = {
    {kError, begins("cli_scanxz: premature end of compressed stream"), gap(kMalformed), "scanners.c:1375"},
    {kError, begins("cli_scanxz: decompress error: "), gap(kMalformed), "scanners.c:1388"},
    {kError, begins("cli_pcre_match: pcre_exec: returned error "), gap(kLimit, "PCREMatchLimit"), "regex_pcre.c:178"},
};

// By the first bytes of what a text begins with, and apart those that may stand anywhere.
struct Index {
    std::unordered_multimap<std::string_view, const LibraryText*> beginnings;
    std::vector<const LibraryText*> anywhere;

    void add(const LibraryText& row) {
        if (row.pattern.anywhere)
            anywhere.push_back(&row);
        else
            beginnings.emplace(row.pattern.text.substr(0, kShortestText), &row);
    }
};

const Index& index() {
    static const Index made = [] {
        Index filled;
        for (const LibraryText* row : all_library_texts()) filled.add(*row);
        return filled;
    }();
    return made;
}

} // namespace

std::vector<const LibraryText*> all_library_texts() {
    std::vector<const LibraryText*> rows;
    for (const LibraryText& row : kSeen) rows.push_back(&row);
    for (const auto& part : {texts_about_archives(), texts_about_documents(), texts_about_scanners()})
        for (const LibraryText& row : part) rows.push_back(&row);
    return rows;
}

const LibraryText* find_library_text(Severity severity, std::string_view text) noexcept {
    const Index& rows = index();
    // Of several the longest is the most exact.
    const LibraryText* best = nullptr;
    const auto [first, last] = rows.beginnings.equal_range(text.substr(0, kShortestText));
    for (auto row = first; row != last; ++row) {
        const LibraryText& one = *row->second;
        if (one.severity != severity || !text.starts_with(one.pattern.text)) continue;
        if (best == nullptr || one.pattern.text.size() > best->pattern.text.size()) best = &one;
    }
    if (best != nullptr) return best;
    for (const LibraryText* one : rows.anywhere)
        if (one->severity == severity && text.find(one->pattern.text) != std::string_view::npos) return one;
    return nullptr;
}

TextWeight weigh_text(Severity severity, std::string_view text) noexcept {
    if (const LibraryText* known = find_library_text(severity, text)) {
        TextWeight weight = known->weight;
        if (weight.label.empty()) weight.label = unseen_name(weight.reason);
        return weight;
    }
    switch (severity) {
        case Severity::debug:
        case Severity::info:
            break;
        case Severity::warning:
            return {Meaning::gap, Unseen::unsupported, unseen_name(Unseen::unsupported)};
        case Severity::error:
            return {Meaning::failure, Unseen::unsupported, {}};
    }
    return {};
}

} // namespace evermilter::scanner
