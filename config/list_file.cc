#include "config/list_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "workers/common/base/trimmed.h"

namespace evermilter::config {

std::optional<std::string> read_list_file(const std::string& path, const TakeEntry& take) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return path + ": " + std::generic_category().message(errno) + "; make the file, or remove the key";
    if (!S_ISREG(status.st_mode)) return path + ": is not a regular file";
    std::ifstream file(path, std::ios::binary);
    if (!file) return path + ": cannot be opened; its reader must be allowed to read it";
    std::size_t bytes = 0;
    std::size_t number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        bytes += line.size() + 1;
        if (bytes > kLargestList) return path + ": is larger than " + std::to_string(kLargestList >> 20U) + " MiB";
        const std::string_view entry = trimmed(line, " \t\r");
        if (entry.empty() || entry.front() == '#') continue;
        if (auto reason = take(entry)) return path + ":" + std::to_string(number) + ": " + *reason;
    }
    if (file.bad()) return path + ": cannot be read to its end";
    return std::nullopt;
}

std::string state_of_file(const std::string& path) {
    if (path.empty()) return {};
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return path + " absent\n";
    const auto time = [](const timespec& at) { return std::to_string(at.tv_sec) + "." + std::to_string(at.tv_nsec); };
    return path + " " + std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + " " +
           std::to_string(status.st_size) + " " + time(status.st_mtim) + " " + time(status.st_ctim) + "\n";
}

} // namespace evermilter::config
