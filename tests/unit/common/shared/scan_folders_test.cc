#include "workers/common/shared/scan_folders.h"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <optional>

using evermilter::generation_of_scan_folder;
using evermilter::scan_folder;

BOOST_AUTO_TEST_SUITE(scan_folders_test)

BOOST_AUTO_TEST_CASE(a_folder_says_whose_it_is) {
    BOOST_TEST(scan_folder("/run/tmp", 12, 3) == "/run/tmp/g12-s3");
    for (const std::uint64_t generation : {std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()}) {
        const std::string path = scan_folder("/g1-s1", generation, 4095);
        BOOST_TEST((generation_of_scan_folder(path.substr(path.rfind('/') + 1)) == generation), path);
    }
}

BOOST_AUTO_TEST_CASE(other_names_are_nobodys) {
    for (const char* name : {"", "g", "g-s1", "gx-s1", "g1", "g1-", "1-s1", "G1-s1", "google-safebrowsing", "g 1-s1",
                             "g-1-s1", "g99999999999999999999-s1", ".g1-s1"})
        BOOST_TEST(!generation_of_scan_folder(name).has_value(), name);
}

BOOST_AUTO_TEST_SUITE_END()
