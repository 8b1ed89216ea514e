// Zip archives (PKWARE's APPNOTE.TXT, 6.3.10) of which every field can be set to something false. Never fails: it
// writes what it is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace evermilter::corpus {

// 4.4.5
enum Method : std::uint16_t {
    kStored = 0,
    kDeflate = 8,
    kDeflate64 = 9,
    kBzip2 = 12,
    kLzma = 14,
    kZstd = 93,
    kXz = 95,
    kPpmd = 98,
    kAes = 99,
};

struct ZipMember {
    std::string name;
    std::string content;
    std::uint16_t method = kDeflate;
    std::uint16_t flags = 0;                   // bit 0: encrypted, 3: sizes after the data, 6: strongly encrypted
    std::optional<std::string> data;           // instead of the compressed content
    std::optional<std::uint64_t> size;         // the size that the headers state
    std::optional<std::uint64_t> packed;       // likewise
    std::optional<std::uint16_t> local_method; // the method that only the local header states
    std::optional<std::uint16_t> local_flags;
    bool zip64 = false; // sizes in the extra field
    bool listed = true; // in the central directory
};

struct ZipForm {
    std::string prefix;    // before the first member; offsets count from its end, as if two files were joined
    std::string comment;   // after the end record
    bool directory = true; // whether there is a central directory with its end record
    bool end64 = false;    // a zip64 end record and locator too
    bool whole = false;    // offsets count from the beginning of the prefix, as in a self-extracting archive
};

[[nodiscard]] std::string zip_archive(const std::vector<ZipMember>& members, const ZipForm& form = {});
[[nodiscard]] std::string packed(std::uint16_t method, const std::string& content);

} // namespace evermilter::corpus
