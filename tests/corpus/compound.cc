#include "tests/corpus/compound.h"

#include <algorithm>

#include "tests/corpus/bytes.h"

namespace evermilter::corpus {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::uint64_t kEnd = 0xfffffffe;
constexpr std::uint64_t kFree = 0xffffffff;
constexpr std::uint64_t kTable = 0xfffffffd;

std::string padded(std::string bytes, std::size_t to) {
    bytes.resize((bytes.size() + to - 1) / to * to, '\0');
    return bytes;
}

std::string utf16(const std::string& text) {
    std::string out;
    for (const char byte : text) out += std::string(1, byte) + '\0';
    return out;
}

std::string entry(const std::string& name, unsigned type, std::uint64_t left, std::uint64_t right, std::uint64_t child,
                  std::uint64_t start, std::uint64_t size) {
    std::string out = utf16(name);
    out.resize(64, '\0');
    out += little(name.empty() ? 0 : 2 * name.size() + 2, 2) + little(type, 1) + little(1, 1) + little(left, 4) +
           little(right, 4) + little(child, 4) + std::string(36, '\0') + little(start, 4) + little(size, 8);
    return out;
}

} // namespace

std::string ole2(const std::vector<Member>& streams) {
    // Streams below 4096 bytes would live in a mini stream: they are padded instead.
    std::string data;
    std::vector<std::uint64_t> next; // of each sector of `data`
    std::string directory = entry("Root Entry", 5, kFree, kFree, streams.empty() ? kFree : 1, kEnd, 0);
    for (std::size_t number = 0; number < streams.size(); ++number) {
        std::string content = streams[number].content;
        content.resize(std::max<std::size_t>(content.size(), 4096), '\0');
        const std::uint64_t start = next.size();
        directory += entry(streams[number].name, 2, kFree, number + 1 < streams.size() ? number + 2 : kFree, kFree,
                           start, content.size());
        data += padded(content, kSector);
        while (next.size() * kSector < data.size()) next.push_back(next.size() + 1);
        next.back() = kEnd;
    }
    const std::uint64_t directory_at = next.size();
    directory = padded(directory, kSector);
    while (next.size() * kSector < data.size() + directory.size()) next.push_back(next.size() + 1);
    next.back() = kEnd;
    std::uint64_t tables = 1;
    while (tables * kSector / 4 < next.size() + tables) ++tables;
    const std::uint64_t table_at = next.size();
    for (std::uint64_t i = 0; i < tables; ++i) next.push_back(kTable);
    std::string table;
    for (const std::uint64_t value : next) table += little(value, 4);
    table.resize(tables * kSector, '\xff');

    std::string out = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + std::string(16, '\0') + little(0x3e, 2) + little(3, 2) +
                      little(0xfffe, 2) + little(9, 2) + little(6, 2) + std::string(6, '\0') + little(0, 4) +
                      little(tables, 4) + little(directory_at, 4) + little(0, 4) + little(4096, 4) + little(kEnd, 4) +
                      little(0, 4) + little(kEnd, 4) + little(0, 4);
    for (std::uint64_t i = 0; i < 109; ++i) out += little(i < tables ? table_at + i : kFree, 4);
    return out + data + directory + table;
}

std::string ole_package(const std::string& name, const std::string& content) {
    const std::string package = little(2, 2) + name + '\0' + "C:\\" + name + '\0' + little(0, 2) + little(3, 2) +
                                little(name.size() + 4, 4) + "C:\\" + name + '\0' + little(content.size(), 4) + content;
    return little(package.size(), 4) + package;
}

std::string rtf_object(const std::vector<Member>& files) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Helvetica;}}\r\nSee the object.\r\n";
    for (const Member& file : files) {
        const std::string package = ole_package(file.name, file.content).substr(4);
        const std::string object = little(0x0501, 4) + little(2, 4) + little(8, 4) + std::string("Package") + '\0' +
                                   little(0, 8) + little(package.size(), 4) + package + little(0x0501, 4) +
                                   little(0, 4);
        out += "{\\object\\objemb{\\*\\objclass Package}\\objw100\\objh100{\\*\\objdata ";
        std::size_t column = 0;
        for (const char byte : object) {
            out += digits[static_cast<unsigned char>(byte) >> 4U];
            out += digits[static_cast<unsigned char>(byte) & 0xfU];
            if (++column % 40 == 0) out += "\r\n";
        }
        out += "}}\r\n";
    }
    return out + "}\r\n";
}

