// See haproxy.h.
#include "tests/e2e/haproxy.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/e2e/mail_server.h"
#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kProgram = "/usr/sbin/haproxy";

void replace(std::string& text, const std::string& word, const std::string& value) {
    const std::size_t at = text.rfind(word);
    if (at == std::string::npos) throw std::runtime_error("contrib/haproxy/haproxy.cfg has no " + word);
    text.replace(at, word.size(), value);
}

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    return fields;
}

} // namespace

Haproxy::Haproxy(const std::string& first, const std::string& second) : port_(free_port()) {
    if (!fs::exists(kProgram))
        throw std::runtime_error("Debian's package haproxy is missing: contrib/install-packages test");
    std::string text = read_file(fs::path(EVERMILTER_SOURCE_DIRECTORY) / "contrib/haproxy/haproxy.cfg");
    replace(text, "    log /dev/log local0\n    user haproxy\n    group haproxy\n",
            "    log stderr format raw local0\n");
    replace(text, "/run/haproxy/admin.sock mode", folder_.path("admin") + " mode");
    replace(text, "bind 192.0.2.10:7357", "bind 127.0.0.1:" + std::to_string(port_));
    replace(text, "slowstart 30s", "slowstart 2s");
    replace(text, "192.0.2.11:7357", first);
    replace(text, "192.0.2.12:7357", second);
    write_file(folder_ / "haproxy.cfg", text);
    const unique_fd output(open(folder_.path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    child_ = start_program({kProgram, "-db", "-f", folder_.path("haproxy.cfg")}, output.get(), output.get());
    wait_state(kFirst, "UP");
    wait_state(kSecond, "UP");
}

Haproxy::~Haproxy() {
    try {
        ::kill(child_.pid, SIGTERM);
        static_cast<void>(wait_exit(child_));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "haproxy: %s\n", error.what());
    }
}

std::string Haproxy::log() const {
    return read_file(folder_ / "log");
}

std::string Haproxy::tell(const std::string& command) const {
    const unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder_.path("admin").copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    const std::string line = command + "\n";
    if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) return {};
    std::string answer;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::recv(fd.get(), part.data(), part.size(), 0)) > 0;)
        answer.append(part.data(), static_cast<std::size_t>(got));
    return answer;
}

// Of HAProxy's "show stat": a line of names that begins with "# ", then one a proxy or server.
std::string Haproxy::column(const std::string& server, const std::string& name) const {
    std::istringstream lines(tell("show stat"));
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);) {
        const std::vector<std::string> fields = fields_of(line.starts_with("# ") ? line.substr(2) : line);
        if (names.empty()) names = fields;
        if (fields.size() < 2 || fields[1] != server) continue;
        for (std::size_t i = 0; i < names.size() && i < fields.size(); ++i)
            if (names[i] == name) return fields[i];
    }
    return {};
}

std::string Haproxy::state_of(const std::string& server) const {
    return column(server, "status");
}

unsigned Haproxy::sessions_of(const std::string& server) const {
    return static_cast<unsigned>(std::stoul(column(server, "scur")));
}

void Haproxy::wait_state(const std::string& server, const std::string& state) const {
    wait_until("HAProxy says of " + server + ": " + state, [&] {
        if (!alive(child_.pid)) throw std::runtime_error("HAProxy has ended: " + log());
        return state_of(server) == state;
    });
}

} // namespace evermilter::test
