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
    bool stores = false;             // what is in it stands in the archive as it is
    bool one_member = false;         // a stream rather than an archive
    bool knows_end = true;           // a file that is cut off can be told from a whole one
    bool opened = true;              // libclamav knows the format: then ordinary files of it are clean
    std::vector<Member> before = {}; // members that make it what it is: "[Content_Types].xml"
};

// What carries the marker, in a form that does not stand in a storing container as it is.
[[nodiscard]] Member marked_member(bool stored);
// Text that compresses well, of `size` bytes; with the marker at its head or tail if it is asked for.
[[nodiscard]] std::string bulk(std::size_t size, std::uint64_t seed = 1);
inline constexpr std::size_t kTooLarge = 300 * 1024; // above the small limit of a file
inline constexpr unsigned kTooMany = 60;             // above the small limit of files
inline constexpr unsigned kTooDeep = 9;              // above the small limit of layers

void add_cases(Rows& rows, const Container& container);

} // namespace evermilter::corpus
