#include "workers/session/libmilter/self_test.h"

#include <libmilter/mfdef.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include "workers/session/callbacks.h"
#include "workers/session/libmilter/interpose.h"

namespace evermilter::session {
namespace {

using namespace std::string_view_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// For the rest of the packet; and for everything else, on a machine with far too much to do.
constexpr milliseconds kPartial{50};
constexpr milliseconds kPatience{10'000};

// Version 6, no actions, no steps left out.
constexpr std::string_view kNegotiation = "\0\0\0\x0dO\0\0\0\6\0\0\0\0\0\0\0\0"sv;
constexpr std::string_view kPart = "\0\0\0"sv;
constexpr std::string_view kQuit = "\0\0\0\1Q"sv;

config::Config config_of(const config::Config& own) {
    config::Config config = own;
    config::Timeouts& timeouts = config.timeouts;
    for (config::Duration* const one : {&timeouts.negotiate, &timeouts.connect, &timeouts.helo, &timeouts.mail,
                                        &timeouts.rcpt, &timeouts.session, &timeouts.eom})
        *one = 10 * kPatience;
    timeouts.packet = kPartial;
    return config;
}

// Tables other than the worker's. libmilter's threads may still hold a session when the test has seen its end, so they
// are never destroyed.
struct Books {
    Books(Service& own, SessionBoard test_board)
        : config(config_of(own.config)),
          board(std::move(test_board)),
          store{config.message.max_size, config.message.spool_directory},
          sessions(
              config.timeouts, board, store, memory, outbox, [] {}, log::Level::debug),
          service{config,      own.policies, board,        sessions,       own.queues,
                  own.scanner, outbox,       own.identity, own.detections, own.tap} {}

    const config::Config config;
    const SessionBoard board;
    const scanning::StoreSettings store;
    scanning::MemoryBudget memory{0};
    scanning::Outbox outbox{[] {}};
    SessionBudgets sessions;
    Service service;
};

class Client {
  public:
    static Result<Client> open(Books& books, std::uint64_t number) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return system_error("socketpair");
        Client client(books, unique_fd(ends[0]));
        messages::HandOver hand_over;
        hand_over.session = number;
        hand_over.slot = static_cast<std::uint32_t>(number - 1);
        hand_over.peer = UnixPeer{::getpid(), ::getuid(), ::getgid()};
        hand_over.connection = unique_fd(ends[1]);
        if (auto session = books.sessions.open(hand_over); !session) return std::move(session).error();
        libmilter::offer(std::move(hand_over.connection), number);
        return client;
    }

    void send(std::string_view bytes) const { (void)::send(end_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }

    // Its first answer is one to a negotiation. False where none comes in time.
    [[nodiscard]] bool is_negotiated() const {
        std::array<char, 5> head{};
        std::size_t got = 0;
        while (got < head.size()) {
            const ssize_t more = receive(head.data() + got, head.size() - got);
            if (more <= 0) return false;
            got += static_cast<std::size_t>(more);
        }
        return head.back() == SMFIC_OPTNEG;
    }
    // The connection ends in time; what comes before is thrown away.
    [[nodiscard]] bool is_closed() const {
        std::array<char, 64> bytes{};
        ssize_t got = 0;
        while ((got = receive(bytes.data(), bytes.size())) > 0) {
        }
        return got == 0 || errno == ECONNRESET; // with bytes in it that nobody read
    }

  private:
    Client(Books& books, unique_fd end) : books_(&books), end_(std::move(end)) {}

    // As recv(2); negative where nothing comes in time. Meanwhile it closes what is over its budget.
    [[nodiscard]] ssize_t receive(char* bytes, std::size_t size) const {
        const auto until = Clock::now() + kPatience;
        for (auto now = Clock::now(); now < until; now = Clock::now()) {
            books_->sessions.expire(now);
            constexpr timespec kTick{0, 10'000'000};
            pollfd entry{end_.get(), POLLIN, 0};
            // ppoll(2), because the program defines poll() (interpose.h).
            if (::ppoll(&entry, 1, &kTick, nullptr) > 0) return ::recv(end_.get(), bytes, size, MSG_DONTWAIT);
        }
        errno = ETIMEDOUT;
        return -1;
    }

    Books* books_;
    unique_fd end_;
};

// Whether it has come true in time.
template <class Condition>
bool comes_true(Condition&& condition) {
    const auto until = Clock::now() + kPatience;
    while (!condition()) {
        if (Clock::now() >= until) return false;
        constexpr timespec kTick{0, 1'000'000};
        (void)::nanosleep(&kTick, nullptr);
    }
    return true;
}

Error wrong(const std::string& what) {
    return {0, "the installed libmilter cannot be used: " + what +
                   "; it has to be built with a pool of threads and poll(2), as Debian's and Ubuntu's are"};
}

Result<void> test(Books& books) {
    auto partial = Client::open(books, 1);
    if (!partial) return std::move(partial).error();
    partial->send(kNegotiation);
    const bool negotiated = partial->is_negotiated();
    // A thread may have answered before the controller has waited once.
    if (negotiated) (void)comes_true([] { return libmilter::seen().controller && libmilter::seen().pool; });
    const libmilter::Seen seen = libmilter::seen();
    if (!seen.accept) return wrong("it does not take connections with poll(2) and accept(2) (built with select(2)?)");
    if (!seen.controller) return wrong("no controller of its threads waits with poll(2) (built without the pool?)");
    if (!seen.pool) return wrong("its threads do not wait with poll(2) between two packets");
    if (!negotiated) return wrong("it does not answer a negotiation");
    partial->send(kPart);
    if (!partial->is_closed()) return wrong("a packet that is not finished does not end with its budget");
    if (books.board.header().counters.get("sessions.timed_out_total", Timeout::packet) != 1)
        return wrong("it ends a session whose packet is not finished by itself");

    auto whole = Client::open(books, 2);
    if (!whole) return std::move(whole).error();
    whole->send(kNegotiation);
    if (!whole->is_negotiated()) return wrong("it does not answer a second negotiation");
    whole->send(kQuit);
    if (!whole->is_closed()) return wrong("QUIT does not end a session");
    if (!comes_true([&] { return books.sessions.size() == 0; }))
        return wrong("it does not call close at the end of a session");
    return {};
}

} // namespace

Result<void> self_test(Service& service) {
    auto board = SessionBoard::create("self-test", 2);
    if (!board) return std::move(board).error();
    auto* const books = new Books(service, std::move(*board)); // NOLINT(cppcoreguidelines-owning-memory)
    serve_with(books->service);
    libmilter::report_to(books->sessions);
    auto result = test(*books);
    if (!result) return result;
    serve_with(service);
    libmilter::report_to(service.sessions);
    return {};
}

} // namespace evermilter::session
