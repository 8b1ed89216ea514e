#include "workers/common/shared/scoreboard.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace evermilter {

void SessionSlot::set_queue_id(std::string_view id) noexcept {
    std::array<std::uint64_t, kQueueIdWords> words{};
    if (!id.empty()) std::memcpy(words.data(), id.data(), std::min(id.size(), sizeof words));
    for (std::size_t i = 0; i < kQueueIdWords; ++i) queue_id[i].store(words[i], std::memory_order_relaxed);
}

std::string SessionSlot::get_queue_id() const {
    std::array<char, kQueueIdWords * sizeof(std::uint64_t)> text{};
    for (std::size_t i = 0; i < kQueueIdWords; ++i) {
        const std::uint64_t word = queue_id[i].load(std::memory_order_relaxed);
        std::memcpy(text.data() + i * sizeof word, &word, sizeof word);
    }
    return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

template <class Header, class Slot>
Result<Scoreboard<Header, Slot>> Scoreboard<Header, Slot>::create(const char* name, std::size_t slots) {
    unique_fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return system_error("memfd_create");
    const std::size_t size = sizeof(Header) + slots * sizeof(Slot);
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return system_error("ftruncate of a scoreboard");
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        return system_error("sealing a scoreboard");
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return system_error("mmap of a scoreboard");
    Scoreboard board(std::move(fd), memory, size, slots);
    new (memory) Header();
    for (std::size_t i = 0; i < slots; ++i) new (&board.slot(i)) Slot();
    board.header().slots.store(slots);
    return board;
}

template <class Header, class Slot>
Result<Scoreboard<Header, Slot>> Scoreboard<Header, Slot>::map(unique_fd fd) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return system_error("fstat of a scoreboard");
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size < sizeof(Header) || (size - sizeof(Header)) % sizeof(Slot) != 0)
        return Error{EBADMSG, "scoreboard of an unexpected size"};
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return system_error("mmap of a scoreboard");
    Scoreboard board(std::move(fd), memory, size, (size - sizeof(Header)) / sizeof(Slot));
    if (board.header().slots.load() != board.slots()) return Error{EBADMSG, "scoreboard with a wrong slot count"};
    return board;
}

template <class Header, class Slot>
Slot& Scoreboard<Header, Slot>::slot(std::size_t index) const noexcept {
    static_assert(sizeof(Header) % alignof(Slot) == 0);
    void* at = static_cast<std::byte*>(memory_.get()) + sizeof(Header) + index * sizeof(Slot);
    return *std::launder(static_cast<Slot*>(at));
}

template <class Header, class Slot>
Result<unique_fd> Scoreboard<Header, Slot>::duplicate() const {
    unique_fd copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return system_error("duplicating a scoreboard");
    return copy;
}

template <class Header, class Slot>
void Scoreboard<Header, Slot>::Unmap::operator()(void* memory) const noexcept {
    ::munmap(memory, size);
}

template class Scoreboard<SessionBoardHeader, SessionSlot>;
template class Scoreboard<ScannerBoardHeader, ScannerSlot>;
template class Scoreboard<MemoryBoardHeader, MemorySlot>;

} // namespace evermilter
