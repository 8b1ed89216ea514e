// See mail_server.h.
#include "tests/e2e/mail_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "tests/e2e/smtp_client.h"
#include "tests/support/proc.h"
#include "tests/support/waiting.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

namespace {

bool same_name(std::string_view one, std::string_view other) {
    return one.size() == other.size() && strncasecmp(one.data(), other.data(), one.size()) == 0;
}

} // namespace

Delivered parse_delivered(const std::string& message) {
    Delivered result;
    std::size_t at = 0;
    while (at < message.size() && message[at] != '\n') {
        std::size_t end = at;
        do { // a line that begins with a blank belongs to the field before it
            end = message.find('\n', end);
            if (end == std::string::npos) throw std::runtime_error("a header field without end: " + message);
            ++end;
        } while (end < message.size() && (message[end] == ' ' || message[end] == '\t'));
        const std::string field = message.substr(at, end - 1 - at);
        const std::size_t colon = field.find(':');
        if (colon == std::string::npos) throw std::runtime_error("not a header field: " + field);
        result.fields.emplace_back(field.substr(0, colon), field.substr(colon + 1));
        at = end;
    }
    if (at < message.size()) result.body = message.substr(at + 1);
    return result;
}

std::vector<std::string> Delivered::values(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [field, value] : fields)
        if (same_name(field, name)) found.push_back(value);
    return found;
}

std::string Delivered::without_stamps(std::size_t trace) const {
    std::string text;
    for (std::size_t at = trace; at < fields.size(); ++at) {
        const auto& [name, value] = fields[at];
        if (!same_name(name, "X-Virus-Scanned") && !same_name(name, "X-Virus-Status"))
            text.append(name).append(":").append(value).append("\n");
    }
    return text + "\n" + body;
}

std::vector<Delivered> MailServer::take_all() const {
    std::vector<Delivered> found;
    for (const auto& entry : std::filesystem::directory_iterator(mailbox())) {
        found.push_back(parse_delivered(read_file(entry.path())));
        std::filesystem::remove(entry.path());
    }
    return found;
}

Delivered MailServer::take_one() const {
    std::vector<Delivered> found;
    try {
        wait_until("a message is delivered", [&] {
            found = take_all();
            return !found.empty();
        });
    } catch (const NeverHappened& error) {
        throw NeverHappened(error.what() + std::string("; the mail server's log:\n") + log());
    }
    if (found.size() != 1) throw std::runtime_error(std::to_string(found.size()) + " messages were delivered, not one");
    return found.front();
}

std::uint16_t free_port() {
    const unique_fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::system_error(errno, std::generic_category(), "a free port");
    return ntohs(address.sin_port);
}

void wait_greeting(const MailServer& server) {
    try {
        wait_until("the mail server greets", [&] {
            try {
                SmtpClient client(server.port());
                client.command("QUIT");
                return true;
            } catch (const std::system_error&) {
                return false; // nobody listens yet
            }
        });
    } catch (const NeverHappened& error) {
        throw NeverHappened(error.what() + std::string("; its log:\n") + server.log());
    }
}

} // namespace evermilter::test
