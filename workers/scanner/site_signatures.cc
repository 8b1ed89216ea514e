#include "workers/scanner/site_signatures.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>

#include "workers/common/base/hex.h"
#include "workers/common/base/trimmed.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::scanner {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::size_t kLongestName = 100;

bool is_name_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
}

// "NAME =": a name, a blank at least, the sign. Base64 has signs without a blank before them.
std::optional<std::string_view> name_in(std::string_view line) {
    const std::string_view text = trimmed(line, kBlanks);
    if (text.empty() || text.back() != '=') return std::nullopt;
    const std::string_view before = text.substr(0, text.size() - 1);
    const std::string_view name = trimmed(before, kBlanks);
    if (name.empty() || name.size() == before.size()) return std::nullopt;
    if (!std::all_of(name.begin(), name.end(), is_name_character)) return std::nullopt;
    return name;
}

class Compiler {
  public:
    explicit Compiler(const std::string& path) : path_(path) {}

    [[nodiscard]] Result<void> take(std::string_view line) {
        ++line_;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (const auto name = name_in(line)) {
            if (auto ended = end(); !ended) return ended;
            if (name->size() > kLongestName)
                return fault(line_, "a name has at most " + std::to_string(kLongestName) + " characters");
            name_ = *name;
            begun_ = line_;
            return {};
        }
        if (trimmed(line, kBlanks).empty()) return end();
        if (name_.empty()) {
            if (line.front() == '#') return {};
            return fault(
                line_,
                "no signature has begun; write a line \"NAME =\" above, NAME of letters, digits, \".\", \"_\" and "
                "\"-\", and a blank before the sign");
        }
        if (line.size() < 2 || line.find('\0') != std::string_view::npos)
            return fault(line_, "a line of a signature has two characters at least; leave it out");
        if (!hex_.empty()) hex_ += "(0d0a|0a)";
        hex_ += to_hex(line);
        bytes_ += line.size();
        return {};
    }

    // Ends the signature that has begun, if one has.
    [[nodiscard]] Result<void> end() {
        if (name_.empty()) return {};
        if (bytes_ < kShortestSignature)
            return fault(begun_, "signature " + name_ + " has " + std::to_string(bytes_) +
                                     " bytes; write more lines of it, " + std::to_string(kShortestSignature) +
                                     " bytes at least");
        if (bytes_ > kLongestSignature)
            return fault(begun_, "signature " + name_ + " has " + std::to_string(bytes_) +
                                     " bytes; fewer lines are enough, " + std::to_string(kLongestSignature) +
                                     " bytes at most");
        database_ += name_ + ":0:*:" + hex_ + "\n";
        name_.clear();
        hex_.clear();
        bytes_ = 0;
        return {};
    }

    [[nodiscard]] std::string database() && { return std::move(database_); }

  private:
    [[nodiscard]] Error fault(std::size_t line, const std::string& what) const {
        return Error{0, path_ + ":" + std::to_string(line) + ": " + what};
    }

    const std::string& path_;
    std::string database_;
    std::size_t line_ = 0;
    std::string name_; // of the one that has begun; empty: none has
    std::size_t begun_ = 0;
    std::string hex_;
    std::size_t bytes_ = 0;
};

} // namespace

Result<std::string> compile_site_signatures(std::string_view text, const std::string& path) {
    Compiler compiler(path);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (auto taken = compiler.take(text.substr(0, end)); !taken) return std::move(taken).error();
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (auto ended = compiler.end(); !ended) return std::move(ended).error();
    return std::move(compiler).database();
}

std::uint64_t count_site_signatures(const std::string& snapshot) {
    std::ifstream file(snapshot + "/" + kSiteDatabase);
    return static_cast<std::uint64_t>(
        std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
}

Result<std::string> read_site_signatures(const std::string& path) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) return system_error(path);
    if (!S_ISREG(status.st_mode)) return Error{EINVAL, path + " is not a regular file"};
    std::string text(kLargestSiteFile + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno != EINTR) return system_error(path);
        if (got == 0) break;
        if (got > 0) size += static_cast<std::size_t>(got);
    }
    if (size > kLargestSiteFile)
        return Error{EFBIG, path + " is larger than " + std::to_string(kLargestSiteFile >> 20U) + " MiB"};
    text.resize(size);
    return compile_site_signatures(text, path);
}

} // namespace evermilter::scanner