std::string swf(char kind, const std::string& content) {
    // One tag DefineBinaryData with a long length, and the tag that ends the movie.
    constexpr unsigned kBinaryData = 87;
    const std::string body = std::string("\x78\x00\x05\x5f\x00\x00\x0f\xa0\x00\x00\x0c\x01\x00", 13) +
                             little(kBinaryData << 6U | 0x3fU, 2) + little(content.size() + 6, 4) + little(1, 2) +
                             little(0, 4) + content + little(0, 2);
    const std::string head = std::string(1, kind) + "WS\x0d" + little(body.size() + 8, 4);
    if (kind == 'C') return head + zlibbed(body);
    if (kind != 'Z') return head + body;
    const std::string alone = filtered("lzma", body); // properties of 5 bytes, size of 8, stream
    return head + little(alone.size() - 13, 4) + alone.substr(0, 5) + alone.substr(13);
}

std::string pdf_of_streams(const std::vector<PdfStream>& streams, bool encrypted) {
    std::vector<std::string> objects = {"<< /Type /Catalog /Pages 2 0 R >>",
                                        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"};
    std::string contents;
    for (std::size_t number = 0; number < streams.size(); ++number) contents += std::to_string(number + 4) + " 0 R ";
    objects.push_back("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents [" + contents + "] >>");
    for (const PdfStream& stream : streams)
        objects.push_back("<< /Length " + std::to_string(stream.bytes.size()) +
                          (stream.filter.empty() ? "" : " /Filter " + stream.filter) + " >>\nstream\n" + stream.bytes +
                          "\nendstream");
    std::string trailer;
    if (encrypted) {
        objects.push_back("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <" + ascii_hex(std::string(32, 'o')) +
                          " /U <" + ascii_hex(std::string(32, 'u')) + " >>");
        const std::string id = "<" + ascii_hex(std::string(16, 'i'));
        trailer = " /Encrypt " + std::to_string(objects.size()) + " 0 R /ID [" + id + " " + id + "]";
    }
    std::string out = "%PDF-1.6\n%\xe2\xe3\xcf\xd3\n";
    std::string table = "xref\n0 " + std::to_string(objects.size() + 1) + "\n0000000000 65535 f \n";
    for (std::size_t number = 0; number < objects.size(); ++number) {
        const std::string offset = std::to_string(out.size());
        table += std::string(10 - offset.size(), '0') + offset + " 00000 n \n";
        out += std::to_string(number + 1) + " 0 obj\n" + objects[number] + "\nendobj\n";
    }
    return out + table + "trailer\n<< /Size " + std::to_string(objects.size() + 1) + " /Root 1 0 R" + trailer +
           " >>\nstartxref\n" + std::to_string(out.size()) + "\n%%EOF\n";
}

std::string ascii_hex(const std::string& bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char byte : bytes) {
        out += digits[static_cast<unsigned char>(byte) >> 4U];
        out += digits[static_cast<unsigned char>(byte) & 0xfU];
    }
    return out + ">";
}

std::string ascii85(const std::string& bytes) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 4) {
        const std::size_t count = std::min<std::size_t>(4, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t byte = 0; byte < 4; ++byte)
            group = (group << 8U) | (byte < count ? static_cast<unsigned char>(bytes[at + byte]) : 0U);
        if (group == 0 && count == 4) {
            out += 'z';
            continue;
        }
        std::string digits(5, '!');
        for (std::size_t digit = 5; digit-- > 0; group /= 85) digits[digit] = static_cast<char>('!' + group % 85);
        out += digits.substr(0, count + 1);
    }
    return out + "~>";
}

} // namespace evermilter::corpus
