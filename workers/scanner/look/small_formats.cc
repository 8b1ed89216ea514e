#include "workers/scanner/look/small_formats.h"

#include <algorithm>
#include <utility>

#include "workers/scanner/look/find_bytes.h"

namespace evermilter::scanner {
namespace {

using namespace std::string_view_literals;

// Little-endian numbers, one after the other. Past the end all are 0, and ended() says so.
class Cursor {
  public:
    explicit Cursor(std::string_view bytes, std::size_t at = 0) : bytes_(bytes), at_(at) {}

    std::uint64_t number(unsigned size) {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < size; ++i) value |= std::uint64_t{byte()} << (8 * i);
        return value;
    }
    std::string_view take(std::uint64_t size) {
        if (size > left()) {
            ended_ = true;
            return {};
        }
        const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(size));
        at_ += taken.size();
        return taken;
    }
    // Seven bits a byte, the lowest first; the highest bit says that more follow.
    std::uint64_t variable() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 63; shift += 7) {
            const std::uint64_t part = number(1);
            value |= (part & 0x7fU) << shift;
            if ((part & 0x80U) == 0) break;
        }
        return value;
    }
    [[nodiscard]] std::uint64_t left() const noexcept { return at_ < bytes_.size() ? bytes_.size() - at_ : 0; }
    [[nodiscard]] bool ended() const noexcept { return ended_; } // something was asked for that is not there

  private:
    unsigned char byte() {
        if (at_ >= bytes_.size()) {
            ended_ = true;
            return 0;
        }
        return static_cast<unsigned char>(bytes_[at_++]);
    }
    std::string_view bytes_;
    std::size_t at_;
    bool ended_ = false;
};

} // namespace

Pieces tnef_attachments(std::string_view bytes) {
    constexpr std::uint64_t kSignature = 0x223e9f78;
    constexpr std::uint64_t kAttachData = 0x0006800f;
    constexpr std::uint64_t kMessage = 1;
    constexpr std::uint64_t kAttachment = 2;
    Pieces found;
    Cursor cursor(bytes);
    if (cursor.number(4) != kSignature) return found;
    (void)cursor.number(2); // the key
    // Some writers put a line end or zeros behind the last attribute.
    constexpr std::uint64_t kShortestAttribute = 11;
    while (cursor.left() >= kShortestAttribute) {
        const std::uint64_t level = cursor.number(1);
        const std::uint64_t id = cursor.number(4);
        const std::string_view data = cursor.take(cursor.number(4));
        (void)cursor.number(2); // checksum
        if (level != kMessage && level != kAttachment) {
            found.broken = "unknown level";
            return found;
        }
        if (cursor.ended()) {
            found.broken = "cut off";
            return found;
        }
        if (id == kAttachData) found.pieces.push_back({"attachment" + std::to_string(found.pieces.size() + 1), data});
    }
    if (cursor.left() > 2) found.broken = "cut off";
    return found;
}

Pieces onenote_files(std::string_view bytes) {
    constexpr std::string_view kHeader("\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac", 16);
    Pieces found;
    for (std::size_t at = bytes.find(kHeader); at != std::string_view::npos; at = bytes.find(kHeader, at + 1)) {
        Cursor cursor(bytes, at + kHeader.size());
        const std::uint64_t size = cursor.number(8);
        (void)cursor.number(4);
        (void)cursor.number(8);
        const std::string_view data = cursor.take(size);
        if (cursor.ended()) {
            found.broken = "cut off";
            continue;
        }
        found.pieces.push_back({"file" + std::to_string(found.pieces.size() + 1), data});
    }
    return found;
}

