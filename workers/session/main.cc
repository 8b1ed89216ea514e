// evermilter-session: started by evermilterd with its channel as descriptor 3. Takes its configuration, then the
// main thread is libmilter's listener and a second one does what the supervisor says.
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "config/parse.h"
#include "workers/common/base/log.h"
#include "workers/common/base/process_state.h"
#include "workers/common/base/sha256.h"
#include "workers/common/ipc/child.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/policy/from_addresses.h"
#include "workers/session/worker.h"

namespace {

using namespace evermilter;

// There may be a thread for each session: libmilter's and our callbacks need little; sanitizers need more.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kStack = 4096UL * 1024;
#else
constexpr std::size_t kStack = 256UL * 1024;
#endif

int fail(session::SupervisorChannel& channel, int exit_code, const std::string& what) {
    log::error("worker-failed", {{"reason", what}});
    (void)channel.send(messages::SessionWorkerFailed{exit_code, what});
    return exit_code;
}

// Waits for the first message. An Error with code 0: the supervisor has ended.
Result<messages::ConfigureSession> receive_configuration(session::SupervisorChannel& channel) {
    for (;;) {
        pollfd readable{channel.fd(), POLLIN, 0};
        if (::poll(&readable, 1, -1) < 0 && errno != EINTR) return system_error("poll");
        auto received = channel.receive();
        if (!received) return std::move(received).error();
        if (received->kind == ReceivedKind::would_block) continue;
        if (received->kind == ReceivedKind::end) return Error{0, "the supervisor has ended"};
        if (auto* ping = std::get_if<messages::Ping>(&received->message)) {
            if (auto sent = channel.send(messages::Pong{ping->serial}); !sent) return std::move(sent).error();
            continue;
        }
        auto* configure = std::get_if<messages::ConfigureSession>(&received->message);
        if (configure == nullptr)
            return Error{EPROTO, std::string("ConfigureSession expected, got ") +
                                     std::string(messages::message_name(received->message))};
        return std::move(*configure);
    }
}

// Two descriptors a session, and some for each message being scanned.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

void make_stacks_small() {
    pthread_attr_t attributes{};
    if (::pthread_attr_init(&attributes) != 0) return;
    if (::pthread_attr_setstacksize(&attributes, kStack) == 0) (void)::pthread_setattr_default_np(&attributes);
    (void)::pthread_attr_destroy(&attributes);
}

int serve() {
    auto adopted = adopt_child_channel(messages::Role::session);
    if (!adopted) {
        const std::string text = "evermilter-session: " + adopted.error().what + "\n";
        (void)!::write(STDERR_FILENO, text.data(), text.size());
        return EX_USAGE;
    }
    session::SupervisorChannel channel(std::move(*adopted));
    hide_memory();
    log::open(messages::role_name(messages::Role::session), config::LogTarget::stderr_, config::LogLevel::info);
    auto configure = receive_configuration(channel);
    if (!configure) return configure.error().code == 0 ? EX_OK : fail(channel, EX_SOFTWARE, configure.error().what);

    auto parsed = config::parse(configure->config, configure->origin);
    if (!parsed) return fail(channel, EX_CONFIG, parsed.error().front().text());
    config::Config config = std::move(*parsed);
    log::open(messages::role_name(messages::Role::session), config.log.target, config.log.level);

    auto board = SessionBoard::map(std::move(configure->board));
    if (!board) return fail(channel, EX_SOFTWARE, board.error().what);
    log::count_lost_in(board->header().counters.at("log.lines_lost_total"));
    auto memory = MemoryBoard::map(std::move(configure->memory));
    if (!memory) return fail(channel, EX_SOFTWARE, memory.error().what);
    if (configure->memory_slot >= memory->slots()) return fail(channel, EX_SOFTWARE, "slot beyond the memory board");
    std::optional<PoisonBoard> poison;
    if (configure->poison) {
        auto mapped = PoisonBoard::map(std::move(configure->poison));
        if (!mapped) return fail(channel, EX_SOFTWARE, mapped.error().what);
        poison.emplace(std::move(*mapped));
    }
    if (!config.senders.empty()) session::prepare_from_addresses();
    auto policies = session::ListenerPolicies::make(config);
    if (!policies) return fail(channel, EX_CONFIG, policies.error().what);
    if (!Sha256::prepare())
        log::warning("no-digest", {{"reason", "libcrypto is not usable: poison messages are not recognised"}});
    raise_descriptor_limit();
    make_stacks_small();

    // Used by libmilter's threads until the process ends, so it is never destroyed.
    auto* const worker =
        new session::Worker(std::move(channel), std::move(config), std::move(*policies), // NOLINT
                            std::move(*board), std::move(*memory), configure->memory_slot, std::move(poison));
    if (auto prepared = worker->prepare(); !prepared) return worker->refuse(EX_OSERR, prepared.error().what);
    std::thread([worker] { worker->run(); }).detach();
    session::libmilter::run();
    log::error("worker-failed", {{"reason", "libmilter has ended (its own message is in the log)"}});
    return EX_SOFTWARE;
}

} // namespace

int main() {
    int status = EX_SOFTWARE;
    try {
        status = serve();
    } catch (const std::exception& error) {
        evermilter::log::error("worker-failed", {{"reason", error.what()}});
    }
    ::_exit(status);
}
