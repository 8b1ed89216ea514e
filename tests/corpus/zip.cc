#include "tests/corpus/zip.h"

#include "tests/corpus/archive.h"
#include "tests/corpus/bytes.h"

namespace evermilter::corpus {
namespace {

constexpr unsigned kSizesBehind = 8;

struct Written {
    std::string data;
    std::uint64_t size = 0;
    std::uint64_t packed = 0;
    std::uint32_t crc = 0;
};

std::string extra(const ZipMember& member, const Written& w) {
    std::string fields;
    if (member.zip64) fields += little(1, 2) + little(16, 2) + little(w.size, 8) + little(w.packed, 8);
    // The extra field of WinZip's AES: version 2, vendor "AE", 256 bits, and the method underneath.
    if (member.method == kAes)
        fields += little(0x9901, 2) + little(7, 2) + little(2, 2) + "AE\x03" + little(kDeflate, 2);
    return fields;
}

// From "version needed" to "extra length".
std::string fields(const ZipMember& member, const Written& w, std::uint16_t flags, std::uint16_t method, bool local) {
    const bool behind = local && (flags & kSizesBehind) != 0;
    const auto size = [&](std::uint64_t value) { return little(behind ? 0 : member.zip64 ? 0xffffffffU : value, 4); };
    return little(member.zip64 ? 45 : 20, 2) + little(flags, 2) + little(method, 2) + little(0, 2) + little(0x5821, 2) +
           little(behind ? 0 : w.crc, 4) + size(w.packed) + size(w.size) + little(member.name.size(), 2) +
           little(extra(member, w).size(), 2);
}

} // namespace

std::string packed(std::uint16_t method, const std::string& content) {
    switch (method) {
        case kDeflate:
        case kDeflate64: // the same as deflate if no match is long or far
            return deflated(content);
        case kBzip2:
            return filtered("bzip2", content);
        case kLzma: { // the properties move after a version, the size is dropped
            const std::string alone = filtered("lzma", content);
            return little(9 + 20 * 256, 2) + little(5, 2) + alone.substr(0, 5) + alone.substr(13);
        }
        case kZstd:
            return filtered("zstd", content);
        case kXz:
            return filtered("xz", content);
        case kPpmd: { // we cannot write PPMd variant I: these bytes only hide the content
            std::string bytes = deflated(content);
            for (char& byte : bytes) byte = static_cast<char>(byte ^ 0x5a);
            return bytes;
        }
        default:
            return content;
    }
}

std::string zip_archive(const std::vector<ZipMember>& members, const ZipForm& form) {
    std::string out = form.prefix;
    const std::size_t begin = form.whole ? 0 : form.prefix.size();
    std::string directory;
    std::uint64_t listed = 0;
    for (const ZipMember& member : members) {
        Written w;
        w.data = member.data ? *member.data : packed(member.method, member.content);
        w.size = member.size.value_or(member.content.size());
        w.packed = member.packed.value_or(w.data.size());
        w.crc = crc32(member.content);
        const std::uint16_t flags = member.local_flags.value_or(member.flags);
        const std::uint64_t offset = out.size() - begin;
        out += "PK\x03\x04" + fields(member, w, flags, member.local_method.value_or(member.method), true) +
               member.name + extra(member, w) + w.data;
        if ((flags & kSizesBehind) != 0)
            out += "PK\x07\x08" + little(w.crc, 4) + little(w.packed, member.zip64 ? 8 : 4) +
                   little(w.size, member.zip64 ? 8 : 4);
        if (!member.listed) continue;
        ++listed;
        directory += "PK\x01\x02" + little(20, 2) + fields(member, w, member.flags, member.method, false) +
                     little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(offset, 4) + member.name +
                     extra(member, w);
    }
    if (!form.directory) return out;
    const std::uint64_t at = out.size() - begin;
    out += directory;
    if (form.end64) {
        const std::uint64_t record = out.size() - begin;
        out += "PK\x06\x06" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) + little(listed, 8) +
               little(listed, 8) + little(directory.size(), 8) + little(at, 8);
        out += "PK\x06\x07" + little(0, 4) + little(record, 8) + little(1, 4);
    }
    return out + "PK\x05\x06" + little(0, 4) + little(listed, 2) + little(listed, 2) + little(directory.size(), 4) +
           little(at, 4) + little(form.comment.size(), 2) + form.comment;
}

} // namespace evermilter::corpus
