// database.site_signatures with real scans: lines of mail are found as they stand in one; the file is followed, a
// broken one keeps what was good, and one that hits the proof is refused.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// Base64 of a file, in lines of 76; the first two are the signature.
const std::string kContent = noise(3000, 14);
std::string first_lines(const std::string& text, int count, const std::string& end) {
    std::string lines;
    for (std::size_t at = 0; count-- > 0;) {
        const std::size_t stop = text.find("\r\n", at);
        lines += text.substr(at, stop - at) + end;
        at = stop + 2;
    }
    return lines;
}

std::string worm_mail() {
    return multipart_mail({text_part("Look at this."), attachment("photo.pif", kContent)});
}

struct Site : Service {
    explicit Site(const Keys& keys = {}) : Service(keys) {
        set("database.site_signatures", '"' + file() + '"');
        set("database.watch", "true");
        set("database.settle", "\"100ms\"");
        write(worm());
    }
    [[nodiscard]] std::string file() const { return path("site-signatures"); }
    // Replaced at once, as an editor does.
    void write(const std::string& text) const {
        write_file(file() + ".new", text);
        fs::permissions(file() + ".new", fs::perms(0644));
        fs::rename(file() + ".new", file());
    }
    [[nodiscard]] static std::string worm(const std::string& name = "Site.Worm") {
        return "# seen on 28 November\n" + name + " =\n" + first_lines(base64(kContent), 2, "\n");
    }
    [[nodiscard]] Verdict answer(const std::string& mail) const {
        MilterClient client = session();
        Verdict verdict = client.message(mail);
        client.quit();
        return verdict;
    }
    // Until a generation is active that answers so.
    void wait_answer(const std::string& mail, const std::string& status) const {
        wait_until("the answer is " + status, [&] {
            const Verdict verdict = answer(mail);
            return verdict.status() == status || verdict.text().find(status) != std::string::npos;
        });
    }
};

const std::string kFound = "550 5.7.1 virus found: Site.Worm.UNOFFICIAL";

} // namespace

BOOST_AUTO_TEST_SUITE(site_signatures_test)

BOOST_AUTO_TEST_CASE(lines_of_a_mail_are_found_as_they_stand_in_one) {
    Site site;
    site.write(Site::worm() + "\nSite.Subject =\nX-Mailer: a mailer that only they use\nX-Priority: 1\n" +
               "\nSite.Name =\nContent-Type: application/x-thing;\n\tname=\"very.long.name.exe\"\n");
    site.start();
    BOOST_TEST(site.answer(worm_mail()).text() == kFound);
    BOOST_TEST(site.answer(clean_mail()).status() == "Clean");
    BOOST_TEST(site.answer(clean_mail(first_lines(base64(kContent), 1, "\r\n"))).status() == "Clean"); // half of it
    const std::string in_header = "X-Mailer: a mailer that only they use\r\nX-Priority: 1\r\n" + clean_mail();
    BOOST_TEST(site.answer(in_header).text() == "550 5.7.1 virus found: Site.Subject.UNOFFICIAL");
    const std::string part = "Content-Type: application/x-thing;\r\n\tname=\"very.long.name.exe\"\r\n";
    BOOST_TEST(site.answer(multipart_mail({{part, "nothing\r\n"}})).text() ==
               "550 5.7.1 virus found: Site.Name.UNOFFICIAL");
    // With line feeds alone, as some mail servers hand it over.
    std::string with_lf;
    for (const char byte : worm_mail())
        if (byte != '\r') with_lf += byte;
    BOOST_TEST(site.answer(with_lf).text() == kFound);
}

BOOST_AUTO_TEST_CASE(the_file_is_followed_and_may_go) {
    Site site;
    site.write("# none yet\n");
    site.start();
    BOOST_TEST(site.answer(worm_mail()).status() == "Clean");
    site.write(Site::worm());
    site.wait_answer(worm_mail(), "Site.Worm.UNOFFICIAL");
    site.write(Site::worm("Site.Other"));
    site.wait_answer(worm_mail(), "Site.Other.UNOFFICIAL");
    site.set("database.site_signatures", "");
    BOOST_TEST(ask(site, "reload-config").at("ok") == true);
    site.wait_answer(worm_mail(), "Clean");
    BOOST_TEST(site.log().find("vanished") == std::string::npos);
    BOOST_TEST(site.status().at("state") == "ready");
}

BOOST_AUTO_TEST_CASE(a_broken_file_keeps_what_was_good_and_says_where) {
    Site site;
    site.start();
    const std::uint64_t before = current(site);
    site.write(Site::worm("Site.New") + "\nToo.Short =\nabc\n");
    const json status =
        site.wait_status("it is degraded", [](const json& now) { return now.at("state") == "degraded"; });
    BOOST_TEST(status.dump().find("site-signatures:6: signature Too.Short has 3 bytes") != std::string::npos, status);
    BOOST_TEST(current(site) > before);
    BOOST_TEST(site.answer(worm_mail()).text() == kFound);
    BOOST_TEST(site.answer(eicar_attached()).text() == std::string("550 5.7.1 virus found: ") + kEicarName);
    site.write(Site::worm("Site.New"));
    site.wait_answer(worm_mail(), "Site.New.UNOFFICIAL");
    site.wait_status("it is well again", [](const json& now) { return now.at("state") == "ready"; });
}

BOOST_AUTO_TEST_CASE(a_broken_file_is_refused_where_that_is_wanted) {
    Site site(Keys{{"database.broken_file", "\"refuse\""}});
    site.start();
    site.write("stray\n");
    const json answer = ask(site);
    BOOST_TEST(answer.at("ok") == false);
    BOOST_TEST(answer.dump().find("site-signatures:1: no signature has begun") != std::string::npos, answer);
    BOOST_TEST(site.answer(worm_mail()).text() == kFound);
}

BOOST_AUTO_TEST_CASE(one_that_is_found_in_the_clean_messages_of_the_proof_is_refused) {
    Site site;
    const fs::path proof = site.path("proof");
    fs::create_directories(proof / "clean");
    write_file(proof / "clean/newsletter", "Subject: news\n\nThe usual words of every month.\n");
    site.set("database.proof_directory", '"' + proof.string() + '"');
    site.start();
    site.write("Bad.Idea =\nThe usual words of every month.\n");
    const json answer = ask(site);
    BOOST_TEST(answer.at("ok") == false);
    BOOST_TEST(answer.dump().find("newsletter must be clean, but Bad.Idea.UNOFFICIAL was found") != std::string::npos,
               answer);
    BOOST_TEST(site.answer(worm_mail()).text() == kFound);
    // What every mail has is found in the built-in one too.
    site.write("Worse.Idea =\nContent-Type: multipart/mixed;\n");
    BOOST_TEST(ask(site).at("ok") == false);
}

BOOST_AUTO_TEST_CASE(rollback_brings_them_back) {
    Site site;
    site.start();
    site.write("# none\n");
    site.wait_answer(worm_mail(), "Clean");
    BOOST_TEST(ask(site, "rollback").at("ok") == true);
    BOOST_TEST(site.answer(worm_mail()).text() == kFound);
}

BOOST_AUTO_TEST_SUITE_END()
