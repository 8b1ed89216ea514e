#include "config/skip_lists.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

namespace evermilter::config {
namespace {

// Takes an entry; else says why not.
using Take = std::function<std::optional<std::string>(std::string_view)>;

std::string_view trimmed(std::string_view line) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t begin = line.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return line.substr(begin, line.find_last_not_of(blanks) - begin + 1);
}

// Each entry of the file; the reason why it cannot be taken.
std::optional<std::string> read_file(const std::string& path, const Take& take) {
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
        const std::string_view entry = trimmed(line);
        if (entry.empty() || entry.front() == '#') continue;
        if (auto reason = take(entry)) return path + ":" + std::to_string(number) + ": " + *reason;
    }
    if (file.bad()) return path + ": cannot be read to its end";
    return std::nullopt;
}

Take into(ClientSet& set) {
    return [&set](std::string_view entry) -> std::optional<std::string> {
        auto client = parse_client(entry);
        if (!client) return client.error().reason;
        set.add(std::move(*client));
        return std::nullopt;
    };
}

Take into(PatternSet& set) {
    return [&set](std::string_view entry) -> std::optional<std::string> {
        auto pattern = parse_pattern(entry);
        if (!pattern) return pattern.error().reason;
        set.add(*pattern);
        return std::nullopt;
    };
}

} // namespace

Result<SkipLists, ListFault> load_skip_lists(const Skip& skip) {
    SkipLists lists;
    lists.authenticated = skip.authenticated;
    const struct {
        const char* key;
        const std::vector<std::string>& entries;
        const std::string& file;
        Take take;
    } sources[] = {
        {"skip.networks", skip.networks, skip.networks_file, into(lists.networks)},
        {"skip.users", skip.users, skip.users_file, into(lists.users)},
        {"skip.senders", skip.senders, skip.senders_file, into(lists.senders)},
        {"skip.recipients", skip.recipients, skip.recipients_file, into(lists.recipients)},
    };
    for (const auto& source : sources) {
        for (const std::string& entry : source.entries)
            if (auto reason = source.take(entry)) return ListFault{source.key, std::move(*reason)};
        if (source.file.empty()) continue;
        if (auto reason = read_file(source.file, source.take))
            return ListFault{std::string(source.key) + "_file", std::move(*reason)};
    }
    lists.networks.seal();
    for (PatternSet* set : {&lists.users, &lists.senders, &lists.recipients}) set->seal();
    return lists;
}

std::string state_of_lists(const Config& config) {
    std::string state;
    const auto add = [&](const std::string& path) {
        if (path.empty()) return;
        struct stat status {};
        state += path;
        if (::stat(path.c_str(), &status) != 0) {
            state += " absent\n";
            return;
        }
        const auto time = [](const timespec& at) {
            return std::to_string(at.tv_sec) + "." + std::to_string(at.tv_nsec);
        };
        state += " " + std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + " " +
                 std::to_string(status.st_size) + " " + time(status.st_mtim) + " " + time(status.st_ctim) + "\n";
    };
    const auto add_all = [&](const Skip& skip) {
        for (const std::string* path :
             {&skip.networks_file, &skip.users_file, &skip.senders_file, &skip.recipients_file})
            add(*path);
    };
    add_all(config.skip);
    for (const Listener& listener : config.listeners) add_all(listener.skip);
    return state;
}

} // namespace evermilter::config
