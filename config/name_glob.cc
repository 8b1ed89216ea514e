#include "config/name_glob.h"

#include <fnmatch.h>

#include <algorithm>

#include "config/text_check.h"

namespace evermilter::config {
namespace {

constexpr std::size_t kLongest = 200;

} // namespace

Result<void, AddressFault> check_name_glob(std::string_view glob) {
    const auto ordinary = [](char c) { return c > ' ' && c < '\x7f' && c != '[' && c != ']' && c != '\\'; };
    if (glob.empty() || glob.size() > kLongest || !std::all_of(glob.begin(), glob.end(), ordinary))
        return AddressFault{printable(glob) +
                            " is not a pattern of signature names; write a name with * for any text and ? for any "
                            "character, such as \"PUA.*\""};
    return {};
}

bool matches_name(const std::string& glob, const std::string& name) {
    return ::fnmatch(glob.c_str(), name.c_str(), FNM_NOESCAPE | FNM_CASEFOLD) == 0;
}

} // namespace evermilter::config
