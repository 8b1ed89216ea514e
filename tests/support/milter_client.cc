// See milter_client.h.
#include "tests/support/milter_client.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

namespace step = milter::step;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::uint32_t number_at(std::string_view data, std::size_t offset) {
    const auto number = milter::number_at(data, offset);
    if (!number) throw std::runtime_error("milter: short packet");
    return *number;
}

std::string string_at(std::string_view data, std::size_t offset) {
    if (offset > data.size()) throw std::runtime_error("milter: short packet");
    data.remove_prefix(offset);
    const auto text = milter::take_string(data);
    if (!text) throw std::runtime_error("milter: string without end");
    return std::string(*text);
}

std::string zero(std::string_view text) {
    std::string data;
    milter::append_string(data, text);
    return data;
}

unique_fd connect_unix(const std::string& path) {
    unique_fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error("socket path too long: " + path);
    path.copy(address.sun_path, path.size());
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect " + path);
    return fd;
}

unique_fd connect_inet(int family, const std::string& port, const std::string& host) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) throw std::runtime_error("address " + host);
    unique_fd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int status = ::connect(fd.get(), found->ai_addr, found->ai_addrlen);
    const int saved = errno;
    freeaddrinfo(found);
    errno = saved;
    if (status != 0) fail("connect " + host + ":" + port);
    const int yes = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

void read_exactly(int fd, char* to, std::size_t size) {
    while (size > 0) {
        wait_for(fd, POLLIN, "a reply of the milter");
        const ssize_t got = recv(fd, to, size, 0);
        if (got == 0) throw ConnectionEnded("the milter closed the connection");
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw ConnectionEnded(std::string("the milter's connection: ") + std::strerror(errno));
        to += got;
        size -= static_cast<std::size_t>(got);
    }
}

} // namespace

Offer Offer::of_version(std::uint32_t version) {
    switch (version) {
        case 2:
            return {2, 0x3f, 0x7f};
        case 3:
            return {3, 0x3f, 0x1ff};
        case 4:
            return {4, 0x3f, 0x3ff};
        case 5:
            return {5, 0x3f, 0x3ff};
        default:
            return {version, 0x1ff, 0x1fffff};
    }
}

// Sendmail treats the text of a reply as a format string of printf(3): both MTAs show "%%" as "%", and drop a single
// one (Postfix: milter8.c, SMFIR_REPLYCODE).
static std::string printed(const std::string& reply) {
    std::string text;
    for (std::size_t i = 0; i < reply.size(); ++i) {
        if (reply[i] == '%' && ++i == reply.size()) break;
        text += reply[i];
    }
    return text;
}

std::string Reply::text() const {
    switch (command) {
        case 'a':
            return "accept";
        case 'c':
            return "continue";
        case 'd':
            return "discard";
        case 'r':
            return "reject";
        case 's':
            return "skip";
        case 't':
            return "tempfail";
        case 'y':
            return printed(string_at(data, 0));
        case '4':
            return "shutdown";
        default:
            return std::string("reply ") + command;
    }
}

std::optional<std::string> Verdict::added(std::string_view name) const {
    for (const Modification& one : modifications) {
        if ((one.command == 'h' || one.command == 'i') && one.name == name) {
            const auto begin = one.value.find_first_not_of(" \t");
            return begin == std::string::npos ? "" : one.value.substr(begin);
        }
    }
    return std::nullopt;
}

bool Verdict::quarantined() const {
    return std::ranges::any_of(modifications, [](const Modification& one) { return one.command == 'q'; });
}

MilterClient::MilterClient(const std::string& address) {
    const auto colon = address.find(':');
    const std::string scheme = colon == std::string::npos ? "unix" : address.substr(0, colon);
    const std::string rest = colon == std::string::npos ? address : address.substr(colon + 1);
    if (scheme == "unix" || scheme == "local") {
        fd_ = connect_unix(rest);
        return;
    }
    const auto at = rest.find('@');
    if (at == std::string::npos) throw std::runtime_error("address without host: " + address);
    fd_ = connect_inet(scheme == "inet6" ? AF_INET6 : AF_INET, rest.substr(0, at), rest.substr(at + 1));
}

