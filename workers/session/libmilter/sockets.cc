#include "workers/session/libmilter/sockets.h"

#include <sys/epoll.h>
#include <sys/socket.h>

namespace evermilter::session::libmilter {

Result<void> EpollSockets::open() {
    for (unique_fd* const epoll : {&often_, &seldom_}) {
        epoll->reset(::epoll_create1(EPOLL_CLOEXEC));
        if (!*epoll) return system_error("epoll_create1");
    }
    return {};
}

PacketLook EpollSockets::look(int descriptor) {
    return look_at_packet(descriptor);
}

bool EpollSockets::holds_only(int descriptor, char command) {
    return session::holds_only(descriptor, command);
}

bool EpollSockets::watch(int descriptor, Watch how) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.fd = descriptor;
    return ::epoll_ctl(epoll(how), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void EpollSockets::unwatch(int descriptor, Watch how) {
    (void)::epoll_ctl(epoll(how), EPOLL_CTL_DEL, descriptor, nullptr);
}

void EpollSockets::shut_down(int descriptor) {
    (void)::shutdown(descriptor, SHUT_RDWR);
}

} // namespace evermilter::session::libmilter
