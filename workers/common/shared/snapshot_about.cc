#include "workers/common/shared/snapshot_about.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "workers/common/base/hex.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter {
namespace {

// The folder belongs to the scanners' user: never follow a link that it may have put there.
constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
constexpr std::size_t kMost = 4096; // bytes of it

std::string file_in(const std::string& folder) {
    return folder + "/about";
}

bool is_digest(std::string_view text) {
    return text.size() == 64 && is_hex(text);
}

template <class Number>
void read_number(std::string_view text, Number& value) {
    Number number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault == std::errc{} && end == text.data() + text.size() && number >= 0) value = number;
}

void read_line(std::string_view line, SnapshotAbout& about) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return;
    const std::string_view key = line.substr(0, blank);
    const std::string_view value = line.substr(blank + 1);
    if (key == "digest" && is_digest(value)) about.digest = value;
    if (key == "source" && is_digest(value)) about.source_digest = value;
    if (key == "signatures") read_number(value, about.signatures);
    if (key == "taken") read_number(value, about.taken_at);
    if (key == "version") about.database_version = value.substr(0, 256);
}

} // namespace

Result<void> write_about(const std::string& folder, const SnapshotAbout& about) {
    const std::string path = file_in(folder);
    const std::string temporary = path + ".new";
    const std::string text = "digest " + about.digest + "\nsource " + about.source_digest + "\nsignatures " +
                             std::to_string(about.signatures) + "\ntaken " + std::to_string(about.taken_at) +
                             "\nversion " + about.database_version + "\n";
    const unique_fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | kFlags, 0640));
    if (!file) return system_error("cannot create " + temporary);
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size()))
        return system_error("cannot write " + temporary, written < 0 ? errno : ENOSPC);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("cannot replace " + path);
    return {};
}

SnapshotAbout read_about(const std::string& folder) {
    SnapshotAbout about;
    const unique_fd file(::open(file_in(folder).c_str(), O_RDONLY | kFlags));
    if (!file) return about;
    std::array<char, kMost> bytes{};
    const ssize_t length = ::read(file.get(), bytes.data(), bytes.size());
    if (length <= 0) return about;
    std::string_view text(bytes.data(), static_cast<std::size_t>(length));
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        read_line(text.substr(0, end), about);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return about;
}

} // namespace evermilter
