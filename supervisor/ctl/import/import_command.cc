#include "supervisor/ctl/import/import_command.h"

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <system_error>

#include "supervisor/ctl/import/import.h"
#include "supervisor/ctl/printable.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::ctl {
namespace {

constexpr mode_t kFileMode = 0644;

void say(std::string_view text) {
    std::cerr << printable(text) << '\n';
}

Result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return system_error("cannot write");
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::fsync(fd) != 0) return system_error("cannot write");
    return {};
}

// Whole or not at all: under another name first.
Result<void> write_file(const std::string& path, std::string_view text, bool force) {
    std::string target = path;
    std::error_code failed;
    if (force && std::filesystem::is_symlink(path, failed)) {
        target = std::filesystem::weakly_canonical(path, failed).string();
        if (failed) return Error{failed.value(), "cannot follow the link " + path + ": " + failed.message()};
    }
    if (std::filesystem::is_directory(target, failed)) return Error{EISDIR, path + " is a folder; name a file in it"};
    const std::string fresh = target + ".new." + std::to_string(::getpid());
    unique_fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
    if (!fd) return system_error("cannot write beside " + path);
    Result<void> written = write_all(fd.get(), text);
    if (written && (force ? ::rename(fresh.c_str(), target.c_str()) : ::link(fresh.c_str(), target.c_str())) != 0)
        written = errno == EEXIST ? Error{EEXIST, path + " exists; name another file, or overwrite it with --force"}
                                  : system_error("cannot make " + path);
    if (!force || !written) ::unlink(fresh.c_str());
    return written;
}

} // namespace

int run_import(const ImportOptions& options) {
    const ImportResult result = import_clamav_files(options.milter, options.clamd);
    if (!result) {
        for (const config::Fault& fault : result.error()) say(fault.text());
        say("evermilterctl: nothing is written; mend the lines above first");
        return EX_DATAERR;
    }
    for (const std::string& line : result->report) say(line);
    if (options.output.empty()) {
        std::cout << result->toml;
        return EX_OK;
    }
    if (const auto written = write_file(options.output, result->toml, options.force); !written) {
        say("evermilterctl: " + written.error().what);
        return EX_CANTCREAT;
    }
    say("evermilterctl: " + options.output + " is written; evermilterd --check-config --config " + options.output +
        " looks at it once more");
    return EX_OK;
}

} // namespace evermilter::ctl
