// Numbers as file formats write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace evermilter::corpus {

[[nodiscard]] inline std::string little(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned at = 0; at < bytes; ++at) text += static_cast<char>((value >> (8 * at)) & 0xffU);
    return text;
}

[[nodiscard]] inline std::string big(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned at = bytes; at-- > 0;) text += static_cast<char>((value >> (8 * at)) & 0xffU);
    return text;
}

// The CRC of zip, PNG, gzip and arj (ISO 3309).
[[nodiscard]] inline std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = 0xffffffffU;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
    return ~crc;
}

// A stream of numbers that depends only on its seed (splitmix64).
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
    std::uint64_t operator()() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    std::uint64_t below(std::uint64_t end) { return (*this)() % end; }
    template <class Collection>
    const auto& of(const Collection& collection) {
        return *(collection.begin() + static_cast<std::ptrdiff_t>(below(collection.size())));
    }

  private:
    std::uint64_t state_;
};

} // namespace evermilter::corpus