void MilterClient::send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) throw ConnectionEnded(std::string("the milter's connection: ") + std::strerror(errno));
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void MilterClient::send(char name, std::string_view data) {
    send_raw(milter::make_packet(name, data));
}

void MilterClient::macros(char name, const milter::Macros& values) {
    send(milter::command::kMacros, milter::macros_data(name, values));
}

Reply MilterClient::receive() {
    std::string bytes(milter::kLengthBytes, '\0');
    read_exactly(fd_.get(), bytes.data(), bytes.size());
    const std::uint32_t size = number_at(bytes, 0);
    if (milter::parse_packet(bytes).state == milter::Parsed::State::invalid)
        throw std::runtime_error("milter: packet of " + std::to_string(size));
    bytes.resize(bytes.size() + size);
    read_exactly(fd_.get(), bytes.data() + milter::kLengthBytes, size);
    const milter::Packet packet = milter::parse_packet(bytes).packet;
    return {packet.command, std::string(packet.data)};
}

Verdict MilterClient::receive_verdict() {
    Verdict verdict;
    for (;;) {
        Reply reply = receive();
        switch (reply.command) {
            case 'p':
                ++verdict.progress;
                break;
            case 'h':
                verdict.modifications.push_back(
                    {'h', 0, string_at(reply.data, 0), string_at(reply.data, string_at(reply.data, 0).size() + 1)});
                break;
            case 'm':
            case 'i': {
                const std::string name = string_at(reply.data, 4);
                verdict.modifications.push_back(
                    {reply.command, number_at(reply.data, 0), name, string_at(reply.data, 4 + name.size() + 1)});
                break;
            }
            case 'q':
                verdict.modifications.push_back({'q', 0, "", string_at(reply.data, 0)});
                break;
            case 'b':
            case 'e':
            case '+':
            case '-':
            case '2':
                verdict.modifications.push_back({reply.command, 0, "", reply.data});
                break;
            default:
                verdict.reply = std::move(reply);
                return verdict;
        }
    }
}

