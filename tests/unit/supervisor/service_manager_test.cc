// What a service manager passes and is told: sockets found by their address, one line on how the service stands.
#include "supervisor/service_manager.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "supervisor/front/listener.h"
#include "supervisor/notifications.h"
#include "tests/unit/supervisor/turning_loop.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;

namespace {

unique_fd listening(const std::string& path, int type = SOCK_STREAM) {
    unique_fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    if (type == SOCK_STREAM) BOOST_REQUIRE(::listen(fd.get(), 8) == 0);
    return fd;
}

unique_fd listening_tcp(int family, std::uint16_t& port) {
    unique_fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage name{};
    name.ss_family = static_cast<sa_family_t>(family);
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0);
    BOOST_REQUIRE(::listen(fd.get(), 8) == 0);
    BOOST_REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    port = ntohs(family == AF_INET ? reinterpret_cast<const sockaddr_in&>(name).sin_port
                                   : reinterpret_cast<const sockaddr_in6&>(name).sin6_port);
    return fd;
}

bool found(const PassedSockets& sockets, const std::string& address) {
    const auto one = sockets.find(address);
    BOOST_REQUIRE(one.ok());
    BOOST_TEST(static_cast<bool>(*one) == sockets.has(address));
    return static_cast<bool>(*one);
}

} // namespace

BOOST_AUTO_TEST_SUITE(service_manager)

BOOST_AUTO_TEST_CASE(sockets_are_found_by_the_address_that_a_configuration_would_give_them) {
    const Folder folder;
    PassedSockets sockets;
    BOOST_TEST(sockets.empty());
    std::uint16_t four = 0;
    std::uint16_t six = 0;
    BOOST_TEST(sockets.add(listening(folder.path("a")), "milter").ok());
    BOOST_TEST(sockets.add(listening_tcp(AF_INET, four), "tcp").ok());
    const unique_fd has_six(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (has_six) BOOST_TEST(sockets.add(listening_tcp(AF_INET6, six), "tcp6").ok());
    BOOST_TEST(found(sockets, "unix:" + folder.path("a")));
    BOOST_TEST(!found(sockets, "unix:" + folder.path("b")));
    BOOST_TEST(found(sockets, "inet:" + std::to_string(four) + "@0.0.0.0"));
    BOOST_TEST(!found(sockets, "inet:" + std::to_string(four) + "@127.0.0.1"));
    if (has_six) BOOST_TEST(found(sockets, "inet6:" + std::to_string(six) + "@::"));
}

BOOST_AUTO_TEST_CASE(what_is_no_listening_stream_socket_is_refused_by_its_name) {
    const Folder folder;
    PassedSockets sockets;
    const auto datagram = sockets.add(listening(folder.path("d"), SOCK_DGRAM), "datagrams");
    BOOST_REQUIRE(!datagram.ok());
    BOOST_TEST(datagram.error().what.find("datagrams") != std::string::npos);
    BOOST_TEST(!sockets.add(unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC)), "file").ok());
    BOOST_TEST(!sockets.add(unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), "silent").ok());
    BOOST_TEST(sockets.empty());
}

BOOST_AUTO_TEST_CASE(those_that_no_address_names_are_told_with_address_and_name) {
    const Folder folder;
    PassedSockets sockets;
    BOOST_TEST(sockets.add(listening(folder.path("a")), "first").ok());
    BOOST_TEST(sockets.add(listening(folder.path("b")), "second").ok());
    const auto beside = sockets.beside({"unix:" + folder.path("a")});
    BOOST_REQUIRE(beside.size() == 1);
    BOOST_TEST(beside.front() == "unix:" + folder.path("b") + " (second)");
    BOOST_TEST(sockets.beside({"unix:" + folder.path("a"), "unix:" + folder.path("b")}).empty());
}

BOOST_AUTO_TEST_CASE(a_listener_set_uses_what_was_passed_and_leaves_its_path_alone) {
    TurningLoop loop;
    const Folder folder;
    PassedSockets sockets;
    BOOST_TEST(sockets.add(listening(folder.path("m.sock")), "milter").ok());
    const unique_fd early = connect_unix(folder.path("m.sock"));
    int accepted = 0;
    ListenerSet set(loop.get(), "milter",
                    [&](const unique_fd&, const PeerAddress&, const std::string&) { ++accepted; });
    set.use_passed(sockets);
    const std::vector<std::string> addresses = {"unix:" + folder.path("m.sock")};
    BOOST_REQUIRE(set.apply({{"", addresses, {}}}).ok());
    loop.until("the early one is accepted", [&] { return accepted == 1; });
    BOOST_REQUIRE(set.apply({}).ok()); // taken out of the configuration
    BOOST_TEST(std::filesystem::exists(folder.path("m.sock")));
    const unique_fd late = connect_unix(folder.path("m.sock"));
    BOOST_TEST(static_cast<bool>(late)); // it waits
    BOOST_REQUIRE(set.apply({{"", addresses, {}}}).ok());
    loop.until("the late one is accepted", [&] { return accepted == 2; });
    set.close();
    BOOST_TEST(std::filesystem::exists(folder.path("m.sock")));
}

BOOST_AUTO_TEST_CASE(the_status_line_names_what_serves_what_loads_and_what_is_wrong) {
    State state;
    BOOST_TEST(status_line(state) == "starting");
    state.waits_for = "the engine of generation 1\nis held";
    BOOST_TEST(status_line(state) == "starting: the engine of generation 1 is held");
    state.waits_for.clear();
    Generation& first = state.generations.emplace_back();
    first.id = 2;
    BOOST_TEST(status_line(state) == "starting: generation 2 is being loaded");
    first.state = GenerationState::active;
    first.signatures = 8000000;
    state.service = ServiceState::ready;
    BOOST_TEST(status_line(state) == "ready: generation 2, 8000000 signatures");
    Generation& second = state.generations.emplace_back();
    second.id = 3;
    second.step = "compile";
    state.service = ServiceState::reloading;
    BOOST_TEST(status_line(state) ==
               "reloading: generation 2, 8000000 signatures; generation 3 is being loaded (compile)");
    second.state = GenerationState::failed;
    state.service = ServiceState::degraded;
    state.degraded_reason = "a loader died";
    BOOST_TEST(status_line(state) == "degraded: a loader died; generation 2, 8000000 signatures");
}

BOOST_AUTO_TEST_SUITE_END()
