#include "workers/common/shared/poison_board.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <new>

namespace evermilter {
namespace {

using Words = std::array<std::atomic<std::uint64_t>, 4>;

// A digest that is being written is like no message's.
bool same(const Words& words, const MessageDigest& digest) noexcept {
    return digest && std::equal(words.begin(), words.end(), digest.words.begin(),
                                [](const auto& one, std::uint64_t other) { return one.load() == other; });
}

void store(Words& words, const MessageDigest& digest) noexcept {
    for (std::size_t i = 0; i < words.size(); ++i) words[i].store(digest.words[i]);
}

struct Slot {
    std::atomic<std::int64_t> until_ns{0}; // 0: free
    Words whole{};
    Words body{};
};

} // namespace

struct PoisonBoard::Content {
    std::atomic<std::uint64_t> given{0}; // slots from here on were never set
    std::array<Slot, kSlots> slots{};
};

void PoisonBoard::Unmap::operator()(Content* content) const noexcept {
    ::munmap(content, sizeof *content);
}

Result<PoisonBoard> PoisonBoard::create() {
    unique_fd fd(::memfd_create("evermilter-poison", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return system_error("memfd_create");
    if (::ftruncate(fd.get(), sizeof(Content)) != 0) return system_error("ftruncate of the poison board");
    void* memory = ::mmap(nullptr, sizeof(Content), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return system_error("mmap of the poison board");
    PoisonBoard board(std::move(fd), new (memory) Content);
    // Our mapping stays as it is; all later ones are for reading.
    if (::fcntl(board.fd_.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
        return system_error("sealing the poison board");
    return board;
}

Result<PoisonBoard> PoisonBoard::map(unique_fd fd) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return system_error("fstat of the poison board");
    if (status.st_size != sizeof(Content)) return Error{EBADMSG, "poison board of an unexpected size"};
    void* memory = ::mmap(nullptr, sizeof(Content), PROT_READ, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return system_error("mmap of the poison board");
    return PoisonBoard(std::move(fd), std::launder(static_cast<Content*>(memory)));
}

bool PoisonBoard::holds(const MessageDigests& digests, std::int64_t now_ns) const noexcept {
    const auto given = static_cast<std::size_t>(std::min<std::uint64_t>(content_->given.load(), kSlots));
    return std::any_of(
        content_->slots.begin(), content_->slots.begin() + static_cast<std::ptrdiff_t>(given), [&](const Slot& slot) {
            return slot.until_ns.load() > now_ns && (same(slot.whole, digests.whole) || same(slot.body, digests.body));
        });
}

void PoisonBoard::set(std::size_t slot, const MessageDigests& digests, std::int64_t until_ns) const noexcept {
    Slot& target = content_->slots.at(slot);
    target.until_ns.store(0);
    store(target.whole, digests.whole);
    store(target.body, digests.body);
    target.until_ns.store(until_ns);
    if (content_->given.load() <= slot) content_->given.store(slot + 1);
}

void PoisonBoard::clear(std::size_t slot) const noexcept {
    content_->slots.at(slot).until_ns.store(0);
}

Result<unique_fd> PoisonBoard::duplicate() const {
    unique_fd copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return system_error("duplicating the poison board");
    return copy;
}

} // namespace evermilter
