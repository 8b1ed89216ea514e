// accept() and poll() as libmilter's listener calls them: connections come from a queue in this process.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <exception>
#include <mutex>
#include <utility>

#include "workers/session/libmilter/shared.h"

namespace evermilter::session::libmilter {
namespace {

using std::chrono::milliseconds;

// TCP_NODELAY: replies are small and each is waited for. SO_SNDTIMEO: a client that reads nothing holds a thread in
// writev(2) for so long. SO_OOBINLINE: urgent data is data. Blocking, as libmilter expects it. A failure costs
// speed, not correctness. Returns whether it is TCP.
bool prepare(int descriptor, milliseconds packet) {
    int on = 1;
    const bool tcp = ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
    timeval wait{};
    wait.tv_sec = packet.count() / 1000;
    wait.tv_usec = packet.count() % 1000 * 1000;
    (void)::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    (void)::setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) (void)::fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK);
    return tcp;
}

// From here on libmilter's controller and the callbacks know the connection.
void adopt(const Offer& offer) {
    const int descriptor = offer.connection.get();
    const bool tcp = prepare(descriptor, shared().packet);
    shared().events.load()->adopted(offer.token, descriptor);
    const Lock lock;
    shared().dispatcher.adopt(descriptor, tcp);
}

bool may_accept() {
    return !shared().offers.empty() && !shared().dispatcher.on_its_way();
}

} // namespace

void offer(unique_fd connection, std::uint64_t token) {
    const Lock lock;
    shared().offers.push_back({std::move(connection), token});
    shared().offered.notify_all();
}

int poll_listener(pollfd* list, int timeout_ms) {
    wait_for_pick_up();
    Lock lock;
    const bool ready = shared().offered.wait_for(lock.mutex(), milliseconds(timeout_ms), may_accept);
    list->revents = ready ? POLLIN : short{0};
    return ready ? 1 : 0;
}

int accept_offered(sockaddr* address, socklen_t* length) {
    Shared& all = shared();
    Offer offer;
    {
        Lock lock;
        // Between the listener's poll() and here the controller may have let a session through.
        if (!all.offered.wait_for(lock.mutex(), kTick * kTicksToPickUp, may_accept)) {
            errno = EAGAIN;
            return -1;
        }
        all.seen_accept.store(true);
        offer = std::move(all.offers.front());
        all.offers.pop_front();
        all.dispatcher.reserve(offer.connection.get());
    }
    try {
        adopt(offer);
    } catch (const std::exception&) {
        forget(offer.connection.get());
        all.events.load()->lost(offer.token);
        throw;
    }
    // libmilter refuses an empty address; it does not know the family of its listener, which is `fd:N`.
    if (address != nullptr && length != nullptr && *length >= sizeof(sa_family_t)) address->sa_family = AF_UNIX;
    if (length != nullptr) *length = sizeof(sa_family_t);
    return offer.connection.release();
}

} // namespace evermilter::session::libmilter
