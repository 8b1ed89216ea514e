// What an archiver would find in a container: its members, from the container's own directory, without unpacking them
// (libzip for zip, libarchive for the rest), and the size of what a compressed file holds. The one home of both.
// Bounded: in members by kMostMembers, in unpacked bytes by the caller. Nothing is written to disk, no program is run.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter::scanner {

// A regular file in a container. Links, folders and empty files are none.
struct Member {
    std::string name;                 // as the container has it
    std::uint64_t size = 0;           // unpacked
    std::optional<std::uint32_t> crc; // of the unpacked bytes (ISO 3309), where the directory has it
    bool encrypted = false;
    bool method_known = true; // libclamav has this compression method; only of zip it is looked at
};

inline constexpr std::size_t kMostMembers = 100'000;

struct MemberList {
    const char* format = "";
    std::vector<Member> members;
    std::string broken;     // why the list ends early; empty when it is whole
    bool encrypted = false; // the directory itself is encrypted, or some member is
    bool too_many = false;  // more than kMostMembers
};

// Whether a zip's end of central directory stands in the last 65,557 bytes, where archivers look for it (APPNOTE.TXT
// 4.3.16): also behind another file, as in a self-extracting archive.
[[nodiscard]] bool has_zip_directory(std::string_view bytes) noexcept;

// nullopt: without a central directory, or one that libzip refuses.
[[nodiscard]] std::optional<MemberList> list_zip(std::string_view bytes);

// 7z, rar, tar, cpio, iso9660, cab, xar, lha, ar. nullopt: none of these.
[[nodiscard]] std::optional<MemberList> list_archive(std::string_view bytes);

struct Unpacked {
    std::string format;     // "gzip", "bzip2", "xz", "lzma", "lzip", "compress", "zstd", "lz4"
    std::uint64_t size = 0; // at most `most` + 1
    std::string broken;     // why it ended early; empty when it is whole
};

// Unpacks without keeping it, until more than `most` bytes came or `deadline` has passed (then it is broken).
// nullopt: not compressed in one of these ways.
[[nodiscard]] std::optional<Unpacked> measure_compressed(std::string_view bytes, std::uint64_t most,
                                                         std::chrono::steady_clock::time_point deadline);

// CRC-32 as zip has it.
[[nodiscard]] std::uint32_t crc_of(std::string_view bytes) noexcept;

// By their first bytes: containers that neither libclamav nor the libraries above take apart ("ACE", "VHDX", …), and
// whose content a program on the recipient's side would. Empty: none of them.
[[nodiscard]] std::string_view unreadable_container(std::string_view bytes) noexcept;

} // namespace evermilter::scanner
