#include "workers/scanner/memory/need.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "workers/common/base/unique_fd.h"
#include "workers/common/shared/database_files.h"

namespace evermilter::scanner {
namespace {

constexpr std::uint64_t kMiB = 1024UL * 1024;

// Bytes of engine for ten bytes of file. Measured with libclamav 1.4.6 on synthetic databases: hashes 13 to 18
// (a .hdb of 34 MB took 58 MiB, a .hsb of 50 MB 63 MiB, a .mdb 82 MiB), patterns 190 (.ndb) and 350 (.ldb), hashes
// compress to two fifths. What is used is lower, because the sites' databases differ.
constexpr std::uint64_t kHashes = 12;
constexpr std::uint64_t kPatterns = 100;
constexpr std::uint64_t kArchive = 17;
constexpr std::uint64_t kCompressedArchive = 40;
constexpr std::uint64_t kOther = 10;

constexpr std::array<std::string_view, 10> kHashSuffixes = {".hdb", ".hsb", ".hdu", ".hsu", ".mdb",
                                                            ".msb", ".mdu", ".msu", ".fp",  ".sfp"};
constexpr std::array<std::string_view, 4> kPatternSuffixes = {".ndb", ".ndu", ".ldb", ".ldu"};

// A .cvd and a .cld are a header of 512 bytes and a tar archive, compressed by gzip (magic 1f 8b) or not.
constexpr off_t kArchiveBegin = 512;

std::string suffix(std::string_view name) {
    const auto dot = name.rfind('.');
    std::string text(dot == std::string_view::npos ? std::string_view{} : name.substr(dot));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

template <std::size_t Count>
bool among(const std::string& what, const std::array<std::string_view, Count>& all) {
    return std::find(all.begin(), all.end(), what) != all.end();
}

std::uint64_t factor(std::string_view name, bool compressed) {
    const std::string kind = suffix(name);
    if (kind == ".cvd" || kind == ".cld" || kind == ".cud") return compressed ? kCompressedArchive : kArchive;
    if (among(kind, kHashSuffixes)) return kHashes;
    return among(kind, kPatternSuffixes) ? kPatterns : kOther;
}

bool holds_gzip(const std::string& path) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<unsigned char, 2> magic{};
    return file && ::pread(file.get(), magic.data(), magic.size(), kArchiveBegin) == 2 && magic[0] == 0x1f &&
           magic[1] == 0x8b;
}

std::string mib(std::uint64_t bytes) {
    return std::to_string((bytes + kMiB / 2) / kMiB) + " MiB";
}

} // namespace

std::uint64_t expected_engine(std::string_view name, std::uint64_t bytes, bool compressed) {
    return bytes / 10 * factor(name, compressed);
}

std::uint64_t expected_engine(const std::string& folder) {
    const auto files = list_database_files(folder);
    if (!files) return 0;
    std::uint64_t all = 0;
    for (const DatabaseFile& file : *files)
        all += expected_engine(file.name, static_cast<std::uint64_t>(file.size), holds_gzip(folder + "/" + file.name));
    return all;
}

std::uint64_t engine_need(const ActiveEngine& active, std::uint64_t expected) {
    const bool comparable = active.engine_bytes > 0 && active.expected_bytes > 0 &&
                            expected >= active.expected_bytes / 2 && expected <= active.expected_bytes * 2;
    if (!comparable) return expected;
    const double ratio = static_cast<double>(expected) / static_cast<double>(active.expected_bytes);
    return static_cast<std::uint64_t>(static_cast<double>(active.engine_bytes) * ratio);
}

Result<void, Refusal> check_memory(std::uint64_t need, const std::vector<MemoryLeft>& left) {
    for (const MemoryLeft& one : left) {
        if (one.bytes >= need) continue;
        return Refusal{EX_OSERR, "not enough memory: the engine needs about " + mib(need) + ", " + one.where +
                                     " there are " + mib(one.bytes) +
                                     " left (reload.memory_check = false loads it all the same)"};
    }
    return {};
}

} // namespace evermilter::scanner
