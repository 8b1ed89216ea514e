// [MS-OXTNEF]: a signature, a key, then attributes. Each attribute has a level, id, length, data, and a sum of its data
// bytes.
#include "tests/corpus/tnef.h"

#include "tests/corpus/bytes.h"

namespace evermilter::corpus {
namespace {

std::string attribute(unsigned level, std::uint64_t id, const std::string& data) {
    std::uint64_t sum = 0;
    for (const char byte : data) sum += static_cast<unsigned char>(byte);
    return little(level, 1) + little(id, 4) + little(data.size(), 4) + data + little(sum & 0xffffU, 2);
}

} // namespace

std::string tnef(const std::vector<Member>& attachments) {
    constexpr unsigned message = 1;
    constexpr unsigned attachment = 2;
    std::string out = little(0x223e9f78, 4) + little(1, 2);
    out += attribute(message, 0x00089006, little(0x00010000, 4));                         // attTnefVersion
    out += attribute(message, 0x00069007, little(1252, 4) + little(0, 4));                // attOemCodepage
    out += attribute(message, 0x00078008, std::string("IPM.Microsoft Mail.Note") + '\0'); // attMessageClass
    for (const Member& one : attachments) {
        // attAttachRenddata, attAttachTitle, attAttachData
        out += attribute(attachment, 0x00069002, little(1, 2) + little(0xffffffff, 4) + std::string(8, '\0'));
        out += attribute(attachment, 0x00018010, one.name + '\0');
        out += attribute(attachment, 0x0006800f, one.content);
    }
    return out;
}

} // namespace evermilter::corpus
