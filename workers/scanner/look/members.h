// What an archiver would find in a container: its members, from the container's own directory, without unpacking them
// (libzip for zip, libarchive for the rest); and the unpacking of the few that libclamav could not open. The one home
// of both libraries. Nothing is written to disk, no program is run. Bounded: in members by kMostMembers, in unpacked
// bytes and time by the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter::scanner {

// How a member is reached again.
enum class Packing : std::uint8_t {
    none,    // no library unpacks it
    zip,     // libzip
    archive, // libarchive
    stream,  // one compressed file: libarchive
};

// A regular file in a container. Links, folders and empty files are none.
struct Member {
    std::string name;                 // as the container has it
    std::uint64_t size = 0;           // unpacked
    std::uint64_t index = 0;          // in its container
    std::optional<std::uint32_t> crc; // of the unpacked bytes (ISO 3309), where the directory has it
    bool encrypted = false;
};

inline constexpr std::size_t kMostMembers = 100'000;

struct MemberList {
    std::string format; // "zip", "7-Zip", "gzip", as the library calls it
    Packing packing = Packing::none;
    std::size_t offset = 0; // at which it begins in the file that it was found in
    std::vector<Member> members;
    std::vector<std::string> names; // of all entries, folders and empty files too, sorted; only of a zip
    std::string broken;             // why the list ends early; empty when it is whole
    bool encrypted = false;         // the directory itself is encrypted, or some member is
    bool too_many = false;          // more than kMostMembers
};

// Whether a zip's end of central directory stands in the last 65,557 bytes, where archivers look for it (APPNOTE.TXT
// 4.3.16): also behind another file, as in a self-extracting archive.
[[nodiscard]] bool has_zip_directory(std::string_view bytes) noexcept;

// Also one that was joined to another file, as `cat picture zip` makes it; archivers open that too. nullopt: without a
// central directory, or one that libzip refuses.
[[nodiscard]] std::optional<MemberList> list_zip(std::string_view bytes);

// 7z, rar, tar, cpio, iso9660, cab, xar, lha, ar. nullopt: none of these.
[[nodiscard]] std::optional<MemberList> list_archive(std::string_view bytes);

// How much may be unpacked, and until when.
struct UnpackBounds {
    std::uint64_t most = 0; // bytes
    std::chrono::steady_clock::time_point deadline;
};

// gzip, bzip2, xz, lzma, lzip, compress, zstd, lz4: one member, whose size is found by unpacking it without keeping it.
// A size above bounds.most is bounds.most + 1. nullopt: not compressed in one of these ways.
[[nodiscard]] std::optional<MemberList> list_compressed(std::string_view bytes, const UnpackBounds& bounds);

// The bytes of members of a list that one of the functions above made of the same `bytes`, handed out one by one;
// nullopt for one that cannot be unpacked. They come in the order of `wanted`, which is by index. Ends early past the
// bounds.
void unpack_members(Packing packing, std::string_view bytes, const std::vector<const Member*>& wanted,
                    const UnpackBounds& bounds,
                    const std::function<void(const Member&, std::optional<std::string>)>& take);

// CRC-32 as zip has it.
[[nodiscard]] std::uint32_t crc_of(std::string_view bytes) noexcept;

// By their first bytes: containers that neither libclamav nor the libraries above take apart ("ACE", "VHDX", …), and
// whose content a program on the recipient's side would. Empty: none of them.
[[nodiscard]] std::string_view unreadable_container(std::string_view bytes) noexcept;

} // namespace evermilter::scanner
