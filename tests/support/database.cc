// See database.h.
#include "tests/support/database.h"

#include "tests/support/messages.h"
#include "tests/support/proc.h"

namespace evermilter::test {
namespace {

std::string hexadecimal(const std::string& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text += digits[value >> 4U];
        text += digits[value & 0xfU];
    }
    return text;
}

} // namespace

void write_eicar_database(const std::filesystem::path& folder) {
    write_file(folder / "eicar.ndb", "Evermilter.Test.Eicar:0:*:" + hexadecimal(eicar()) + "\n");
}

void write_slow_database(const std::filesystem::path& folder) {
    write_file(folder / "slow.ldb", "Evermilter.Test.Slow;Engine:81-255,Target:0;0&1;" +
                                        hexadecimal("everslow" + std::string("marker")) + ";0/sl(o+o+)+w/\n");
}

void write_bulk_database(const std::filesystem::path& folder, unsigned count) {
    std::string text;
    for (unsigned number = 0; number < count; ++number) {
        const std::string digest = hexadecimal(noise(16, number));
        text += digest + ":" + std::to_string(1000 + number) + ":Bulk." + std::to_string(number) + "\n";
    }
    write_file(folder / "bulk.hdb", text);
}

void write_signature(const std::filesystem::path& folder, const std::string& name, const std::string& content) {
    write_file(folder / (name + ".ndb"), "Evermilter.Test." + name + ":0:*:" + hexadecimal(content) + "\n");
}

} // namespace evermilter::test
