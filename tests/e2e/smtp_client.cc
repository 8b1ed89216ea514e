// See smtp_client.h.
#include "tests/e2e/smtp_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <ostream>
#include <stdexcept>
#include <system_error>

#include "tests/support/waiting.h"

namespace evermilter::test {

int SmtpReply::code() const {
    if (text.size() < 3 || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return 0;
    return std::stoi(text.substr(0, 3));
}

bool SmtpReply::positive() const {
    return code() / 100 == 2 || code() / 100 == 3;
}

std::ostream& operator<<(std::ostream& out, const SmtpReply& reply) {
    return out << reply.text;
}

SmtpClient::SmtpClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!fd_ || ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error(errno, std::generic_category(), "SMTP port " + std::to_string(port));
    if (const SmtpReply greeting = receive(); greeting.code() != 220)
        throw std::runtime_error("greeting: " + greeting.text);
}

SmtpReply SmtpClient::ehlo(const std::string& name) {
    return command("EHLO " + name);
}

SmtpReply SmtpClient::command(const std::string& line) {
    send(line + "\r\n");
    return receive();
}

void SmtpClient::envelope(const SmtpEnvelope& envelope) {
    const auto must = [this](const std::string& line) {
        if (const SmtpReply reply = command(line); !reply.positive())
            throw std::runtime_error(line + ": " + reply.text);
    };
    must("MAIL FROM:<" + envelope.sender + ">" + envelope.parameters);
    for (const std::string& recipient : envelope.recipients) must("RCPT TO:<" + recipient + ">");
    must("DATA");
}

void SmtpClient::content(std::string_view message) {
    std::string stuffed;
    stuffed.reserve(message.size() + 16);
    bool line_begins = true;
    for (const char byte : message) {
        if (line_begins && byte == '.') stuffed += '.';
        stuffed += byte;
        line_begins = byte == '\n';
    }
    if (!line_begins) stuffed += "\r\n";
    send(stuffed + ".\r\n");
}

SmtpReply SmtpClient::message(std::string_view message, const SmtpEnvelope& to) {
    envelope(to);
    content(message);
    return receive();
}

SmtpReply SmtpClient::receive() {
    SmtpReply reply;
    for (;;) {
        const std::size_t end = pending_.find("\r\n");
        if (end != std::string::npos) {
            const std::string line = pending_.substr(0, end);
            pending_.erase(0, end + 2);
            reply.text += (reply.text.empty() ? "" : "\n") + line;
            if (line.size() < 4 || line[3] != '-') return reply;
            continue;
        }
        wait_for(fd_.get(), POLLIN, "an SMTP reply");
        std::array<char, 4096> buffer{};
        const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (size <= 0) throw std::runtime_error("the SMTP connection ended where a reply was due");
        pending_.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

bool SmtpClient::readable() const {
    pollfd entry{fd_.get(), POLLIN, 0};
    return !pending_.empty() || poll(&entry, 1, 0) == 1;
}

void SmtpClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        wait_for(fd_.get(), POLLOUT, "room to send on an SMTP connection");
        const ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN) throw std::system_error(errno, std::generic_category(), "SMTP connection");
        if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}

} // namespace evermilter::test
