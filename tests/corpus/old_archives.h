// Archives that no packaged library writes, stored or with a method that the caller chooses. The content of a member
// should be packed already (marker.gz), so that the archive does not show it unchanged. Each function takes the
// method's number in its own format, and whether members are marked as encrypted.
#pragma once

#include <string>
#include <vector>

#include "tests/corpus/archive.h"

namespace evermilter::corpus {

struct OldForm {
    int method = -1; // -1: stored
    bool encrypted = false;
};

[[nodiscard]] std::string cab(const std::vector<Member>& members, const OldForm& form = {}); // 1: MSZIP
[[nodiscard]] std::string arj(const std::vector<Member>& members, const OldForm& form = {});
[[nodiscard]] std::string lha(const std::vector<Member>& members, const OldForm& form = {}); // the digit of -lh0-
[[nodiscard]] std::string egg(const std::vector<Member>& members, const OldForm& form = {}); // 1: deflate, 2: bzip2
[[nodiscard]] std::string alz(const std::vector<Member>& members, const OldForm& form = {}); // 2: deflate
[[nodiscard]] std::string rar4(const std::vector<Member>& members, const OldForm& form = {});
[[nodiscard]] std::string rar5(const std::vector<Member>& members, const OldForm& form = {});
[[nodiscard]] std::string szdd(const std::string& content); // one file of EXPAND, literals only

} // namespace evermilter::corpus
