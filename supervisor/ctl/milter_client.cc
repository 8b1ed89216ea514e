// The mail server's side of the milter protocol. An unexpected reply is an Error that names it.
#include "supervisor/ctl/milter_client.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include "workers/common/shared/probe_key.h"

namespace evermilter::ctl {

namespace {

// mfapi.h and mfdef.h of libmilter.
constexpr std::uint32_t kVersion = 6;
constexpr std::uint32_t kActions = 0x1ff; // all of SMFI_V2_ACTS and later, SETSYMLIST included
constexpr std::uint32_t kNoConnect = 0x1;
constexpr std::uint32_t kNoHelo = 0x2;
constexpr std::uint32_t kNoMail = 0x4;
constexpr std::uint32_t kNoRcpt = 0x8;
constexpr std::uint32_t kNoBody = 0x10;
constexpr std::uint32_t kNoHeaders = 0x20;
constexpr std::uint32_t kNoEndOfHeaders = 0x40;
constexpr std::uint32_t kNoReplyHeader = 0x80;
constexpr std::uint32_t kNoData = 0x200;
constexpr std::uint32_t kSkip = 0x400;
constexpr std::uint32_t kNoReplyConnect = 0x1000;
constexpr std::uint32_t kNoReplyHelo = 0x2000;
constexpr std::uint32_t kNoReplyMail = 0x4000;
constexpr std::uint32_t kNoReplyRcpt = 0x8000;
constexpr std::uint32_t kNoReplyData = 0x10000;
constexpr std::uint32_t kNoReplyEndOfHeaders = 0x40000;
constexpr std::uint32_t kNoReplyBody = 0x80000;
constexpr std::uint32_t kLeadingSpace = 0x100000;
constexpr std::uint32_t kSteps = kNoConnect | kNoHelo | kNoMail | kNoRcpt | kNoBody | kNoHeaders | kNoEndOfHeaders |
                                 kNoReplyHeader | 0x100 | kNoData | kSkip | 0x800 | kNoReplyConnect | kNoReplyHelo |
                                 kNoReplyMail | kNoReplyRcpt | kNoReplyData | 0x20000 | kNoReplyEndOfHeaders |
                                 kNoReplyBody | kLeadingSpace;
constexpr std::size_t kChunk = 65535; // MILTER_CHUNK_SIZE
constexpr std::uint32_t kMostPacket = 1024 * 1024 + 64;
constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kNegotiationData = 12; // three numbers

void put_number(std::string& bytes, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>((number >> static_cast<unsigned>(shift)) & 0xffU);
}

// Precondition: 4 bytes are there.
std::uint32_t get_number(std::string_view bytes, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t index = at; index < at + kLengthSize; ++index) {
        number = (number << 8U) | static_cast<unsigned char>(bytes[index]);
    }
    return number;
}

// Strings that end in NUL.
std::vector<std::string> strings(std::string_view data) {
    std::vector<std::string> all;
    while (!data.empty()) {
        const std::size_t end = std::min(data.find('\0'), data.size());
        all.emplace_back(data.substr(0, end));
        data.remove_prefix(std::min(end + 1, data.size()));
    }
    return all;
}

std::string nul(const std::string& text) {
    return text + '\0';
}

// A header of an add ('h'), insert ('i') or change ('m') reply; insert and change begin with an index.
MailHeader header_of(std::string_view data, bool indexed) {
    if (indexed) data.remove_prefix(std::min(data.size(), kLengthSize));
    const std::vector<std::string> parts = strings(data);
    MailHeader header{parts.empty() ? "" : parts[0], parts.size() < 2 ? "" : parts[1]};
    if (header.value.starts_with(' ')) header.value.erase(0, 1);
    return header;
}

} // namespace

Result<MilterClient> MilterClient::open(const config::ListenAddress& address, std::chrono::milliseconds patience,
                                        std::string probe_key) {
    Result<unique_fd> fd = connect_to(address, std::chrono::steady_clock::now() + patience);
    if (!fd) return std::move(fd).error();
    MilterClient client(std::move(*fd), patience, std::move(probe_key));
    if (Result<void> agreed = client.negotiate(); !agreed) return std::move(agreed).error();
    return client;
}

Result<void> MilterClient::negotiate() {
    std::string offer;
    put_number(offer, kVersion);
    put_number(offer, kActions);
    put_number(offer, kSteps);
    if (Result<void> sent = write('O', offer); !sent) return sent;
    Result<Packet> answer = read();
    if (!answer) return std::move(answer).error();
    if (answer->command != 'O' || answer->data.size() < kNegotiationData) {
        return Error{EPROTO, "the milter did not answer the option negotiation"};
    }
    version_ = get_number(answer->data, 0);
    steps_ = get_number(answer->data, 2 * kLengthSize);
    return {};
}

