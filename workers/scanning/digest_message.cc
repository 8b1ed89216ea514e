#include "workers/scanning/digest_message.h"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace evermilter::scanning {
namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;

class Sha256 {
  public:
    Sha256() : context_(algorithm() == nullptr ? nullptr : ::EVP_MD_CTX_new()) {
        good_ = context_ != nullptr && ::EVP_DigestInit_ex(context_.get(), algorithm(), nullptr) == 1;
    }
    // Fetched once, for good; null when libcrypto could not be set up.
    static const EVP_MD* algorithm() {
        static const EVP_MD* const found = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
        return found;
    }
    void add(std::string_view bytes) {
        good_ = good_ && ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
    }
    // Once only. nullopt when libcrypto failed.
    [[nodiscard]] std::optional<MessageDigest> finish() {
        MessageDigest digest;
        static_assert(sizeof digest.words == 32);
        auto* bytes = reinterpret_cast<unsigned char*>(digest.words.data());
        if (!good_ || ::EVP_DigestFinal_ex(context_.get(), bytes, nullptr) != 1) return std::nullopt;
        return digest;
    }

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const noexcept { ::EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
    bool good_ = false;
};

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

bool prepare_digests() {
    return Sha256().finish().has_value();
}

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

    const auto of_body = body.finish();
    if (of_body) whole.add({reinterpret_cast<const char*>(of_body->words.data()), sizeof of_body->words});
    const auto of_whole = whole.finish();
    if (!of_body || !of_whole) return Error{0, "libcrypto cannot make a SHA-256"};
    return MessageDigests{*of_whole, blank ? MessageDigest{} : *of_body};
}

} // namespace evermilter::scanning
