// evermilterd --check-config says beforehand what would end a start, all of it at once, with the status that the start
// would end with, and changes nothing. Each fault is made for real, checked, and then met by a start.
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>
#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>

#include "tests/support/listening.h"
#include "tests/support/messages.h"
#include "tests/support/own_mount.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using evermilter::unique_fd;
namespace data = boost::unit_test::data;
namespace fs = std::filesystem;

namespace {

constexpr int kNoUser = 67, kNoHost = 68, kUnavailable = 69, kCannotCreate = 73, kTemporary = 75, kNoPermission = 77,
              kConfig = 78;
constexpr uid_t kStranger = 12345;

std::string in_quotes(const fs::path& path) {
    return '"' + path.string() + '"';
}

// What a fault needs for as long as it is to last.
struct Held {
    std::vector<unique_fd> descriptors;
    std::vector<std::unique_ptr<OwnMount>> mounts;
};

struct Fault {
    const char* name;
    int status;
    std::vector<std::string> words; // in what is said of it; "@" is the service's folder
    std::function<void(Service&, Held&)> make;
    std::vector<std::string> by; // a command that evermilterd is run by
};
std::ostream& operator<<(std::ostream& out, const Fault& fault) {
    return out << fault.name;
}

void give_to(const fs::path& path, uid_t user, mode_t mode) {
    BOOST_REQUIRE(::chown(path.c_str(), user, user) == 0);
    BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
}

unique_fd lock(const fs::path& folder) {
    fs::create_directory(folder);
    unique_fd held(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    BOOST_REQUIRE(::flock(held.get(), LOCK_EX | LOCK_NB) == 0);
    return held;
}

const std::vector<Fault> kFaults = {
    {"unknown user",
     kNoUser,
     {"process.user: there is no user \"no-such-user-here\""},
     [](Service& service, Held&) { service.set("process.user", "\"no-such-user-here\""); },
     {}},
    {"unknown group",
     kNoUser,
     {"process.group: there is no group \"no-such-group-here\""},
     [](Service& service, Held&) { service.set("process.group", "\"no-such-group-here\""); },
     {}},
    {"unknown scanner user",
     kNoUser,
     {"process.scanner_user: there is no user \"no-such-user-here\""},
     [](Service& service, Held&) { service.set("process.scanner_user", "\"no-such-user-here\""); },
     {}},
    {"unknown group of the milter socket",
     kNoUser,
     {"milter.socket_group", "no-such-group-here"},
     [](Service& service, Held&) { service.set("milter.socket_group", "\"no-such-group-here\""); },
     {}},
    {"unknown group of the status socket",
     kNoUser,
     {"status.socket_group", "no-such-group-here"},
     [](Service& service, Held&) { service.set("status.socket_group", "\"no-such-group-here\""); },
     {}},
    {"a name without an address",
     kNoHost,
     {"no-such-host.invalid", "write the address as a number"},
     [](Service& service, Held&) { service.set("milter.listen", "[\"inet:8891@no-such-host.invalid\"]"); },
     {}},
    {"a file in the place of the temp directory",
     kCannotCreate,
     {"scanner.temp_directory", "@/tmp"},
     [](Service& service, Held&) { write_file(service.temp_directory(), "a file\n"); },
     {}},
    {"a file above the state directory",
     kCannotCreate,
     {"database.state_directory", "Not a directory"},
     [](Service& service, Held&) {
         write_file(service.path("file"), "a file\n");
         service.set("database.state_directory", in_quotes(service.path("file") / "state"));
     },
     {}},
    {"a link that leads nowhere in the place of the spool directory",
     kCannotCreate,
     {"message.spool_directory"},
     [](Service& service, Held&) { fs::create_symlink("/nowhere/at/all", service.spool_directory()); },
     {}},
    {"a temp directory below a folder that only root enters",
     kNoPermission,
     {"scanner.temp_directory", "@/closed/tmp"},
     [](Service& service, Held&) {
         fs::create_directories(service.path("closed") / "tmp");
         fs::permissions(service.path("closed"), fs::perms::owner_all);
         service.set("scanner.temp_directory", in_quotes(service.path("closed") / "tmp"));
     },
     {}},
    {"a missing temp directory below a folder that only root enters",
     kNoPermission,
     {"scanner.temp_directory", "@/closed/new/tmp"},
     [](Service& service, Held&) {
         fs::create_directory(service.path("closed"));
         fs::permissions(service.path("closed"), fs::perms::owner_all);
         service.set("scanner.temp_directory", in_quotes(service.path("closed") / "new/tmp"));
     },
     {}},
    {"a stranger's spool directory",
     kNoPermission,
     {"message.spool_directory", "@/spool", "make it writable"},
     [](Service& service, Held&) {
         fs::create_directory(service.spool_directory());
         write_file(service.spool_directory() / "theirs", "");
         give_to(service.spool_directory(), kStranger, 0700);
     },
     {}},
    {"root's state directory with something in it",
     kNoPermission,
     {"database.state_directory", "@/state"},
     [](Service& service, Held&) {
         fs::create_directory(service.state_directory());
         write_file(service.state_directory() / "file", "");
     },
     {}},
    {"a temp directory whose user may not write",
     kNoPermission,
     {"scanner.temp_directory", "@/tmp"},
     [](Service& service, Held&) {
         fs::create_directory(service.temp_directory());
         give_to(service.temp_directory(), service.user().user, 0500);
     },
     {}},
    {"a state directory of a former user that its new one could not write",
     kNoPermission,
     {"database.state_directory"},
     [](Service& service, Held&) {
         fs::create_directory(service.state_directory());
         write_file(service.state_directory() / "generation", "7\n");
         give_to(service.state_directory(), kStranger, 0500);
     },
     {}},
    {"a missing temp directory on a read-only file system",
     kTemporary,
     {"scanner.temp_directory", "Read-only"},
     [](Service& service, Held& held) {
         held.mounts.push_back(std::make_unique<OwnMount>(service.path("mount"), "mode=0755"));
         held.mounts.back()->read_only(true);
         service.set("scanner.temp_directory", in_quotes(service.path("mount") / "tmp"));
     },
     {}},
    {"a missing spool directory on a file system without an inode",
     kTemporary,
     {"message.spool_directory", "No space left"},
     [](Service& service, Held& held) {
         held.mounts.push_back(std::make_unique<OwnMount>(service.path("mount"), "nr_inodes=1,mode=0755"));
         service.set("message.spool_directory", in_quotes(service.path("mount") / "spool"));
     },
     {}},
    {"a temp directory in use",
     kUnavailable,
     {"scanner.temp_directory", "in use by another evermilterd"},
     [](Service& service, Held& held) { held.descriptors.push_back(lock(service.temp_directory())); },
     {}},
    {"a state directory in use",
     kUnavailable,
     {"database.state_directory", "in use by another evermilterd"},
     [](Service& service, Held& held) { held.descriptors.push_back(lock(service.state_directory())); },
     {}},
    {"a file in the place of the milter socket",
     kCannotCreate,
     {"@/milter.sock", "something that is not a socket"},
     [](Service& service, Held&) { write_file(service.path("milter.sock"), "precious\n"); },
     {}},
    {"another process on the milter socket",
     kUnavailable,
     {"@/milter.sock", "a running process listens there"},
     [](Service& service, Held& held) { held.descriptors.push_back(listen_on(service.path("milter.sock"))); },
     {}},
    {"another process on the status socket",
     kUnavailable,
     {"@/status.sock", "a running process listens there"},
     [](Service& service, Held& held) { held.descriptors.push_back(listen_on(service.status_path())); },
     {}},
    {"a socket's folder without a folder above",
     kCannotCreate,
     {"milter.listen", "@/no/such/folder/milter.sock"},
     [](Service& service, Held&) {
         service.set("milter.listen", "[\"unix:" + service.path("no/such/folder/milter.sock").string() + "\"]");
     },
     {}},
    {"a file in the place of a listener's folder",
     kCannotCreate,
     {"listener[other].address", "@/file/milter.sock"},
     [](Service& service, Held&) {
         write_file(service.path("file"), "a file\n");
         write_file(service.config_file(), read_file(service.config_file()) + "[[listener]]\nname = \"other\"\n" +
                                               "address = [\"unix:" + service.path("file/milter.sock").string() +
                                               "\"]\n");
     },
     {}},
    {"a stranger's link on the way to the status socket",
     kCannotCreate,
     {"@/link/status.sock", "symbolic link"},
     [](Service& service, Held&) {
         fs::create_directory(service.path("folder"));
         fs::create_symlink("folder", service.path("link"));
         BOOST_REQUIRE(::lchown(service.path("link").c_str(), kStranger, kStranger) == 0);
         service.set("status.socket", in_quotes("unix:" + service.path("link/status.sock").string()));
     },
     {}},
    {"a port below 1024 without the capability",
     kNoPermission,
     {"inet:1@0.0.0.0", "Permission denied"},
     [](Service& service, Held&) {
         service.set("milter.listen", "[\"inet:1@0.0.0.0\"]");
         service.set("milter.allow", "[\"127.0.0.0/8\"]");
     },
     {"unshare", "--net", "setpriv", "--bounding-set=-net_bind_service"}},
    {"too few descriptors",
     kConfig,
     {"open files", "the hard limit is 700"},
     [](Service&, Held&) {},
     {"prlimit", "--nofile=700:700"}},
    {"too few threads",
     kConfig,
     {"processes and threads", "the hard limit is 50"},
     [](Service&, Held&) {},
     {"prlimit", "--nproc=50:50"}},
};

Outcome evermilterd(const Service& service, const std::string& option, std::vector<std::string> by = {}) {
    for (const std::string& word : {program("evermilterd"), option, std::string("--config"), service.config_file()})
        by.push_back(word);
    return run(by);
}
Outcome check(const Service& service) {
    return evermilterd(service, "--check-config");
}

// Everything below a folder with what a change of it would show, the times of folders included. Not the time of
// reading.
std::vector<std::string> listing(const fs::path& folder) {
    std::vector<std::string> lines;
    const auto add = [&](const fs::path& path) {
        struct stat about {};
        BOOST_REQUIRE(::lstat(path.c_str(), &about) == 0);
        std::string line = path.string();
        for (const auto number :
             {static_cast<long long>(about.st_ino), static_cast<long long>(about.st_mode),
              static_cast<long long>(about.st_uid), static_cast<long long>(about.st_gid),
              static_cast<long long>(about.st_size), static_cast<long long>(about.st_mtim.tv_sec),
              static_cast<long long>(about.st_mtim.tv_nsec), static_cast<long long>(about.st_ctim.tv_sec),
              static_cast<long long>(about.st_ctim.tv_nsec)})
            line += " " + std::to_string(number);
        lines.push_back(line);
    };
    add(folder);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) add(entry.path());
    std::sort(lines.begin(), lines.end());
    return lines;
}

void says(const Outcome& outcome, int status, const std::vector<std::string>& words, const Service& service) {
    BOOST_TEST(outcome.status == status, "exit status " << outcome.status << "\n" << outcome.errors);
    for (std::string word : words) {
        if (word.starts_with('@')) word = service.path("").parent_path().string() + word.substr(1);
        BOOST_TEST((outcome.errors.find(word) != std::string::npos), "\"" << word << "\" is missing in\n"
                                                                          << outcome.errors);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(check_config_test)

BOOST_DATA_TEST_CASE(what_ends_a_start_is_said_before_with_the_same_status_and_nothing_is_changed,
                     data::make(kFaults)) {
    if (!is_root()) not_possible("another user needs root");
    Service service;
    Held held;
    sample.make(service, held);
    const auto before = listing(service.path(""));
    const Outcome checked = evermilterd(service, "--check-config", sample.by);
    says(checked, sample.status, sample.words, service);
    BOOST_TEST(listing(service.path("")) == before, boost::test_tools::per_element());
    says(evermilterd(service, "--foreground", sample.by), sample.status, sample.words, service);
}

BOOST_AUTO_TEST_CASE(a_missing_program_is_said_before) {
    Service service;
    fs::create_directory(service.path("alone"));
    fs::copy_file(program("evermilterd"), service.path("alone") / "evermilterd");
    for (const char* option : {"--check-config", "--foreground"}) {
        const Outcome outcome = run({service.path("alone") / "evermilterd", option, "--config", service.config_file()});
        if (is_root()) says(outcome, kUnavailable, {"evermilter-session", "the installation is not complete"}, service);
    }
}

BOOST_AUTO_TEST_CASE(a_passed_socket_that_the_configuration_does_not_name_is_said_before) {
    Service service;
    const unique_fd other = listen_on(service.path("other"));
    for (const char* option : {"--check-config", "--foreground"}) {
        const unique_fd said(::open(service.path("said").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        Child child = start_program({program("evermilterd"), option, "--config", service.config_file()}, said.get(),
                                    said.get(), std::nullopt, {}, {other.get()});
        Outcome outcome;
        outcome.status = wait_exit(child);
        outcome.errors = read_file(service.path("said"));
        if (is_root()) says(outcome, kConfig, {"@/other", "remove it from the socket unit"}, service);
    }
}

BOOST_AUTO_TEST_CASE(all_faults_are_said_at_once_and_the_status_is_that_of_the_worst) {
    if (!is_root()) not_possible("another user needs root");
    Service service(Keys{{"process.user", "\"no-such-user-here\""},
                         {"process.group", "\"no-such-group-here\""},
                         {"milter.socket_group", "\"nor-this-group\""}});
    write_file(service.temp_directory(), "a file\n");
    write_file(service.path("milter.sock"), "precious\n");
    const unique_fd other = listen_on(service.status_path());
    service.set("message.spool_directory", in_quotes(service.path("milter.sock") / "spool"));
    const std::vector<std::string> all = {"process.user: there is no user \"no-such-user-here\"",
                                          "process.group: there is no group",
                                          "nor-this-group",
                                          "scanner.temp_directory",
                                          "something that is not a socket",
                                          "@/status.sock: a running process",
                                          "message.spool_directory"};
    says(check(service), kCannotCreate, all, service);
    says(evermilterd(service, "--check-config", {"prlimit", "--nofile=700:700"}), kConfig,
         {"open files", "scanner.temp_directory"}, service);
}

BOOST_AUTO_TEST_CASE(folders_that_the_start_would_make_are_no_fault_and_are_not_made) {
    Service service;
    service.set("scanner.temp_directory", in_quotes(service.path("new/one/tmp")));
    service.set("milter.listen", "[\"unix:" + service.path("sockets/milter.sock").string() + "\"]");
    const auto before = listing(service.path(""));
    const Outcome checked = check(service);
    BOOST_TEST(checked.status == 0, checked.errors);
    BOOST_TEST(listing(service.path("")) == before, boost::test_tools::per_element());
    service.launch(); // and it does make them
    service.wait_ready();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(sockets_that_a_dead_process_has_left_stay_where_they_are) {
    Service service;
    listen_on(service.path("milter.sock")).reset();
    listen_on(service.status_path()).reset();
    const auto before = listing(service.path(""));
    const Outcome checked = check(service);
    BOOST_TEST(checked.status == 0, checked.errors);
    BOOST_TEST(listing(service.path("")) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(beside_a_running_service_it_says_so_and_disturbs_nothing) {
    if (!is_root()) not_possible("another user needs root");
    Service service;
    service.set("milter.listen", "[\"" + service.milter_address() + "\", \"inet:0@127.0.0.1\"]");
    service.start();
    const nlohmann::json listeners = service.status().at("listeners");
    const auto tcp = std::find_if(listeners.begin(), listeners.end(), [](const nlohmann::json& one) {
        return one.get<std::string>().starts_with("inet:");
    });
    BOOST_REQUIRE((tcp != listeners.end()));
    service.set("milter.listen", "[\"" + service.milter_address() + "\", " + tcp->dump() + "]");
    MilterClient client = service.session(); // is open meanwhile
    const auto pids = [&] {
        std::vector<pid_t> all;
        for (const Process& one : service.processes()) all.push_back(one.pid);
        std::sort(all.begin(), all.end());
        return all;
    };
    const auto before = pids();
    const auto sockets_and_folders = [&] {
        auto all = listing(service.temp_directory());
        for (const fs::path& folder : {service.state_directory(), service.spool_directory(), service.database()})
            for (std::string& line : listing(folder)) all.push_back(std::move(line));
        return all;
    };
    const auto tree = sockets_and_folders();
    const Outcome checked = check(service);
    const std::string holder = "a running evermilterd (pid " + std::to_string(service.pid()) + ")";
    says(checked, 0,
         {"note: " + service.milter_address() + ": " + holder, "note: unix:" + service.status_path() + ": " + holder,
          "note: " + tcp->get<std::string>() + ": " + holder, "scanner.temp_directory: " + holder,
          "database.state_directory: " + holder},
         service);
    BOOST_TEST(sockets_and_folders() == tree, boost::test_tools::per_element());
    BOOST_TEST(pids() == before, boost::test_tools::per_element());
    BOOST_TEST(service.status().at("state") == "ready");
    BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 "));
    client.quit();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(what_a_start_waits_for_is_a_note) {
    if (!is_root()) not_possible("an own mount needs root");
    Service service;
    const OwnMount mount(service.spool_directory(), "mode=0777");
    mount.read_only(true);
    unique_fd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    BOOST_REQUIRE(::bind(other.get(), reinterpret_cast<sockaddr*>(&name), size) == 0);
    BOOST_REQUIRE(::listen(other.get(), 8) == 0);
    BOOST_REQUIRE(::getsockname(other.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    const std::string port = std::to_string(ntohs(name.sin_port));
    service.set("milter.listen", "[\"" + service.milter_address() + "\", \"inet:" + port +
                                     "@127.0.0.1\", \"inet:" + port + "@192.0.2.77\"]");
    says(check(service), 0,
         {"note: message.spool_directory: ", "is read-only", "inet:" + port + "@127.0.0.1: Address already in use",
          "inet:" + port + "@192.0.2.77: Cannot assign requested address", "tries again until it can be bound"},
         service);
    service.launch();
    service.wait_log({"event=session-worker-ready"});
}

BOOST_AUTO_TEST_CASE(what_children_will_lack_is_a_note_with_the_file_the_user_and_the_remedy) {
    if (!is_root()) not_possible("another user needs root");
    Service service(Keys{{"on_infected.command", "\"/etc/passwd\""},
                         {"database.site_signatures", "\"/nowhere/site\""},
                         {"database.proof_directory", "\"/nowhere/proof\""},
                         {"tap.switch", "\"/nowhere/tap\""},
                         {"tap.directory", "\"/proc/tap\""}});
    write_file(service.config_file(), read_file(service.config_file()) +
                                          "[[policy]]\nname = \"quota\"\nservers = [\"unix:/nowhere/quota\"]\n");
    fs::permissions(service.database() / "eicar.ndb", fs::perms::owner_read | fs::perms::owner_write);
    const std::string user = "by user nobody";
    says(check(service), 0,
         {"note: database.directory: " + (service.database() / "eicar.ndb").string() + " cannot be read " + user +
              " (Permission denied); it has the mode 0600 and the owner 0: make it readable",
          "note: database.site_signatures: /nowhere/site cannot be read " + user,
          "note: database.proof_directory: /nowhere/proof cannot be read " + user,
          "note: on_infected.command: /etc/passwd cannot be executed " + user,
          "note: tap.directory: user nobody cannot write to /proc",
          "note: policy[quota].servers: /nowhere/quota cannot be reached " + user},
         service);
    fs::remove(service.database() / "eicar.ndb");
    says(check(service), 0, {"note: database.directory: ", "@/db holds no database: run freshclam"}, service);
    fs::remove_all(service.database());
    says(check(service), 0, {"note: database.directory: ", "@/db", "No such file"}, service);
}

BOOST_AUTO_TEST_CASE(what_the_start_gives_to_a_new_user_is_a_note) {
    if (!is_root()) not_possible("another user needs root");
    Service service;
    fs::create_directory(service.state_directory());
    write_file(service.state_directory() / "generation", "7\n");
    give_to(service.state_directory(), kStranger, 0750);
    const auto before = listing(service.path(""));
    says(check(service), 0, {"database.state_directory: the start gives", "to user nobody"}, service);
    BOOST_TEST(listing(service.path("")) == before, boost::test_tools::per_element());
    service.start();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(an_ordinary_user_gets_notes_and_no_fault) {
    if (!is_root()) not_possible("another user needs root");
    Service service(Keys{{"process.user", "\"no-such-user-here\""},
                         {"scanner.temp_directory", "\"/nowhere/at/all/tmp\""},
                         {"milter.listen", "[\"unix:/nowhere/at/all/milter.sock\"]"}});
    fs::create_directory(service.path("bin"));
    for (const char* name : {"evermilterd", "evermilter-session", "evermilter-scanner"})
        fs::copy_file(program(name), service.path("bin") / name);
    const std::vector<std::string> command = {service.path("bin") / "evermilterd", "--check-config", "--config",
                                              service.config_file()};
    says(run(command, nobody()), 0,
         {"note: not checked as root", "note: scanner.temp_directory: ", "note: milter.listen: "}, service);
    write_file(service.config_file(), "nonsense = 1\n");
    says(run(command, nobody()), kConfig, {service.config_file() + ":1:1: nonsense: "}, service);
}

BOOST_AUTO_TEST_SUITE_END()