Result<void> MilterClient::write(char command, std::string_view data) {
    std::string bytes;
    put_number(bytes, static_cast<std::uint32_t>(data.size() + 1));
    bytes += command;
    bytes += data;
    return send_all(fd_.get(), bytes, std::chrono::steady_clock::now() + patience_);
}

Result<void> MilterClient::macros(char stage, const std::vector<std::pair<std::string, std::string>>& values) {
    std::string data(1, stage);
    for (const auto& [name, value] : values) data += nul(name) + nul(value);
    return write('D', data);
}

Result<MilterClient::Packet> MilterClient::read() {
    const Deadline deadline = std::chrono::steady_clock::now() + patience_;
    for (;;) {
        if (buffer_.size() >= kLengthSize) {
            const std::uint32_t length = get_number(buffer_, 0);
            if (length == 0 || length > kMostPacket)
                return Error{EPROTO, "what answers there does not speak the milter protocol"};
            if (buffer_.size() >= kLengthSize + length) {
                Packet packet{buffer_[kLengthSize], buffer_.substr(kLengthSize + 1, length - 1)};
                buffer_.erase(0, kLengthSize + length);
                return packet;
            }
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
            case 'p': // progress: the deadline starts again
                continue;
            case 'c':
                return true;
            case 'a':
                return decide(MilterVerdict::Kind::accept);
            case 'r':
                return decide(MilterVerdict::Kind::reject);
            case 't':
                return decide(MilterVerdict::Kind::tempfail);
            case 'd':
                return decide(MilterVerdict::Kind::discard);
            case 'y': {
                const std::vector<std::string> text = strings(packet->data);
                verdict.reply = text.empty() ? "" : text[0];
                return decide(verdict.reply.starts_with('5') ? MilterVerdict::Kind::reject
                                                             : MilterVerdict::Kind::tempfail);
            }
            case 'h':
                verdict.stamped.push_back(header_of(packet->data, false));
                continue;
            case 'i':
            case 'm':
                verdict.stamped.push_back(header_of(packet->data, true));
                continue;
            case 'q': {
                const std::vector<std::string> text = strings(packet->data);
                verdict.quarantine = text.empty() || text[0].empty() ? "no reason given" : text[0];
                continue;
            }
            case 's': // skip: it wants no more of the body
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
        std::vector<std::pair<std::string, std::string>> known{{"j", "localhost"}, {"{daemon_name}", "evermilterctl"}};
        if (!probe_key_.empty()) known.emplace_back(kProbeMacro, probe_key_);
        if (Result<void> sent = macros('C', known); !sent) return std::move(sent).error();
        std::string port(2, '\0');
        const std::string connect = nul("localhost") + '4' + port + nul("127.0.0.1");
        Result<bool> on = step('C', connect, kNoConnect, kNoReplyConnect, "connect", verdict);
        if (!on || !*on) return on;
        on = step('H', nul("localhost"), kNoHelo, kNoReplyHelo, "HELO", verdict);
        if (!on || !*on) return on;
    }
    if (Result<void> sent = macros('M', {{"i", mail.queue_id}, {"{mail_addr}", mail.sender}}); !sent) {
        return std::move(sent).error();
    }
    Result<bool> on = step('M', nul(mail.sender), kNoMail, kNoReplyMail, "MAIL", verdict);
    if (!on || !*on) return on;
    on = step('R', nul(mail.recipient), kNoRcpt, kNoReplyRcpt, "RCPT", verdict);
    if (!on || !*on) return on;
    return step('T', {}, kNoData, kNoReplyData, "DATA", verdict);
}

Result<bool> MilterClient::content(const Mail& mail, MilterVerdict& verdict) {
    const std::string blank = (steps_ & kLeadingSpace) != 0 ? " " : "";
    for (const MailHeader& header : mail.headers) {
        Result<bool> on =
            step('L', nul(header.name) + nul(blank + header.value), kNoHeaders, kNoReplyHeader, "header", verdict);
        if (!on || !*on) return on;
    }
    Result<bool> on = step('N', {}, kNoEndOfHeaders, kNoReplyEndOfHeaders, "end of headers", verdict);
    if (!on || !*on) return on;
    for (std::size_t at = 0; at < mail.body.size(); at += kChunk) {
        on = step('B', std::string_view(mail.body).substr(at, kChunk), kNoBody, kNoReplyBody, "body", verdict);
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
    if (Result<void> sent = macros('E', {{"i", mail.queue_id}}); !sent) return std::move(sent).error();
    if (Result<void> sent = write('E', {}); !sent) return std::move(sent).error();
    on = replies("end of message", verdict);
    if (!on) return std::move(on).error();
    if (*on) { // "continue" at the end of the message is acceptance
        verdict.kind = MilterVerdict::Kind::accept;
        verdict.stage = "end of message";
    }
    return verdict;
}

void MilterClient::quit() {
    (void)write('Q', {}).ok();
    fd_.reset();
}

} // namespace evermilter::ctl
