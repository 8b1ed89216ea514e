#include "workers/scanner/libclamav/load_error.h"

#include <cctype>
#include <optional>
#include <string_view>

namespace evermilter::scanner {
namespace {

std::string with_shown_names(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); !from.empty() && at != std::string::npos;
         at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

// The number after "line " (libclamav: "Problem parsing database at line 3", "… on line 3", "line no 3").
std::optional<std::string> line_number(std::string_view text) {
    for (const std::string_view mark : {" line no ", " line ", "(line "}) {
        for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
            std::size_t end = at + mark.size();
            const std::size_t begin = end;
            while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
            if (end > begin) return std::string(text.substr(begin, end - begin));
        }
    }
    return std::nullopt;
}

struct FileAndReason {
    std::string file;
    std::string reason;
};

// "yyerror(): FILE line N TEXT" as "FILE:N: TEXT": libclamav goes on without the rules of a YARA file that it does not
// understand, and says no more about it.
std::optional<std::string> yara_error(std::string_view text) {
    constexpr std::string_view begin = "yyerror(): ";
    constexpr std::string_view middle = " line ";
    if (!text.starts_with(begin)) return std::nullopt;
    text.remove_prefix(begin.size());
    const std::size_t at = text.find(middle);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(at + middle.size());
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    return std::string(text.substr(0, at)) + ":" + std::string(rest.substr(0, blank)) + ": " +
           std::string(rest.substr(blank + 1));
}

// Of "Can't load FILE: REASON" (cli_load() says it last of all that concerns one file).
std::optional<FileAndReason> failed_file(std::string_view text) {
    constexpr std::string_view begin = "Can't load ";
    if (!text.starts_with(begin)) return std::nullopt;
    text.remove_prefix(begin.size());
    const std::size_t colon = text.rfind(": ");
    if (colon == std::string_view::npos) return std::nullopt;
    return FileAndReason{std::string(text.substr(0, colon)), std::string(text.substr(colon + 2))};
}

} // namespace

std::string failed_database(const std::vector<LibraryMessage>& messages, const std::string& loaded_from) {
    std::string path;
    for (const auto& message : messages) {
        if (message.severity != Severity::error) continue;
        if (const auto found = failed_file(message.text)) path = found->file;
        if (const auto yara = yara_error(message.text)) path = yara->substr(0, yara->find(':'));
        if (!path.empty()) break;
    }
    const std::string folder = loaded_from + "/";
    if (path == loaded_from) return path.substr(path.rfind('/') + 1); // a file alone
    if (!path.starts_with(folder)) return {};
    path.erase(0, folder.size());
    return path.find('/') == std::string::npos ? path : std::string();
}

std::string describe_load_error(const std::vector<LibraryMessage>& messages, const std::string& code_text,
                                const std::string& loaded_from, const std::string& shown_as) {
    std::optional<FileAndReason> where;
    std::optional<std::string> line;
    std::string said;
    for (const auto& message : messages) {
        if (message.severity != Severity::error) continue;
        if (auto found = failed_file(message.text)) {
            if (!where) where = std::move(found);
            continue;
        }
        if (message.text.starts_with("cli_loaddbdir: error loading database ")) continue;
        if (auto yara = yara_error(message.text)) return with_shown_names(std::move(*yara), loaded_from, shown_as);
        if (auto number = line_number(message.text); number && !line) line = std::move(number);
        if (!said.empty()) said += "; ";
        said += message.text;
    }
    std::string text = where ? where->file : loaded_from;
    if (where && line) text += ":" + *line;
    text += ": " + (where ? where->reason : code_text);
    if (!said.empty()) text += " (" + said + ")";
    return with_shown_names(std::move(text), loaded_from, shown_as);
}

} // namespace evermilter::scanner
