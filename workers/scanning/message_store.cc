#include "workers/scanning/message_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace evermilter::scanning {
namespace {

// The longest value that a client may bring into the synthetic field.
constexpr std::size_t kPreambleValue = 256;

constexpr const char* kOutOfMemory = "out of memory";

// A value of a client for a header line: cut, and without blanks, controls, 8-bit and what would end a comment.
std::string plain(std::string_view value) {
    std::string text(value.substr(0, kPreambleValue));
    std::replace_if(
        text.begin(), text.end(),
        [](char byte) { return byte <= ' ' || byte > '~' || std::strchr("()<>;\\\"", byte) != nullptr; }, '?');
    return text;
}

// RFC 5322 date-time in UTC. No locale: strftime's names are those of the "C" locale, which nobody changes here.
std::string date(std::time_t when) {
    std::tm parts{};
    std::array<char, 64> text{};
    if (::gmtime_r(&when, &parts) == nullptr) parts = std::tm{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
    return {text.data(), length};
}

std::string received_field(const Preamble& preamble) {
    std::string_view sender = preamble.sender;
    if (sender.size() >= 2 && sender.front() == '<' && sender.back() == '>')
        sender = sender.substr(1, sender.size() - 2);
    std::string text = "Received: from " + (preamble.helo.empty() ? std::string("unknown") : plain(preamble.helo));
    if (!preamble.client.empty()) text += " (" + plain(preamble.client) + ")";
    text += "\r\n\tby " + (preamble.host.empty() ? std::string("localhost") : plain(preamble.host)) + " (evermilter)";
    if (!preamble.queue_id.empty()) text += " id " + plain(preamble.queue_id);
    text += "\r\n\t(envelope-from <" + plain(sender) + ">);\r\n\t" + date(preamble.received) + "\r\n";
    return text;
}

Result<void> write_all(int fd, std::string_view bytes, const char* what) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
        if (wrote < 0) {
            if (errno == EINTR) continue;
            return system_error(what);
        }
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
}

Result<unique_fd> open_unlinked(const std::string& directory) {
    unique_fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
    if (file) return file;
    // File systems without O_TMPFILE say EOPNOTSUPP, old kernels EISDIR.
    if (errno != EOPNOTSUPP && errno != EISDIR) return system_error("cannot make a file in " + directory);
    std::string path = directory + "/message.XXXXXX";
    file.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (!file) return system_error("cannot make a file in " + directory);
    if (::unlink(path.c_str()) != 0) return system_error("cannot unlink " + path);
    return file;
}

} // namespace

void MessageStore::begin(Preamble preamble) {
    clear();
    preamble_ = std::move(preamble);
}

void MessageStore::clear() noexcept {
    drop();
    preamble_ = Preamble{};
    state_ = StoreState::collecting;
    started_ = false;
    headers_over_ = false;
    seen_ = 0;
    header_offset_ = 0;
    body_offset_ = 0;
    error_ = Error{};
    reason_ = "";
}

void MessageStore::drop() noexcept {
    file_.reset();
    memory_.reset();
    place_ = Place::none;
    written_ = 0;
    std::string().swap(buffer_);
}

void MessageStore::fail(Error error) noexcept {
    state_ = StoreState::failed;
    drop();
    error_ = std::move(error);
}

void MessageStore::fail(const char* reason) noexcept {
    fail(Error{});
    reason_ = reason;
}

Error MessageStore::error() const {
    return error_.what.empty() ? Error{error_.code, reason_} : error_;
}

// False when the bytes are not to be stored.
bool MessageStore::count(std::uint64_t bytes) noexcept {
    seen_ += bytes;
    if (state_ == StoreState::collecting && seen_ > settings_->max_size) {
        drop();
        state_ = StoreState::oversize;
    }
    return state_ == StoreState::collecting;
}

void MessageStore::start_if_new() noexcept {
    if (std::exchange(started_, true)) return;
    try {
        const std::string field = received_field(preamble_);
        header_offset_ = field.size();
        append(field);
    } catch (const std::bad_alloc&) {
        fail(kOutOfMemory);
    }
}

void MessageStore::add_header(std::string_view name, std::string_view value, bool leadspc) noexcept {
    if (!count(name.size() + value.size() + (leadspc ? 3 : 4))) return;
    start_if_new();
    append(name);
    append(leadspc ? ":" : ": ");
    while (!value.empty()) {
        const std::size_t end = value.find('\n');
        std::string_view line = value.substr(0, end);
        value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
        if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
        append(line);
        if (end != std::string_view::npos) append("\r\n");
    }
    append("\r\n");
}

