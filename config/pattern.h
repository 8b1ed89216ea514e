// Patterns of mail addresses and of names of users, and sets of them. ASCII case does not count.
//   "user@example.org"  this address; of a user, this name; "<>" is the null sender
//   "@example.org"      each address of this domain
//   "@.example.org"     each address of its subdomains, at any depth
//   "/EXPRESSION/"      a regular expression in RE2's syntax, which takes linear time, found anywhere in the address
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/address.h"
#include "config/text_set.h"
#include "workers/common/base/result.h"

namespace re2 {
class RE2;
}

namespace evermilter::config {

struct Pattern {
    enum class Kind : std::uint8_t { address, domain, subdomains, expression };
    Kind kind = Kind::address;
    std::string text; // in lower case and without signs around it; an expression as it stands
};

[[nodiscard]] Result<Pattern, AddressFault> parse_pattern(std::string_view text);

// Add all, then seal(), then ask. Asking takes time by the number of expressions, and by the logarithm of the number of
// addresses and domains. Asked by any thread.
class PatternSet {
  public:
    // Bytes; longer addresses match nothing.
    static constexpr std::size_t kLongest = 1024;

    PatternSet();
    ~PatternSet();
    PatternSet(PatternSet&&) noexcept;
    PatternSet& operator=(PatternSet&&) noexcept;
    PatternSet(const PatternSet&) = delete;
    PatternSet& operator=(const PatternSet&) = delete;

    void add(const Pattern& pattern);
    void seal();
    // With or without angle brackets. One that an expression cannot be tried on, for lack of memory, matches nothing.
    [[nodiscard]] bool matches(std::string_view address) const;
    [[nodiscard]] bool empty() const noexcept {
        return addresses_.empty() && domains_.empty() && subdomains_.empty() && expressions_.empty();
    }

  private:
    TextSet addresses_;
    TextSet domains_;
    TextSet subdomains_; // the domain above them
    std::vector<std::unique_ptr<re2::RE2>> expressions_;
};

} // namespace evermilter::config
