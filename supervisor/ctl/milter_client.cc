// The mail server's side of the milter protocol. An unexpected reply is an Error that names it.
#include "supervisor/ctl/milter_client.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include "workers/common/shared/probe_key.h"

namespace evermilter::ctl {

namespace {

namespace command = milter::command;
namespace reply = milter::reply;
namespace step_bit = milter::step;

// PROXY protocol 2, command LOCAL: the connection is for the one who makes it (HAProxy's doc/proxy-protocol.txt).
constexpr std::string_view kLocalHeader("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);

std::string nul(const std::string& text) {
    std::string data;
    milter::append_string(data, text);
    return data;
}

// Strings that end in NUL; what follows the last of them is none.
std::vector<std::string> strings(std::string_view data) {
    std::vector<std::string> all;
    while (const auto text = milter::take_string(data)) all.emplace_back(*text);
    return all;
}

// A header of an add ('h'), insert ('i') or change ('m') reply; insert and change begin with an index.
MailHeader header_of(std::string_view data, bool indexed) {
    if (indexed) data.remove_prefix(std::min(data.size(), milter::kLengthBytes));
    const std::vector<std::string> parts = strings(data);
    MailHeader header{parts.empty() ? "" : parts[0], parts.size() < 2 ? "" : parts[1]};
    if (header.value.starts_with(' ')) header.value.erase(0, 1);
    return header;
}

} // namespace

Result<MilterClient> MilterClient::open(const config::ListenAddress& address, std::chrono::milliseconds patience,
                                        std::string probe_key, bool proxy) {
    Result<unique_fd> fd = connect_to(address, std::chrono::steady_clock::now() + patience);
    if (!fd) return std::move(fd).error();
    if (proxy) {
        Result<void> sent = send_all(fd->get(), kLocalHeader, std::chrono::steady_clock::now() + patience);
        if (!sent) return std::move(sent).error();
    }
    MilterClient client(std::move(*fd), patience, std::move(probe_key));
    if (Result<void> agreed = client.negotiate(); !agreed) return std::move(agreed).error();
    return client;
}

Result<void> MilterClient::negotiate() {
    const milter::Negotiation offer{milter::kHighestVersion, milter::kAllActions, step_bit::kAll};
    if (Result<void> sent = write(command::kNegotiate, milter::negotiation_data(offer)); !sent) return sent;
    Result<Packet> packet = read();
    if (!packet) return std::move(packet).error();
    const auto answer = milter::read_negotiation(packet->data);
    if (packet->command != command::kNegotiate || !answer)
        return Error{EPROTO, "the milter did not answer the option negotiation"};
    version_ = answer->version;
    steps_ = answer->steps;
    return {};
}

Result<void> MilterClient::write(char command, std::string_view data) {
    return send_all(fd_.get(), milter::make_packet(command, data), std::chrono::steady_clock::now() + patience_);
}

Result<void> MilterClient::macros(char of, const milter::Macros& macros) {
    return write(command::kMacros, milter::macros_data(of, macros));
}

Result<MilterClient::Packet> MilterClient::read() {
    const Deadline deadline = std::chrono::steady_clock::now() + patience_;
    for (;;) {
        const milter::Parsed parsed = milter::parse_packet(buffer_);
        switch (parsed.state) {
            case milter::Parsed::State::invalid:
                return Error{EPROTO, "what answers there does not speak the milter protocol"};
            case milter::Parsed::State::whole: {
                Packet packet{parsed.packet.command, std::string(parsed.packet.data)};
                buffer_.erase(0, parsed.size);
                return packet;
            }
            case milter::Parsed::State::partial:
                break;
        }
        Result<bool> more = receive_some(fd_.get(), buffer_, deadline);
        if (!more) return std::move(more).error();
        if (!*more) return Error{EPIPE, "the milter closed the connection"};
    }
}

Result<bool> MilterClient::replies(const char* stage, MilterVerdict& verdict) {
    const auto decide = [&](MilterVerdict::Kind kind) {
        verdict.kind = kind;
        verdict.stage = stage;
        return false;
    };
    for (;;) {
        Result<Packet> packet = read();
        if (!packet) return std::move(packet).error();
        switch (packet->command) {
            case reply::kProgress: // the deadline begins again
                continue;
            case reply::kContinue:
                return true;
            case reply::kAccept:
                return decide(MilterVerdict::Kind::accept);
            case reply::kReject:
                return decide(MilterVerdict::Kind::reject);
            case reply::kTempfail:
                return decide(MilterVerdict::Kind::tempfail);
            case reply::kDiscard:
                return decide(MilterVerdict::Kind::discard);
            case reply::kReplyCode: {
                const std::vector<std::string> text = strings(packet->data);
                verdict.reply = text.empty() ? "" : text[0];
                return decide(verdict.reply.starts_with('5') ? MilterVerdict::Kind::reject
                                                             : MilterVerdict::Kind::tempfail);
            }
            case reply::kAddHeader:
                verdict.stamped.push_back(header_of(packet->data, false));
                continue;
            case reply::kInsertHeader:
            case reply::kChangeHeader:
                verdict.stamped.push_back(header_of(packet->data, true));
                continue;
            case reply::kQuarantine: {
                const std::vector<std::string> text = strings(packet->data);
                verdict.quarantine = text.empty() || text[0].empty() ? "no reason given" : text[0];
                continue;
            }
            case reply::kSkip: // skip: no further body is wanted
                return true;
            default:
                return Error{EPROTO,
                             std::string("the milter sent an unexpected reply '") + packet->command + "' at " + stage};
        }
    }
}

Result<bool> MilterClient::step(char command, std::string_view data, std::uint32_t unwanted, std::uint32_t no_reply,
                                const char* stage, MilterVerdict& verdict) {
    if ((steps_ & unwanted) != 0) return true;
    if (Result<void> sent = write(command, data); !sent) return std::move(sent).error();
    if ((steps_ & no_reply) != 0) return true;
    return replies(stage, verdict);
}

Result<bool> MilterClient::envelope(const Mail& mail, MilterVerdict& verdict) {
    if (!greeted_) {
        greeted_ = true;
        milter::Macros known{{"j", "localhost"}, {"{daemon_name}", "evermilterctl"}};
        if (!probe_key_.empty()) known.emplace_back(kProbeMacro, probe_key_);
        if (Result<void> sent = macros(command::kConnect, known); !sent) return std::move(sent).error();
        std::string port(2, '\0');
        const std::string connect = nul("localhost") + '4' + port + nul("127.0.0.1");
        Result<bool> on =
            step(command::kConnect, connect, step_bit::kNoConnect, step_bit::kNoReplyConnect, "connect", verdict);
        if (!on || !*on) return on;
        on = step(command::kHelo, nul("localhost"), step_bit::kNoHelo, step_bit::kNoReplyHelo, "HELO", verdict);
        if (!on || !*on) return on;
    }
    if (Result<void> sent = macros(command::kMail, {{"i", mail.queue_id}, {"{mail_addr}", mail.sender}}); !sent) {
        return std::move(sent).error();
    }
    Result<bool> on =
        step(command::kMail, nul(mail.sender), step_bit::kNoMail, step_bit::kNoReplyMail, "MAIL", verdict);
    if (!on || !*on) return on;
    on = step(command::kRcpt, nul(mail.recipient), step_bit::kNoRcpt, step_bit::kNoReplyRcpt, "RCPT", verdict);
    if (!on || !*on) return on;
    return step(command::kData, {}, step_bit::kNoData, step_bit::kNoReplyData, "DATA", verdict);
}

Result<bool> MilterClient::content(const Mail& mail, MilterVerdict& verdict) {
    const std::string blank = (steps_ & step_bit::kHeaderLeadingSpace) != 0 ? " " : "";
    for (const MailHeader& header : mail.headers) {
        Result<bool> on = step(command::kHeader, nul(header.name) + nul(blank + header.value), step_bit::kNoHeaders,
                               step_bit::kNoReplyHeader, "header", verdict);
        if (!on || !*on) return on;
    }
    Result<bool> on = step(command::kEndOfHeaders, {}, step_bit::kNoEndOfHeaders, step_bit::kNoReplyEndOfHeaders,
                           "end of headers", verdict);
    if (!on || !*on) return on;
    for (std::size_t at = 0; at < mail.body.size(); at += milter::kLargestChunk) {
        on = step(command::kBody, std::string_view(mail.body).substr(at, milter::kLargestChunk), step_bit::kNoBody,
                  step_bit::kNoReplyBody, "body", verdict);
        if (!on || !*on) return on;
    }
    return true;
}

Result<MilterVerdict> MilterClient::send(const Mail& mail) {
    MilterVerdict verdict;
    Result<bool> on = envelope(mail, verdict);
    if (!on) return std::move(on).error();
    if (!*on) return verdict;
    on = content(mail, verdict);
    if (!on) return std::move(on).error();
    if (!*on) return verdict;
    if (Result<void> sent = macros(command::kEndOfMessage, {{"i", mail.queue_id}}); !sent)
        return std::move(sent).error();
    if (Result<void> sent = write(command::kEndOfMessage, {}); !sent) return std::move(sent).error();
    on = replies("end of message", verdict);
    if (!on) return std::move(on).error();
    if (*on) { // "continue" at the end of the message is acceptance
        verdict.kind = MilterVerdict::Kind::accept;
        verdict.stage = "end of message";
    }
    return verdict;
}

void MilterClient::quit() {
    (void)write(command::kQuit, {}).ok();
    fd_.reset();
}

} // namespace evermilter::ctl
