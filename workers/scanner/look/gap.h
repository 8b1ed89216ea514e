// A gap: a part of a message that was not looked at, and why. The ledger of a message is the list of its gaps.
// Pure values. What senders chose (names, types) is bounded here and not escaped: the code that prints it escapes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workers/common/shared/unseen.h"

namespace evermilter::scanner {

struct Gap {
    Unseen reason = Unseen::unsupported;
    std::string label;      // what is stamped: the limit ("MaxFileSize") or the reason's name
    std::string path;       // where: MIME path ("1.2") or layers ("1.2/a.zip/b.exe"); may be empty
    std::string type;       // MIME type or libclamav's name of the layer's type; may be empty
    std::uint64_t size = 0; // bytes, 0 where it is not known
    std::string detail;     // for the log: what was seen; may be empty
};

class Ledger {
  public:
    static constexpr std::size_t kMostGaps = 64; // more are only counted

    void add(Gap gap);
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] UnseenSet reasons() const noexcept { return reasons_; }
    [[nodiscard]] const std::vector<Gap>& gaps() const noexcept { return gaps_; }
    // The labels of all gaps, each once, the weightiest reason first: "encrypted, MaxFileSize". At most `longest`
    // bytes.
    [[nodiscard]] std::string labels(std::size_t longest) const;
    // One line for the log: "1.2/a.zip/b.exe (zip, 1234): encrypted; … and 3 more". At most `longest` bytes.
    [[nodiscard]] std::string text(std::size_t longest) const;

  private:
    std::vector<Gap> gaps_;
    std::size_t count_ = 0;
    UnseenSet reasons_ = 0;
};

// A gap whose label is the name of its reason.
[[nodiscard]] Gap gap_of(Unseen reason, std::string path, std::string type, std::uint64_t size, std::string detail);
// A limit of libclamav or of ours, by its name ("MaxFileSize").
[[nodiscard]] Gap gap_of_limit(std::string_view limit, std::string path, std::string type, std::uint64_t size);

} // namespace evermilter::scanner
