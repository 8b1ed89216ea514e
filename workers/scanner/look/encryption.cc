#include "workers/scanner/look/encryption.h"

#include <array>
#include <cstddef>

namespace evermilter::scanner {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kCompoundFile = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv;
// Streams begin at sectors of 512 bytes, small ones at mini sectors of 64.
constexpr std::size_t kSector = 512;
constexpr std::size_t kMiniSector = 64;

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept {
    return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
}

unsigned word_at(std::string_view bytes, std::size_t at) noexcept {
    return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8U;
}

// The first block of the document's stream: wIdent, and fEncrypted among its flags.
bool encrypted_word(std::string_view sector) noexcept {
    constexpr unsigned kIdent = 0xa5ec;
    constexpr unsigned kEncrypted = 0x0100;
    return word_at(sector, 0) == kIdent && (word_at(sector, 10) & kEncrypted) != 0;
}

// The records at the beginning of the workbook's stream: FilePass follows BOF, behind at most some others.
bool encrypted_workbook(std::string_view stream) noexcept {
    constexpr unsigned kBof = 0x0809;
    constexpr unsigned kFilePass = 0x002f;
    constexpr int kMostRecords = 8;
    if (word_at(stream, 0) != kBof || (word_at(stream, 4) != 0x0600 && word_at(stream, 4) != 0x0500)) return false;
    std::size_t at = 0;
    for (int record = 0; record < kMostRecords && at + 4 <= stream.size(); ++record) {
        if (word_at(stream, at) == kFilePass) return true;
        at += 4 + word_at(stream, at + 2);
    }
    return false;
}

// The "Current User" stream: its header's token.
bool encrypted_presentation(std::string_view stream) noexcept {
    return stream.starts_with("\x00\x00\xf6\x0f"sv) && stream.substr(0, 16).ends_with("\xdf\xc4\xd1\xf3"sv);
}

} // namespace

std::string_view encrypted_office(std::string_view bytes) noexcept {
    if (!bytes.starts_with(kCompoundFile)) return {};
    // The name of a stream in the directory, UTF-16.
    if (bytes.find("E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"sv) != std::string_view::npos)
        return "Office document with a password";
    for (std::size_t at = kSector; at < bytes.size(); at += kMiniSector) {
        const std::string_view stream = bytes.substr(at);
        if (at % kSector == 0 && encrypted_word(stream)) return "Word document with a password";
        if (encrypted_workbook(stream)) return "workbook with a password";
        if (encrypted_presentation(stream)) return "presentation with a password";
    }
    return {};
}

std::string_view encrypted_file(std::string_view bytes) noexcept {
    struct Row {
        std::string_view magic;
        std::string_view name;
    };
    constexpr std::array<Row, 5> kRows = {{
        {"encrcdsa"sv, "encrypted disk image"},
        {"LUKS\xba\xbe"sv, "LUKS volume"},
        {"-----BEGIN PGP MESSAGE-----"sv, "OpenPGP message"},
        {"age-encryption.org/"sv, "age file"},
        {"Salted__"sv, "OpenSSL file"},
    }};
    for (const Row& row : kRows)
        if (bytes.starts_with(row.magic)) return row.name;
    constexpr std::size_t kVolumeName = 3; // behind the jump of the boot sector
    if (bytes.size() > kVolumeName && bytes.substr(kVolumeName).starts_with("-FVE-FS-"sv)) return "BitLocker volume";
    return {};
}

bool encrypted_manifest(std::string_view manifest) noexcept {
    return manifest.find("<manifest:encryption-data"sv) != std::string_view::npos;
}

} // namespace evermilter::scanner
