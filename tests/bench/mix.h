// The mix of ordinary mail that benchmarks scan: 60 % are texts and newsletters of 2 to 8 KB, 20 % carry a PDF, a docx
// or a picture of 50 to 300 KB, 10 % are of about 1 MB, and 10 % carry an archive or are larger.
#pragma once

#include <cstdint>
#include <string>

namespace evermilter::bench {

struct Mail {
    std::string kind;
    std::string text;
};

// `number` chooses kind and content; no two mails have a part in common, so that no cache of clean files can answer.
[[nodiscard]] Mail ordinary_mail(std::uint64_t number);

} // namespace evermilter::bench
