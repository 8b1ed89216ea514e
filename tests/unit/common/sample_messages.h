// One message of each kind, every field set to something of its own, for tests that go through all of them.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <concepts>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "workers/common/ipc/messages.h"

namespace evermilter::test {

class Filler {
  public:
    void fill(std::string& value) { value = "text " + std::to_string(++next_) + std::string("\0\xff", 2); }
    void fill(std::vector<std::string>& values) {
        values.resize(3);
        fill(values[0]);
        fill(values[2]);
    }
    template <std::integral Number>
    void fill(std::vector<Number>& values) {
        values.resize(3);
        fill(values[0]);
        fill(values[2]);
    }
    void fill(unique_fd& value) { value = unique_fd(::memfd_create("sample", MFD_CLOEXEC)); }
    void fill(bool& value) { value = true; }
    template <std::integral Number>
    void fill(Number& value) {
        value = static_cast<Number>(~static_cast<Number>(0) - static_cast<Number>(++next_));
    }
    void fill(messages::Role& value) { value = messages::Role::standby; }
    void fill(messages::Suspected& value) { value = messages::Suspected::cpu_time; }
    void fill(MessageDigests& value) {
        for (auto& word : value.whole.words) fill(word);
        for (auto& word : value.body.words) fill(word);
    }
    void fill(messages::ScanOutcome& value) { value = messages::ScanOutcome::temp_failed; }

    template <class Struct>
    Struct filled() {
        Struct value;
        std::apply([&](auto... member) { (fill(value.*member), ...); }, Struct::fields);
        return value;
    }

  private:
    unsigned next_ = 0;
};

template <std::size_t... Index>
std::vector<messages::Message> sample_messages(std::index_sequence<Index...>) {
    Filler filler;
    std::vector<messages::Message> all;
    (all.emplace_back(filler.filled<std::variant_alternative_t<Index, messages::Message>>()), ...);
    return all;
}
inline std::vector<messages::Message> sample_messages() {
    return sample_messages(std::make_index_sequence<std::variant_size_v<messages::Message>>());
}

inline ino_t inode(const unique_fd& fd) {
    struct stat status {};
    return ::fstat(fd.get(), &status) == 0 ? status.st_ino : 0;
}

// A field as something that can be compared, printed and kept when the message has been sent.
inline std::string shown(const std::string& value) {
    return value;
}
inline std::string shown(const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& value : values) text += "[" + value + "]";
    return text;
}
template <std::integral Number>
std::string shown(const std::vector<Number>& values) {
    std::string text;
    for (const Number value : values) text += "[" + std::to_string(value) + "]";
    return text;
}
inline std::string shown(const unique_fd& value) {
    return "inode " + std::to_string(inode(value));
}
inline std::string shown(const MessageDigests& value) {
    return value.whole.text() + " " + value.body.text();
}
template <class Number>
requires std::integral<Number> || std::is_enum_v<Number> std::string shown(const Number& value) {
    return std::to_string(static_cast<std::int64_t>(value));
}

inline std::vector<std::string> shown_fields(const messages::Message& message) {
    return std::visit(
        [](const auto& value) {
            return std::apply([&](auto... member) { return std::vector<std::string>{shown(value.*member)...}; },
                              std::remove_cvref_t<decltype(value)>::fields);
        },
        message);
}

} // namespace evermilter::test
