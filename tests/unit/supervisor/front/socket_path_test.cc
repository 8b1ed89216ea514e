// Sockets and folders made by root where another user may put symbolic links in the way at any moment.
#include "supervisor/front/socket_path.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "supervisor/files/folder_path.h"
#include "tests/support/command.h"
#include "tests/support/report.h"
#include "tests/unit/supervisor/turning_loop.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;
namespace fs = std::filesystem;

namespace {

constexpr uid_t kOwner = 12345;

// A process of kOwner that replaces whatever appears in `folder` by a link to `victim`, as fast as it can.
class Swapper {
  public:
    Swapper(const std::string& folder, const std::string& victim) : pid_(::fork()) {
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::setresuid(kOwner, kOwner, kOwner) != 0) ::_exit(1);
        for (;;) {
            std::error_code failed;
            for (const auto& entry : fs::directory_iterator(folder, failed)) {
                const std::string name = entry.path();
                if (fs::is_symlink(fs::symlink_status(name, failed))) continue;
                if (::unlink(name.c_str()) != 0 && ::rmdir(name.c_str()) != 0) continue;
                if (::symlink(victim.c_str(), name.c_str()) != 0) continue;
            }
        }
    }
    ~Swapper() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Swapper(const Swapper&) = delete;
    Swapper& operator=(const Swapper&) = delete;

  private:
    pid_t pid_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(socket_path)

BOOST_AUTO_TEST_CASE(no_link_that_is_put_in_the_way_is_followed) {
    if (!evermilter::test::is_root()) evermilter::test::not_possible("another user needs root");
    const Folder folder;
    fs::permissions(folder.path("."), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    const std::string victim = folder.path("victim");
    std::ofstream(victim) << "precious";
    BOOST_REQUIRE(::chmod(victim.c_str(), 0600) == 0);
    const std::string theirs = folder.path("theirs");
    fs::create_directory(theirs);
    BOOST_REQUIRE(::chown(theirs.c_str(), kOwner, kOwner) == 0);

    const Swapper swapper(theirs, victim);
    Identity user;
    user.uid = user.gid = kOwner + 1;
    user.switch_user = true;
    // Until it was in the way some times.
    unsigned failed = 0;
    for (unsigned round = 0; round < 500 || (failed < 5 && round < 5000); ++round) {
        const std::string name = theirs + "/n" + std::to_string(round);
        if (!bind_path(name + ".sock", ResolvedAccess{0666, kOwner + 1}, 1).ok()) ++failed;
        if (!make_folder(name, 0777, user, Above::must_exist).ok()) ++failed;
        for (const char* suffix : {"", ".sock"}) {
            std::error_code gone;
            fs::remove(name + suffix, gone);
        }
        struct stat now {};
        BOOST_REQUIRE(::lstat(victim.c_str(), &now) == 0);
        BOOST_REQUIRE((now.st_mode & 07777U) == 0600U);
        BOOST_REQUIRE(now.st_uid == 0U);
        BOOST_REQUIRE(now.st_gid == 0U);
    }
    BOOST_TEST_MESSAGE("it was in the way " << failed << " times");
}

BOOST_AUTO_TEST_CASE(a_link_of_another_user_is_not_followed_on_the_way_and_one_of_root_is) {
    const Folder folder;
    fs::create_directories(folder.path("real/below"));
    fs::create_directory_symlink("real", folder.path("link"));
    BOOST_TEST(open_folder(folder.path("link/below")).ok());
    BOOST_TEST(open_folder(folder.path("link/../real/below/.")).ok());
    if (::geteuid() != 0) return;
    BOOST_REQUIRE(::lchown(folder.path("link").c_str(), kOwner, kOwner) == 0);
    const auto refused = open_folder(folder.path("link/below"));
    BOOST_REQUIRE(!refused.ok());
    BOOST_TEST(refused.error().code == ELOOP);
    BOOST_TEST(refused.error().what.find("12345") != std::string::npos);
    BOOST_TEST(!make_folder(folder.path("link/new"), 0755, Identity{}, Above::made).ok());
    BOOST_TEST(!fs::exists(folder.path("real/new")));
    BOOST_TEST(!bind_path(folder.path("link/m.sock"), {}, 1).ok());
}

BOOST_AUTO_TEST_CASE(links_that_lead_nowhere_or_in_a_circle_are_errors) {
    const Folder folder;
    fs::create_symlink("circle", folder.path("circle"));
    fs::create_symlink("nothing", folder.path("dangling"));
    BOOST_TEST(open_folder(folder.path("circle/x")).error().code == ELOOP);
    BOOST_TEST(open_folder(folder.path("dangling/x")).error().code == ENOENT);
    std::ofstream(folder.path("file")) << "x";
    BOOST_TEST(open_folder(folder.path("file/x")).error().code == ENOTDIR);
}

BOOST_AUTO_TEST_CASE(nothing_but_the_socket_is_left_in_the_folder) {
    const Folder folder;
    {
        const auto bound = bind_path(folder.path("m.sock"), {}, 1);
        BOOST_REQUIRE(bound.ok());
        BOOST_TEST(bound.value().path->reachable());
        const fs::path in = folder.path(".");
        BOOST_TEST(std::distance(fs::directory_iterator(in), fs::directory_iterator()) == 1);
        fs::rename(folder.path("m.sock"), folder.path("moved"));
        BOOST_TEST(!bound.value().path->reachable());
        fs::rename(folder.path("moved"), folder.path("m.sock"));
    }
    BOOST_TEST(!fs::exists(folder.path("m.sock")));
    // The longest path that clients can connect to.
    const std::string longest = folder.path(std::string(107 - folder.path("").size(), 'x'));
    const auto bound = bind_path(longest, {}, 1);
    BOOST_REQUIRE(bound.ok());
    BOOST_TEST(static_cast<bool>(connect_unix(longest)));
    BOOST_TEST(!bind_path(longest + "y", {}, 1).ok());
}

BOOST_AUTO_TEST_SUITE_END()
