#include "workers/session/libmilter/inserted_commands.h"

#include <fcntl.h>
#include <libmilter/mfdef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace evermilter::session {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kEndOfHeaders = "\0\0\0\1N"sv;
// An unknown command is allowed in any state, and QUIT_NC after it.
constexpr std::string_view kUnknownThenQuit = "\0\0\0\2U\0\0\0\0\1K"sv;

} // namespace

MissingCommands missing_commands(char last, char next) noexcept {
    switch (next) {
        case SMFIC_BODY:
        case SMFIC_BODYEOB:
            if (last == SMFIC_DATA || last == SMFIC_HEADER) return {kEndOfHeaders, false};
            break;
        case SMFIC_QUIT_NC:
            return {kUnknownThenQuit, true};
        default:
            break;
    }
    return {};
}

bool is_dropped(char last, bool in_message, char next) noexcept {
    const auto follows = [&](std::string_view commands) {
        return in_message && commands.find(last) != std::string_view::npos;
    };
    switch (next) {
        case SMFIC_OPTNEG:
            return last != '\0';
        case SMFIC_CONNECT:
            return last != SMFIC_OPTNEG && last != SMFIC_QUIT_NC;
        case SMFIC_RCPT:
            return !follows("MRU");
        case SMFIC_DATA:
            return !follows("RU");
        case SMFIC_HEADER:
        case SMFIC_EOH:
            return !follows("RTL");
        case SMFIC_BODY:
        case SMFIC_BODYEOB:
            return !follows("RTLNB");
        default:
            return false; // HELO and MAIL are taken from anywhere; abort, QUIT, QUIT_NC and macros are not answered
    }
}

Result<InsertedCommands> InsertedCommands::begin(int descriptor, std::string_view packets) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return system_error("socketpair");
    unique_fd near_end(ends[0]);
    unique_fd far_end(ends[1]);
    unique_fd connection(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (!connection) return system_error("duplicate connection");
    // A new socket holds these few bytes; nothing is sent in pieces.
    if (::send(far_end.get(), packets.data(), packets.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(packets.size()))
        return system_error("send");
    if (::dup3(near_end.get(), descriptor, O_CLOEXEC) < 0) return system_error("dup3");
    return InsertedCommands(std::move(connection), std::move(far_end));
}

bool InsertedCommands::over(int descriptor) const noexcept {
    int available = 0;
    return ::ioctl(descriptor, FIONREAD, &available) != 0 || available == 0;
}

void InsertedCommands::skip_packet() noexcept {
    std::array<char, 5> packet{};
    (void)::recv(connection_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
}

Result<void> InsertedCommands::end(int descriptor) {
    std::array<char, 5> answer{};
    const ssize_t got = ::recv(far_end_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
    if (got == static_cast<ssize_t>(answer.size()) && answer.back() != SMFIR_CONTINUE)
        return Error{0, "libmilter did not continue after a command that was inserted"};
    if (::dup3(connection_.get(), descriptor, O_CLOEXEC) < 0) return system_error("dup3");
    connection_.reset();
    far_end_.reset();
    return {};
}

} // namespace evermilter::session