void MessageStore::end_of_headers() noexcept {
    if (headers_over_) return;
    headers_over_ = true;
    if (state_ != StoreState::collecting) return;
    start_if_new();
    append("\r\n");
    body_offset_ = written_ + buffer_.size();
}

void MessageStore::add_body(std::string_view chunk) noexcept {
    end_of_headers();
    if (!count(chunk.size())) return;
    append(chunk);
}

void MessageStore::append(std::string_view bytes) noexcept {
    try {
        while (state_ == StoreState::collecting && !bytes.empty()) {
            const std::size_t part = std::min(bytes.size(), kBuffer - buffer_.size());
            buffer_.append(bytes.substr(0, part));
            bytes.remove_prefix(part);
            if (buffer_.size() == kBuffer) flush();
        }
    } catch (const std::bad_alloc&) {
        fail(kOutOfMemory);
    }
}

void MessageStore::flush() {
    if (state_ != StoreState::collecting || buffer_.empty()) return;
    if (auto stored = write_out(buffer_); !stored) {
        fail(std::move(stored).error());
        return;
    }
    written_ += buffer_.size();
    buffer_.clear();
}

// To memory where it has room by size, budget and what the kernel allows; else to the spool.
Result<void> MessageStore::write_out(std::string_view bytes) {
    if (place_ != Place::spool) {
        if (place_ == Place::none) memory_ = BudgetShare(*budget_);
        const bool fits = written_ + bytes.size() <= kMemoryLimit && memory_.grow(bytes.size());
        if (fits && (place_ == Place::memory || open_memory())) {
            if (write_all(file_.get(), bytes, "write to a memfd")) return {};
            // ENOSPC, ENOMEM: a part of it may be written, but not counted: the copy takes written_ bytes.
        }
        if (auto moved = move_to_spool(); !moved) return moved;
    }
    return write_all(file_.get(), bytes, ("cannot write to a file in " + settings_->spool_directory).c_str());
}

Result<void> MessageStore::open_memory() {
    unique_fd memory(::memfd_create("evermilter-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory) return system_error("memfd_create");
    file_ = std::move(memory);
    place_ = Place::memory;
    return {};
}

Result<void> MessageStore::move_to_spool() {
    auto spool = open_unlinked(settings_->spool_directory);
    if (!spool) return std::move(spool).error();
    off_t offset = 0;
    while (std::cmp_less(offset, written_)) {
        const ssize_t copied = ::sendfile(spool->get(), file_.get(), &offset,
                                          static_cast<std::size_t>(written_) - static_cast<std::size_t>(offset));
        if (copied < 0 && errno == EINTR) continue;
        if (copied < 0) return system_error("cannot write to a file in " + settings_->spool_directory);
        if (copied == 0) return Error{EIO, "a message in memory is shorter than what was written to it"};
    }
    file_ = std::move(*spool);
    place_ = Place::spool;
    memory_.reset();
    return {};
}

Result<StoredMessage> MessageStore::finish() {
    end_of_headers();
    flush();
    if (state_ == StoreState::oversize) return Error{EFBIG, "message is larger than message.max_size"};
    if (state_ == StoreState::failed) return error();
    if (state_ == StoreState::finished) return Error{EINVAL, "message was finished before"};

    StoredMessage message;
    message.size = written_;
    message.header_offset = header_offset_;
    message.body_offset = body_offset_;
    if (place_ == Place::memory) {
        if (::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
            fail(system_error("cannot seal a message"));
            return error();
        }
        message.fd = std::move(file_);
    } else {
        // A descriptor that cannot write: scanners are of another user, and a retry reads the same file again.
        message.fd.reset(::open(("/proc/self/fd/" + std::to_string(file_.get())).c_str(), O_RDONLY | O_CLOEXEC));
        if (!message.fd) {
            fail(system_error("cannot open a spooled message for reading"));
            return error();
        }
    }
    struct stat status {};
    if (::fstat(message.fd.get(), &status) != 0 || std::cmp_not_equal(status.st_size, message.size)) {
        fail(Error{EIO, "a collected message has not the size that was written"});
        return error();
    }
    message.memory = std::move(memory_);
    drop();
    state_ = StoreState::finished;
    return message;
}

} // namespace evermilter::scanning
