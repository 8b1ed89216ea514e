#include "config/document.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "config/canonical.h"
#include "config/diff.h"
#include "config/value.h"

namespace evermilter::config {
namespace {

// "duration, from "100ms" to "168h"; a change needs new session workers".
std::string facts(const Row& row) {
    return summary(row) + "; a change " + (row.applies_by == AppliesBy::live ? "is " : "needs ") +
           std::string(needs_text(row.applies_by));
}

// Of a row without a default.
std::string absence(const Row& row) {
    return row.required() ? "Must be set, to another value in each" : "Not set by default: " + std::string(row.unset);
}

std::vector<std::string_view> paragraphs(std::string_view text) {
    std::vector<std::string_view> result;
    for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(end + 2)) {
        end = text.find("\n\n");
        result.push_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
    }
    return result;
}

// ---------------------------------------------------------------- the sample file

std::string without_backticks(std::string_view text) {
    std::string plain(text);
    plain.erase(std::remove(plain.begin(), plain.end(), '`'), plain.end());
    return plain;
}

// Comment lines of at most 100 columns.
std::string comment(std::string_view text) {
    constexpr std::size_t width = 98;
    std::string lines;
    std::string line;
    for (const std::string& word : split_words(without_backticks(text))) {
        if (!line.empty() && line.size() + 1 + word.size() > width) {
            lines += "#" + line + "\n";
            line.clear();
        }
        line += " " + word;
    }
    return lines + "#" + line + "\n";
}

std::string sample_row(const Row& row) {
    std::string text = comment(row.text);
    text += comment("(" + facts(row) + ")");
    const bool unset = row.default_value.empty();
    if (unset) text += comment(absence(row) + ". For example:");
    return text + "#" + std::string(row.name()) + " = " + value_text(unset ? example(row) : default_of(row)) + "\n";
}

// ---------------------------------------------------------------- Markdown

std::string markdown_row(const Row& row) {
    std::string text = "### `" + std::string(row.key) + "`\n\n" + std::string(row.text) + "\n\n";
    if (row.default_value.empty())
        text += "- " + absence(row) + "; for example `" + value_text(example(row)) + "`\n";
    else
        text += "- Default: `" + value_text(default_of(row)) + "`\n";
    return text + "- " + facts(row) + "\n\n";
}

// ---------------------------------------------------------------- the manual page

// Text for man(7): backslashes and hyphens as they are meant, backticks as bold, no line that begins as a request.
std::string roff(std::string_view text) {
    std::string result;
    bool bold = false;
    for (const char c : text) {
        if (c == '`') {
            bold = !bold;
            result += bold ? "\\fB" : "\\fR";
        } else if (c == '\\') {
            result += "\\e";
        } else if (c == '-') {
            result += "\\-";
        } else if (c == '\'') {
            result += "\\(aq";
        } else if (c == '"') {
            result += "\\(dq";
        } else {
            result += c;
        }
    }
    return result;
}

// Each sentence on a line of its own, long ones on several, as manual pages are kept; no line begins as a request.
std::string roff_lines(std::string_view text) {
    constexpr std::size_t width = 78;
    std::string lines;
    std::string line;
    const auto finish = [&] {
        if (line.starts_with('.')) lines += "\\&";
        lines += line + "\n";
        line.clear();
    };
    for (const std::string& word : split_words(roff(text))) {
        const bool sentence_ended = line.ends_with('.') && word.front() >= 'A' && word.front() <= 'Z';
        if (!line.empty() && (sentence_ended || line.size() + 1 + word.size() > width)) finish();
        if (!line.empty()) line += ' ';
        line += word;
    }
    finish();
    return lines;
}

std::string manual_row(const Row& row) {
    std::string text = ".TP\n\\fB" + roff(row.name()) + "\\fR";
    if (!row.default_value.empty()) text += " = " + roff(value_text(default_of(row)));
    text += "\n" + roff_lines(row.text);
    if (row.default_value.empty())
        text += ".br\n" + roff_lines(absence(row) + "; for example " + value_text(example(row)) + ".");
    return text + ".br\n" + roff_lines("(" + facts(row) + ")");
}

constexpr std::string_view kManualHead =
    R"(.\" Generated from the schema in config/ by the target config_docs. Do not edit.
.TH EVERMILTER.TOML 5 "2026-11-21" "evermilter" "File formats"
.SH NAME
evermilter.toml \- configuration of the evermilter mail filter
.SH SYNOPSIS
.I /etc/evermilter/evermilter.toml
.SH DESCRIPTION
.BR evermilterd (8)
reads its configuration from one file in TOML 1.0.
Every key has a default, and an empty file is a valid one:
write down only what you want to be different.
.PP
A duration is a string with a unit:
\(dq500ms\(dq, \(dq30s\(dq, \(dq5m\(dq, \(dq1h\(dq.
A size is one with a unit, \(dq25MiB\(dq or \(dq64KiB\(dq,
or a number of bytes as an integer.
An octal mode is a string as well, \(dq0660\(dq.
.PP
An unknown key, a value of the wrong type or out of its range is an error,
and so is a combination that cannot work.
All of them are shown at once, with file, line and column and what to write
instead.
Nothing starts with such a file,
and a running service keeps its old configuration.
.BR "evermilterd \-\-check\-config"
looks at a file without starting anything, and
.B "evermilterd \-\-dump\-config"
shows the configuration that it gives.
.PP
Each key says what a change of it in a running service needs,
once the service is asked to read the file again
.RB ( "evermilterctl reload\-config" ", or SIGHUP):"
.TP
taken at once
The next connection knows it.
.TP
new session workers
New sessions are served by new workers; those begun before end as they began.
.TP
a new generation
The engine is loaded again, without a pause,
and new session workers take over as well.
.TP
a restart
Kept for the next start of the service, and said so in the answer.
)";

constexpr std::string_view kManualTail = R"(.SH FILES
.TP
.I /etc/evermilter/evermilter.toml
The configuration, unless
.B \-\-config
names another file.
.SH EXAMPLES
Postfix on the same machine, over a unix socket:
.PP
.RS
.nf
[milter]
socket_group = \(dqpostfix\(dq
.fi
.RE
.PP
Two mail servers elsewhere, who may come over TCP:
.PP
.RS
.nf
[milter]
listen = [\(dqinet:7357@0.0.0.0\(dq]
allow = [\(dq192.0.2.10\(dq, \(dq192.0.2.11\(dq]
.fi
.RE
.SH SEE ALSO
.BR evermilterd (8),
.BR evermilterctl (1),
.BR freshclam (1),
.BR clamd.conf (5)
)";

constexpr std::string_view kMarkdownHead =
    R"(<!-- Generated from the schema in config/ by the target config_docs. Do not edit. -->
# Configuration

`evermilterd` reads one file in TOML 1.0, `/etc/evermilter/evermilter.toml` unless `--config` names another. Every key
has a default, and an empty file is a valid one: write down only what you want to be different.
[`config/evermilter.toml`](../../config/evermilter.toml) is a sample with every key.

A duration is a string with a unit: `"500ms"`, `"30s"`, `"5m"`, `"1h"`. A size is one with a unit, `"25MiB"` or
`"64KiB"`, or a number of bytes as an integer. An octal mode is a string as well, `"0660"`.

An unknown key, a value of the wrong type or out of its range is an error, and so is a combination that cannot work.
All of them are shown at once, as `FILE:LINE:COLUMN: key: message` with what to write instead. Nothing starts with such
a file, and a running service keeps its old configuration. `evermilterd --check-config` looks at a file without starting
anything, and `evermilterd --dump-config` shows the configuration that it gives.

Each key says what a change of it in a running service needs, once the service is asked to read the file again
(`evermilterctl reload-config`, or SIGHUP):

- *taken at once*: the next connection knows it.
- *new session workers*: new sessions are served by new workers; those begun before end as they began.
- *a new generation*: the engine is loaded again, without a pause, and new session workers take over as well.
- *a restart*: refused, with everything else in the file; the answer names the key. The next start takes it.

)";

constexpr std::string_view kSampleHead =
    R"(# Configuration of evermilter: every key with its default, as a comment. An empty file is a valid one;
# remove the # before what you want to be different. evermilterd --check-config looks at the result.
# The same text is in evermilter.toml(5).
#
# A duration is a string with a unit: "500ms", "30s", "5m", "1h". A size is one with a unit, "25MiB" or "64KiB", or
# a number of bytes as an integer.
#
# Generated from the schema in config/ by the target config_docs. Do not edit in the source tree.
)";

} // namespace

std::string sample_file(const Schema& schema) {
    std::string text(kSampleHead);
    for (const Section& section : schema.sections) {
        text += "\n";
        bool first = true;
        for (const std::string_view paragraph : paragraphs(section.text)) {
            if (!first) text += "#\n";
            first = false;
            text += comment(paragraph);
        }
        text += (section.place.repeated() ? "#" : "") + header(section) + "\n";
        for (const Row& row : section.rows) text += "\n" + sample_row(row);
    }
    return text;
}

std::string markdown(const Schema& schema) {
    std::string text(kMarkdownHead);
    for (const Section& section : schema.sections) {
        text += "## `" + header(section) + "`\n\n" + std::string(section.text) + "\n\n";
        for (const Row& row : section.rows) text += markdown_row(row);
    }
    text.pop_back();
    return text;
}

std::string manual_page(const Schema& schema) {
    std::string text(kManualHead);
    for (const Section& section : schema.sections) {
        text += ".SH \"" + header(section) + "\"\n";
        bool first = true;
        for (const std::string_view paragraph : paragraphs(section.text)) {
            if (!first) text += ".PP\n";
            first = false;
            text += roff_lines(paragraph);
        }
        for (const Row& row : section.rows) text += manual_row(row);
    }
    return text + std::string(kManualTail);
}

} // namespace evermilter::config
