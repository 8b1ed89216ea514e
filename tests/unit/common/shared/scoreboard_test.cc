// What a child writes on its scoreboard the supervisor reads, and a wrong board is not mapped.
#include "workers/common/shared/scoreboard.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>

using evermilter::ScannerBoard;
using evermilter::SessionBoard;
using evermilter::SessionSlot;
using evermilter::Stage;
using evermilter::unique_fd;

namespace {

SessionBoard make_board(std::size_t slots) {
    auto board = SessionBoard::create("test", slots);
    BOOST_TEST_REQUIRE(board.ok());
    return std::move(*board);
}

unique_fd copy_of(const SessionBoard& board) {
    auto copy = board.duplicate();
    BOOST_TEST_REQUIRE(copy.ok());
    return std::move(*copy);
}

} // namespace

BOOST_AUTO_TEST_SUITE(scoreboard)

BOOST_AUTO_TEST_CASE(a_new_board_is_zero_everywhere) {
    const auto board = make_board(3);
    BOOST_TEST(board.slots() == 3U);
    for (std::size_t cell = 0; cell < evermilter::kCounterCells; ++cell)
        BOOST_TEST(board.header().counters.value(cell) == 0U);
    for (std::size_t i = 0; i < board.slots(); ++i) {
        BOOST_TEST(board.slot(i).session.load() == 0U);
        BOOST_TEST(board.slot(i).get_queue_id().empty());
    }
}

BOOST_AUTO_TEST_CASE(what_a_process_wrote_before_its_death_is_read_by_another) {
    const auto board = make_board(2);
    const pid_t child = ::fork();
    if (child == 0) {
        auto mapped = SessionBoard::map(copy_of(board));
        if (!mapped) ::_exit(1);
        mapped->slot(1).session.store(42);
        mapped->slot(1).stage.store(static_cast<std::uint64_t>(Stage::eom));
        mapped->slot(1).set_queue_id("4Zb9Xk2m");
        mapped->header().counters.add("messages.forged", 3);
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    BOOST_TEST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_TEST(board.slot(0).session.load() == 0U);
    BOOST_TEST(board.slot(1).session.load() == 42U);
    BOOST_TEST(board.slot(1).get_queue_id() == "4Zb9Xk2m");
    BOOST_TEST(board.header().counters.get("messages.forged") == 3U);
}

BOOST_AUTO_TEST_CASE(a_queue_id_is_cut_at_64_bytes_and_a_shorter_one_leaves_no_rest) {
    SessionSlot slot;
    slot.set_queue_id(std::string(100, 'a'));
    BOOST_TEST(slot.get_queue_id() == std::string(64, 'a'));
    slot.set_queue_id("b");
    BOOST_TEST(slot.get_queue_id() == "b");
    slot.set_queue_id({});
    BOOST_TEST(slot.get_queue_id().empty());
}

BOOST_AUTO_TEST_CASE(a_board_cannot_be_resized_under_its_reader) {
    const auto board = make_board(2);
    BOOST_TEST(::ftruncate(board.fd(), 0) != 0);
    BOOST_TEST(errno == EPERM);
    BOOST_TEST(::ftruncate(board.fd(), 1 << 20) != 0);
}

BOOST_AUTO_TEST_CASE(a_file_of_another_size_or_kind_is_not_mapped) {
    unique_fd empty(::memfd_create("empty", MFD_CLOEXEC));
    BOOST_TEST(!SessionBoard::map(std::move(empty)).ok());
    unique_fd odd(::memfd_create("odd", MFD_CLOEXEC));
    const auto header = static_cast<off_t>(sizeof(evermilter::SessionBoardHeader));
    BOOST_TEST_REQUIRE(::ftruncate(odd.get(), header + 1) == 0);
    BOOST_TEST(!SessionBoard::map(std::move(odd)).ok());
    // The right size, but its header speaks of another count.
    unique_fd zero(::memfd_create("zero", MFD_CLOEXEC));
    BOOST_TEST_REQUIRE(::ftruncate(zero.get(), header + static_cast<off_t>(sizeof(SessionSlot))) == 0);
    BOOST_TEST(!SessionBoard::map(std::move(zero)).ok());
    BOOST_TEST(!SessionBoard::map(unique_fd()).ok());
    auto scanners = ScannerBoard::create("scanners", 3);
    BOOST_TEST_REQUIRE(scanners.ok());
    auto copy = scanners->duplicate();
    BOOST_TEST_REQUIRE(copy.ok());
    BOOST_TEST(!SessionBoard::map(std::move(*copy)).ok());
}

BOOST_AUTO_TEST_SUITE_END()
