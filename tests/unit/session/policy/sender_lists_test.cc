// [[senders]]: whom a list refuses, and when; what it makes of a message; files that change.
#include "workers/session/policy/sender_lists.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/folder.h"
#include "tests/support/proc.h"

using namespace evermilter;
using namespace evermilter::session;
using config::Action;
using evermilter::test::write_file;

namespace {

struct Listed {
    test::Folder folder;
    config::Config config;

    config::SenderList& add(const std::string& name, const std::string& senders, Action action = Action::reject) {
        write_file(folder / name, senders);
        config::SenderList& list = config.senders.emplace_back();
        list.name = name;
        list.file = folder / name;
        list.match = {"envelope"};
        list.action = action;
        return list;
    }
    std::string opt_in(const std::string& recipients) const {
        write_file(folder / "opt_in", recipients);
        return folder / "opt_in";
    }
    [[nodiscard]] SenderLists lists() const {
        auto made = make_sender_lists(config);
        BOOST_REQUIRE(made.ok());
        return *made;
    }
};

Decision clean() {
    Decision decision;
    decision.action = Action::accept;
    decision.stamp = true;
    return decision;
}

std::string name_of(const SenderList* list) {
    return list == nullptr ? "" : list->config().name;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(sender_lists, Listed)

BOOST_AUTO_TEST_CASE(an_envelope_sender_is_refused_at_mail) {
    add("spammers", "a@example.org\n@example.net\n");
    for (const char* sender : {"<a@example.org>", "<A@EXAMPLE.ORG>", "<x@example.net>"}) {
        ListedSender one(lists());
        BOOST_TEST(name_of(one.see_sender(sender)) == "spammers", sender);
    }
    for (const char* sender : {"<b@example.org>", "<>", "<x@mail.example.net>"}) {
        ListedSender one(lists());
        BOOST_TEST(one.see_sender(sender) == nullptr, sender);
        one.take_recipient("<r@example.com>");
        BOOST_TEST((one.decide(clean(), "id").action == Action::accept), sender);
    }
}

BOOST_AUTO_TEST_CASE(where_recipients_opt_in_only_these_are_spared) {
    add("spammers", "a@example.org\n").opt_in = opt_in("wants@example.com\n@all.example.com\n");
    ListedSender one(lists());
    BOOST_TEST(one.see_sender("<a@example.org>") == nullptr);
    BOOST_TEST(name_of(one.see_recipient("<wants@example.com>")) == "spammers");
    BOOST_TEST(name_of(one.see_recipient("<x@all.example.com>")) == "spammers");
    BOOST_TEST(one.see_recipient("<r@example.com>") == nullptr);
    ListedSender other(lists());
    BOOST_TEST(other.see_sender("<b@example.org>") == nullptr);
    BOOST_TEST(other.see_recipient("<wants@example.com>") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_from_field_is_decided_at_the_end_and_for_all_recipients_only) {
    config::SenderList& list = add("spammers", "a@example.org\n");
    list.match = {"from"};
    list.opt_in = opt_in("wants@example.com\n");
    list.header = "X-Listed: {virus}";
    const auto decided = [&](const std::vector<std::string>& recipients) {
        ListedSender one(lists());
        BOOST_TEST(one.see_sender("<a@example.org>") == nullptr);
        for (const std::string& recipient : recipients) {
            BOOST_TEST(one.see_recipient(recipient) == nullptr);
            one.take_recipient(recipient);
        }
        BOOST_TEST(one.wants_from());
        one.see_from({"other@example.org", "a@example.org"});
        return one.decide(clean(), "id");
    };
    const Decision all = decided({"<wants@example.com>", "<wants@example.com>"});
    BOOST_TEST((all.action == Action::reject));
    BOOST_TEST((all.reply == Reply{"550", "5.7.1", "sender not accepted here"}));
    BOOST_TEST(!all.stamp);
    BOOST_TEST(all.list == "spammers");
    const Decision mixed = decided({"<wants@example.com>", "<r@example.com>"});
    BOOST_TEST((mixed.action == Action::accept));
    BOOST_TEST_REQUIRE(mixed.fields.size() == 1U);
    BOOST_TEST(mixed.fields[0].name == "X-Listed");
    BOOST_TEST(mixed.fields[0].value == "spammers");
    BOOST_TEST(mixed.list == "spammers");
}

BOOST_AUTO_TEST_CASE(the_strictest_action_holds_and_an_infection_is_never_made_milder) {
    add("tag", "a@example.org\n", Action::accept).header = "X-Tag: yes";
    add("hold", "a@example.org\n", Action::quarantine);
    ListedSender one(lists());
    BOOST_TEST(one.see_sender("a@example.org") == nullptr);
    one.take_recipient("<r@example.com>");
    const Decision held = one.decide(clean(), "id");
    BOOST_TEST((held.action == Action::quarantine));
    BOOST_TEST(held.quarantine == "sender in the list hold");
    BOOST_TEST(held.stamp);
    BOOST_TEST(held.fields.size() == 1U);
    Decision infected;
    infected.action = Action::reject;
    infected.reply = Reply{"550", "5.7.1", "virus found"};
    const Decision refused = one.decide(infected, "id");
    BOOST_TEST((refused.action == Action::reject));
    BOOST_TEST(refused.reply->text == "virus found");
    BOOST_TEST(!refused.stamp);
}

BOOST_AUTO_TEST_CASE(the_reply_is_the_lists_own) {
    add("spammers", "a@example.org\n").text = "554 5.7.9 {virus} are not welcome ({queue_id})";
    add("slow", "b@example.org\n", Action::tempfail);
    const SenderLists all = lists();
    BOOST_TEST((all[0]->reply("4Abc") == Reply{"554", "5.7.9", "spammers are not welcome (4Abc)"}));
    BOOST_TEST(all[1]->reply("4Abc").code == "451");
}

BOOST_AUTO_TEST_CASE(a_listener_has_its_own_lists) {
    add("spammers", "a@example.org\n").listeners = {"inbound"};
    BOOST_TEST(lists_of(lists(), "inbound").size() == 1U);
    BOOST_TEST(lists_of(lists(), "").empty());
}

BOOST_AUTO_TEST_CASE(a_file_is_read_again_when_it_has_changed_and_a_bad_one_changes_nothing) {
    add("spammers", "a@example.org\n");
    const auto list = lists()[0];
    const auto replace = [&](const std::string& text) {
        write_file(folder / "new", text);
        std::filesystem::rename(folder / "new", folder / "spammers");
        list->refresh();
    };
    BOOST_TEST(list->has_sender("a@example.org"));
    replace("b@example.org\n");
    BOOST_TEST(!list->has_sender("a@example.org"));
    BOOST_TEST(list->has_sender("b@example.org"));
    replace("c@example.org\n/(/\n");
    BOOST_TEST(list->has_sender("b@example.org"));
    BOOST_TEST(!list->has_sender("c@example.org"));
    std::filesystem::remove(folder / "spammers");
    list->refresh();
    BOOST_TEST(list->has_sender("b@example.org"));
    replace("c@example.org\n");
    BOOST_TEST(list->has_sender("c@example.org"));
}

BOOST_AUTO_TEST_SUITE_END()
