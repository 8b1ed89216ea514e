#include "supervisor/ctl/import/posix_regex.h"

#include <optional>
#include <utility>

namespace evermilter::ctl {
namespace {

// One character that stands for itself.
std::string literal(char c) {
    constexpr std::string_view with_a_meaning = "\\^$.|?*+()[]{}";
    return with_a_meaning.find(c) == std::string_view::npos ? std::string(1, c) : std::string{'\\', c};
}

class Translation {
  public:
    Translation(std::string_view text, PosixSyntax syntax, AngleBrackets brackets)
        : text_(text), syntax_(syntax), brackets_(brackets) {}

    Result<std::string, Untranslatable> run() {
        while (at_ < text_.size() && !wrong_) {
            const char c = text_[at_++];
            if (c == '\\')
                escaped();
            else if (c == '[')
                bracket();
            else if (syntax_ == PosixSyntax::basic)
                basic(c);
            else
                extended(c);
        }
        if (wrong_) return Untranslatable{std::move(*wrong_)};
        return std::move(out_);
    }

  private:
    void ordinary(char c) {
        if (brackets_ == AngleBrackets::are_ends && (c == '<' || c == '>')) return anchor(c == '<' ? '^' : '$');
        out_ += literal(c);
        begins_ = false;
        anchor_ = '\0';
    }
    void operation(std::string_view what) {
        out_ += what;
        begins_ = false;
        anchor_ = '\0';
    }
    // "^<" is one anchor, not two.
    void anchor(char c) {
        if (anchor_ != c) out_ += c;
        begins_ = begins_ && c == '^';
        anchor_ = c;
    }

    void escaped() {
        if (at_ == text_.size()) {
            wrong_ = "ends with a backslash";
            return;
        }
        const char c = text_[at_++];
        if (syntax_ == PosixSyntax::extended) return ordinary(c);
        if (c >= '1' && c <= '9') {
            wrong_ = "has a back reference, which RE2 does not have";
        } else if (c == '(') {
            operation("(");
            begins_ = true;
        } else if (c == ')' || c == '{' || c == '}') {
            operation(std::string_view(&c, 1));
        } else {
            ordinary(c);
        }
    }

    void basic(char c) {
        const std::string_view rest = text_.substr(at_);
        if (c == '.' || (c == '*' && !begins_)) return operation(std::string_view(&c, 1));
        if (c == '^' && begins_) return anchor(c); // what follows still begins: ^* has a plain asterisk
        if (c == '$' && (rest.empty() || rest.starts_with("\\)"))) return anchor(c);
        ordinary(c);
    }

    void extended(char c) {
        constexpr std::string_view meaning = ".*+?{}()|";
        if (c == '(' && at_ < text_.size() && text_[at_] == '?') {
            wrong_ = "has (?, which is nothing in an extended expression";
            return;
        }
        if (c == '^' || c == '$') return anchor(c);
        if (meaning.find(c) != std::string_view::npos) return operation(std::string_view(&c, 1));
        ordinary(c);
    }

    // From behind the [ to behind its ].
    void bracket() {
        for (const auto& [word, boundary] : {std::pair<std::string_view, std::string_view>{"[:<:]]", "\\b"},
                                             std::pair<std::string_view, std::string_view>{"[:>:]]", "\\b"}}) {
            if (!text_.substr(at_).starts_with(word)) continue;
            at_ += word.size();
            return operation(boundary);
        }
        out_ += '[';
        if (at_ < text_.size() && text_[at_] == '^') out_ += text_[at_++];
        for (bool first = true; at_ < text_.size(); first = false) {
            const char c = text_[at_++];
            if (c == ']' && !first) return operation("]");
            if (c == '[' && at_ < text_.size() && (text_[at_] == '.' || text_[at_] == '=')) {
                wrong_ = "has a collating element, which RE2 does not have";
                return;
            }
            if (c == '[' && at_ < text_.size() && text_[at_] == ':') {
                const std::size_t end = text_.find(":]", at_ + 1);
                if (end == std::string_view::npos) break;
                out_ += text_.substr(at_ - 1, end + 2 - (at_ - 1));
                at_ = end + 2;
                continue;
            }
            if (c == '\\' || c == '[' || c == ']' || c == '^') out_ += '\\';
            out_ += c;
        }
        wrong_ = "has a [ without its ]";
    }

    std::string_view text_;
    PosixSyntax syntax_;
    AngleBrackets brackets_;
    std::size_t at_ = 0;
    bool begins_ = true; // nothing stands before, in the whole or in a group
    char anchor_ = '\0'; // that was the last
    std::string out_;
    std::optional<std::string> wrong_;
};

} // namespace

Result<std::string, Untranslatable> re2_of_posix(std::string_view expression, PosixSyntax syntax,
                                                 AngleBrackets brackets) {
    return Translation(expression, syntax, brackets).run();
}

std::string re2_of_literal(std::string_view text) {
    std::string expression = "^";
    for (const char c : text) expression += literal(c);
    return expression + "$";
}

} // namespace evermilter::ctl
