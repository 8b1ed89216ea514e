// One message of each kind and direction, every field set to something of its own, for tests that go through all.
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

#include "workers/common/ipc/directions.h"

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
    void fill(MessageDigests& value) {
        for (auto& word : value.whole.words) fill(word);
        for (auto& word : value.body.words) fill(word);
    }
    // One of the kinds; codec_test goes through all.
    void fill(PeerAddress& value) {
        UnixPeer peer;
        fill(peer.pid);
        fill(peer.uid);
        fill(peer.gid);
        value = peer;
    }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void fill(Enum& value) { value = messages::Last<Enum>::value; }

    template <class Struct>
    Struct filled() {
        Struct value;
        std::apply([&](auto... member) { (fill(value.*member), ...); }, Struct::fields);
        return value;
    }

  private:
    unsigned next_ = 0;
};

// A std::type_identity of each direction's variant, in a tuple.
inline constexpr auto directions() {
    return []<class... All>(std::type_identity<std::tuple<All...>>) {
        return std::tuple{std::type_identity<All>{}...};
    }(std::type_identity<messages::Directions>{});
}

// `visit` with the samples of each direction, a std::vector of its variant.
template <class Visit>
void each_direction(Visit visit) {
    const auto samples = []<class... All>(std::type_identity<std::variant<All...>>) {
        Filler filler;
        std::vector<std::variant<All...>> all;
        (all.emplace_back(filler.filled<All>()), ...);
        return all;
    };
    std::apply([&](auto... direction) { (visit(samples(direction)), ...); }, directions());
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
inline std::string shown(const PeerAddress& value) {
    const auto* unix_peer = std::get_if<UnixPeer>(&value);
    return to_text(value) + (unix_peer == nullptr ? "" : " gid=" + std::to_string(unix_peer->gid));
}
template <class Number>
requires std::integral<Number> || std::is_enum_v<Number> std::string shown(const Number& value) {
    return std::to_string(static_cast<std::int64_t>(value));
}

template <class Messages>
std::vector<std::string> shown_fields(const Messages& message) {
    return std::visit(
        [](const auto& value) {
            return std::apply([&](auto... member) { return std::vector<std::string>{shown(value.*member)...}; },
                              std::remove_cvref_t<decltype(value)>::fields);
        },
        message);
}

} // namespace evermilter::test
