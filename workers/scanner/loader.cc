#include "workers/scanner/loader.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "config/parse.h"
#include "workers/common/base/log.h"
#include "workers/common/ipc/child.h"
#include "workers/common/shared/engine_lock.h"
#include "workers/common/shared/scan_folders.h"
#include "workers/scanner/temp_directory.h"

namespace evermilter::scanner {

Loader::Loader(unique_fd channel)
    : of_one_user_(is_of_own_user(channel.get())),
      link_(loop_.get(), PacketChannel(std::move(channel)),
            {[this](messages::ToLoader message) { on_message(std::move(message)); }, end_of_broken_link,
             [this](const Error*) { link_ended(); }}),
      moved_(loop_.get(), [this] { load_moved(); }),
      load_look_(loop_.get(), [this] { look_at_load(); }),
      proof_watch_(loop_.get(), [this](int) { proved(); }) {}

Loader::~Loader() {
    if (thread_.joinable()) thread_.join();
}

int Loader::run() {
    if (!loop_) return EX_OSERR;
    moved_.start();
    link_.start();
    ev_run(loop_.get(), 0);
    return exit_status_;
}

// Named as the scanners' folders are, with the two slots after theirs, so that these are wiped with those of a dead
// generation.
std::string Loader::own_folder(Purpose purpose) const {
    const std::uint32_t slot = scanners_ + (purpose == Purpose::load ? 0U : 1U);
    return scan_folder(order_.config.scanner.temp_directory, order_.generation, slot);
}

// ---------------------------------------------------------------- the supervisor

void Loader::link_ended() {
    if (state_ == State::ending) return;
    // Before it serves, nobody needs what is being loaded; once it serves, its session workers may.
    if (state_ == State::serving) return serving_->supervisor_gone();
    if (state_ == State::loading) {
        end_around_load();
    }
    if (store_) store_->discard();
    remove_own_folders();
    end(EX_OK);
}

void Loader::on_message(messages::ToLoader message) {
    if (serving_ && serving_->on_message(message)) return;
    if (auto* start = std::get_if<messages::StartLoad>(&message)) {
        if (state_ == State::waiting) return start_load(std::move(*start));
    } else if (const auto* ping = std::get_if<messages::Ping>(&message)) {
        return send(messages::Pong{ping->serial});
    } else if (std::holds_alternative<messages::ReopenLog>(message)) {
        return log::reopen();
    } else if (const auto* time = std::get_if<messages::ShutdownTime>(&message)) {
        shutdown_ = std::chrono::milliseconds(time->milliseconds);
        return;
    } else if (std::holds_alternative<messages::LockEngine>(message)) {
        if (engine_lock_) lock_again(engine_lock_.get(), order_.config, order_.generation);
        return;
    } else if (std::holds_alternative<messages::RoomToLoad>(message)) {
        if (std::exchange(room_asked_, false)) return room_.release();
    }
    log::error("message-unexpected", {{"message", messages::message_name(message)}});
}

// ---------------------------------------------------------------- waiting -> loading

void Loader::start_load(messages::StartLoad start) {
    order_.generation = start.generation;
    scanners_ = start.scanners;
    auto parsed = config::parse(start.config, start.origin);
    if (!parsed) return refuse({EX_CONFIG, parsed.error().front().text()});
    order_.config = std::move(*parsed);
    shutdown_ = order_.config.timeouts.shutdown;
    log::open(messages::role_name(messages::Role::loader), order_.config.log.target, order_.config.log.level);
    order_.force = start.force;
    order_.reuse_snapshot = std::move(start.reuse_snapshot);
    if (start.await_room) {
        order_.await_room = [this] {
            awaits_room_.store(true);
            moved_.send();
            room_.acquire();
        };
    }
    order_.active_digest = std::move(start.active_digest);
    order_.active_signatures = start.active_signatures;
    order_.active_databases = std::move(start.active_databases);
    order_.active_snapshot = std::move(start.active_snapshot);
    order_.may_vanish = std::move(start.may_vanish);
    order_.check_files = start.check_files;
    order_.active_engine = {start.active_engine_bytes, start.active_expected_bytes};
    order_.temp_directory = own_folder(Purpose::load);

    queue_ = std::move(start.queue);
    standby_channel_ = std::move(start.standby);
    // Shared with the scanners, each of which must find that another was faster.
    const int flags = ::fcntl(queue_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(queue_.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return refuse({EX_SOFTWARE, "the queue is not usable: " + system_error("fcntl").what});
    auto board = ScannerBoard::map(std::move(start.board));
    if (!board) return refuse({EX_SOFTWARE, board.error().what});
    if (board->slots() != start.scanners || start.scanners == 0)
        return refuse({EX_SOFTWARE, "the scoreboard has not one slot a scanner"});
    board_.emplace(std::move(*board));
    log::count_lost_in(board_->header().counters.at("log.lines_lost_total"));
    if (start.poison) {
        auto poison = PoisonBoard::map(std::move(start.poison));
        if (!poison) return refuse({EX_SOFTWARE, poison.error().what});
        poison_.emplace(std::move(*poison));
    }
    if (auto locked = lock_engine(order_.config.database.state_directory, order_.generation); locked)
        engine_lock_ = std::move(*locked);
    else
        books_ = locked.error().what; // the successor of a supervisor that was killed does not see this engine

    state_ = State::loading;
    store_.emplace(order_.config.database.state_directory);
    thread_ = std::thread([this, low_priority = start.low_priority] { run_load(low_priority); });
    if (start.low_priority) load_look_.start(Starvation::kInterval, Starvation::kInterval);
}

// In the load thread; the priority is of this thread only: the scanners are forked from the main thread, which keeps
// its own.
void Loader::run_load(bool low_priority) {
    if (low_priority)
        if (auto taken = take_lowest_priority(); !taken)
            log::warning("load-not-polite", {{"error", taken.error().what}});
    load_thread_.store(::gettid());
    end_of_load_.emplace(load(order_, *store_, [this](const char* step) {
        steps_.add(step);
        moved_.send();
    }));
    finished_.store(true);
    moved_.send();
}

void Loader::look_at_load() {
    const pid_t id = load_thread_.load();
    if (state_ != State::loading || finished_.load()) return load_look_.stop();
    if (id == 0 || !starvation_.starved(look_at(thread_.native_handle(), id))) return;
    send(messages::LoadStarved{});
    link_.finish();
    end_around_load();
}

// ---------------------------------------------------------------- loading -> proving

void Loader::load_moved() {
    if (state_ != State::loading) return;
    while (const char* step = steps_.take()) send(messages::LoadProgress{step});
    if (state_ == State::loading && awaits_room_.exchange(false)) {
        room_asked_ = true;
        send(messages::LoadAwaitsRoom{});
    }
    if (state_ == State::loading && finished_.load()) loaded();
}

void Loader::loaded() {
    thread_.join();
    if (!end_of_load_->ok()) return refuse(end_of_load_->error());
    loaded_ = std::move(*end_of_load_).value();
    if (!loaded_) {
        store_->discard();
        remove_own_folders();
        send(messages::LoadUnchanged{});
        return end(EX_OK);
    }
    start_proof();
}

void Loader::start_proof() {
    state_ = State::proving;
    send(messages::LoadProgress{"proof"});
    if (state_ != State::proving) return;
    if (auto made = make_empty_directory(own_folder(Purpose::proof)); !made)
        return refuse({EX_CANTCREAT, "temp directory not usable: " + made.error().what});
    auto started = ProofProcess::start(loaded_->engine, order_.config, own_folder(Purpose::proof));
    if (!started) return refuse({EX_OSERR, started.error().what});
    proof_.emplace(std::move(*started));
    proof_watch_.start(proof_->pidfd(), EV_READ);
}

// ---------------------------------------------------------------- proving -> serving

void Loader::proved() {
    proof_watch_.stop();
    auto proven = proof_->result();
    proof_.reset();
    if (!proven) {
        Refusal refusal = proven.error();
        refusal.digest = loaded_->source_digest;
        return refuse(refusal);
    }
    serve();
}

void Loader::serve() {
    send(messages::LoadProgress{"fork"});
    if (state_ != State::proving) return;
    remove_own_folders();
    Loaded& loaded = *loaded_;
    const EngineContext estate{loaded.engine, *board_,        order_.config,      order_.generation,
                               queue_.get(),  store_->lock(), engine_lock_.get(), poison_ ? &*poison_ : nullptr,
                               of_one_user_,  shutdown_};
    serving_.emplace(loop_.get(), estate,
                     GenerationServer::Handlers{[this](messages::FromLoader message) { send(std::move(message)); },
                                                [this] { end(EX_OK); }});
    if (auto started = serving_->start(); !started) {
        serving_.reset();
        return refuse({EX_OSERR, started.error().what});
    }
    if (state_ != State::proving) return;
    SnapshotAbout about;
    about.digest = loaded.snapshot.digest;
    about.source_digest = loaded.source_digest;
    about.signatures = loaded.engine.signatures();
    about.taken_at = std::time(nullptr);
    about.database_version = loaded.database_version;
    auto published = store_->publish(about);
    if (!published) {
        serving_.reset();
        return refuse(published.error());
    }
    serving_->start_standby(std::move(standby_channel_));
    if (state_ != State::proving) return;
    state_ = State::serving;
    messages::LoaderReady ready;
    ready.signatures = loaded.engine.signatures();
    ready.database_version = loaded.database_version;
    ready.database_time = loaded.database_time;
    ready.digest = loaded.snapshot.digest;
    ready.databases = loaded.snapshot.databases;
    ready.snapshot = *published;
    ready.engine_version = Engine::library_version();
    ready.engine_bytes = loaded.engine_bytes;
    ready.expected_bytes = loaded.expected_bytes;
    ready.source_digest = loaded.source_digest;
    ready.broken = loaded.broken;
    ready.vanished = loaded.vanished;
    ready.books = books_.empty() ? loaded.books : books_;
    send(std::move(ready));
    if (auto pruned = store_->prune(order_.config.database.keep); !pruned)
        log::warning("snapshots-not-pruned", {{"error", pruned.error().what}});
    serving_->watch_queue_end();
}

// ---------------------------------------------------------------- ending

// The supervisor logs it, once for both.
void Loader::refuse(const Refusal& refusal) {
    if (store_) store_->discard();
    remove_own_folders();
    send(messages::LoadFailed{refusal.exit_code, refusal.reason, refusal.digest, refusal.vanished});
    end(refusal.exit_code);
}

void Loader::end(int exit_status) {
    if (state_ == State::ending) return;
    state_ = State::ending;
    exit_status_ = exit_status;
    link_.finish();
    ev_break(loop_.get(), EVBREAK_ALL);
}

void Loader::end_around_load() {
    store_->abandon(order_.generation);
    remove_own_folders();
    ::_exit(EX_OK);
}

void Loader::remove_own_folders() noexcept {
    for (const Purpose purpose : {Purpose::load, Purpose::proof})
        if (auto removed = remove_tree(own_folder(purpose)); !removed)
            log::warning("temp-directory-left", {{"error", removed.error().what}});
}

} // namespace evermilter::scanner
