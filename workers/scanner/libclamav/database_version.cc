#include "workers/scanner/libclamav/database_version.h"

#include <clamav.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "workers/common/shared/database_files.h"
#include "workers/scanner/libclamav/messages.h"

namespace evermilter::scanner {

std::string version_text(std::uint64_t version, std::int64_t unix_time) {
    if (version == 0) return {};
    const auto time = static_cast<std::time_t>(unix_time);
    std::tm local{};
    std::array<char, 64> text{};
    if (::localtime_r(&time, &local) == nullptr ||
        std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &local) == 0)
        return std::to_string(version);
    return std::to_string(version) + "/" + text.data();
}

std::int64_t newest_database_time(const std::string& directory) {
    const auto files = list_database_files(directory);
    if (!files) return 0;
    std::int64_t newest = 0;
    for (const DatabaseFile& file : *files) {
        if (database_name(file.name) == file.name) continue; // not a container
        const std::unique_ptr<cl_cvd, void (*)(cl_cvd*)> head(cl_cvdhead((directory + "/" + file.name).c_str()),
                                                              cl_cvdfree);
        if (head) newest = std::max(newest, static_cast<std::int64_t>(head->stime));
    }
    (void)take_library_messages(); // a container that libclamav has just loaded has a header
    return newest;
}

} // namespace evermilter::scanner
