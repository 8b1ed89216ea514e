#include "workers/common/ipc/channel.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace evermilter {
namespace {

// Room for the descriptors and for one SCM_CREDENTIALS.
constexpr std::size_t kControlSize =
    CMSG_SPACE(sizeof(int) * codec::kMaxDescriptors) + CMSG_SPACE(sizeof(struct ucred));

Result<unique_fd> with_flags(int fd, Blocking blocking) {
    unique_fd owned(fd);
    if (blocking == Blocking::yes) return owned;
    int on = 1;
    if (::ioctl(owned.get(), FIONBIO, &on) != 0) return system_error("ioctl FIONBIO");
    return owned;
}

// Owns every descriptor of the control data, whatever becomes of the packet.
void take_control(msghdr& header, std::vector<unique_fd>& descriptors, pid_t& sender) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
                descriptors.emplace_back(fd);
            }
        } else if (part->cmsg_type == SCM_CREDENTIALS) {
            ucred credentials{};
            std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
            sender = credentials.pid;
        }
    }
}

} // namespace

Result<std::pair<unique_fd, unique_fd>> seqpacket_pair(Blocking first, Blocking second) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return system_error("socketpair");
    auto one = with_flags(ends[0], first);
    auto two = with_flags(ends[1], second);
    if (!one) return std::move(one).error();
    if (!two) return std::move(two).error();
    return std::pair{std::move(*one), std::move(*two)};
}

Result<void> send_packet(int fd, const codec::Packet& packet) {
    alignas(cmsghdr) std::array<char, kControlSize> control{};
    iovec data{const_cast<std::byte*>(packet.bytes.data()), packet.bytes.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (packet.descriptors.size() > codec::kMaxDescriptors) return Error{EMSGSIZE, "too many descriptors in a packet"};
    if (!packet.descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(sizeof(int) * packet.descriptors.size());
        cmsghdr* part = CMSG_FIRSTHDR(&header);
        if (part == nullptr) return Error{EINVAL, "no room for descriptors"}; // the compiler cannot know better
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int) * packet.descriptors.size());
        for (std::size_t i = 0; i < packet.descriptors.size(); ++i) {
            const int number = packet.descriptors[i].get();
            std::memcpy(CMSG_DATA(part) + i * sizeof(int), &number, sizeof number);
        }
    }
    while (::sendmsg(fd, &header, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) return system_error("sendmsg");
    }
    return {};
}

Result<Received<RawPacket>> receive_packet(int fd) {
    // Kept by the thread, because on the stack it would need a large one; not initialised, so that only the pages that
    // messages touch become resident. (Looking at the size first would race where several receive from one queue.)
    thread_local const auto buffer = std::make_unique_for_overwrite<std::byte[]>(codec::kMaxPacket);
    alignas(cmsghdr) std::array<char, kControlSize> control{};
    iovec data{buffer.get(), codec::kMaxPacket};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t got = 0;
    bool reset = false;
    while ((got = ::recvmsg(fd, &header, MSG_CMSG_CLOEXEC)) < 0) {
        if (errno == EINTR) continue;
        Received<RawPacket> received;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return received;
        if (errno != ECONNRESET) return system_error("recvmsg");
        // The peer closed without having read all of ours. Linux tells this first and once (sock_error() in
        // af_unix.c); what the peer said before it closed is still there, and then comes EOF.
        if (reset) {
            received.kind = ReceivedKind::end;
            return received;
        }
        reset = true;
    }
    Received<RawPacket> received;
    std::vector<unique_fd> descriptors;
    take_control(header, descriptors, received.sender);
    if (got == 0) {
        received.kind = ReceivedKind::end;
        return received;
    }
    if ((header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0)
        return Error{EBADMSG, "packet or its descriptors were cut off (out of descriptors?)"};
    received.kind = ReceivedKind::message;
    received.message = {std::span(buffer.get(), static_cast<std::size_t>(got)), std::move(descriptors)};
    return received;
}

void PacketChannel::close() noexcept {
    fd_.reset();
    queued_.clear();
}

Result<void> PacketChannel::send_packet(codec::Packet packet) {
    if (queued_.empty()) {
        auto sent = evermilter::send_packet(fd_.get(), packet);
        if (sent || sent.error().code != EAGAIN) return sent;
    }
    if (queued_.size() >= kMaxQueued) return Error{ENOBUFS, "peer does not read its channel"};
    queued_.push_back(std::move(packet));
    return {};
}

Result<void> PacketChannel::flush() {
    while (!queued_.empty()) {
        auto sent = evermilter::send_packet(fd_.get(), queued_.front());
        if (!sent) return sent.error().code == EAGAIN ? Result<void>{} : sent;
        queued_.pop_front();
    }
    return {};
}

} // namespace evermilter
