#include "workers/common/ipc/child.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "workers/common/base/process_state.h"
#include "workers/common/ipc/any_child.h"
#include "workers/common/ipc/channel.h"

namespace evermilter {
namespace {

int socket_option(int option) {
    int value = 0;
    socklen_t length = sizeof value;
    if (::getsockopt(kChildChannel, SOL_SOCKET, option, &value, &length) != 0) return -1;
    return value;
}

} // namespace

Result<unique_fd> adopt_child_channel(messages::Role role) {
    if (socket_option(SO_TYPE) != SOCK_SEQPACKET || socket_option(SO_DOMAIN) != AF_UNIX)
        return Error{EINVAL, "started by evermilterd only"};
    unique_fd channel(kChildChannel);
    if (::fcntl(kChildChannel, F_SETFD, FD_CLOEXEC) != 0) return system_error("the channel to evermilterd");
    int on = 1;
    if (::ioctl(kChildChannel, FIONBIO, &on) != 0) return system_error("the channel to evermilterd");

    ignore_signals();
    if (!block_signals(Blocked::in_child)) return system_error("blocking signals");
    set_surroundings();
    if (::close_range(kChildChannel + 1, ~0U, 0) != 0) return system_error("closing what was inherited");

    messages::Hello hello;
    hello.role = role;
    hello.pid = ::getpid();
    if (auto sent = send_message<messages::FromAnyChild>(channel.get(), hello); !sent) return std::move(sent).error();
    return channel;
}

bool is_of_own_user(int channel) noexcept {
    ucred maker{};
    socklen_t length = sizeof maker;
    return ::getsockopt(channel, SOL_SOCKET, SO_PEERCRED, &maker, &length) == 0 && maker.uid == ::geteuid();
}

} // namespace evermilter
