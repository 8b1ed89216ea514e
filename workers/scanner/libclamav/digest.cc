#include "workers/scanner/libclamav/digest.h"

#include <clamav.h>

#include <array>

namespace evermilter::scanner {

void Digest::Destroy::operator()(void* context) const noexcept {
    cl_hash_destroy(context);
}

Digest::Digest() : context_(cl_hash_init("sha256")), failed_(context_ == nullptr) {}

void Digest::add(std::span<const std::byte> bytes) {
    if (!failed_ && !bytes.empty()) failed_ = cl_update_hash(context_.get(), bytes.data(), bytes.size()) != 0;
}

void Digest::add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
}

std::string Digest::finish() {
    if (failed_) return {};
    std::array<unsigned char, 32> sum{};
    // cl_finish_hash() destroys the context too.
    if (cl_finish_hash(context_.release(), sum.data()) != 0) return {};
    std::string text;
    for (const unsigned char byte : sum) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

} // namespace evermilter::scanner
