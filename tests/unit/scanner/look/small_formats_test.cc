// Containers whose framing is followed here: files are found where they stand, and hostile framing does no harm.
#include "workers/scanner/look/small_formats.h"

#include <boost/test/unit_test.hpp>

#include "tests/corpus/archive.h"
#include "tests/corpus/compound.h"
#include "tests/corpus/old_archives.h"
#include "tests/corpus/tnef.h"
#include "tests/corpus/zip.h"

namespace evermilter::scanner {
namespace {

const std::string kFirst = "the first attachment, of some length";
const std::string kSecond = "the second one";

corpus::ZipMember zipped(const std::string& name, const std::string& content) {
    corpus::ZipMember member;
    member.name = name;
    member.content = content;
    return member;
}

// Each function, with bytes that are no such file or one that a sender changed.
void read_all(std::string_view bytes) {
    for (const Piece& piece : tnef_attachments(bytes).pieces) BOOST_TEST(piece.bytes.size() <= bytes.size());
    for (const Piece& piece : onenote_files(bytes).pieces) BOOST_TEST(piece.bytes.size() <= bytes.size());
    for (const Piece& piece : swf_binary_data(bytes)) BOOST_TEST(piece.bytes.size() <= bytes.size());
    static_cast<void>(list_alz(bytes));
    static_cast<void>(list_szdd(bytes));
    static_cast<void>(rar5_encrypted(bytes));
    static_cast<void>(unlisted_in_zip(bytes, {}));
    static_cast<void>(has_zip_member(bytes));
    static_cast<void>(compound_file_cut_off(bytes));
}

} // namespace

BOOST_AUTO_TEST_SUITE(small_formats)

BOOST_AUTO_TEST_CASE(attachments_of_a_winmail_dat_are_found) {
    const std::string bytes = corpus::tnef({{"a.exe", kFirst}, {"b.txt", kSecond}});
    const Pieces found = tnef_attachments(bytes);
    BOOST_TEST(found.broken.empty());
    BOOST_REQUIRE_EQUAL(found.pieces.size(), 2U);
    BOOST_TEST(found.pieces[0].bytes == kFirst);
    BOOST_TEST(found.pieces[1].bytes == kSecond);
    BOOST_TEST(!tnef_attachments(std::string_view(bytes).substr(0, bytes.size() / 2)).broken.empty());
}

BOOST_AUTO_TEST_CASE(members_of_alz_and_szdd_are_listed_with_their_sizes) {
    const auto alz = list_alz(corpus::alz({{"a.exe", kFirst}, {"b.txt", kSecond}}));
    BOOST_REQUIRE(alz.has_value());
    BOOST_REQUIRE_EQUAL(alz->members.size(), 2U);
    BOOST_TEST(alz->members[0].size == kFirst.size());
    const auto szdd = list_szdd(corpus::szdd(kFirst));
    BOOST_REQUIRE(szdd.has_value());
    BOOST_REQUIRE_EQUAL(szdd->members.size(), 1U);
    BOOST_TEST(szdd->members[0].size == kFirst.size());
    BOOST_TEST(!list_alz(kFirst).has_value());
    BOOST_TEST(!list_szdd(kFirst).has_value());
}

BOOST_AUTO_TEST_CASE(an_encrypted_rar_is_told_from_an_open_one) {
    corpus::OldForm encrypted;
    encrypted.encrypted = true;
    BOOST_TEST(rar5_encrypted(corpus::rar5({{"a", kFirst}}, encrypted)));
    BOOST_TEST(!rar5_encrypted(corpus::rar5({{"a", kFirst}})));
}

BOOST_AUTO_TEST_CASE(what_a_zip_does_not_list_is_found_in_its_stream) {
    corpus::ZipMember hidden = zipped("hidden.exe", kFirst);
    hidden.listed = false;
    const std::string bytes = corpus::zip_archive({zipped("a.txt", kSecond), hidden});
    const auto found = unlisted_in_zip(bytes, {"a.txt"});
    BOOST_REQUIRE_EQUAL(found.size(), 1U);
    BOOST_TEST(found[0] == "hidden.exe");
    BOOST_TEST(unlisted_in_zip(bytes, {"a.txt", "hidden.exe"}).empty());
    BOOST_TEST(has_zip_member(bytes));
    BOOST_TEST(!has_zip_member(kFirst));
    BOOST_TEST(!has_zip_member(std::string_view()));
}

BOOST_AUTO_TEST_CASE(a_compound_file_that_ends_early_is_seen) {
    const std::string whole = corpus::ole2({{"WordDocument", std::string(9000, 'w')}});
    BOOST_TEST(!compound_file_cut_off(whole));
    BOOST_TEST(compound_file_cut_off(std::string_view(whole).substr(0, whole.size() / 2)));
    BOOST_TEST(!compound_file_cut_off(kFirst));
}

BOOST_AUTO_TEST_CASE(files_are_cut_and_changed_anywhere_without_harm) {
    corpus::OldForm encrypted;
    encrypted.encrypted = true;
    for (const std::string& whole :
         {corpus::tnef({{"a", kFirst}, {"b", kSecond}}), corpus::alz({{"a", kFirst}}), corpus::szdd(kFirst),
          corpus::rar5({{"a", kFirst}}, encrypted), corpus::zip_archive({zipped("a", kFirst), zipped("b", kSecond)}),
          corpus::swf('F', kFirst), corpus::ole2({{"a", kFirst}})}) {
        const std::size_t step = whole.size() > 3000 ? 29 : 1;
        for (std::size_t at = 0; at < whole.size(); at += step) {
            read_all(std::string_view(whole).substr(0, at));
            for (const int value : {0x00, 0x7f, 0xff}) {
                std::string changed = whole;
                changed[at] = static_cast<char>(value);
                if (at + 3 < changed.size()) changed[at + 3] = static_cast<char>(value);
                read_all(changed);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
