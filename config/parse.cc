// A Config from a text or a file, and a text from a Config.
#include "config/parse.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "config/canonical.h"
#include "config/entries.h"
#include "config/read_toml.h"
#include "config/skip_lists.h"
#include "config/text_check.h"
#include "config/validate.h"

namespace evermilter::config {
namespace {

constexpr std::size_t kLargestFile = 1U << 20U;

// One list of all listeners is looked at once.
void check_lists(const Config& config, std::vector<Conflict>& conflicts) {
    const auto common = load_skip_lists(config.skip);
    if (!common) conflicts.push_back({{common.error().key}, common.error().reason});
    for (const Listener& listener : config.listeners) {
        const auto own = load_skip_lists(listener.skip);
        if (own || (!common && common.error().reason == own.error().reason)) continue;
        conflicts.push_back({{"listener[" + shown_key(listener.name) + "]." + own.error().key}, own.error().reason});
    }
    for (const SenderList& list : config.senders) {
        const std::string key = "senders[" + shown_key(list.name) + "].";
        const auto check = [&](const char* name, const std::string& path) {
            if (path.empty()) return;
            if (const auto patterns = load_patterns(path); !patterns)
                conflicts.push_back({{key + name}, patterns.error()});
        };
        check("file", list.file);
        check("opt_in", list.opt_in);
    }
}

} // namespace

std::string Fault::text() const {
    std::string text = file + ":";
    if (line != 0) text += std::to_string(line) + ":" + std::to_string(column) + ":";
    if (!key.empty()) text += " " + key + ":";
    return text + " " + message;
}

Config defaults() {
    Config config;
    set_defaults(schema(), &config);
    return config;
}

ParseResult parse(std::string_view text, const std::string& origin, Links links) {
    Config config = defaults();
    auto faults = read_toml(schema(), &config, text, origin, [&] {
        auto conflicts = validate(config);
        auto places = check_places(config, links);
        std::move(places.begin(), places.end(), std::back_inserter(conflicts));
        if (links == Links::followed) check_lists(config, conflicts);
        return conflicts;
    });
    if (faults.empty()) return config;
    return faults;
}

std::string to_toml(const Config& config) {
    return to_toml(schema(), &config);
}

Result<std::string, Fault> read_text(const std::string& path) {
    const auto failed = [&](const std::string& what, int code) {
        return Fault{path, 0, 0, "", what + ": " + std::generic_category().message(code)};
    };
    // O_NONBLOCK: a FIFO of that name must not stop the process that reads the configuration.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        const int code = errno;
        Fault fault = failed("cannot open the configuration", code);
        if (code == ENOENT) fault.message += "; name the file with --config";
        return fault;
    }
    struct Closer {
        int fd;
        ~Closer() { ::close(fd); }
    } closer{fd};
    struct stat status {};
    if (::fstat(fd, &status) != 0) return failed("cannot read the configuration", errno);
    if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) // /dev/null: all defaults
        return Fault{path, 0, 0, "", "is not a regular file"};
    std::string text;
    std::array<char, 16384> part{};
    for (;;) {
        const ssize_t got = ::read(fd, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("cannot read the configuration", errno);
        if (got == 0) return text;
        text.append(part.data(), static_cast<std::size_t>(got));
        if (text.size() > kLargestFile) return Fault{path, 0, 0, "", "is larger than 1 MiB; no configuration is"};
    }
}

ParseResult parse_file(const std::string& path) {
    auto text = read_text(path);
    if (!text) return std::vector{std::move(text).error()};
    return parse(*text, path, Links::followed);
}

} // namespace evermilter::config
