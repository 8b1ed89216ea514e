#include "workers/common/base/sha256.h"

#include <openssl/evp.h>

#include <utility>

#include "workers/common/base/hex.h"

namespace evermilter {
namespace {

// Fetched once, for good; null when libcrypto could not be set up.
const EVP_MD* algorithm() {
    static const EVP_MD* const found = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return found;
}

} // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept {
    ::EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(algorithm() == nullptr ? nullptr : ::EVP_MD_CTX_new()) {
    good_ = context_ != nullptr && ::EVP_DigestInit_ex(context_.get(), algorithm(), nullptr) == 1;
}

void Sha256::add(std::string_view bytes) {
    good_ = good_ && ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

void Sha256::add(std::span<const std::byte> bytes) {
    good_ = good_ && ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

std::optional<Sha256::Sum> Sha256::finish() {
    Sum sum{};
    // libcrypto 3.0 gives a wrong sum when it is asked a second time.
    if (!std::exchange(good_, false) || ::EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr) != 1)
        return std::nullopt;
    return sum;
}

std::string Sha256::finish_text() {
    const auto sum = finish();
    std::string text;
    if (!sum) return text;
    for (const unsigned char byte : *sum) append_hex(text, byte);
    return text;
}

bool Sha256::prepare() {
    return Sha256().finish().has_value();
}

} // namespace evermilter
