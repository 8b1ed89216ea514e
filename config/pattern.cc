#include "config/pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "config/lower_case.h"
#include "config/text_check.h"

namespace evermilter::config {
namespace {

// Memory of one expression and its automata, in bytes.
constexpr std::int64_t kExpressionMemory = std::int64_t{1} << 20;

RE2::Options options() {
    RE2::Options options;
    options.set_case_sensitive(false);
    options.set_encoding(RE2::Options::EncodingLatin1); // addresses are bytes
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(kExpressionMemory);
    return options;
}

AddressFault fault(std::string_view text, std::string_view reason) {
    return AddressFault{printable(text) + " " + std::string(reason)};
}

bool is_plain(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return c == '*' || c == '?' || c == ',' || c == ' '; });
}

std::string_view without_brackets(std::string_view address) {
    if (address.size() >= 2 && address.front() == '<' && address.back() == '>')
        return address.substr(1, address.size() - 2);
    return address;
}

} // namespace

Result<Pattern, AddressFault> parse_pattern(std::string_view text) {
    if (text.empty()) return AddressFault{"an empty pattern matches nothing; write \"<>\" for the null sender"};
    if (text.size() > PatternSet::kLongest) return fault(text, "is longer than any address");
    if (text.front() == '/') {
        if (text.size() < 3 || text.back() != '/')
            return fault(text, "is a regular expression without its end; write \"/EXPRESSION/\"");
        const std::string expression(text.substr(1, text.size() - 2));
        const RE2 compiled(expression, options());
        if (!compiled.ok()) return fault(text, "is no regular expression: " + compiled.error());
        return Pattern{Pattern::Kind::expression, expression};
    }
    const std::string lower = lower_case(text);
    if (!is_plain(text))
        return fault(text,
                     "holds a sign that stands for others; write \"@example.org\" for a domain or "
                     "\"/EXPRESSION/\" for a regular expression");
    if (lower.front() != '@') return Pattern{Pattern::Kind::address, std::string(without_brackets(lower))};
    const std::string domain = lower.substr(1);
    const bool subdomains = domain.starts_with('.');
    if (domain.empty() || domain == "." || domain.find('@') != std::string::npos)
        return fault(text, "names no domain; write \"@example.org\"");
    if (subdomains) return Pattern{Pattern::Kind::subdomains, domain.substr(1)};
    return Pattern{Pattern::Kind::domain, domain};
}

PatternSet::PatternSet() = default;
PatternSet::~PatternSet() = default;
PatternSet::PatternSet(PatternSet&&) noexcept = default;
PatternSet& PatternSet::operator=(PatternSet&&) noexcept = default;

void PatternSet::add(const Pattern& pattern) {
    switch (pattern.kind) {
        case Pattern::Kind::address:
            addresses_.add(pattern.text);
            break;
        case Pattern::Kind::domain:
            domains_.add(pattern.text);
            break;
        case Pattern::Kind::subdomains:
            subdomains_.add(pattern.text);
            break;
        case Pattern::Kind::expression:
            expressions_.push_back(std::make_unique<RE2>(pattern.text, options()));
            break;
    }
}

void PatternSet::seal() {
    addresses_.seal();
    domains_.seal();
    subdomains_.seal();
}

bool PatternSet::matches(std::string_view address) const {
    address = without_brackets(address);
    if (empty() || address.size() > kLongest) return false;
    const std::string lower = lower_case(address);
    if (addresses_.contains(lower)) return true;
    if (const std::size_t at = lower.rfind('@'); at != std::string::npos) {
        std::string domain = lower.substr(at + 1);
        if (domains_.contains(domain)) return true;
        for (std::size_t dot = 0; !subdomains_.empty() && (dot = domain.find('.')) != std::string::npos;) {
            domain.erase(0, dot + 1);
            if (subdomains_.contains(domain)) return true;
        }
    }
    return std::any_of(expressions_.begin(), expressions_.end(),
                       [&](const auto& expression) { return RE2::PartialMatch(lower, *expression); });
}

} // namespace evermilter::config
