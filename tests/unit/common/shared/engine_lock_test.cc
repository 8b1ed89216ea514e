// Locks of generations: told to others while any holder lives, gone with the last.
#include "workers/common/shared/engine_lock.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

using namespace evermilter;

namespace {

using Ids = std::vector<std::uint64_t>;

struct StateFolder {
    StateFolder() { BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~StateFolder() { std::filesystem::remove_all(path); }
    [[nodiscard]] Ids locked() const {
        auto found = locked_engines(path);
        BOOST_REQUIRE(found.ok());
        return *found;
    }
    [[nodiscard]] unique_fd lock(std::uint64_t id) const {
        auto taken = lock_engine(path, id);
        BOOST_REQUIRE(taken.ok());
        return std::move(*taken);
    }
    std::string path = "/tmp/evermilter-engines-XXXXXX";
};

} // namespace

BOOST_AUTO_TEST_SUITE(engine_lock)

BOOST_AUTO_TEST_CASE(nothing_is_locked_in_a_new_folder) {
    const StateFolder folder;
    BOOST_TEST(folder.locked().empty());
}

BOOST_AUTO_TEST_CASE(each_locked_generation_is_named_once_and_no_other) {
    const StateFolder folder;
    std::vector<unique_fd> locks;
    for (const std::uint64_t id : {7U, 1U, 4'000'000'000U, 8U, 3U}) locks.push_back(folder.lock(id));
    const Ids all = {1, 3, 7, 8, 4'000'000'000};
    BOOST_TEST(folder.locked() == all, boost::test_tools::per_element());
    locks.erase(locks.begin());
    const Ids rest = {1, 3, 8, 4'000'000'000};
    BOOST_TEST(folder.locked() == rest, boost::test_tools::per_element());
    locks.clear();
    BOOST_TEST(folder.locked().empty());
}

BOOST_AUTO_TEST_CASE(a_generation_is_locked_once) {
    const StateFolder folder;
    const unique_fd lock = folder.lock(5);
    const auto again = lock_engine(folder.path, 5);
    BOOST_REQUIRE(!again.ok());
    BOOST_TEST(again.error().code == EAGAIN);
}

BOOST_AUTO_TEST_CASE(a_forked_process_keeps_the_lock_of_one_that_has_ended) {
    const StateFolder folder;
    unique_fd lock = folder.lock(9);
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    lock.reset();
    BOOST_TEST(folder.locked() == Ids{9}, boost::test_tools::per_element());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    BOOST_TEST(folder.locked().empty());
}

BOOST_AUTO_TEST_CASE(a_link_in_place_of_the_file_is_not_followed) {
    const StateFolder folder;
    std::ofstream(folder.path + "/other") << "x";
    std::filesystem::create_symlink(folder.path + "/other", folder.path + "/engines");
    BOOST_TEST(!lock_engine(folder.path, 1).ok());
    BOOST_TEST(!locked_engines(folder.path).ok());
}

BOOST_AUTO_TEST_SUITE_END()
