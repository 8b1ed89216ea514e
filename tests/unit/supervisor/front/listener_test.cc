// Listening sockets: addresses in use, left behind, changed while others stay.
#include "supervisor/front/listener.h"

#include <arpa/inet.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>

#include "tests/unit/supervisor/turning_loop.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;

namespace {

struct ListenerTest {
    TurningLoop loop;
    Folder folder;
    std::vector<std::pair<unique_fd, PeerAddress>> accepted;
    std::vector<std::string> names; // of the accepted ones' groups
    std::unique_ptr<ListenerSet> set = make();

    std::unique_ptr<ListenerSet> make() {
        return std::make_unique<ListenerSet>(loop.get(), "milter",
                                             [this](unique_fd fd, const PeerAddress& peer, const std::string& name) {
                                                 accepted.emplace_back(std::move(fd), peer);
                                                 names.push_back(name);
                                             });
    }
    [[nodiscard]] std::string path(const std::string& name = "m.sock") const { return folder.path(name); }
    Result<void> apply(const std::vector<std::string>& addresses, const SocketAccess& access = {}) {
        return set->apply({{"", addresses, access}});
    }
};

unique_fd connect_ipv4(const std::string& address) {
    // "inet:PORT@127.0.0.1"
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return {};
    return fd;
}

mode_t mode_of(const std::string& path) {
    struct stat info {};
    BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}

bool exists(const std::string& path) {
    return std::filesystem::exists(std::filesystem::symlink_status(path));
}

// A socket at `path` whose process has died without unlinking it.
void leave_dead_socket(const std::string& path) {
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    BOOST_REQUIRE(::listen(fd.get(), 1) == 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(listener)

BOOST_AUTO_TEST_CASE(a_unix_peer_is_known_by_its_credentials) {
    ListenerTest test;
    BOOST_REQUIRE(test.apply({"unix:" + test.path()}).ok());
    const unique_fd peer = connect_unix(test.path());
    BOOST_REQUIRE(peer);
    test.loop.until("accepted", [&] { return test.accepted.size() == 1; });
    const auto* credentials = std::get_if<UnixPeer>(&test.accepted[0].second);
    BOOST_REQUIRE(credentials != nullptr);
    BOOST_TEST(credentials->pid == ::getpid());
    BOOST_TEST(credentials->uid == ::getuid());
    BOOST_TEST(to_text(*credentials) ==
               "unix pid=" + std::to_string(::getpid()) + " uid=" + std::to_string(::getuid()));
}

BOOST_AUTO_TEST_CASE(port_0_shows_the_real_port) {
    ListenerTest test;
    BOOST_REQUIRE(test.apply({"inet:0@127.0.0.1"}).ok());
    const std::vector<std::string> addresses = test.set->addresses();
    BOOST_REQUIRE(addresses.size() == 1U);
    BOOST_TEST(!addresses[0].starts_with("inet:0@"));
    BOOST_TEST(addresses[0].ends_with("@127.0.0.1"));
    const unique_fd peer = connect_ipv4(addresses[0]);
    BOOST_REQUIRE(peer);
    test.loop.until("accepted", [&] { return test.accepted.size() == 1; });
    BOOST_TEST(to_text(test.accepted[0].second).starts_with("127.0.0.1:"));
}

BOOST_AUTO_TEST_CASE(an_ipv4_peer_of_an_ipv6_socket_is_known_by_its_ipv4_address) {
    ListenerTest test;
    if (!test.apply({"inet6:0@::"}).ok()) {
        BOOST_TEST_MESSAGE("this machine has no IPv6");
        return;
    }
    const unique_fd peer = connect_ipv4(test.set->addresses()[0]);
    BOOST_REQUIRE(peer);
    test.loop.until("accepted", [&] { return test.accepted.size() == 1; });
    BOOST_TEST(std::holds_alternative<Ipv4Peer>(test.accepted[0].second));
    BOOST_TEST(origin_of(test.accepted[0].second) == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_path_in_use_by_a_live_process_is_an_error_and_stays_in_use) {
    ListenerTest test;
    BOOST_REQUIRE(test.apply({"unix:" + test.path()}).ok());
    auto second = test.make();
    const Result<void> result = second->apply({{"", {"unix:" + test.path()}, {}}});
    BOOST_REQUIRE(!result.ok());
    BOOST_TEST(result.error().code == EADDRINUSE);
    BOOST_TEST(result.error().what.find(test.path()) != std::string::npos);
    second.reset();
    BOOST_TEST(static_cast<bool>(connect_unix(test.path())));
}

BOOST_AUTO_TEST_CASE(a_path_left_by_a_dead_process_is_taken_over) {
    ListenerTest test;
    leave_dead_socket(test.path());
    BOOST_TEST(!connect_unix(test.path()));
    BOOST_REQUIRE(test.apply({"unix:" + test.path()}).ok());
    BOOST_TEST(static_cast<bool>(connect_unix(test.path())));
}

BOOST_AUTO_TEST_CASE(what_is_no_socket_is_left_alone) {
    ListenerTest test;
    std::ofstream(test.path()) << "precious";
    const Result<void> result = test.apply({"unix:" + test.path()});
    BOOST_REQUIRE(!result.ok());
    BOOST_TEST(result.error().code == EEXIST);
    BOOST_TEST(std::filesystem::file_size(test.path()) == 8U);
    std::filesystem::create_symlink("/nowhere", test.path("link"));
    BOOST_TEST(!test.apply({"unix:" + test.path("link")}).ok());
    BOOST_TEST(std::filesystem::is_symlink(test.path("link")));
}

BOOST_AUTO_TEST_CASE(a_missing_folder_is_named) {
    ListenerTest test;
    const Result<void> result = test.apply({"unix:" + test.path("no/m.sock")});
    BOOST_REQUIRE(!result.ok());
    BOOST_TEST(result.error().code == ENOENT);
    BOOST_TEST(result.error().what.find(test.path("no/m.sock")) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(mode_and_group_are_as_asked_for) {
    ListenerTest test;
    const mode_t mask = ::umask(022);
    BOOST_REQUIRE(test.apply({"unix:" + test.path()}, {0666, ""}).ok());
    BOOST_TEST(mode_of(test.path()) == 0666U);
    BOOST_TEST(::umask(mask) == 022U);
    BOOST_REQUIRE(test.apply({"unix:" + test.path()}, {0600, std::to_string(::getegid())}).ok());
    BOOST_TEST(mode_of(test.path()) == 0600U);
    const Result<void> unknown = test.apply({"unix:" + test.path()}, {0600, "no-such-group"});
    BOOST_REQUIRE(!unknown.ok());
    BOOST_TEST(unknown.error().what.find("milter.socket_group") != std::string::npos);
    BOOST_TEST(unknown.error().what.find("no-such-group") != std::string::npos);
    if (::geteuid() == 0) {
        const group* other = ::getgrnam("nogroup");
        BOOST_REQUIRE(other != nullptr);
        BOOST_REQUIRE(test.apply({"unix:" + test.path()}, {0660, "nogroup"}).ok());
        struct stat info {};
        BOOST_REQUIRE(::stat(test.path().c_str(), &info) == 0);
        BOOST_TEST(info.st_gid == other->gr_gid);
    }
}

BOOST_AUTO_TEST_CASE(the_path_is_removed_at_the_end_only_if_it_is_ours) {
    ListenerTest test;
    BOOST_REQUIRE(test.apply({"unix:" + test.path("a"), "unix:" + test.path("b")}).ok());
    std::filesystem::remove(test.path("b"));
    leave_dead_socket(test.path("b")); // another's
    test.set->close();
    BOOST_TEST(!exists(test.path("a")));
    BOOST_TEST(exists(test.path("b")));
}

BOOST_AUTO_TEST_CASE(addresses_come_and_go_without_closing_the_others) {
    ListenerTest test;
    BOOST_REQUIRE(test.apply({"unix:" + test.path("stays"), "unix:" + test.path("goes")}).ok());
    struct stat before {};
    BOOST_REQUIRE(::stat(test.path("stays").c_str(), &before) == 0);
    const unique_fd waiting = connect_unix(test.path("stays")); // in the backlog, not accepted yet
    BOOST_REQUIRE(test.apply({"unix:" + test.path("stays"), "inet:0@127.0.0.1"}).ok());
    struct stat after {};
    BOOST_REQUIRE(::stat(test.path("stays").c_str(), &after) == 0);
    BOOST_TEST(before.st_ino == after.st_ino);
    BOOST_TEST(!exists(test.path("goes")));
    BOOST_TEST(test.set->addresses().size() == 2U);
    test.loop.until("who waited is accepted", [&] { return test.accepted.size() == 1; });
}

BOOST_AUTO_TEST_CASE(a_socket_that_comes_to_another_group_stays_open_with_the_access_of_that_one) {
    ListenerTest test;
    const std::string first = "unix:" + test.path("first");
    const std::string moved = "unix:" + test.path("moved");
    BOOST_REQUIRE(test.set->apply({{"", {first, moved}, {0660, ""}}}).ok());
    struct stat before {};
    BOOST_REQUIRE(::stat(test.path("moved").c_str(), &before) == 0);
    const unique_fd waiting = connect_unix(test.path("moved")); // in the backlog, not accepted yet
    BOOST_REQUIRE(test.set->apply({{"", {first}, {0660, ""}}, {"other", {moved}, {0600, ""}}}).ok());
    struct stat after {};
    BOOST_REQUIRE(::stat(test.path("moved").c_str(), &after) == 0);
    BOOST_TEST(before.st_ino == after.st_ino);
    BOOST_TEST(mode_of(test.path("moved")) == 0600U);
    BOOST_TEST(mode_of(test.path("first")) == 0660U);
    test.loop.until("who waited is accepted", [&] { return test.accepted.size() == 1; });
    BOOST_TEST(test.names.at(0) == "other");
    const unique_fd at_first = connect_unix(test.path("first"));
    test.loop.until("the other is accepted", [&] { return test.accepted.size() == 2; });
    BOOST_TEST(test.names.at(1).empty());
    // Prepared and given up: as it was.
    BOOST_REQUIRE(test.set->prepare({{"third", {first, moved}, {0640, ""}}}).ok());
    test.set->abandon();
    const unique_fd once_more = connect_unix(test.path("moved"));
    test.loop.until("accepted", [&] { return test.accepted.size() == 3; });
    BOOST_TEST(test.names.at(2) == "other");
    BOOST_TEST(mode_of(test.path("moved")) == 0600U);
}

BOOST_AUTO_TEST_CASE(a_change_that_fails_changes_nothing) {
    ListenerTest test;
    BOOST_REQUIRE(test.apply({"unix:" + test.path("a")}).ok());
    const std::vector<std::string> before = test.set->addresses();
    for (const std::string& wrong :
         {std::string("nonsense"), "unix:" + test.path("no/x"), std::string("inet:1@no.such.host.invalid")}) {
        BOOST_TEST(!test.apply({"unix:" + test.path("new"), wrong}).ok());
        BOOST_TEST(test.set->addresses() == before);
        BOOST_TEST(!exists(test.path("new")));
        BOOST_TEST(static_cast<bool>(connect_unix(test.path("a"))));
    }
}

BOOST_AUTO_TEST_CASE(without_descriptors_the_listener_rests_and_accepts_when_there_are_some) {
    ListenerTest test;
    BOOST_REQUIRE(test.apply({"unix:" + test.path()}).ok());
    const unique_fd peer = connect_unix(test.path());
    rlimit limit{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none{3, limit.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const unsigned before = test.loop.turns();
    bool over = false;
    TimerWatcher second(test.loop.get(), [&over] { over = true; });
    second.start(std::chrono::seconds(1));
    test.loop.until("a second has passed", [&over] { return over; });
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    BOOST_TEST(test.loop.turns() - before <= 30U);
    BOOST_TEST(test.accepted.empty());
    test.loop.until("accepted", [&] { return test.accepted.size() == 1; });
}

BOOST_AUTO_TEST_SUITE_END()