bool MilterClient::readable() const {
    pollfd entry{fd_.get(), POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
}

void MilterClient::wait_closed() {
    std::array<char, 4096> rest{};
    for (;;) {
        wait_for(fd_.get(), POLLIN, "the milter to close the connection");
        const ssize_t got = recv(fd_.get(), rest.data(), rest.size(), 0);
        if (got == 0 || (got < 0 && errno != EINTR)) return;
    }
}

Reply MilterClient::negotiate(Offer offer) {
    send('O', milter::negotiation_data({offer.version, offer.actions, offer.protocol}));
    Reply reply = receive();
    if (reply.command != 'O') throw std::runtime_error("milter: negotiation answered by " + reply.text());
    const auto accepted = milter::read_negotiation(reply.data);
    if (!accepted) throw std::runtime_error("milter: short negotiation");
    accepted_ = {accepted->version, accepted->actions, accepted->steps};
    return reply;
}

Reply MilterClient::command(char name, std::string_view data, std::uint32_t unwanted, std::uint32_t silent) {
    if (accepted_.protocol & unwanted) return {'c', {}};
    send(name, data);
    if (accepted_.protocol & silent) return {'c', {}};
    return receive();
}

Reply MilterClient::connect(const std::string& host, const std::string& address, const std::string& resolve) {
    milter::Macros values = {{"j", "mx.example.org"}, {"{daemon_name}", "test"}};
    if (!resolve.empty()) values.emplace_back("{client_resolve}", resolve);
    macros('C', values);
    const bool six = address.find(':') != std::string::npos;
    const std::uint16_t port = htons(25025);
    const std::string port_bytes(reinterpret_cast<const char*>(&port), sizeof port);
    return command('C', zero(host) + (six ? '6' : '4') + port_bytes + zero(address), step::kNoConnect,
                   step::kNoReplyConnect);
}

Reply MilterClient::helo(const std::string& name) {
    return command('H', zero(name), step::kNoHelo, step::kNoReplyHelo);
}

Reply MilterClient::mail(const Envelope& envelope) {
    milter::Macros values = {{"i", envelope.queue_id}, {"{mail_addr}", envelope.sender}};
    if (!envelope.user.empty()) values.emplace_back("{auth_authen}", envelope.user);
    macros('M', values);
    std::string data = zero(envelope.sender);
    for (const std::string& one : envelope.sender_arguments) data += zero(one);
    return command('M', data, step::kNoMail, step::kNoReplyMail);
}

Reply MilterClient::rcpt(const std::string& recipient) {
    macros('R', {{"{rcpt_addr}", recipient}});
    return command('R', zero(recipient), step::kNoRcpt, step::kNoReplyRcpt);
}

Reply MilterClient::data() {
    if (accepted_.version < 4) return {'c', {}};
    return command('T', {}, step::kNoData, step::kNoReplyData);
}

Reply MilterClient::header(std::string_view name, std::string_view value) {
    return command('L', zero(name) + zero(value), step::kNoHeaders, kNoReplyHeader);
}

Reply MilterClient::end_of_headers() {
    return command('N', {}, step::kNoEndOfHeaders, kNoReplyEndOfHeaders);
}

Reply MilterClient::body(std::string_view chunk) {
    return command('B', chunk, step::kNoBody, kNoReplyBody);
}

Verdict MilterClient::end_of_message() {
    send('E');
    return receive_verdict();
}

void MilterClient::open(Offer offer) {
    negotiate(offer);
    connect();
    helo();
}

Reply MilterClient::content(std::string_view mail) {
    while (!mail.empty()) {
        auto end = mail.find('\n');
        if (end == std::string_view::npos) end = mail.size() - 1;
        std::string_view line = mail.substr(0, end + 1);
        if (line == "\n" || line == "\r\n") {
            mail.remove_prefix(line.size());
            break;
        }
        // A folded field continues on lines that begin with a blank; they are sent with bare LF, as MTAs do.
        while (line.size() < mail.size() && (mail[line.size()] == ' ' || mail[line.size()] == '\t')) {
            const auto next = mail.find('\n', line.size());
            line = mail.substr(0, next == std::string_view::npos ? mail.size() : next + 1);
        }
        mail.remove_prefix(line.size());
        std::string field;
        for (std::size_t at = 0; at < line.size(); ++at) {
            const bool line_end = line[at] == '\r' && at + 1 < line.size() && line[at + 1] == '\n';
            if (!line_end && !(line[at] == '\n' && at + 1 == line.size())) field += line[at];
        }
        const auto colon = field.find(':');
        if (colon == std::string::npos) throw std::runtime_error("a header line without colon: " + field);
        std::string value = field.substr(colon + 1);
        if (!(accepted_.protocol & kHeaderLeadingSpace) && value.starts_with(' ')) value.erase(0, 1);
        Reply reply = header(field.substr(0, colon), value);
        if (reply.command != 'c') return reply;
    }
    Reply reply = end_of_headers();
    while (reply.command == 'c' && !mail.empty()) {
        const auto size = std::min(milter::kLargestChunk, mail.size());
        reply = body(mail.substr(0, size));
        mail.remove_prefix(size);
    }
    return reply;
}

Reply MilterClient::upload(std::string_view text, const Envelope& envelope) {
    Reply reply = mail(envelope);
    for (const std::string& one : envelope.recipients)
        if (reply.command == 'c') reply = rcpt(one);
    if (reply.command == 'c') reply = data();
    if (reply.command == 'c') reply = content(text);
    return reply;
}

Verdict MilterClient::message(std::string_view text, const Envelope& envelope) {
    Reply reply = upload(text, envelope);
    if (reply.command != 'c') return {reply, {}, 0};
    return end_of_message();
}

void MilterClient::abort() {
    send('A');
}

void MilterClient::quit() {
    send('Q');
    close();
}

void MilterClient::quit_nc() {
    send('K');
}

void MilterClient::close() {
    fd_.reset();
}

void MilterClient::reset() {
    const linger now{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
}

} // namespace evermilter::test
