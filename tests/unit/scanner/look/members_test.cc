// What an archiver finds in a container is listed and unpacked, whatever a sender wrote into it.
#include "workers/scanner/look/members.h"

#include <boost/test/unit_test.hpp>

#include "tests/corpus/archive.h"
#include "tests/corpus/zip.h"

namespace evermilter::scanner {
namespace {

const std::string kFirst = "the first member, of some length";
const std::string kSecond = "the second one";

corpus::ZipMember zipped(const std::string& name, const std::string& content) {
    corpus::ZipMember member;
    member.name = name;
    member.content = content;
    return member;
}

std::optional<MemberList> list(const std::string& bytes) {
    if (auto zip = list_zip(bytes)) return zip;
    return list_archive(bytes);
}

UnpackBounds bounds(std::uint64_t most) {
    return {most, std::chrono::steady_clock::time_point::max()};
}

std::vector<std::optional<std::string>> unpacked(const MemberList& from, const std::string& bytes, std::uint64_t most) {
    std::vector<const Member*> wanted;
    for (const Member& member : from.members) wanted.push_back(&member);
    std::vector<std::optional<std::string>> all;
    unpack_members(from.packing, std::string_view(bytes).substr(from.offset), wanted, bounds(most),
                   [&](const Member&, std::optional<std::string> content) { all.push_back(std::move(content)); });
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(members)

BOOST_AUTO_TEST_CASE(members_of_each_format_are_listed_and_unpacked) {
    for (const char* format : {"zip", "7zip", "ustar", "newc", "iso9660", "xar"}) {
        BOOST_TEST_CONTEXT(format) {
            const std::string bytes = corpus::archive({format}, {{"one.txt", kFirst}, {"two.txt", kSecond}});
            const auto found = list(bytes);
            BOOST_REQUIRE(found.has_value());
            BOOST_REQUIRE_EQUAL(found->members.size(), 2U);
            BOOST_TEST(found->members[0].size == kFirst.size());
            BOOST_TEST(found->members[1].size == kSecond.size());
            BOOST_TEST(found->broken.empty());
            const auto contents = unpacked(*found, bytes, 1000);
            BOOST_REQUIRE_EQUAL(contents.size(), 2U);
            BOOST_TEST(contents[0].value_or("none") == kFirst);
            BOOST_TEST(contents[1].value_or("none") == kSecond);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_compressed_file_is_one_member_and_its_size_is_bounded) {
    for (const char* filter : {"gzip", "bzip2", "xz", "lzma", "lzip", "compress", "zstd", "lz4"}) {
        BOOST_TEST_CONTEXT(filter) {
            const std::string bytes = corpus::filtered(filter, std::string(5000, 'x'));
            const auto whole = list_compressed(bytes, bounds(100'000));
            BOOST_REQUIRE(whole.has_value());
            BOOST_REQUIRE_EQUAL(whole->members.size(), 1U);
            BOOST_TEST(whole->members[0].size == 5000U);
            const auto bounded = list_compressed(bytes, bounds(1000));
            BOOST_REQUIRE(bounded.has_value());
            BOOST_TEST(bounded->members[0].size == 1001U);
        }
    }
    BOOST_TEST(!list_compressed("only some text that is no stream of anything", bounds(1000)).has_value());
}

BOOST_AUTO_TEST_CASE(an_encrypted_member_is_said_to_be_so) {
    corpus::ZipMember secret = zipped("secret.exe", kFirst);
    secret.flags = 1;
    const auto found = list_zip(corpus::zip_archive({zipped("open.txt", kSecond), secret}));
    BOOST_REQUIRE(found.has_value());
    BOOST_REQUIRE_EQUAL(found->members.size(), 2U);
    BOOST_TEST(!found->members[0].encrypted);
    BOOST_TEST(found->members[1].encrypted);
    BOOST_TEST(found->encrypted);
}

BOOST_AUTO_TEST_CASE(a_zip_behind_a_program_is_found_by_its_directory) {
    corpus::ZipForm form;
    form.prefix = "MZ" + std::string(3000, 'p');
    form.whole = true;
    const std::string bytes = corpus::zip_archive({zipped("one.txt", kFirst)}, form);
    BOOST_TEST(has_zip_directory(bytes));
    const auto found = list_zip(bytes);
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->members.size() == 1U);
    BOOST_TEST(!has_zip_directory(bytes.substr(0, bytes.size() - 30)));
}

BOOST_AUTO_TEST_CASE(nothing_at_all_is_no_zip) {
    BOOST_TEST(!has_zip_directory(std::string_view()));
    BOOST_TEST(!list_zip(std::string_view()));
}

BOOST_AUTO_TEST_CASE(no_more_is_unpacked_than_was_allowed) {
    const std::string bytes = corpus::archive({"ustar"}, {{"a", std::string(10'000, 'a')}, {"b", kSecond}});
    const auto found = list_archive(bytes);
    BOOST_REQUIRE(found.has_value());
    for (const auto& content : unpacked(*found, bytes, 1000)) BOOST_TEST(content.value_or("").size() <= 1000U);
}

BOOST_AUTO_TEST_CASE(a_list_that_ends_early_says_why) {
    const std::string whole = corpus::archive({"ustar"}, {{"a", std::string(3000, 'a')}, {"b", kSecond}});
    const auto found = list_archive(whole.substr(0, 2000));
    BOOST_TEST((!found.has_value() || !found->broken.empty()));
}

BOOST_AUTO_TEST_CASE(containers_are_cut_and_changed_anywhere_without_harm) {
    for (const char* format : {"zip", "7zip", "ustar", "newc", "xar"}) {
        const std::string whole = corpus::archive({format}, {{"one.txt", kFirst}, {"two.txt", kSecond}});
        const std::size_t step = whole.size() > 2000 ? 37 : 1;
        for (std::size_t at = 0; at < whole.size(); at += step) {
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ 0xff);
            for (const std::string& bytes : {changed, whole.substr(0, at)}) {
                if (const auto found = list(bytes)) {
                    for (const auto& content : unpacked(*found, bytes, 10'000))
                        BOOST_TEST(content.value_or("").size() <= 10'000U);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(containers_that_nobody_here_opens_have_a_name) {
    BOOST_TEST(unreadable_container(std::string(7, '\0') + "**ACE**" + std::string(50, '\0')) == "ACE");
    BOOST_TEST(unreadable_container("vhdxfile" + std::string(50, '\0')) == "VHDX");
    BOOST_TEST(unreadable_container("PK\x03\x04 an ordinary archive").empty());
    BOOST_TEST(unreadable_container("").empty());
}

BOOST_AUTO_TEST_CASE(the_checksum_is_that_of_iso_3309) {
    BOOST_TEST(crc_of("123456789") == 0xcbf43926U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
