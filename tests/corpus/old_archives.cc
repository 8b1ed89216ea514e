#include "tests/corpus/old_archives.h"

#include "tests/corpus/bytes.h"

namespace evermilter::corpus {
namespace {

constexpr std::uint64_t kDosTime = 0x58210000; // 1 January 2024

std::string text_z(const std::string& text) {
    return text + '\0';
}

std::uint16_t crc16(const std::string& bytes) { // CRC-16/ARC, as in LHA
    std::uint32_t crc = 0;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xa001U : 0U);
    }
    return static_cast<std::uint16_t>(crc);
}

std::string variable(std::uint64_t value) { // RAR 5: seven bits a byte, low first
    std::string out;
    do {
        out += static_cast<char>((value & 0x7fU) | (value > 0x7f ? 0x80U : 0U));
        value >>= 7U;
    } while (value > 0);
    return out;
}

std::string arj_header(const std::string& fixed, const std::string& name) {
    const std::string basic = fixed + text_z(name) + text_z("");
    return "\x60\xea" + little(basic.size(), 2) + basic + little(crc32(basic), 4) + little(0, 2);
}

} // namespace

std::string cab(const std::vector<Member>& members, const OldForm& form) {
    // One folder; its content is that of all members one after the other, in blocks of at most 32 KiB.
    std::string whole;
    std::string files;
    for (const Member& member : members) {
        files += little(member.content.size(), 4) + little(whole.size(), 4) + little(0, 2) + little(0x5821, 2) +
                 little(0, 2) + little(0x20, 2) + text_z(member.name);
        whole += member.content;
    }
    const unsigned method = form.method < 0 ? 0 : static_cast<unsigned>(form.method);
    std::string blocks;
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < whole.size(); at += 32768, ++count) {
        const std::string block = whole.substr(at, 32768);
        const std::string data = method == 1 ? "CK" + deflated(block) : block;
        blocks += little(0, 4) + little(data.size(), 2) + little(block.size(), 2) + data; // no checksum
    }
    constexpr std::uint64_t header = 36;
    constexpr std::uint64_t folder = 8;
    const std::uint64_t data_at = header + folder + files.size();
    return "MSCF" + little(0, 4) + little(data_at + blocks.size(), 4) + little(0, 4) + little(header + folder, 4) +
           little(0, 4) + little(0x0103, 2) + little(1, 2) + little(members.size(), 2) + little(0, 2) + little(1, 2) +
           little(0, 2) + little(data_at, 4) + little(count, 2) + little(method, 2) + files + blocks;
}

std::string arj(const std::vector<Member>& members, const OldForm& form) {
    const std::string main = little(30, 1) + little(11, 1) + little(1, 1) + little(2, 1) + little(0, 1) + little(0, 1) +
                             little(2, 1) + little(0, 1) + little(kDosTime, 4) + little(kDosTime, 4) +
                             std::string(8, '\0') + little(0, 2) + little(0, 2) + little(0, 2);
    std::string out = arj_header(main, "archive.arj");
    for (const Member& member : members) {
        const std::string fixed =
            little(30, 1) + little(11, 1) + little(1, 1) + little(2, 1) + little(form.encrypted ? 1 : 0, 1) +
            little(form.method < 0 ? 0 : static_cast<unsigned>(form.method), 1) + little(0, 1) + little(0, 1) +
            little(kDosTime, 4) + little(member.content.size(), 4) + little(member.content.size(), 4) +
            little(crc32(member.content), 4) + little(0, 2) + little(0x20, 2) + little(0, 2);
        out += arj_header(fixed, member.name) + member.content;
    }
    return out + "\x60\xea" + little(0, 2);
}

std::string lha(const std::vector<Member>& members, const OldForm& form) {
    std::string out;
    for (const Member& member : members) { // headers of level 0
        const std::string method = "-lh" + std::to_string(form.method < 0 ? 0 : form.method) + "-";
        const std::string header = method + little(member.content.size(), 4) + little(member.content.size(), 4) +
                                   little(kDosTime, 4) + little(0x20, 1) + little(0, 1) +
                                   little(member.name.size(), 1) + member.name + little(crc16(member.content), 2);
        unsigned sum = 0;
        for (const char byte : header) sum += static_cast<unsigned char>(byte);
        out += little(header.size(), 1) + little(sum & 0xffU, 1) + header + member.content;
    }
    return out + '\0';
}

