// How a row of message_texts.h's table is written, and where its pieces are. Only for the files that hold the rows.
#pragma once

#include <span>
#include <string_view>

#include "workers/scanner/libclamav/message_texts.h"

namespace evermilter::scanner {

[[nodiscard]] std::span<const LibraryText> texts_about_archives() noexcept;
[[nodiscard]] std::span<const LibraryText> texts_about_documents() noexcept;
[[nodiscard]] std::span<const LibraryText> texts_about_scanners() noexcept;

namespace text_rows {

inline constexpr Severity kDebug = Severity::debug;
inline constexpr Severity kInfo = Severity::info;
inline constexpr Severity kWarning = Severity::warning;
inline constexpr Severity kError = Severity::error;
inline constexpr Unseen kEncrypted = Unseen::encrypted;
inline constexpr Unseen kLimit = Unseen::limit;
inline constexpr Unseen kUnsupported = Unseen::unsupported;
inline constexpr Unseen kMalformed = Unseen::malformed;

constexpr TextPattern begins(std::string_view text) noexcept {
    return {text, false};
}
constexpr TextPattern inside(std::string_view text) noexcept {
    return {text, true};
}
constexpr TextWeight gap(Unseen reason, std::string_view label = {}) noexcept {
    return {Meaning::gap, reason, label};
}
constexpr TextWeight failure() noexcept {
    return {Meaning::failure, Unseen::unsupported, {}};
}
constexpr TextWeight harmless() noexcept {
    return {Meaning::harmless, Unseen::unsupported, {}};
}

} // namespace text_rows

} // namespace evermilter::scanner