std::optional<MemberList> list_alz(std::string_view bytes) {
    constexpr std::uint64_t kArchive = 0x015a4c41; // "ALZ\1"
    constexpr std::uint64_t kLocal = 0x015a4c42;   // "BLZ\1"
    constexpr std::uint64_t kDirectory = 0x015a4c43;
    constexpr unsigned kEncrypted = 1;
    constexpr std::uint64_t kFolder = 0x10;
    Cursor cursor(bytes);
    if (cursor.number(4) != kArchive) return std::nullopt;
    (void)cursor.number(4);
    MemberList list;
    list.format = "ALZ";
    while (list.members.size() < kMostMembers) {
        const std::uint64_t magic = cursor.number(4);
        if (magic == kDirectory) return list;
        const std::uint64_t name_size = cursor.number(2);
        const std::uint64_t attribute = cursor.number(1);
        (void)cursor.number(4); // time
        const auto flags = static_cast<unsigned>(cursor.number(1));
        (void)cursor.number(1);
        const unsigned width = flags >> 4U; // bytes of each size
        if (magic != kLocal || width > 8 || cursor.ended()) {
            list.broken = "cut off or corrupt";
            return list;
        }
        Member member;
        std::uint64_t packed = 0;
        if (width > 0) {
            (void)cursor.number(2); // method
            member.crc = static_cast<std::uint32_t>(cursor.number(4));
            packed = cursor.number(width);
            member.size = cursor.number(width);
        }
        member.name = cursor.take(name_size);
        member.index = list.members.size();
        member.encrypted = (flags & kEncrypted) != 0;
        constexpr std::uint64_t kKey = 12;
        if (member.encrypted) (void)cursor.take(kKey);
        (void)cursor.take(packed);
        if (cursor.ended()) list.broken = "cut off or corrupt";
        list.encrypted = list.encrypted || member.encrypted;
        if ((attribute & kFolder) == 0 && (member.size > 0 || member.encrypted))
            list.members.push_back(std::move(member));
        if (cursor.ended()) return list;
    }
    list.too_many = true;
    return list;
}

std::optional<MemberList> list_szdd(std::string_view bytes) {
    constexpr std::string_view kMagic = "SZDD\x88\xf0\x27\x33\x41"sv;
    if (!bytes.starts_with(kMagic)) return std::nullopt;
    Cursor cursor(bytes, kMagic.size() + 1);
    MemberList list;
    list.format = "SZDD";
    Member member;
    member.size = cursor.number(4);
    if (cursor.ended()) list.broken = "cut off";
    if (member.size > 0) list.members.push_back(std::move(member));
    return list;
}

std::vector<Piece> swf_binary_data(std::string_view bytes) {
    constexpr std::size_t kHeader = 8;
    constexpr unsigned kBinaryData = 87;
    constexpr unsigned kEnd = 0;
    std::vector<Piece> found;
    if (!bytes.starts_with("FWS") || bytes.size() <= kHeader) return found;
    // The frame's size: four numbers of as many bits as the first five say; then rate and number of frames.
    const unsigned bits = static_cast<unsigned char>(bytes[kHeader]) >> 3U;
    Cursor cursor(bytes, kHeader + (5 + 4 * bits + 7) / 8 + 4);
    while (cursor.left() >= 2) {
        const auto tag = static_cast<unsigned>(cursor.number(2));
        constexpr std::uint64_t kLong = 0x3f;
        std::uint64_t size = tag & kLong;
        if (size == kLong) size = cursor.number(4);
        const std::string_view data = cursor.take(size);
        if (cursor.ended()) break;
        constexpr std::size_t kId = 2 + 4;
        if (tag >> 6U == kBinaryData && data.size() > kId)
            found.push_back({"data" + std::to_string(found.size() + 1), data.substr(kId)});
        if (tag >> 6U == kEnd) break;
    }
    return found;
}

bool rar5_encrypted(std::string_view bytes) {
    constexpr std::string_view kMagic = "Rar!\x1a\7\1\0"sv;
    constexpr std::uint64_t kFile = 2;
    constexpr std::uint64_t kEncryption = 4;
    constexpr std::uint64_t kEnd = 5;
    constexpr std::uint64_t kExtraFlag = 1;
    constexpr std::uint64_t kDataFlag = 2;
    constexpr std::uint64_t kEncryptionRecord = 1;
    const std::size_t magic = bytes.find(kMagic);
    if (magic == std::string_view::npos) return false;
    Cursor cursor(bytes, magic + kMagic.size());
    while (cursor.left() > 0) {
        (void)cursor.number(4); // checksum
        Cursor header(cursor.take(cursor.variable()));
        if (cursor.ended()) return false;
        const std::uint64_t type = header.variable();
        const std::uint64_t flags = header.variable();
        const std::uint64_t extra = (flags & kExtraFlag) != 0 ? header.variable() : 0;
        const std::uint64_t data = (flags & kDataFlag) != 0 ? header.variable() : 0;
        if (type == kEncryption) return true;
        if (type == kFile && extra <= header.left()) {
            (void)header.take(header.left() - extra);
            while (header.left() > 0 && !header.ended()) {
                Cursor record(header.take(header.variable()));
                if (record.variable() == kEncryptionRecord) return true;
            }
        }
        if (type == kEnd) return false;
        (void)cursor.take(data);
        if (cursor.ended()) return false;
    }
    return false;
}

