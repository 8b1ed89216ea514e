// The mail server's side of the milter protocol, against a milter that answers by a script.
#include "supervisor/ctl/milter_client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <thread>

using namespace evermilter;
using namespace evermilter::ctl;
using namespace std::string_literals;
using namespace std::chrono_literals;

namespace {

std::string packet(char command, const std::string& data = {}) {
    const std::size_t length = data.size() + 1;
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((length >> shift) & 0xffU);
    return bytes + command + data;
}

// Version 6, no actions, the steps that follow.
std::string agreement(const std::string& steps) {
    return packet('O', "\0\0\0\6\0\0\0\0"s + steps);
}
const std::string kAllSteps = "\0\0\0\0"s;
const std::string kLeadingSpace = "\0\x10\0\0"s;
const std::string kNoReplies = "\0\x0f\xf0\x80"s; // no reply to anything but the end of the message

// Answers each command but macros with the next line of the script; an empty one is no answer. At the script's end it
// closes. Keeps what it was sent.
class ScriptedMilter {
  public:
    explicit ScriptedMilter(std::vector<std::string> script) {
        std::string name = "/tmp/evermilter-ctl-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
        listener_ = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        BOOST_REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        BOOST_REQUIRE(::listen(listener_.get(), 1) == 0);
        thread_ = std::thread([this, lines = std::move(script)] { serve(lines); });
    }
    ~ScriptedMilter() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
        std::filesystem::remove_all(folder_);
    }
    ScriptedMilter(const ScriptedMilter&) = delete;
    ScriptedMilter& operator=(const ScriptedMilter&) = delete;

    [[nodiscard]] std::string path() const { return folder_ + "/m"; }
    [[nodiscard]] config::ListenAddress address() const { return config::UnixAddress{path()}; }
    // After the client has gone.
    const std::vector<std::string>& commands() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
        thread_ = std::thread([] {});
        return commands_;
    }

  private:
    void serve(const std::vector<std::string>& script) {
        const unique_fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!fd) return;
        for (std::size_t next = 0; next < script.size();) {
            std::array<unsigned char, 4> head{};
            if (::recv(fd.get(), head.data(), head.size(), MSG_WAITALL) != 4) return;
            std::string content((static_cast<std::size_t>(head[2]) << 8U) | head[3], '\0');
            if (::recv(fd.get(), content.data(), content.size(), MSG_WAITALL) <= 0) return;
            commands_.push_back(content);
            if (content[0] == 'D') continue;
            const std::string& answer = script[next++];
            if (!answer.empty()) (void)::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }

    std::string folder_;
    unique_fd listener_;
    std::vector<std::string> commands_;
    std::thread thread_;
};

Mail mail() {
    return {"<a@example.org>", "<b@example.org>", "4Queue", {{"Subject", "hello"}}, "text\r\n"};
}

const std::string kContinue = packet('c');

// Up to the end of message: negotiation, connect, HELO, MAIL, RCPT, DATA, header, end of headers, body.
std::vector<std::string> until_the_end(const std::string& steps = kAllSteps) {
    std::vector<std::string> script(9, kContinue);
    script[0] = agreement(steps);
    return script;
}

Result<MilterVerdict> verdict_of(const std::string& at_the_end) {
    std::vector<std::string> script = until_the_end();
    script.push_back(at_the_end);
    ScriptedMilter milter(script);
    auto client = MilterClient::open(milter.address(), 30s);
    BOOST_REQUIRE(client.ok());
    return client->send(mail());
}

} // namespace

BOOST_AUTO_TEST_SUITE(milter_client)

BOOST_AUTO_TEST_CASE(a_message_is_sent_command_by_command) {
    std::vector<std::string> script = until_the_end();
    script.push_back(packet('a'));
    ScriptedMilter milter(script);
    {
        auto client = MilterClient::open(milter.address(), 30s);
        BOOST_REQUIRE(client.ok());
        BOOST_TEST(client->version() == 6U);
        BOOST_REQUIRE(client->send(mail()).ok());
    }
    std::string commands;
    for (const std::string& command : milter.commands()) commands += command[0];
    BOOST_TEST(commands == "ODCHDMRTLNBDE");
    BOOST_TEST(milter.commands().at(8) == "LSubject\0hello\0"s);
}

BOOST_AUTO_TEST_CASE(the_leading_space_of_a_header_is_sent_where_it_is_asked_for) {
    std::vector<std::string> script = until_the_end(kLeadingSpace);
    script.push_back(packet('a'));
    ScriptedMilter milter(script);
    {
        auto client = MilterClient::open(milter.address(), 30s);
        BOOST_REQUIRE(client->send(mail()).ok());
    }
    BOOST_TEST(milter.commands().at(8) == "LSubject\0 hello\0"s);
}

