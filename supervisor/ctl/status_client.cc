// Asks the status socket. An answer that is cut off is an Error; nobody gets a part of one.
#include "supervisor/ctl/status_client.h"

#include <cerrno>

#include "config/address.h"

namespace evermilter::ctl {

namespace {

using std::chrono::steady_clock;

// Far more than the list of 100,000 sessions.
constexpr std::size_t kMostAnswer = 256UL * 1024 * 1024;
constexpr std::chrono::seconds kConnectTimeout{10};

Error cut_off() {
    return {EPIPE, "the answer was cut off: did the service end?"};
}

// Reads until `end` stands at the end of the buffer, or, with an empty `end`, until the peer closes.
Result<std::string> read_until(int fd, std::string_view end, Deadline deadline) {
    std::string answer;
    for (;;) {
        Result<bool> more = receive_some(fd, answer, deadline);
        if (!more) return std::move(more).error();
        if (!end.empty() && answer.ends_with(end)) return answer;
        if (!*more) {
            if (end.empty() && !answer.empty()) return answer;
            return cut_off();
        }
        if (answer.size() > kMostAnswer) return Error{EMSGSIZE, "the answer is too long"};
    }
}

std::string without_newline(std::string text) {
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

} // namespace

Result<unique_fd> StatusClient::ask(const std::string& bytes, Deadline deadline) const {
    auto parsed = config::parse_address(address_);
    if (!parsed) return Error{EINVAL, "\"" + address_ + "\" is not a valid socket address: " + parsed.error().reason};
    Result<unique_fd> fd = connect_to(*parsed, deadline);
    if (!fd) {
        std::string what = fd.error().what;
        if (fd.error().code == ENOENT || fd.error().code == ECONNREFUSED) {
            what += ": is evermilterd running, and is this its status.socket?";
        }
        if (fd.error().code == EACCES || fd.error().code == EPERM) {
            what += ": become root, or a member of the group that owns it (status.socket_group)";
        }
        return Error{fd.error().code, std::move(what)};
    }
    if (Result<void> sent = send_all(fd->get(), bytes, deadline); !sent) return std::move(sent).error();
    return fd;
}

Result<std::string> StatusClient::command(const std::string& line, std::chrono::milliseconds timeout) const {
    const Deadline deadline = steady_clock::now() + timeout;
    Result<unique_fd> fd = ask(line + '\n', deadline);
    if (!fd) return std::move(fd).error();
    Result<std::string> answer = read_until(fd->get(), "\n", deadline);
    return answer ? without_newline(*std::move(answer)) : std::move(answer);
}

Result<std::string> StatusClient::metrics(std::chrono::milliseconds timeout) const {
    const Deadline deadline = steady_clock::now() + timeout;
    Result<unique_fd> fd = ask("metrics\n", deadline);
    if (!fd) return std::move(fd).error();
    return read_until(fd->get(), "# EOF\n", deadline);
}

Result<std::string> StatusClient::clamd_word(const std::string& word, std::chrono::milliseconds timeout) const {
    const Deadline deadline = steady_clock::now() + timeout;
    Result<unique_fd> fd = ask('n' + word + '\n', deadline);
    if (!fd) return std::move(fd).error();
    Result<std::string> answer = read_until(fd->get(), {}, deadline);
    return answer ? without_newline(*std::move(answer)) : std::move(answer);
}

Result<std::string> StatusClient::command_waiting(const std::string& line, std::chrono::milliseconds tick,
                                                  const std::function<void()>& on_tick) const {
    Result<unique_fd> fd = ask(line + '\n', steady_clock::now() + kConnectTimeout);
    if (!fd) return std::move(fd).error();
    for (;;) {
        Result<bool> ready = wait_readable(fd->get(), steady_clock::now() + tick);
        if (!ready) return std::move(ready).error();
        if (*ready) break;
        on_tick();
    }
    Result<std::string> answer = read_until(fd->get(), "\n", steady_clock::now() + kConnectTimeout);
    return answer ? without_newline(*std::move(answer)) : std::move(answer);
}

} // namespace evermilter::ctl