namespace {

constexpr std::string_view kLocalHeader = "PK\3\4"sv;

struct LocalHeader {
    std::string_view name;
    std::uint64_t whole = 0; // header, name, extra and data; 0 where the size stands behind the data
};

// Of the member that begins at `at`. nullopt: none, or nothing that a zip would say.
std::optional<LocalHeader> local_header(std::string_view bytes, std::size_t at) {
    constexpr std::uint64_t kNewestVersion = 63;
    constexpr std::uint64_t kNewestMethod = 99;
    constexpr std::uint64_t kSizeBehind = 8;
    constexpr std::uint64_t kZip64 = 0xffffffff;
    constexpr std::uint64_t kFixed = 30;
    if (at >= bytes.size() || !bytes.substr(at).starts_with(kLocalHeader)) return std::nullopt;
    Cursor cursor(bytes, at + kLocalHeader.size());
    const std::uint64_t version = cursor.number(2) & 0xffU;
    const std::uint64_t flags = cursor.number(2);
    const std::uint64_t method = cursor.number(2);
    (void)cursor.number(4); // time and date
    (void)cursor.number(4); // checksum
    const std::uint64_t packed = cursor.number(4);
    (void)cursor.number(4); // unpacked
    const std::uint64_t name_size = cursor.number(2);
    const std::uint64_t extra = cursor.number(2);
    LocalHeader header;
    header.name = cursor.take(name_size);
    if (cursor.ended() || version > kNewestVersion || method > kNewestMethod || name_size == 0) return std::nullopt;
    if ((flags & kSizeBehind) == 0 && packed != kZip64) header.whole = kFixed + name_size + extra + packed;
    return header;
}

} // namespace

std::vector<std::string> unlisted_in_zip(std::string_view bytes, const std::vector<std::string>& listed) {
    std::vector<std::string> unlisted;
    std::size_t at = 0;
    for (auto header = local_header(bytes, at); header && unlisted.size() < kMostMembers;
         header = local_header(bytes, at)) {
        if (!std::binary_search(listed.begin(), listed.end(), header->name)) unlisted.emplace_back(header->name);
        if (header->whole == 0) break;
        at += static_cast<std::size_t>(std::min<std::uint64_t>(header->whole, bytes.size()));
    }
    return unlisted;
}

bool has_zip_member(std::string_view bytes) {
    std::size_t at = find_bytes(bytes, kLocalHeader);
    for (; at != std::string_view::npos; at = find_bytes(bytes, kLocalHeader, at + 1))
        if (local_header(bytes, at)) return true;
    return false;
}

bool compound_file_cut_off(std::string_view bytes) {
    constexpr std::size_t kHeaderSize = 512;
    constexpr std::size_t kListed = 109; // sectors of the allocation table that the header lists
    constexpr std::uint64_t kLargest = 0xfffffffa;
    constexpr std::uint64_t kFree = 0xffffffff;
    if (bytes.size() < kHeaderSize || !bytes.starts_with("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv)) return false;
    const std::uint64_t shift = Cursor(bytes, 30).number(2);
    if (shift != 9 && shift != 12) return false;
    const std::uint64_t sector = std::uint64_t{1} << shift;
    // The last one may be shorter.
    const std::uint64_t sectors = bytes.size() > sector ? (bytes.size() - sector + sector - 1) / sector : 0;
    Cursor table(bytes, 76);
    for (std::size_t i = 0; i < kListed; ++i) {
        const std::uint64_t at = table.number(4);
        if (at > kLargest) break;
        if (at >= sectors) return true;
        Cursor entries(bytes, static_cast<std::size_t>((at + 1) * sector));
        for (std::uint64_t entry = 0; entry < sector / 4; ++entry) {
            const std::uint64_t used = entries.number(4);
            if (entries.ended()) return true;
            if (used != kFree && i * (sector / 4) + entry >= sectors) return true;
        }
    }
    return false;
}

} // namespace evermilter::scanner
