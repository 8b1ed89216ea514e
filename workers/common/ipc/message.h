// What every message struct is made of. Its `fields` are what the codec (codec.h) reads and writes, in that order; a
// descriptor among them travels by SCM_RIGHTS. Its comment says who sends it, when, and what the sender owes. Below the
// struct are the bounds of its texts and lists that are not the usual ones.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/protocol.h"

namespace evermilter::messages {

// The most that a text or list may hold. The codec refuses to send or to take a message with a larger one; its sender
// is treated like one that sends no message of ours. A text that only people read is cut by its sender instead, at a
// whole UTF-8 character.
struct Bound {
    std::size_t bytes = 1024; // of a text, or of each text of a list
    std::size_t count = 1024; // of a list
    bool cut = false;
};

template <auto Field>
inline constexpr Bound bound{};

// A configuration, as canonical TOML; config/validate.cc refuses a longer one.
inline constexpr std::size_t kLongestConfig = 100'000;
// Names of the kind of file or virus.
inline constexpr std::size_t kLongestName = 255;

// The last value of an enum that messages carry: a larger number is no value of it. Specialized below each.
template <class Enum>
struct Last;
template <>
struct Last<Role> {
    static constexpr Role value = Role::scanner;
};

// Of a struct: it comes with each session or mail and costs next to nothing, so that it is not counted where a child's
// messages are limited. `static constexpr bool frequent = true;` in the struct.
template <class Message>
concept Frequent = Message::frequent;

template <class Messages>
[[nodiscard]] bool is_frequent(const Messages& message) noexcept {
    return std::visit([](const auto& one) { return Frequent<std::remove_cvref_t<decltype(one)>>; }, message);
}

// Whether a variant has this alternative.
template <class Message, class Messages>
inline constexpr bool is_one_of = false;
template <class Message, class... Messages>
inline constexpr bool is_one_of<Message, std::variant<Messages...>> = (std::is_same_v<Message, Messages> || ...);

// "HandOver", for logs: the struct's own name, as the compiler tells it.
template <class Message>
[[nodiscard]] constexpr std::string_view name_of() noexcept {
    std::string_view text = __PRETTY_FUNCTION__; // "… [with Message = evermilter::messages::HandOver; …]"
    text.remove_prefix(text.find("Message = ") + std::string_view("Message = ").size());
    text = text.substr(0, text.find_first_of(";]"));
    return text.substr(text.rfind(':') + 1);
}

template <class... Messages>
[[nodiscard]] std::string_view message_name(const std::variant<Messages...>& message) noexcept {
    return std::visit([](const auto& one) { return name_of<std::remove_cvref_t<decltype(one)>>(); }, message);
}

} // namespace evermilter::messages
