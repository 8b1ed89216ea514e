#include "workers/scanner/look/find_bytes.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

namespace evermilter::scanner {

BOOST_AUTO_TEST_SUITE(find_bytes_test)

BOOST_AUTO_TEST_CASE(it_finds_what_string_view_finds_from_every_place) {
    const std::string bytes("PKPK\5\6\0PK\5\6PK", 14);
    for (const std::string_view all :
         {std::string_view(), std::string_view(bytes), std::string_view(bytes).substr(1, 3)})
        for (const std::string_view wanted : {"P", "PK\5\6", "\6", "none", "longer than all of these bytes"})
            for (std::size_t from = 0; from <= all.size() + 2; ++from)
                BOOST_TEST(find_bytes(all, wanted, from) == all.find(wanted, from), wanted << " from " << from);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
