// A configuration is taken over whole or not at all: everything that can fail is done before any of it is in force.
// Nobody waits while it is read, however long a name server takes and whatever the file contains.
#include <arpa/inet.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/command.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/report.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// A socket of this test; its port is in use while it lives.
class TakenPort {
  public:
    TakenPort(int type, const std::string& host, unsigned short port) : fd_(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(port);
        inet_pton(AF_INET, host.c_str(), &name.sin_addr);
        bound_ = bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
        if (type == SOCK_STREAM) static_cast<void>(listen(fd_.get(), 1));
        socklen_t size = sizeof name;
        getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size);
        port_ = ntohs(name.sin_port);
    }
    [[nodiscard]] bool bound() const { return bound_; }
    [[nodiscard]] std::string address() const { return "inet:" + std::to_string(port_) + "@127.0.0.1"; }
    void give_back() { fd_.reset(); }

  private:
    evermilter::unique_fd fd_;
    unsigned short port_ = 0;
    bool bound_ = false;
};

std::string list(const std::vector<std::string>& addresses) {
    std::string text = "[";
    for (const std::string& one : addresses) text += (text.size() == 1 ? "\"" : ", \"") + one + "\"";
    return text + "]";
}

// A service whose generation and listeners show which configuration is in force.
struct Phases {
    Phases() : service(Keys{{"database.watch", "false"}}) {
        service.start();
        before = service.status();
    }
    void refused(const std::vector<std::string>& words) {
        const json answer = ask(service, "reload-config");
        BOOST_TEST(answer.at("ok") == false, answer.dump());
        const std::string error = answer.value("error", "");
        for (const std::string& word : words)
            BOOST_TEST(error.find(word) != std::string::npos, "\"" << error << "\" lacks \"" << word << "\"");
    }
    // Nothing of the refused configuration is in force.
    void as_before() {
        const json status = service.status();
        BOOST_TEST(status.at("current_generation") == before.at("current_generation"));
        BOOST_TEST(status.at("listeners") == before.at("listeners"));
        BOOST_TEST(status.at("state") == "ready");
        BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
        BOOST_TEST(service.session().message(clean_mail("as before")).status() == "Clean");
    }
    Service service;
    json before;
};

} // namespace

BOOST_AUTO_TEST_SUITE(config_phases_test)

BOOST_AUTO_TEST_CASE(an_engine_is_not_loaded_for_a_file_whose_address_is_in_use) {
    Phases test;
    TakenPort port(SOCK_STREAM, "127.0.0.1", 0);
    test.service.set("scanner.scan_archive", "false");
    test.service.set("milter.listen", list({test.service.milter_address(), port.address()}));
    test.refused({port.address(), "in use"});
    test.as_before();
    BOOST_TEST(loads(test.service) == 1U);
    BOOST_TEST(count_log(test.service, "event=config-refused") == 1U);

    port.give_back();
    const json answer = ask(test.service, "reload-config");
    BOOST_TEST(answer.at("ok") == true, answer.dump());
    const json status = test.service.status();
    BOOST_TEST(status.at("listeners").size() == 2U);
    BOOST_TEST(status.at("current_generation") > test.before.at("current_generation"));
}

BOOST_AUTO_TEST_CASE(the_same_for_a_group_and_a_folder_that_are_not_there) {
    Phases test;
    test.service.set("scanner.scan_archive", "false");
    test.service.set("milter.socket_group", "\"no-such-group-here\"");
    test.refused({"no-such-group-here"});
    test.as_before();
    test.service.set("milter.socket_group", "");
    test.service.set("milter.listen", list({test.service.milter_address(), "unix:/nonexistent/milter.sock"}));
    test.refused({"/nonexistent"});
    test.as_before();
    BOOST_TEST(loads(test.service) == 1U);
}

