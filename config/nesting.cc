#include "config/nesting.h"

namespace evermilter::config {
namespace {

class Walk {
  public:
    explicit Walk(std::string_view text) : text_(text) {}

    std::optional<TooDeep> run() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            switch (c) {
                case '#':
                    while (at_ < text_.size() && text_[at_] != '\n') step();
                    continue;
                case '"':
                case '\'':
                    skip_string(c);
                    continue;
                case '.':
                    if (++dots_ >= kDeepest) return TooDeep{line_, column_, true};
                    break;
                case '[':
                case '{':
                    if (++brackets_ > kDeepest) return TooDeep{line_, column_, false};
                    dots_ = 0;
                    break;
                case ']':
                case '}':
                    if (brackets_ > 0) --brackets_;
                    dots_ = 0;
                    break;
                case '=':
                case ',':
                case '\n':
                    dots_ = 0;
                    break;
                default:
                    break;
            }
            step();
        }
        return std::nullopt;
    }

  private:
    void step() {
        if (text_[at_] == '\n') {
            ++line_;
            column_ = 0;
        }
        ++at_;
        // A character begins where no continuation byte stands.
        if (at_ >= text_.size() || (static_cast<unsigned char>(text_[at_]) & 0xC0U) != 0x80U) ++column_;
    }
    void skip(std::size_t count) {
        for (; count > 0 && at_ < text_.size(); --count) step();
    }

    // One of one line ends at its end, closed or not: the parser refuses it there.
    void skip_string(char quote) {
        const std::string_view three = quote == '"' ? "\"\"\"" : "'''";
        const bool long_one = text_.substr(at_, 3) == three;
        skip(long_one ? 3 : 1);
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\\' && quote == '"') {
                skip(2);
            } else if (long_one && text_.substr(at_, 3) == three) {
                return skip(3);
            } else if (!long_one && c == quote) {
                return skip(1);
            } else if (!long_one && c == '\n') {
                return;
            } else {
                step();
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    unsigned line_ = 1;
    unsigned column_ = 1;
    std::size_t dots_ = 0; // since the name began
    std::size_t brackets_ = 0;
};

} // namespace

std::optional<TooDeep> too_deep(std::string_view text) {
    return Walk(text).run();
}

} // namespace evermilter::config
