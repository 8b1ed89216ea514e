#include "workers/common/child.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace evermilter {
namespace {

int socket_option(int option) {
    int value = 0;
    socklen_t length = sizeof value;
    if (::getsockopt(kChildChannel, SOL_SOCKET, option, &value, &length) != 0) return -1;
    return value;
}

} // namespace

Result<Channel> adopt_child_channel(messages::Role role) {
    if (socket_option(SO_TYPE) != SOCK_SEQPACKET || socket_option(SO_DOMAIN) != AF_UNIX)
        return Error{EINVAL, "started by evermilterd only"};
    Channel channel{unique_fd(kChildChannel)};
    if (::fcntl(kChildChannel, F_SETFD, FD_CLOEXEC) != 0) return system_error("the channel to evermilterd");
    int on = 1;
    if (::ioctl(kChildChannel, FIONBIO, &on) != 0) return system_error("the channel to evermilterd");

    // A child stops by message or by the end of its channel; a signal to the whole process group stops none. ABRT is
    // what systemd sends to all processes of a service whose watchdog was not fed; abort(3) unblocks it first.
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGABRT);
    if (::sigprocmask(SIG_BLOCK, &blocked, nullptr) != 0) return system_error("blocking signals");

    messages::Hello hello;
    hello.role = role;
    hello.pid = ::getpid();
    auto sent = channel.send(hello);
    if (!sent) return std::move(sent).error();
    return channel;
}

} // namespace evermilter
