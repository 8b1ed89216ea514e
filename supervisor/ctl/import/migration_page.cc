#include "supervisor/ctl/import/migration_page.h"

#include "config/value.h"

namespace evermilter::ctl {
namespace {

std::string here(const ClamavOption& option) {
    switch (option.fate) {
        case Fate::same:
        case Fate::differs: {
            std::string keys;
            for (const std::string& key : config::split_words(option.keys))
                keys += (keys.empty() ? "`" : ", `") + key + "`";
            return keys;
        }
        case Fate::always:
            return "always so";
        case Fate::none:
            return "—";
    }
    return "—";
}

Result<void> put_table(std::string& page, const std::string& file, std::span<const ClamavOption> options) {
    const std::string begin = "<!-- table of " + file + " -->\n";
    const std::size_t at = page.find(begin);
    const std::size_t end = page.find("<!-- end of the table -->", at);
    if (at == std::string::npos || end == std::string::npos)
        return Error{0, "the page has no place for the table of " + file};
    page.replace(at + begin.size(), end - at - begin.size(), option_table(options));
    return {};
}

} // namespace

std::string option_table(std::span<const ClamavOption> options) {
    std::string text = "| option | here | |\n| --- | --- | --- |\n";
    for (const ClamavOption& option : options) {
        std::string note(option.note);
        if (!option.otherwise.empty())
            note +=
                (note.empty() ? "" : "; ") + ("without the option, " + std::string(option.otherwise)) + " is written";
        if (note.empty()) note = "the same";
        text += "| `" + std::string(option.name) + "` | " + here(option) + " | " + note + " |\n";
    }
    return text;
}

Result<std::string> with_tables(std::string_view page) {
    std::string text(page);
    if (auto put = put_table(text, "clamav-milter.conf", clamav_milter_options()); !put) return std::move(put).error();
    if (auto put = put_table(text, "clamd.conf", clamd_options()); !put) return std::move(put).error();
    return text;
}

} // namespace evermilter::ctl
