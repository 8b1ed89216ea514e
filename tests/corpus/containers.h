// The cases that every container has, whatever its format.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/corpus/archive.h"
#include "tests/corpus/rows.h"

namespace evermilter::corpus {

struct Container {
    std::string name;      // "tar/ustar"
    std::string extension; // ".tar"
    std::function<std::string(const std::vector<Member>&)> make;
    bool stores = false;             // the archive holds the content unchanged
    bool one_member = false;         // a stream rather than an archive
    bool knows_end = true;           // a reader can tell a file that is cut off from a whole one
    bool opened = true;              // libclamav knows the format, so ordinary files of it are clean
    std::vector<Member> before = {}; // members that the format requires: "[Content_Types].xml"
};

// Content that holds the marker, in a form that a storing container does not show unchanged.
[[nodiscard]] Member marked_member(bool stored);
// Text of `size` bytes that compresses well, on request with the marker at its head or tail.
[[nodiscard]] std::string bulk(std::size_t size, std::uint64_t seed = 1);
inline constexpr std::size_t kTooLarge = 300 * 1024; // above the small limit for a file
inline constexpr unsigned kTooMany = 60;             // above the small limit for the number of files
inline constexpr unsigned kTooDeep = 9;              // above the small limit for layers

void add_cases(Rows& rows, const Container& container);

} // namespace evermilter::corpus
