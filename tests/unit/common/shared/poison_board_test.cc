// The board of poison messages: what is set is found, and nobody but its maker can change it.
#include "workers/common/shared/poison_board.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

namespace evermilter {
namespace {

const MessageDigests kMessage{{{1, 2, 3, 4}}, {{5, 6, 7, 8}}};

PoisonBoard made() {
    auto board = PoisonBoard::create();
    BOOST_REQUIRE(board.ok());
    return std::move(*board);
}
unique_fd descriptor(const PoisonBoard& board) {
    auto fd = board.duplicate();
    BOOST_REQUIRE(fd.ok());
    return std::move(*fd);
}

} // namespace

BOOST_AUTO_TEST_SUITE(poison_board)

BOOST_AUTO_TEST_CASE(what_is_set_is_seen_by_all_until_its_time_or_until_it_is_cleared) {
    const PoisonBoard board = made();
    const auto reader = PoisonBoard::map(descriptor(board));
    BOOST_REQUIRE(reader.ok());
    BOOST_TEST(!reader->holds(kMessage, 0));
    board.set(PoisonBoard::kSlots - 1, kMessage, 100);
    BOOST_TEST(reader->holds(kMessage, 99));
    BOOST_TEST(reader->holds({{{9, 9, 9, 9}}, kMessage.body}, 99));
    BOOST_TEST(reader->holds({kMessage.whole, {}}, 99));
    BOOST_TEST(!reader->holds({{{9, 9, 9, 9}}, {}}, 99));
    BOOST_TEST(!reader->holds({kMessage.body, kMessage.whole}, 99)); // each digest is of its own kind
    BOOST_TEST(!reader->holds(kMessage, 100));
    board.clear(PoisonBoard::kSlots - 1);
    BOOST_TEST(!reader->holds(kMessage, 99));
}

BOOST_AUTO_TEST_CASE(no_digest_is_like_no_other) {
    const PoisonBoard board = made();
    board.set(0, {kMessage.whole, {}}, 100);
    BOOST_TEST(!board.holds({}, 0));
    BOOST_TEST(!board.holds({{{9, 9, 9, 9}}, {}}, 0));
}

BOOST_AUTO_TEST_CASE(whoever_has_the_descriptor_can_only_read) {
    const PoisonBoard board = made();
    const unique_fd fd = descriptor(board);
    BOOST_TEST(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0) == MAP_FAILED);
    BOOST_TEST(::pwrite(fd.get(), "x", 1, 0) < 0);
    BOOST_TEST(::ftruncate(fd.get(), 0) < 0);
    void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0);
    BOOST_REQUIRE(memory != MAP_FAILED);
    BOOST_TEST(::mprotect(memory, 4096, PROT_READ | PROT_WRITE) < 0);
    ::munmap(memory, 4096);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_board_is_refused) {
    unique_fd file(::memfd_create("other", MFD_CLOEXEC));
    const auto mapped = PoisonBoard::map(std::move(file));
    BOOST_TEST(!mapped.ok());
    BOOST_TEST(mapped.error().code == EBADMSG);
}

BOOST_AUTO_TEST_CASE(a_digest_is_shown_as_sha256sum_shows_it) {
    BOOST_TEST((MessageDigest{{0x0807060504030201, 0, 0, 0xff00000000000000}}.text()) ==
               "01020304050607080000000000000000"
               "000000000000000000000000000000ff");
    BOOST_TEST(MessageDigest{}.text().empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter
