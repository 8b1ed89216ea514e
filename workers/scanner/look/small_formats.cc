#include "workers/scanner/look/small_formats.h"

#include <utility>

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

} // namespace evermilter::scanner
