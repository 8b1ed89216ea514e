#include "workers/common/base/sha256.h"

#include <boost/test/unit_test.hpp>

#include <span>
#include <string>

using evermilter::Sha256;

BOOST_AUTO_TEST_SUITE(sha256_test)

// FIPS 180-2, appendix B.
BOOST_AUTO_TEST_CASE(the_sum_is_the_standards) {
    Sha256 none;
    BOOST_TEST(none.finish_text() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Sha256 hash;
    hash.add("abc");
    BOOST_TEST(hash.finish_text() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

BOOST_AUTO_TEST_CASE(it_is_the_same_in_parts_and_as_bytes) {
    const std::string text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    Sha256 parts;
    parts.add(text.substr(0, 5));
    parts.add(std::as_bytes(std::span(text)).subspan(5));
    BOOST_TEST(parts.finish_text() == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

BOOST_AUTO_TEST_CASE(a_sum_is_there_once) {
    Sha256 hash;
    BOOST_TEST(hash.finish().has_value());
    BOOST_TEST(!hash.finish().has_value());
    BOOST_TEST(Sha256::prepare());
}

BOOST_AUTO_TEST_SUITE_END()
