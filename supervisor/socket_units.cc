#include "supervisor/socket_units.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "config/address.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {
namespace {

constexpr const char* kSystemctl = "/usr/bin/systemctl";
constexpr std::size_t kLongestAnswer = std::size_t{4} << 20U;

// "/run/x (Stream)", "127.0.0.1:8891 (Stream)", "[::1]:8891 (Stream)"; nullopt: not a stream socket that we take.
std::optional<std::string> address_of(std::string_view listen) {
    constexpr std::string_view kind = " (Stream)";
    if (!listen.ends_with(kind)) return std::nullopt;
    listen.remove_suffix(kind.size());
    if (listen.starts_with('/')) return config::address_text(config::UnixAddress{std::string(listen)});
    const auto colon = listen.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::uint16_t port = 0;
    const std::string_view digits = listen.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    std::string_view host = listen.substr(0, colon);
    const bool six = host.starts_with('[') && host.ends_with(']');
    if (six) host = host.substr(1, host.size() - 2);
    if (!six && host.find(':') != std::string_view::npos) return std::nullopt; // "vsock:2:8891"
    using Family = config::InetAddress::Family;
    return config::address_text(config::InetAddress{six ? Family::inet6 : Family::inet, std::string(host), port});
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) words.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

void take(SocketUnit& unit, std::string_view key, std::string_view value) {
    if (key == "Id") unit.name = value;
    if (key == "Triggers") unit.services = words_of(value);
    if (key == "ActiveState") unit.active = value == "active";
    if (key == "SubState") unit.waits = value == "listening";
    if (key != "Listen") return;
    if (auto address = address_of(value)) unit.addresses.push_back(std::move(*address));
}

[[noreturn]] void become_systemctl(int output) {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDERR_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::execl(kSystemctl, kSystemctl, "show", "--no-pager", "-p", "Id", "-p", "Listen", "-p", "Triggers", "-p",
            "ActiveState", "-p", "SubState", "--", "evermilter.socket", "*.socket", nullptr);
    ::_exit(127);
}

// All that comes before the end; nullopt where that does not come by `deadline`.
std::optional<std::string> read_all(int fd, std::chrono::steady_clock::time_point deadline) {
    std::string text;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd readable{fd, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return std::nullopt;
        std::array<char, 65536> part{};
        const ssize_t got = ::read(fd, part.data(), part.size());
        if (got == 0) return text;
        if (got < 0 || text.size() > kLongestAnswer) return std::nullopt;
        text.append(part.data(), static_cast<std::size_t>(got));
    }
}

} // namespace

std::vector<SocketUnit> parse_socket_units(std::string_view text) {
    std::vector<SocketUnit> units;
    SocketUnit unit;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (const auto middle = line.find('='); middle != std::string_view::npos)
            take(unit, line.substr(0, middle), line.substr(middle + 1));
        if (!line.empty() && !text.empty()) continue;
        SocketUnit whole = std::exchange(unit, {});
        // The unit that is asked for by name comes twice.
        const bool known =
            std::any_of(units.begin(), units.end(), [&](const auto& one) { return one.name == whole.name; });
        if (!whole.name.empty() && !known) units.push_back(std::move(whole));
    }
    return units;
}

Result<std::vector<SocketUnit>> ask_socket_units(std::chrono::milliseconds patience) {
    if (::sd_booted() <= 0) return std::vector<SocketUnit>{};
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("a pipe");
    const unique_fd output(ends[0]);
    unique_fd input(ends[1]);
    const pid_t pid = ::fork();
    if (pid == 0) become_systemctl(input.get());
    if (pid < 0) return system_error("cannot fork");
    input.reset();
    const auto text = read_all(output.get(), std::chrono::steady_clock::now() + patience);
    if (!text) ::kill(pid, SIGKILL); // ours and not reaped
    int wait_status = 0;
    while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    if (!text || wait_status != 0) return Error{0, std::string(kSystemctl) + " show gives no answer"};
    return parse_socket_units(*text);
}

std::string own_unit() {
    char* unit = nullptr;
    if (::sd_pid_get_unit(0, &unit) < 0) return {};
    std::string name = unit;
    std::free(unit); // NOLINT(*-no-malloc): as sd_pid_get_unit(3) wants it
    return name;
}

} // namespace evermilter::supervisor