BOOST_AUTO_TEST_CASE(a_proof_directory_is_proven_before_it_is_taken) {
    Phases test;
    const fs::path proof = test.service.path("proof");
    fs::create_directories(proof / "clean");
    write_file(proof / "clean" / "virus.eml", eicar_in_body());
    test.service.set("database.proof_directory", "\"" + proof.string() + "\"");
    fs::permissions(proof, fs::perms::none);
    test.refused({"database.proof_directory", "Permission denied"});
    test.as_before();
    BOOST_TEST(count_log(test.service, "event=load-refused") == 1U); // the loader does not log it too
    fs::permissions(proof, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
    test.refused({(proof / "clean" / "virus.eml").string()});
    test.as_before();
    // The next database is loaded as usual.
    add_second_signature(test.service);
    const json answer = ask(test.service);
    BOOST_TEST(answer.at("ok") == true, answer.dump());
}

BOOST_AUTO_TEST_CASE(what_was_bound_for_a_load_that_is_refused_is_closed_again) {
    Phases test;
    fs::create_directory(test.service.path("broken"));
    write_file(test.service.path("broken") / "broken.hdb", "0011\n");
    const fs::path second = test.service.path("second.sock");
    test.service.set("database.directory", "\"" + test.service.path("broken").string() + "\"");
    test.service.set("milter.listen", list({"unix:" + second.string()})); // the present listener would go
    test.refused({"broken.hdb"});
    test.as_before();
    BOOST_TEST(!fs::exists(second));
    BOOST_TEST(count_log(test.service, "event=config-refused") == 0U); // load-refused has logged it
    // And the other way round: the next request finds nothing left of the refused one.
    test.service.set("database.directory", "\"" + test.service.database().string() + "\"");
    const json answer = ask(test.service, "reload-config");
    BOOST_TEST(answer.at("ok") == true, answer.dump());
    BOOST_TEST(fs::exists(second));
    BOOST_TEST(!fs::exists(test.service.path("milter.sock")));
}

BOOST_AUTO_TEST_CASE(a_name_of_a_hundred_thousand_parts_is_a_fault_with_its_place) {
    Phases test;
    const std::string good = read_file(test.service.config_file());
    std::string name = "a";
    for (int i = 1; i < 100'000; ++i) name += ".a";
    for (const std::string& text : {good + "\n[" + name + "]\n", good + "\nx = " + std::string(100'000, '[') + "\n"}) {
        write_file(test.service.config_file(), text);
        test.refused({test.service.config_file() + ":", "more than 16"});
        test.as_before();
        const Outcome checked = run({program("evermilterd"), "--check-config", "--config", test.service.config_file()});
        BOOST_TEST(checked.status == 78);
    }
    write_file(test.service.config_file(), good);
    BOOST_TEST(ask(test.service, "reload-config").at("ok") == true);
}

BOOST_AUTO_TEST_CASE(a_silent_name_server_makes_nobody_wait) {
    if (!is_root()) not_possible("an own mount needs root");
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        not_possible("this machine allows no mount");
    const TakenPort silent(SOCK_DGRAM, "127.83.77.53", 53);
    BOOST_REQUIRE(silent.bound());
    const Folder folder;
    write_file(folder.path() / "resolv.conf", "nameserver 127.83.77.53\noptions timeout:30 attempts:5\n");
    write_file(folder.path() / "nsswitch.conf", "hosts: files dns\npasswd: files\ngroup: files\n");
    for (const char* name : {"resolv.conf", "nsswitch.conf"}) {
        const std::string target = std::string("/etc/") + name;
        if (mount((folder.path() / name).c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
            not_possible("this machine allows no mount");
    }
    Phases test;
    test.service.set("milter.listen", list({test.service.milter_address(), "inet:0@mail.evermilter.test"}));
    StatusClient waiting(test.service.status_path());
    waiting.send("reload-config\n");
    pid_t helper = 0;
    wait_until("a helper asks for the name", [&] {
        for (const Process& one : children(test.service.pid()))
            if (one.name == "evermilterd") helper = one.pid;
        return helper != 0;
    });
    // The supervisor serves as if nothing had happened.
    for (int i = 0; i < 3; ++i) test.as_before();
    BOOST_TEST(ask(test.service, "reload --force").at("ok") == true);
    BOOST_TEST(alive(helper));
    BOOST_TEST(test.service.status().at("listeners").size() == 1U);
    kill(helper, SIGKILL);
    const json answer = json::parse(waiting.receive_until('\n'));
    BOOST_TEST(answer.at("ok") == false, answer.dump());
    BOOST_TEST(answer.at("error").get<std::string>().find("signal 9") != std::string::npos, answer.dump());
    for (const char* name : {"resolv.conf", "nsswitch.conf"})
        umount2((std::string("/etc/") + name).c_str(), MNT_DETACH);
}

BOOST_AUTO_TEST_SUITE_END()
