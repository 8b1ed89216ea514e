#include "workers/common/shared/generation_id.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "workers/common/base/unique_fd.h"

namespace evermilter {
namespace {

// The folder belongs to the scanners' user: never follow a link that it may have put there.
constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

std::string file_in(const std::string& state_directory) {
    return state_directory + "/generation";
}

} // namespace

Result<std::uint64_t> last_generation_id(const std::string& state_directory) {
    const std::string path = file_in(state_directory);
    const unique_fd file(::open(path.c_str(), O_RDONLY | kFlags));
    if (!file) {
        if (errno == ENOENT) return std::uint64_t{0};
        return system_error("cannot open " + path);
    }
    std::array<char, 32> text{};
    const ssize_t length = ::read(file.get(), text.data(), text.size());
    if (length < 0) return system_error("cannot read " + path);
    const std::string_view digits(text.data(), static_cast<std::size_t>(length));
    std::uint64_t id = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    const bool whole = end == digits.data() + digits.size() || *end == '\n';
    if (fault != std::errc{} || !whole || id > kLargestGenerationId) {
        return Error{0, path + " does not hold a generation's id: write the highest id that the log shows into it"};
    }
    return id;
}

Result<void> record_generation_id(const std::string& state_directory, std::uint64_t id) {
    const std::string path = file_in(state_directory);
    const std::string temporary = path + ".new";
    if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) return system_error("cannot remove " + temporary);
    const unique_fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | kFlags, 0644));
    if (!file) return system_error("cannot create " + temporary);
    const std::string text = std::to_string(id) + "\n";
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size()))
        return system_error("cannot write " + temporary, written < 0 ? errno : ENOSPC);
    if (::fsync(file.get()) != 0) return system_error("cannot write " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("cannot replace " + path);
    const unique_fd directory(::open(state_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return system_error("cannot write " + state_directory);
    return {};
}

} // namespace evermilter
