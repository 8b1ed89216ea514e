#include "workers/scanner/look/members.h"

#include <archive.h>
#include <archive_entry.h>
#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "workers/scanner/look/find_bytes.h"

namespace evermilter::scanner {
namespace {

struct FreeArchive {
    void operator()(archive* reader) const noexcept { (void)::archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeArchive>;

struct DiscardZip {
    void operator()(zip_t* reader) const noexcept { ::zip_discard(reader); }
};
using ZipReader = std::unique_ptr<zip_t, DiscardZip>;

ZipReader open_zip(std::string_view bytes) {
    zip_error_t error{};
    zip_source_t* source = ::zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    if (source == nullptr) return nullptr;
    ZipReader reader(::zip_open_from_source(source, ZIP_RDONLY, &error));
    if (!reader) ::zip_source_free(source);
    return reader;
}

std::string error_of(archive* reader) {
    const char* text = ::archive_error_string(reader);
    return text == nullptr ? "unreadable" : text;
}

Reader open_archive(std::string_view bytes, void (*support)(archive*)) {
    Reader reader(::archive_read_new());
    if (!reader) return reader;
    support(reader.get());
    if (::archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) reader.reset();
    return reader;
}

void support_formats(archive* reader) {
    using Support = int (*)(archive*);
    constexpr std::array<Support, 9> kFormats = {
        ::archive_read_support_format_7zip, ::archive_read_support_format_rar,  ::archive_read_support_format_rar5,
        ::archive_read_support_format_tar,  ::archive_read_support_format_cpio, ::archive_read_support_format_iso9660,
        ::archive_read_support_format_cab,  ::archive_read_support_format_xar,  ::archive_read_support_format_lha,
    };
    for (const Support support : kFormats) (void)support(reader);
    (void)::archive_read_support_format_ar(reader);
}

// Only the filters that libarchive has within itself: for the others it runs a program.
void support_filters(archive* reader) {
    using Support = int (*)(archive*);
    constexpr std::array<Support, 8> kFilters = {
        ::archive_read_support_filter_gzip, ::archive_read_support_filter_bzip2, ::archive_read_support_filter_xz,
        ::archive_read_support_filter_lzma, ::archive_read_support_filter_lzip,  ::archive_read_support_filter_compress,
        ::archive_read_support_filter_zstd, ::archive_read_support_filter_lz4,
    };
    for (const Support support : kFilters) (void)support(reader);
    (void)::archive_read_support_format_raw(reader);
}

// Whether it begins as a compressed file does, past any doubt. libarchive's own guess of .lzma takes other files for
// one.
bool begins_compressed(std::string_view bytes) noexcept {
    using namespace std::string_view_literals;
    constexpr std::array<std::string_view, 8> kMagic = {"\x1f\x8b"sv,
                                                        "BZh"sv,
                                                        "\xfd"
                                                        "7zXZ\0"sv,
                                                        "\x5d\0\0"sv,
                                                        "LZIP"sv,
                                                        "\x1f\x9d"sv,
                                                        "\x28\xb5\x2f\xfd"sv,
                                                        "\x04\x22\x4d\x18"sv};
    if (bytes.starts_with("\x5d\0\0"sv)) {
        // .lzma: the size is unknown (all ones) or below 256 GiB (the five upper bytes' last three are 0).
        if (bytes.size() < 14) return false;
        // The dictionary's size is 2^n or 2^n + 2^(n-1), at least 4 KiB.
        const auto byte = [&](std::size_t at) -> unsigned { return static_cast<unsigned char>(bytes[at]); };
        const unsigned dictionary = byte(1) | byte(2) << 8U | byte(3) << 16U | byte(4) << 24U;
        const unsigned lowest = dictionary & (0U - dictionary);
        if (dictionary < 4096 || (dictionary != lowest && dictionary != 3 * lowest)) return false;
        const std::string_view size = bytes.substr(5, 8);
        return size == "\xff\xff\xff\xff\xff\xff\xff\xff"sv || size.substr(5) == "\0\0\0"sv;
    }
    return std::any_of(kMagic.begin(), kMagic.end(), [&](std::string_view magic) { return bytes.starts_with(magic); });
}

void add_member(MemberList& list, archive_entry* entry, std::uint64_t index) {
    if (::archive_entry_filetype(entry) != AE_IFREG || ::archive_entry_hardlink(entry) != nullptr) return;
    Member member;
    if (const char* name = ::archive_entry_pathname(entry)) member.name = name;
    member.size = ::archive_entry_size_is_set(entry) != 0
                      ? static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0))
                      : 0;
    member.index = index;
    member.encrypted = ::archive_entry_is_encrypted(entry) != 0;
    list.encrypted = list.encrypted || member.encrypted;
    if (member.size > 0 || member.encrypted) list.members.push_back(std::move(member));
}

// Where a zip begins that was joined to another file: its offsets count from there, and libzip takes them from the
// file's beginning. 0: it begins there, or the end record leads nowhere (APPNOTE.TXT 4.3.14 to 4.3.16).
std::size_t begin_of_zip(std::string_view bytes) noexcept {
    const auto number = [bytes](std::size_t at, unsigned length) {
        std::uint64_t value = 0;
        for (unsigned byte = length; byte-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[at + byte]);
        return value;
    };
    constexpr std::size_t kEnd = 22;     // the end record, without a comment
    constexpr std::size_t kLocator = 20; // of the zip64 end record, which stands before it
    const std::size_t end = bytes.rfind("PK\5\6");
    if (end == std::string_view::npos || bytes.size() - end < kEnd) return 0;
    std::size_t found = 0;    // where the directory, or the zip64 end record, is
    std::uint64_t stated = 0; // where it is said to be
    if (end >= kLocator && bytes.substr(end - kLocator).starts_with("PK\6\7")) {
        found = bytes.rfind("PK\6\6", end - kLocator);
        stated = number(end - kLocator + 8, 8);
        if (found == std::string_view::npos) return 0;
    } else {
        const std::uint64_t size = number(end + 12, 4);
        if (size > end) return 0;
        found = end - size;
        stated = number(end + 16, 4);
    }
    return stated < found ? found - stated : 0;
}

} // namespace

bool has_zip_directory(std::string_view bytes) noexcept {
    constexpr std::size_t kFarthest = 65'535 + 22; // the longest comment, and the record
    const std::string_view tail = bytes.size() > kFarthest ? bytes.substr(bytes.size() - kFarthest) : bytes;
    return find_bytes(tail, "PK\5\6") != std::string_view::npos;
}

std::optional<MemberList> list_zip(std::string_view bytes) {
    if (!has_zip_directory(bytes)) return std::nullopt;
    std::size_t offset = 0;
    ZipReader reader = open_zip(bytes);
    if (!reader) {
        offset = begin_of_zip(bytes);
        if (offset == 0) return std::nullopt;
        reader = open_zip(bytes.substr(offset));
        if (!reader) return std::nullopt;
    }
    MemberList list;
    list.format = "zip";
    list.packing = Packing::zip;
    list.offset = offset;
    const zip_int64_t count = ::zip_get_num_entries(reader.get(), 0);
    for (zip_int64_t index = 0; index < count; ++index) {
        if (list.members.size() >= kMostMembers) {
            list.too_many = true;
            break;
        }
        zip_stat_t found{};
        if (::zip_stat_index(reader.get(), static_cast<zip_uint64_t>(index), ZIP_FL_ENC_RAW, &found) != 0) {
            list.broken = ::zip_strerror(reader.get());
            break;
        }
        Member member;
        if ((found.valid & ZIP_STAT_NAME) != 0 && found.name != nullptr) member.name = found.name;
        if ((found.valid & ZIP_STAT_SIZE) != 0) member.size = found.size;
        if ((found.valid & ZIP_STAT_CRC) != 0) member.crc = found.crc;
        member.encrypted = (found.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && found.encryption_method != ZIP_EM_NONE;
        member.index = static_cast<zip_uint64_t>(index);
        list.encrypted = list.encrypted || member.encrypted;
        list.names.push_back(member.name);
        if (member.size > 0) list.members.push_back(std::move(member));
    }
    std::sort(list.names.begin(), list.names.end());
    return list;
}

std::optional<MemberList> list_archive(std::string_view bytes) {
    const Reader reader = open_archive(bytes, support_formats);
    if (!reader) return std::nullopt;
    MemberList list;
    list.packing = Packing::archive;
    for (std::uint64_t index = 0;; ++index) {
        archive_entry* entry = nullptr;
        const int code = ::archive_read_next_header(reader.get(), &entry);
        if (list.format.empty()) {
            if (const char* name = ::archive_format_name(reader.get())) list.format = name;
            if (list.format.empty()) return std::nullopt;
        }
        if (code == ARCHIVE_EOF) break;
        if (code < ARCHIVE_WARN) {
            list.broken = error_of(reader.get());
            break;
        }
        if (list.members.size() >= kMostMembers) {
            list.too_many = true;
            break;
        }
        add_member(list, entry, index);
    }
    if (::archive_read_has_encrypted_entries(reader.get()) == 1) list.encrypted = true;
    return list;
}

// ---------------------------------------------------------------- compressed files

namespace {

// At the data of the one member of a compressed file. A null reader: not compressed.
Reader open_compressed(std::string_view bytes, MemberList& list, bool& has_data) {
    has_data = false;
    if (!begins_compressed(bytes)) return nullptr;
    list.packing = Packing::stream;
    Reader reader = open_archive(bytes, support_filters);
    if (!reader) { // cut off in its first block
        list.format = "compressed";
        list.broken = "unreadable";
        return nullptr;
    }
    archive_entry* entry = nullptr;
    const int head = ::archive_read_next_header(reader.get(), &entry);
    if (::archive_filter_count(reader.get()) < 2) return nullptr; // the last is always "none"
    list.format = ::archive_filter_name(reader.get(), 0);
    if (head < ARCHIVE_WARN) list.broken = error_of(reader.get());
    has_data = head != ARCHIVE_EOF && list.broken.empty();
    return reader;
}

// The next bytes of the current entry: 0 at its end, below 0 an error. libarchive counts the offsets of a xar through
// all its files, so that archive_read_data() puts as many zeros before each as the ones before it have bytes.
la_ssize_t read_some(archive* reader, std::array<char, 65536>& buffer, std::string_view& got) {
    if (::archive_format(reader) != ARCHIVE_FORMAT_XAR) {
        const la_ssize_t size = ::archive_read_data(reader, buffer.data(), buffer.size());
        if (size > 0) got = std::string_view(buffer.data(), static_cast<std::size_t>(size));
        return size;
    }
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int code = ::archive_read_data_block(reader, &block, &size, &offset);
    if (code == ARCHIVE_EOF) return 0;
    if (code < ARCHIVE_WARN) return code;
    got = std::string_view(static_cast<const char*>(block), size);
    return size == 0 ? ARCHIVE_RETRY : static_cast<la_ssize_t>(size);
}

// Reads the data of the current entry. Returns how much came, at most bounds.most + 1.
std::uint64_t read_data(archive* reader, const UnpackBounds& bounds, std::string* kept, std::string& broken) {
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
    std::uint64_t size = 0;
    while (size <= bounds.most) {
        std::string_view got;
        const la_ssize_t result = read_some(reader, buffer, got);
        if (result == ARCHIVE_RETRY) continue;
        if (result < 0) broken = error_of(reader);
        if (result <= 0) break;
        size += got.size();
        if (kept != nullptr) kept->append(got);
        if (std::chrono::steady_clock::now() >= bounds.deadline) {
            broken = "out of time";
            break;
        }
    }
    return std::min(size, bounds.most + 1);
}

} // namespace

std::optional<MemberList> list_compressed(std::string_view bytes, const UnpackBounds& bounds) {
    MemberList list;
    bool has_data = false;
    const Reader reader = open_compressed(bytes, list, has_data);
    if (!reader) return list.broken.empty() ? std::nullopt : std::optional(std::move(list));
    if (!has_data) return list;
    Member member;
    member.size = read_data(reader.get(), bounds, nullptr, list.broken);
    if (member.size > 0) list.members.push_back(std::move(member));
    return list;
}

// ---------------------------------------------------------------- unpacking

namespace {

struct CloseFile {
    void operator()(zip_file_t* file) const noexcept { (void)::zip_fclose(file); }
};

using Take = std::function<void(const Member&, std::optional<std::string>)>;

std::optional<std::string> unpack_from_zip(zip_t* reader, const Member& member, const UnpackBounds& bounds) {
    const std::unique_ptr<zip_file_t, CloseFile> file(::zip_fopen_index(reader, member.index, 0));
    if (!file) return std::nullopt;
    std::string bytes;
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
    for (;;) {
        const zip_int64_t got = ::zip_fread(file.get(), buffer.data(), buffer.size());
        if (got < 0) return std::nullopt; // the checksum too
        if (got == 0) return bytes;
        bytes.append(buffer.data(), static_cast<std::size_t>(got));
        if (bytes.size() > bounds.most || std::chrono::steady_clock::now() >= bounds.deadline) return std::nullopt;
    }
}

void unpack_from_archive(std::string_view bytes, const std::vector<const Member*>& wanted, UnpackBounds bounds,
                         const Take& take) {
    const Reader reader = open_archive(bytes, support_formats);
    if (!reader) return;
    std::uint64_t index = 0;
    for (auto next = wanted.begin(); next != wanted.end(); ++index) {
        archive_entry* entry = nullptr;
        const int code = ::archive_read_next_header(reader.get(), &entry);
        if (code < ARCHIVE_WARN || code == ARCHIVE_EOF) return;
        if (index != (*next)->index) continue;
        std::string unpacked;
        std::string broken;
        const std::uint64_t size = read_data(reader.get(), bounds, &unpacked, broken);
        const bool whole = broken.empty() && size <= bounds.most && size == (*next)->size;
        take(**next, whole ? std::optional(std::move(unpacked)) : std::nullopt);
        if (size > bounds.most || std::chrono::steady_clock::now() >= bounds.deadline) return;
        bounds.most -= size;
        ++next;
    }
}

} // namespace

void unpack_members(Packing packing, std::string_view bytes, const std::vector<const Member*>& wanted,
                    const UnpackBounds& bounds, const Take& take) {
    UnpackBounds left = bounds;
    switch (packing) {
        case Packing::none:
            return;
        case Packing::archive:
            return unpack_from_archive(bytes, wanted, bounds, take);
        case Packing::stream: {
            MemberList list;
            bool has_data = false;
            const Reader reader = open_compressed(bytes, list, has_data);
            if (!reader || !has_data || wanted.empty()) return;
            std::string unpacked;
            const std::uint64_t size = read_data(reader.get(), bounds, &unpacked, list.broken);
            // What came before the end of a file that is cut off is there for its reader too.
            if (size <= bounds.most) take(*wanted.front(), std::move(unpacked));
            return;
        }
        case Packing::zip: {
            const ZipReader reader = open_zip(bytes);
            if (!reader) return;
            for (const Member* member : wanted) {
                auto unpacked = unpack_from_zip(reader.get(), *member, left);
                left.most -= std::min<std::uint64_t>(left.most, unpacked ? unpacked->size() : 0);
                take(*member, std::move(unpacked));
                if (left.most == 0 || std::chrono::steady_clock::now() >= left.deadline) return;
            }
            return;
        }
    }
}

std::uint32_t crc_of(std::string_view bytes) noexcept {
    return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string_view unreadable_container(std::string_view bytes) noexcept {
    using namespace std::string_view_literals;
    struct Row {
        std::size_t at;
        std::string_view magic;
        std::string_view name;
    };
    constexpr std::array<Row, 17> kRows = {{
        {7, "**ACE**"sv, "ACE"},
        {20, "\xdc\xa7\xc4\xfd"sv, "ZOO"},
        {0, "SIT!"sv, "StuffIt"},
        {0, "StuffIt "sv, "StuffIt"},
        {0, "MSWIM\0\0\0"sv, "WIM"},
        {0, "vhdxfile"sv, "VHDX"},
        {0, "conectix"sv, "VHD"},
        {0, "KDMV"sv, "VMDK"},
        {0, "QFI\xfb"sv, "QCOW"},
        {0, "hsqs"sv, "SquashFS"},
        {0, "\x89LZO\0\r\n\x1a\n"sv, "lzop"},
        {0, "LRZI"sv, "lrzip"},
        {0, "\xed\xab\xee\xdb"sv, "RPM"},
        {0, "UHA"sv, "UHARC"},
        {4, "\x8f\xaf\xac\x84"sv, "PAQ"},
        {0, "zPQ"sv, "ZPAQ"},
        {14,
         "\x1a"
         "Jar\x1b"sv,
         "JAR (ARJ software)"},
    }};
    for (const Row& row : kRows)
        if (bytes.size() > row.at && bytes.substr(row.at).starts_with(row.magic)) return row.name;
    constexpr std::size_t kFooter = 512; // a disk of fixed size has it only at its end
    if (bytes.size() >= kFooter && bytes.substr(bytes.size() - kFooter).starts_with("conectix"sv)) return "VHD";
    return {};
}

} // namespace evermilter::scanner
