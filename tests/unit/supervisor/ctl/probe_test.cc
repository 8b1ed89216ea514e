// What the probe sends, and what it takes for right.
#include "supervisor/ctl/probe.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>

#include "tests/support/in_child.h"

using namespace evermilter::ctl;
using Kind = MilterVerdict::Kind;

namespace {

MilterVerdict verdict(Kind kind, const std::string& stamp = "", const std::string& reply = "") {
    MilterVerdict result;
    result.kind = kind;
    result.stage = "end of message";
    result.reply = reply;
    if (!stamp.empty()) result.stamped = {{"X-Virus-Scanned", "evermilter"}, {"X-Virus-Status", stamp}};
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(probe_)

BOOST_AUTO_TEST_CASE(eicar_is_the_test_file_of_68_bytes) {
    BOOST_TEST(eicar().size() == 68U);
    BOOST_TEST(eicar().starts_with("X5O!"));
    BOOST_TEST(eicar().ends_with("$H+H*"));
}

BOOST_AUTO_TEST_CASE(the_infected_mail_has_it_as_a_base64_attachment_and_the_clean_one_has_not) {
    // The known encoding, in two parts like the original.
    const std::string encoded = std::string("WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FS") +
                                "LVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=";
    BOOST_TEST(infected_mail("x").body.find("\r\n\r\n" + encoded + "\r\n") != std::string::npos);
    BOOST_TEST(clean_mail("x").body.find(encoded) == std::string::npos);
    BOOST_TEST(infected_mail("x").body.find(eicar()) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_clean_message_is_right_only_if_it_was_accepted_and_not_called_anything_but_clean) {
    BOOST_TEST(judge_clean(verdict(Kind::accept, "Clean")).right);
    BOOST_TEST(judge_clean(verdict(Kind::accept)).right, "headers.add = no");
    BOOST_TEST(!judge_clean(verdict(Kind::accept, "Not scanned (error)")).right);
    BOOST_TEST(!judge_clean(verdict(Kind::accept, "Infected (X)")).right);
    BOOST_TEST(!judge_clean(verdict(Kind::tempfail, "", "451 4.7.1 later")).right);
    BOOST_TEST(!judge_clean(verdict(Kind::reject)).right);
    BOOST_TEST(!judge_clean(verdict(Kind::discard)).right);
    MilterVerdict early = verdict(Kind::accept);
    early.stage = "connect";
    BOOST_TEST(!judge_clean(early).right, "accepted before there was a message: not scanned");
    MilterVerdict held = verdict(Kind::accept, "Clean");
    held.quarantine = "why";
    BOOST_TEST(!judge_clean(held).right);
}

BOOST_AUTO_TEST_CASE(an_infected_message_is_right_only_if_it_was_found) {
    BOOST_TEST(judge_infected(verdict(Kind::reject, "", "550 5.7.1 virus found: X")).right);
    BOOST_TEST(judge_infected(verdict(Kind::discard)).right);
    BOOST_TEST(judge_infected(verdict(Kind::accept, "Infected (Eicar)")).right, "actions.infected = accept");
    MilterVerdict held = verdict(Kind::accept);
    held.quarantine = "virus found";
    BOOST_TEST(judge_infected(held).right);
    BOOST_TEST(!judge_infected(verdict(Kind::accept)).right);
    BOOST_TEST(!judge_infected(verdict(Kind::accept, "Clean")).right);
    BOOST_TEST(!judge_infected(verdict(Kind::tempfail, "", "451 4.7.1 scanner unavailable, try again later")).right);
    MilterVerdict early = verdict(Kind::reject);
    early.stage = "connect";
    BOOST_TEST(!judge_infected(early).right, "rejected for another reason");
}

BOOST_AUTO_TEST_CASE(one_wrong_verdict_or_a_missing_one_makes_the_probe_fail) {
    const ProbeJudgement right{true, "x"};
    const ProbeJudgement wrong{false, "x"};
    BOOST_TEST((ProbeReport{"m", 6, "", right, right}.ok()));
    BOOST_TEST((!ProbeReport{"m", 6, "", wrong, right}.ok()));
    BOOST_TEST((!ProbeReport{"m", 6, "", right, wrong}.ok()));
    BOOST_TEST((!ProbeReport{"m", 6, "closed", right, right}.ok()));
}

BOOST_AUTO_TEST_CASE(a_milter_socket_that_may_not_be_used_is_told_from_one_where_nobody_answers) {
    std::string folder = "/tmp/evermilter-test-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
    BOOST_REQUIRE(::chmod(folder.c_str(), 0) == 0);
    const auto code_of = [](const std::vector<ProbeTarget>& targets) {
        const auto report = probe(targets, std::chrono::seconds(1), "");
        return report ? 0 : report.error().code;
    };
    const std::string nobody_there = "unix:/nowhere/milter.sock";
    BOOST_TEST(code_of({{nobody_there, false}}) == ECONNREFUSED);
    BOOST_TEST(evermilter::test::holds_in_child([&] {
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 && ::setuid(kNobody) != 0) return false;
        return code_of({{nobody_there, false}, {"unix:" + folder + "/milter.sock", false}}) == EACCES;
    }));
    BOOST_TEST(::rmdir(folder.c_str()) == 0);
}

BOOST_AUTO_TEST_CASE(the_program_does_not_hold_the_test_file_itself) {
    std::ifstream file(std::string(EVERMILTER_BIN_DIRECTORY) + "/evermilterctl", std::ios::binary);
    BOOST_REQUIRE(file.good());
    std::stringstream bytes;
    bytes << file.rdbuf();
    BOOST_TEST(bytes.str().find(eicar()) == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
