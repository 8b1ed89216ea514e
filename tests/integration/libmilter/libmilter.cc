// A small libmilter, in the variants in which the real one can be built. It does as much of the protocol as the
// worker's test of its library needs: negotiation and QUIT; other commands are answered with "continue".
//   MILTER_POLL       poll(2) and a pool: Debian's
//   MILTER_FORTIFIED  the same, through the check of _FORTIFY_SOURCE: Ubuntu's
//   MILTER_SELECT     select(2) and a pool
//   MILTER_THREADS    poll(2), and a thread for each session
#undef _FORTIFY_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

// NOLINTNEXTLINE(bugprone-reserved-identifier): glibc's
extern "C" int __poll_chk(pollfd* list, nfds_t count, int timeout_ms, std::size_t size);

struct smfi_str {
    int descriptor = -1;
};

namespace {

constexpr int kWithinPacket = 7'210'000; // milliseconds

smfiDesc g_filter{};
int g_listener = -1;
#ifndef MILTER_THREADS
constexpr int kBetweenPackets = 1;  // engine.c, MI_RD_CMD_TO; milliseconds
constexpr int kController = 10'000; // worker.c, POLL_TIMEOUT; milliseconds
std::mutex g_mutex;
std::vector<int> g_idle; // of the controller
std::array<int, 2> g_pipe{-1, -1};
#endif

#ifdef MILTER_SELECT
int wait_for(std::vector<pollfd>& list, int timeout_ms) {
    fd_set readable;
    FD_ZERO(&readable);
    int most = 0;
    for (const pollfd& one : list) {
        FD_SET(one.fd, &readable);
        most = std::max(most, one.fd);
    }
    timeval wait{timeout_ms / 1000, timeout_ms % 1000 * 1000};
    const int ready = ::select(most + 1, &readable, nullptr, nullptr, &wait);
    for (pollfd& one : list) one.revents = ready > 0 && FD_ISSET(one.fd, &readable) ? POLLIN : short{0};
    return ready;
}
#elif defined(MILTER_FORTIFIED)
int wait_for(std::vector<pollfd>& list, int timeout_ms) {
    return __poll_chk(list.data(), list.size(), timeout_ms, list.size() * sizeof(pollfd));
}
#else
int wait_for(std::vector<pollfd>& list, int timeout_ms) {
    return ::poll(list.data(), list.size(), timeout_ms);
}
#endif

bool ready(int descriptor, short events, int timeout_ms) {
    std::vector<pollfd> list{{descriptor, events, 0}};
    return wait_for(list, timeout_ms) > 0;
}

bool read_all(int descriptor, char* bytes, std::size_t size) {
    for (std::size_t got = 0; got < size;) {
        if (!ready(descriptor, POLLIN | POLLPRI, kWithinPacket)) return false;
        const ssize_t more = ::read(descriptor, bytes + got, size - got);
        if (more <= 0) return false;
        got += static_cast<std::size_t>(more);
    }
    return true;
}

void reply(int descriptor, char command, const std::string& data) {
    const std::uint32_t length = htonl(static_cast<std::uint32_t>(data.size() + 1));
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
    bytes += command;
    bytes += data;
    (void)!::write(descriptor, bytes.data(), bytes.size());
}

void negotiate(SMFICTX* context) {
    unsigned long actions = 0;
    unsigned long steps = 0;
    unsigned long unused = 0;
    unsigned long unused2 = 0;
    (void)g_filter.xxfi_negotiate(context, 0x1ff, 0x1fffff, 0, 0, &actions, &steps, &unused, &unused2);
    std::string answer;
    for (const unsigned long number : {6UL, actions, steps}) {
        const std::uint32_t word = htonl(static_cast<std::uint32_t>(number));
        answer.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    reply(context->descriptor, SMFIC_OPTNEG, answer);
}

// Handles one packet. False: the session is over.
bool serve_packet(SMFICTX* context) {
    std::array<char, 5> head{};
    if (!read_all(context->descriptor, head.data(), head.size())) return false;
    std::uint32_t length = 0;
    std::memcpy(&length, head.data(), sizeof length);
    std::string data(ntohl(length) - 1, '\0');
    if (!data.empty() && !read_all(context->descriptor, data.data(), data.size())) return false;
    switch (head[4]) {
        case SMFIC_OPTNEG:
            negotiate(context);
            return true;
        case SMFIC_QUIT:
            return false;
        default:
            reply(context->descriptor, SMFIR_CONTINUE, {});
            return true;
    }
}

void end(SMFICTX* context) {
    (void)g_filter.xxfi_close(context);
    (void)::close(context->descriptor);
    delete context;
}

#ifdef MILTER_THREADS
void serve(SMFICTX* context) {
    while (serve_packet(context)) {
    }
    end(context);
}
#else
void give_back(int descriptor) {
    const std::lock_guard lock(g_mutex);
    g_idle.push_back(descriptor);
    (void)!::write(g_pipe[1], "", 1);
}

void serve(SMFICTX* context) {
    while (ready(context->descriptor, POLLIN, kBetweenPackets))
        if (!serve_packet(context)) return end(context);
    give_back(context->descriptor);
    delete context;
}

void control() {
    for (;;) {
        std::vector<pollfd> list{{g_pipe[0], POLLIN, 0}};
        {
            const std::lock_guard lock(g_mutex);
            for (const int one : g_idle) list.push_back({one, POLLIN, 0});
        }
        if (wait_for(list, kController) <= 0) continue;
        std::array<char, 64> bytes{};
        if (list[0].revents != 0) (void)!::read(g_pipe[0], bytes.data(), bytes.size());
        for (std::size_t i = 1; i < list.size(); ++i) {
            if (list[i].revents == 0) continue;
            {
                const std::lock_guard lock(g_mutex);
                std::erase(g_idle, list[i].fd);
            }
            std::thread(serve, new SMFICTX{list[i].fd}).detach();
        }
    }
}
#endif

} // namespace

extern "C" {

int smfi_register(smfiDesc filter) {
    g_filter = filter;
    return MI_SUCCESS;
}
int smfi_setconn(char* connection) {
    g_listener = std::stoi(std::string(connection).substr(3)); // "fd:N"
    return MI_SUCCESS;
}
int smfi_opensocket(bool) {
    return ::listen(g_listener, 5) == 0 ? MI_SUCCESS : MI_FAILURE;
}
int smfi_settimeout(int) {
    return MI_SUCCESS;
}
int smfi_main() {
#ifndef MILTER_THREADS
    if (::pipe2(g_pipe.data(), O_CLOEXEC) != 0) return MI_FAILURE;
    std::thread(control).detach();
#endif
    for (;;) {
        if (!ready(g_listener, POLLIN, 5000)) continue;
        const int descriptor = ::accept(g_listener, nullptr, nullptr);
        if (descriptor < 0) continue;
        std::thread(serve, new SMFICTX{descriptor}).detach();
    }
}

char* smfi_getsymval(SMFICTX*, char*) {
    return nullptr;
}
int smfi_setsymlist(SMFICTX*, int, char*) {
    return MI_SUCCESS;
}
int smfi_progress(SMFICTX*) {
    return MI_SUCCESS;
}
int smfi_chgheader(SMFICTX*, char*, int, char*) {
    return MI_SUCCESS;
}
int smfi_addheader(SMFICTX*, char*, char*) {
    return MI_SUCCESS;
}
int smfi_quarantine(SMFICTX*, char*) {
    return MI_SUCCESS;
}
int smfi_setreply(SMFICTX*, char*, char*, char*) {
    return MI_SUCCESS;
}

} // extern "C"