BOOST_AUTO_TEST_CASE(where_the_milter_does_not_reply_no_reply_is_awaited) {
    std::vector<std::string> script(9);
    script[0] = agreement(kNoReplies);
    script.push_back(packet('r'));
    ScriptedMilter milter(script);
    auto client = MilterClient::open(milter.address(), 30s);
    auto verdict = client->send(mail());
    BOOST_REQUIRE(verdict.ok());
    BOOST_TEST((verdict->kind == MilterVerdict::Kind::reject));
}

BOOST_AUTO_TEST_CASE(each_final_reply_is_understood) {
    using Kind = MilterVerdict::Kind;
    BOOST_TEST((verdict_of(packet('a'))->kind == Kind::accept));
    BOOST_TEST((verdict_of(packet('c'))->kind == Kind::accept));
    BOOST_TEST((verdict_of(packet('r'))->kind == Kind::reject));
    BOOST_TEST((verdict_of(packet('t'))->kind == Kind::tempfail));
    BOOST_TEST((verdict_of(packet('d'))->kind == Kind::discard));
    const auto found = verdict_of(packet('y', "550 5.7.1 virus found: X\0"s));
    BOOST_TEST((found->kind == Kind::reject));
    BOOST_TEST(found->reply == "550 5.7.1 virus found: X");
    BOOST_TEST(found->stage == "end of message");
    BOOST_TEST((verdict_of(packet('y', "451 later\0"s))->kind == Kind::tempfail));
}

BOOST_AUTO_TEST_CASE(progress_and_modifications_come_before_the_verdict) {
    const auto verdict = verdict_of(packet('p') + packet('p') + packet('m', "\0\0\0\1X-Virus-Status\0\0"s) +
                                    packet('h', "X-Virus-Status\0 Clean\0"s) + packet('i', "\0\0\0\0X-Other\0y\0"s) +
                                    packet('q', "why\0"s) + packet('a'));
    BOOST_REQUIRE(verdict.ok());
    BOOST_TEST(verdict->quarantine == "why");
    BOOST_REQUIRE(verdict->stamped.size() == 3U);
    BOOST_TEST(verdict->stamped[1].name == "X-Virus-Status");
    BOOST_TEST(verdict->stamped[1].value == "Clean");
    BOOST_TEST(verdict->stamped[2].name == "X-Other");
}

BOOST_AUTO_TEST_CASE(a_decision_before_the_end_is_told_with_its_stage) {
    std::vector<std::string> script = until_the_end();
    script.at(3) = packet('a');
    ScriptedMilter milter(script);
    auto client = MilterClient::open(milter.address(), 30s);
    auto verdict = client->send(mail());
    BOOST_REQUIRE(verdict.ok());
    BOOST_TEST(verdict->stage == "MAIL");
}

BOOST_AUTO_TEST_CASE(two_messages_go_over_one_session) {
    std::vector<std::string> script = until_the_end();
    script.push_back(packet('a'));
    for (int command = 0; command < 6; ++command) script.push_back(kContinue);
    script.push_back(packet('r'));
    ScriptedMilter milter(script);
    auto client = MilterClient::open(milter.address(), 30s);
    BOOST_TEST((client->send(mail())->kind == MilterVerdict::Kind::accept));
    BOOST_TEST((client->send(mail())->kind == MilterVerdict::Kind::reject));
}

BOOST_AUTO_TEST_CASE(no_verdict_is_an_error_and_never_acceptance) {
    BOOST_TEST(!verdict_of("").ok());                       // closed
    BOOST_TEST(!verdict_of(packet('p')).ok());              // closed after progress
    BOOST_TEST(!verdict_of(packet('a').substr(0, 3)).ok()); // closed in a packet
    BOOST_TEST(!verdict_of(packet('?')).ok());
    BOOST_TEST(!verdict_of("\xff\xff\xff\xff?").ok());
    BOOST_TEST(!verdict_of("\0\0\0\0a"s).ok());
    BOOST_TEST(!verdict_of(packet('4')).ok(), "shutdown");
}

BOOST_AUTO_TEST_CASE(who_does_not_negotiate_is_no_milter) {
    for (const std::string& greeting : {"220 mx ESMTP\r\n"s, packet('O', "\0\0\0\6"s), packet('c'), ""s}) {
        ScriptedMilter other({greeting});
        BOOST_TEST(!MilterClient::open(other.address(), 30s).ok());
    }
}

BOOST_AUTO_TEST_CASE(a_milter_that_does_not_answer_is_an_error_after_the_patience) {
    ScriptedMilter milter({"", ""});
    const auto client = MilterClient::open(milter.address(), 50ms);
    BOOST_REQUIRE(!client.ok());
    BOOST_TEST(client.error().code == ETIMEDOUT);
}

BOOST_AUTO_TEST_SUITE_END()
