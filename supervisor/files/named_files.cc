#include "supervisor/files/named_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <variant>

#include "config/address.h"
#include "supervisor/files/as_user.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/shared/database_files.h"

namespace evermilter::supervisor {
namespace {

// As many unreadable databases are named.
constexpr std::size_t kMostNamed = 20;

using Lines = std::string; // one a note, each with its newline

std::string because(int error) {
    return std::string(" (") + std::strerror(error) + ")"; // NOLINT(concurrency-mt-unsafe): the child has one thread
}

// 0, or why this process cannot read the file.
int error_of_reading(const std::string& path) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    return file ? 0 : errno;
}

// "mode 0600, owner 108": what to change.
std::string owner_of(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return "";
    constexpr unsigned kPermissions = 07777;
    std::string mode(4, '0');
    for (unsigned bits = about.st_mode & kPermissions, digit = 4; digit-- > 0; bits >>= 3U)
        mode[digit] = static_cast<char>('0' + (bits & 7U));
    return "; it has the mode " + mode + " and the owner " + std::to_string(about.st_uid);
}

Lines look_at_databases(const config::Database& database, const std::string& user) {
    const std::string key = "database.directory: ";
    const std::string& directory = database.directory;
    const std::string until = "; until then the service is up without signatures";
    const auto files = list_database_files(directory);
    if (!files)
        return key + files.error().what + ", by user " + user + ": make it, or let that user read it" + until + "\n";
    if (files->empty()) return key + directory + " holds no database: run freshclam" + until + "\n";
    Lines lines;
    std::size_t unreadable = 0;
    for (const DatabaseFile& file : *files) {
        const std::string path = directory + "/" + file.name;
        const int error = error_of_reading(path);
        if (error == 0 || ++unreadable > kMostNamed) continue;
        lines += key + path + " cannot be read by user " + user + because(error) + owner_of(path) +
                 ": make it readable for that user, or set process.scanner_user\n";
    }
    if (unreadable > kMostNamed)
        lines += key + std::to_string(unreadable - kMostNamed) + " more cannot be read by user " + user + "\n";
    return lines;
}

Lines look_at_file(const char* key, const std::string& path, const std::string& user) {
    const int error = path.empty() ? 0 : error_of_reading(path);
    if (error == 0) return "";
    return std::string(key) + ": " + path + " cannot be read by user " + user + because(error) +
           ": make it, or make it readable for that user\n";
}

Lines look_at_scanners_files(const config::Database& database, const std::string& user) {
    Lines lines = look_at_databases(database, user);
    lines += look_at_file("database.site_signatures", database.site_signatures, user);
    if (database.proof_directory.empty()) return lines;
    return lines + look_at_file("database.proof_directory", database.proof_directory, user);
}

Lines look_at_command(const std::string& command, const std::string& user) {
    if (command.empty()) return "";
    const std::string begin = "on_infected.command: " + command;
    struct stat about {};
    if (::stat(command.c_str(), &about) != 0)
        return begin + " cannot be found by user " + user + because(errno) +
               ": install it, or set on_infected.command\n";
    if (S_ISREG(about.st_mode) && ::access(command.c_str(), X_OK) == 0) return "";
    return begin + " cannot be executed by user " + user + because(S_ISREG(about.st_mode) ? errno : EACCES) +
           ": make it an executable file for that user\n";
}

// The tap makes its directory if it may.
Lines look_at_tap(const config::Tap& tap, const std::string& user) {
    if (tap.switch_file.empty()) return "";
    std::filesystem::path place(tap.directory);
    while (::access(place.c_str(), F_OK) != 0 && errno == ENOENT && place.has_relative_path())
        place = place.parent_path();
    if (::access(place.c_str(), W_OK | X_OK) == 0) return "";
    return "tap.directory: user " + user + " cannot write to " + place.string() + because(errno) + ": make " +
           tap.directory + " for that user; until then nothing is copied\n";
}

// Of a server at a numeric address only a question would tell whether it is there.
Lines look_at_policies(const std::vector<config::PolicyCheck>& policies, const std::string& user) {
    Lines lines;
    for (const config::PolicyCheck& policy : policies) {
        for (const std::string& server : policy.servers) {
            const auto address = config::parse_address(server);
            const auto* local = address ? std::get_if<config::UnixAddress>(&*address) : nullptr;
            if (local == nullptr) continue;
            struct stat about {};
            int error = ::stat(local->path.c_str(), &about) != 0 ? errno : 0;
            if (error == 0 && !S_ISSOCK(about.st_mode)) error = ENOTSOCK;
            if (error == 0 && ::access(local->path.c_str(), W_OK) != 0) error = errno;
            if (error == 0) continue;
            lines += "policy[" + policy.name + "].servers: " + local->path + " cannot be reached by user " + user +
                     because(error) + ": start the policy server, or let that user connect\n";
        }
    }
    return lines;
}

void look(const Identity& user, const std::function<Lines()>& job, StartReport& report) {
    if (user.user.empty()) return;
    const auto lines = as_user(user, job);
    if (!lines) return report.note("not checked: " + lines.error().what);
    std::string_view rest = *lines;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        report.note(std::string(rest.substr(0, end)));
        rest.remove_prefix(end + 1);
    }
}

} // namespace

void look_at_named_files(const Settings& settings, StartReport& report) {
    const config::Config& config = settings.config;
    const Identity& scanner = settings.identities.scanner;
    const Identity& session = settings.identities.session;
    look(
        scanner, [&] { return look_at_scanners_files(config.database, scanner.user); }, report);
    look(
        session,
        [&] {
            return look_at_command(config.on_infected.command, session.user) + look_at_tap(config.tap, session.user) +
                   look_at_policies(config.policies, session.user);
        },
        report);
}

} // namespace evermilter::supervisor