std::string egg(const std::vector<Member>& members, const OldForm& form) {
    const std::string end = little(0x08e28222, 4);
    std::string out = little(0x41474745, 4) + little(0x0100, 2) + little(1, 4) + little(0, 4) + end;
    const int method = form.method < 0 ? 0 : form.method;
    std::uint64_t number = 0;
    for (const Member& member : members) {
        const std::string data = method == 1   ? deflated(member.content)
                                 : method == 2 ? filtered("bzip2", member.content)
                                               : member.content;
        out += little(0x0a8590e3, 4) + little(++number, 4) + little(member.content.size(), 8) + little(0x0a8591ac, 4) +
               '\0' + little(member.name.size(), 2) + member.name;
        if (form.encrypted) // method 0, of a key file: 12 bytes and a CRC
            out += little(0x08d1470f, 4) + '\0' + little(17, 2) + '\0' + std::string(12, 'k') +
                   little(crc32(member.content), 4);
        out += end + little(0x02b50c13, 4) + static_cast<char>(method) + '\0' + little(member.content.size(), 4) +
               little(data.size(), 4) + little(crc32(member.content), 4) + end + data;
    }
    return out + end;
}

std::string alz(const std::vector<Member>& members, const OldForm& form) {
    std::string out = "ALZ\x01" + little(0x0a, 2) + little(0, 2);
    const int method = form.method < 0 ? 0 : form.method;
    for (const Member& member : members) {
        const std::string data = method == 2 ? deflated(member.content) : member.content;
        out += "BLZ\x01" + little(member.name.size(), 2) + little(0x20, 1) + little(kDosTime, 4) +
               little(0x40U | (form.encrypted ? 1U : 0U), 1) + little(0, 1) + little(static_cast<unsigned>(method), 1) +
               little(0, 1) + little(crc32(member.content), 4) + little(data.size(), 4) +
               little(member.content.size(), 4) + member.name + (form.encrypted ? std::string(12, 'k') : "") + data;
    }
    return out + "CLZ\x01" + std::string(8, '\0') + "CLZ\x02";
}

std::string rar4(const std::vector<Member>& members, const OldForm& form) {
    const auto block = [](const std::string& rest) { return little(crc32(rest) & 0xffffU, 2) + rest; };
    std::string out = "Rar!\x1a\x07" + std::string(1, '\0');
    out += block("\x73" + little(0, 2) + little(13, 2) + std::string(6, '\0'));
    for (const Member& member : members)
        out += block("\x74" + little(form.encrypted ? 0x8004 : 0x8000, 2) + little(32 + member.name.size(), 2) +
                     little(member.content.size(), 4) + little(member.content.size(), 4) + little(2, 1) +
                     little(crc32(member.content), 4) + little(kDosTime, 4) + little(29, 1) +
                     little(form.method < 0 ? 0x30 : static_cast<unsigned>(form.method), 1) +
                     little(member.name.size(), 2) + little(0x20, 4) + member.name) +
               member.content;
    return out + block("\x7b" + little(0x4000, 2) + little(7, 2));
}

std::string rar5(const std::vector<Member>& members, const OldForm& form) {
    const auto block = [](const std::string& header) {
        const std::string sized = variable(header.size()) + header;
        return little(crc32(sized), 4) + sized;
    };
    std::string out = "Rar!\x1a\x07\x01" + std::string(1, '\0') + block(variable(1) + variable(0) + variable(0));
    const unsigned method = form.method < 0 ? 0 : static_cast<unsigned>(form.method);
    for (const Member& member : members) {
        // A record of type 1: version 0, flags 0, 2^15 rounds, salt, vector.
        const std::string record = variable(1) + variable(0) + variable(0) + "\x0f" + std::string(32, 's');
        const std::string sized = variable(record.size()) + record;
        std::string header = variable(2) + variable(form.encrypted ? 3 : 2);
        if (form.encrypted) header += variable(sized.size());
        header += variable(member.content.size()) + variable(4) + variable(member.content.size()) + variable(0x20) +
                  little(crc32(member.content), 4) + variable(method << 7U) + variable(0) +
                  variable(member.name.size()) + member.name;
        if (form.encrypted) header += sized;
        out += block(header) + member.content;
    }
    return out + block(variable(5) + variable(0) + variable(0));
}

std::string szdd(const std::string& content) {
    std::string out = "SZDD\x88\xf0\x27\x33" + std::string("A") + std::string(1, '\0') + little(content.size(), 4);
    for (std::size_t at = 0; at < content.size(); at += 8) out += '\xff' + content.substr(at, 8);
    return out;
}

} // namespace evermilter::corpus
