// [[rule]] with real scans: several signatures in one message, in several of its parts.
#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

// EICAR is rejected, Spam.* tagged, Hold.* held.
struct Ruled : Service {
    Ruled() {
        write_signature(database(), "Spam.Text", "evermilter-spam-text");
        write_signature(database(), "Hold.Text", "evermilter-hold-text");
        set("rule",
            R"([{name = "spam", match = ["Evermilter.Test.Spam.*"], action = "accept", header = "X-Tag: {virus}"}, )"
            R"({name = "hold", match = ["*.Hold.*"], action = "quarantine"}])");
        start();
    }
    [[nodiscard]] Verdict answer(const std::string& mail) const {
        MilterClient client = session();
        Verdict verdict = client.message(mail);
        client.quit();
        return verdict;
    }
};

const std::string kSpam = "evermilter-spam-text";
const std::string kHold = "evermilter-hold-text";
const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

} // namespace

BOOST_AUTO_TEST_SUITE(rules_test)

BOOST_AUTO_TEST_CASE(each_name_has_its_rule_and_a_message_the_strictest_of_its_names) {
    const Ruled service;
    const Verdict spam = service.answer(clean_mail(kSpam));
    BOOST_TEST(spam.text() == "accept");
    BOOST_TEST(spam.status() == "Infected (Evermilter.Test.Spam.Text.UNOFFICIAL)");
    BOOST_TEST(spam.added("X-Tag").value_or("") == "Evermilter.Test.Spam.Text.UNOFFICIAL");
    BOOST_TEST(!spam.quarantined());
    service.wait_log({"message", "action=accept", "verdict=infected", "rule=spam"});

    const Verdict hold = service.answer(clean_mail(kHold));
    BOOST_TEST(hold.quarantined());
    BOOST_TEST(!hold.added("X-Tag").has_value());
    BOOST_TEST(service.answer(eicar_in_body()).text() == kRejected);
    BOOST_TEST(service.answer(clean_mail()).status() == "Clean");

    // In one message, in one part or several, whichever comes first.
    for (const std::string& mail :
         {clean_mail(kSpam + " " + kHold), clean_mail(kHold + " " + kSpam),
          multipart_mail({text_part(kSpam), attachment("a.txt", kHold)}),
          multipart_mail({text_part("x"), attachment("a.zip", zip({{"a.txt", kSpam}, {"b.txt", kHold}}))})}) {
        const Verdict both = service.answer(mail);
        BOOST_TEST(both.quarantined());
        BOOST_TEST(both.added("X-Tag").value_or("") == "Evermilter.Test.Spam.Text.UNOFFICIAL");
        BOOST_TEST(both.status() == "Infected (Evermilter.Test.Hold.Text.UNOFFICIAL)");
    }
    service.wait_log({"message", "rule=hold", "also=Evermilter.Test.Spam.Text.UNOFFICIAL"});
    for (const std::string& mail : {multipart_mail({text_part(kSpam), attachment("eicar.com", eicar())}),
                                    multipart_mail({attachment("eicar.com", eicar()), text_part(kSpam)}),
                                    multipart_mail({text_part(kSpam), attachment("e.zip", zip({{"e.com", eicar()}}))})})
        BOOST_TEST(service.answer(mail).text() == kRejected);
}

BOOST_AUTO_TEST_CASE(rules_are_taken_by_new_sessions_and_a_bad_one_changes_nothing) {
    Ruled service;
    MilterClient old = service.session();
    service.set("rule", R"([{name = "all", match = ["*"], action = "discard"}])");
    const json answer = ask(service, "reload-config");
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(service.answer(eicar_in_body()).text() == "discard");
    BOOST_TEST(old.message(eicar_in_body()).text() == kRejected);
    service.set("rule", R"([{name = "all", match = ["[a-z]"], action = "accept"}])");
    const json refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("ok") == false);
    BOOST_TEST(refused.at("error").get<std::string>().find("rule[all].match") != std::string::npos, refused);
    BOOST_TEST(service.answer(eicar_in_body()).text() == "discard");
}

BOOST_AUTO_TEST_CASE(a_rule_does_not_let_through_what_was_not_looked_at) {
    Ruled service;
    service.set("actions.limit", "\"reject\"");
    service.set("scanner.max_files", "5");
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    std::vector<ZipEntry> entries;
    for (int number = 0; number < 20; ++number)
        entries.push_back({"f" + std::to_string(number), "x" + std::to_string(number)});
    const Verdict verdict = service.answer(multipart_mail({text_part(kSpam), attachment("many.zip", zip(entries))}));
    BOOST_TEST(verdict.text().starts_with("550 5.7.1 message exceeds a limit"), verdict.text());
}

BOOST_AUTO_TEST_SUITE_END()
