// Takes the place of a helper of evermilterd. Without a file "behaviour" next to it, it executes the real helper (its
// own name with ".real"); with one it does what the file says: "STEP ARGUMENT". It limits itself: it ends with the
// supervisor, forks at most a few processes, and waits without spinning.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/child.h"
#include "workers/common/ipc/codec.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/from_session.h"
#include "workers/common/ipc/to_loader.h"
#include "workers/common/ipc/to_session.h"

namespace {

using namespace evermilter;

constexpr int kMostChildren = 64;

template <class From>
void say(std::type_identity_t<From> message) {
    pollfd entry{kChildChannel, POLLOUT, 0};
    static_cast<void>(::poll(&entry, 1, -1));
    if (auto sent = send_message<From>(kChildChannel, std::move(message)); !sent) ::_exit(0);
}

// A message of one text that nobody has cut.
template <class From>
void say_raw(From kind, std::size_t bytes) {
    auto packet = codec::encode<From>(std::move(kind));
    if (!packet) ::_exit(1);
    const auto count = static_cast<std::uint32_t>(bytes);
    std::memcpy(packet->bytes.data() + 2, &count, sizeof count);
    packet->bytes.insert(packet->bytes.begin() + 6, bytes, std::byte{'x'});
    static_cast<void>(!::send(kChildChannel, packet->bytes.data(), packet->bytes.size(), MSG_NOSIGNAL));
}

// A message with a descriptor that it has no place for, or without its last byte.
template <class From>
void say_broken(From message, bool whole) {
    auto packet = codec::encode<From>(std::move(message));
    if (!packet) ::_exit(1);
    if (whole)
        packet->descriptors.emplace_back(::dup(STDIN_FILENO));
    else
        packet->bytes.pop_back();
    static_cast<void>(send_packet(kChildChannel, *packet).ok());
}

// Until the supervisor ends us.
template <class To>
[[noreturn]] void wait_for_end() {
    for (;;) {
        pollfd entry{kChildChannel, POLLIN, 0};
        static_cast<void>(::poll(&entry, 1, -1));
        auto received = receive_message<To>(kChildChannel);
        if (!received || received->kind == ReceivedKind::end) ::_exit(0);
        if (received->kind != ReceivedKind::message) continue;
        if (const auto* ping = std::get_if<messages::Ping>(&received->message))
            say<messages::FromAnyChild>(messages::Pong{ping->serial});
        if constexpr (messages::is_one_of<messages::DrainSessions, To>)
            if (std::holds_alternative<messages::DrainSessions>(received->message)) ::_exit(0);
    }
}

template <class Awaited, class To>
Awaited await() {
    for (;;) {
        pollfd entry{kChildChannel, POLLIN, 0};
        static_cast<void>(::poll(&entry, 1, -1));
        auto received = receive_message<To>(kChildChannel);
        if (!received || received->kind == ReceivedKind::end) ::_exit(0);
        if (received->kind == ReceivedKind::message)
            if (auto* awaited = std::get_if<Awaited>(&received->message)) return std::move(*awaited);
    }
}

pid_t idle_child() {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
}

[[noreturn]] void loader(const std::string& step, std::int64_t argument) {
    auto load = await<messages::StartLoad, messages::ToLoader>();
    if (step == "standby") {
        say<messages::FromLoader>(messages::StandbyStarted{argument});
    } else if (step == "scanner") {
        say<messages::FromLoader>(messages::ScannerStarted{argument, 0});
    } else if (step == "scanners") {
        for (int i = 0; i < kMostChildren; ++i) say<messages::FromLoader>(messages::ScannerStarted{idle_child(), 0});
    } else if (step == "twice") {
        const pid_t pid = idle_child();
        say<messages::FromLoader>(messages::ScannerStarted{pid, 0});
        say<messages::FromLoader>(messages::StandbyStarted{pid});
    } else if (step == "slot") {
        say<messages::FromLoader>(messages::ScannerStarted{idle_child(), static_cast<std::uint32_t>(argument)});
    } else if (step == "starved") {
        say<messages::FromLoader>(messages::LoadStarved{});
        ::_exit(0);
    } else if (step == "progress") {
        for (std::int64_t i = 0; i < argument; ++i) say<messages::FromLoader>(messages::LoadProgress{"load"});
    } else if (step == "room") {
        say<messages::FromLoader>(messages::LoadAwaitsRoom{});
    } else if (step == "unchanged") {
        say<messages::FromLoader>(messages::LoadUnchanged{});
    } else if (step == "half" || step == "descriptor") {
        say_broken<messages::FromLoader>(messages::LoadProgress{"load"}, step == "descriptor");
    } else if (step == "error") {
        say_raw<messages::FromLoader>(messages::LoadFailed{0, {}}, static_cast<std::size_t>(argument));
    }
    wait_for_end<messages::ToLoader>();
}

[[noreturn]] void session(const std::string& step, std::int64_t argument) {
    static_cast<void>(await<messages::ConfigureSession, messages::ToSession>());
    if (step == "never") wait_for_end<messages::ToSession>();
    say<messages::FromSession>(messages::SessionWorkerReady{});
    if (step == "unfit") {
        say<messages::FromSession>(messages::SessionWorkerUnfit{"it says so"});
        ::_exit(0);
    } else if (step == "unfit-again") {
        for (std::int64_t i = 0; i < argument; ++i)
            say<messages::FromSession>(messages::SessionWorkerUnfit{"it says so"});
    } else if (step == "name") {
        say_raw<messages::FromSession>(messages::Detection{}, static_cast<std::size_t>(argument));
    } else if (step == "names") {
        std::string name(255, 'n');
        for (std::int64_t i = 0; i < argument; ++i) {
            const std::string number = std::to_string(i);
            name.replace(0, number.size(), number);
            say<messages::FromSession>(messages::Detection{name, 1});
        }
    } else if (step == "overdue") {
        const pid_t supervisor = ::getppid();
        for (std::int64_t i = 0; i < argument; ++i)
            for (const pid_t pid : {supervisor, pid_t{1}, ::getpid()})
                say<messages::FromSession>(messages::ScannerOverdue{1, pid, 1});
        say<messages::FromSession>(messages::Detection{"all is said", 1});
    } else if (step == "half" || step == "descriptor") {
        say_broken<messages::FromSession>(messages::Detection{"name", 1}, step == "descriptor");
    } else if (step == "exit") {
        ::_exit(0);
    }
    wait_for_end<messages::ToSession>();
}

} // namespace

int main(int, char** argv) {
    std::array<char, PATH_MAX> path{};
    if (::readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0) return 70;
    const std::string own = path.data();
    const std::string folder = own.substr(0, own.rfind('/'));
    std::ifstream file(folder + "/behaviour");
    std::string role;
    std::string step;
    std::int64_t argument = 0;
    file >> role >> step >> argument;
    const bool is_session = own.ends_with("evermilter-session");
    if (role != (is_session ? "session" : "loader")) {
        ::execv((own + ".real").c_str(), argv);
        return 70;
    }
    messages::Hello hello;
    hello.role = is_session ? messages::Role::session : messages::Role::loader;
    hello.pid = ::getpid();
    say<messages::FromAnyChild>(hello);
    if (is_session) session(step, argument);
    loader(step, argument);
}
