#include "workers/scanning/digest_message.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "workers/common/base/sha256.h"

namespace evermilter::scanning {
namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;

std::optional<MessageDigest> digest_of(Sha256& hash) {
    const auto sum = hash.finish();
    if (!sum) return std::nullopt;
    MessageDigest digest;
    static_assert(sizeof digest.words == sizeof *sum);
    std::memcpy(digest.words.data(), sum->data(), sum->size());
    return digest;
}

// Hands the bytes from `begin` to `end` to `take`, in chunks.
template <class Take>
Result<void> read(int fd, std::uint64_t begin, std::uint64_t end, Take take) {
    std::string chunk(static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, kChunk)), '\0');
    while (begin < end) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, chunk.size()));
        const ssize_t got = ::pread(fd, chunk.data(), wanted, static_cast<off_t>(begin));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error("cannot read a collected message");
        if (got == 0) return Error{EIO, "a collected message is shorter than it was"};
        take(std::string_view(chunk.data(), static_cast<std::size_t>(got)));
        begin += static_cast<std::uint64_t>(got);
    }
    return {};
}

} // namespace

Result<MessageDigests> digest_message(const StoredMessage& message) {
    const int fd = message.fd.get();
    Sha256 whole;
    Sha256 body;
    bool blank = true;
    auto done = read(fd, message.header_offset, message.body_offset, [&](std::string_view part) { whole.add(part); });
    if (!done) return std::move(done).error();
    done = read(fd, message.body_offset, message.size, [&](std::string_view part) {
        body.add(part);
        blank = blank && part.find_first_not_of(" \t\r\n") == std::string_view::npos;
    });
    if (!done) return std::move(done).error();

    const auto of_body = digest_of(body);
    if (of_body) whole.add(std::as_bytes(std::span(of_body->words)));
    const auto of_whole = digest_of(whole);
    if (!of_body || !of_whole) return Error{0, "libcrypto cannot make a SHA-256"};
    return MessageDigests{*of_whole, blank ? MessageDigest{} : *of_body};
}

} // namespace evermilter::scanning
