// See messages.h.
#include "tests/support/messages.h"

#include <array>
#include <cstdint>
#include <random>

namespace evermilter::test {
namespace {

constexpr std::string_view kBoundary = "=_part_of_the_test_=";

std::uint32_t crc32(std::string_view bytes) { // of PKWARE's APPNOTE, 4.4.7
    std::uint32_t crc = 0xffffffffU;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
    return ~crc;
}

std::string little(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned at = 0; at < bytes; ++at) text += static_cast<char>((value >> (8 * at)) & 0xffU);
    return text;
}

// One block of RFC 1951 with its fixed codes, without back references.
std::string deflate(std::string_view bytes) {
    std::string out;
    unsigned pending = 0;
    unsigned count = 0;
    const auto bit = [&](unsigned value) {
        pending |= value << count;
        if (++count == 8) {
            out += static_cast<char>(pending);
            pending = count = 0;
        }
    };
    const auto code = [&](unsigned value, unsigned length) { // Huffman codes go first bit first
        while (length-- > 0) bit((value >> length) & 1U);
    };
    bit(1); // the last block
    bit(1); // with fixed codes: 01, low bit first
    bit(0);
    for (const char byte : bytes) {
        const unsigned literal = static_cast<unsigned char>(byte);
        if (literal < 144) {
            code(0x30 + literal, 8);
        } else {
            code(0x190 + literal - 144, 9);
        }
    }
    code(0, 7); // the end
    while (count != 0) bit(0);
    return out;
}

// The fields that local header and central directory share, from "version needed" to "extra length".
std::string zip_fields(const ZipEntry& entry, std::size_t compressed) {
    constexpr unsigned deflated = 8;
    return little(20, 2) + little(0, 2) + little(deflated, 2) + little(0, 2) + little(0x5821, 2) +
           little(crc32(entry.content), 4) + little(compressed, 4) + little(entry.content.size(), 4) +
           little(entry.name.size(), 2) + little(0, 2);
}

} // namespace

std::string eicar() {
    const std::array<std::string_view, 5> pieces = {R"(X5O!P%@AP[4\PZX54(P^)7CC)", ")7}$EICAR-", "STANDARD-ANTI",
                                                    "VIRUS-TEST-", "FILE!$H+H*"};
    std::string whole;
    for (const std::string_view piece : pieces) whole += piece;
    return whole;
}

std::string ordinary_headers(std::string_view subject) {
    return "From: Sender <sender@example.org>\r\nTo: recipient@example.org\r\nSubject: " + std::string(subject) +
           "\r\nDate: Fri, 20 Nov 2026 09:36:00 +0000\r\nMessage-ID: <1@example.org>\r\n";
}

std::string clean_mail(std::string_view text) {
    return ordinary_headers() + "\r\n" + std::string(text) + "\r\n";
}

std::string multipart_mail(const std::vector<Part>& parts) {
    const std::string boundary(kBoundary);
    std::string mail = ordinary_headers() + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" +
                       boundary + "\"\r\n\r\nThis is a multi-part message in MIME format.\r\n";
    for (const Part& part : parts) mail += "--" + boundary + "\r\n" + part.headers + "\r\n" + part.body + "\r\n";
    return mail + "--" + boundary + "--\r\n";
}

Part text_part(std::string_view text) {
    return {"Content-Type: text/plain; charset=us-ascii\r\n", std::string(text)};
}

Part attachment(std::string_view name, std::string_view content) {
    return {"Content-Type: application/octet-stream; name=\"" + std::string(name) +
                "\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" +
                std::string(name) + "\"\r\n",
            base64(content)};
}

std::string eicar_in_body() {
    return ordinary_headers() + "\r\n" + eicar() + "\r\n";
}

std::string eicar_attached() {
    return multipart_mail({text_part("See the file."), attachment("eicar.com", eicar())});
}

std::string eicar_in_zip() {
    return multipart_mail({text_part("See the archive."),
                           attachment("eicar.zip", zip({{"readme.txt", "read me"}, {"eicar.com", eicar()}}))});
}

std::string forwarded(const std::string& mail) {
    return multipart_mail({text_part("Look at this:"), {"Content-Type: message/rfc822\r\n", mail}});
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    std::size_t column = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t group = 0;
        for (std::size_t byte = 0; byte < 3; ++byte)
            group = (group << 8U) | (at + byte < bytes.size() ? static_cast<unsigned char>(bytes[at + byte]) : 0U);
        for (std::size_t digit = 0; digit < 4; ++digit)
            text += at + digit > bytes.size() ? '=' : alphabet[(group >> (18 - 6 * digit)) & 0x3fU];
        if ((column += 4) >= 76) {
            text += "\r\n";
            column = 0;
        }
    }
    if (column != 0) text += "\r\n";
    return text;
}

std::string zip(const std::vector<ZipEntry>& entries) {
    std::string archive;
    std::string directory;
    for (const ZipEntry& entry : entries) {
        const std::size_t offset = archive.size();
        const std::string compressed = deflate(entry.content);
        const std::string fields = zip_fields(entry, compressed.size());
        archive += "PK\x03\x04" + fields + entry.name + compressed;
        directory += "PK\x01\x02" + little(20, 2) + fields + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) +
                     little(offset, 4) + entry.name;
    }
    return archive + directory + "PK\x05\x06" + little(0, 4) + little(entries.size(), 2) + little(entries.size(), 2) +
           little(directory.size(), 4) + little(archive.size(), 4) + little(0, 2);
}

std::string slow_text(unsigned cost) {
    // The signature asks for sl(o+o+)+w: every way to divide the o's is tried; the last w keeps PCRE from giving up
    // before it begins.
    return "everslow" + std::string("marker sl") + std::string(cost, 'o') + " and this is how it ends with w";
}

std::string noise(std::size_t size, unsigned seed) {
    std::minstd_rand random(seed + 1);
    std::string bytes;
    bytes.reserve(size + 4);
    while (bytes.size() < size) bytes += little(random(), 3);
    bytes.resize(size);
    return bytes;
}

} // namespace evermilter::test
