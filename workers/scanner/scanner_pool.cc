#include "workers/scanner/scanner_pool.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "workers/common/base/descriptors.h"
#include "workers/common/base/log.h"
#include "workers/common/base/oom_score.h"
#include "workers/common/base/pidfd.h"
#include "workers/common/shared/graces.h"
#include "workers/common/shared/scan_folders.h"
#include "workers/scanner/libclamav/seed.h"
#include "workers/scanner/own_alarm.h"
#include "workers/scanner/scanner.h"
#include "workers/scanner/temp_directory.h"

namespace evermilter::scanner {
namespace {} // namespace

struct ScannerPool::ScannerSlotState {
    ScannerSlotState(ScannerPool& pool, std::uint32_t slot_in)
        : slot(slot_in),
          exit_watch(pool.loop_, [this, &pool](int) { pool.ended(*this); }),
          respawn_timer(pool.loop_, [this, &pool] { pool.seat_again(*this); }),
          life_timer(pool.loop_, [this, &pool] { pool.outlived(*this); }) {}

    std::uint32_t slot;
    pid_t pid = 0;        // 0: nobody
    bool adopted = false; // forked by a loader that is dead: not our child
    unique_fd pidfd;
    std::uint64_t jobs_before = 0; // the slot's jobs_total when this scanner began
    Respawn respawn;
    IoWatcher exit_watch;
    TimerWatcher respawn_timer;
    TimerWatcher life_timer; // runs while somebody is there
};

ScannerPool::ScannerPool(Loop* loop, Engine& engine, ScannerBoard& board, int queue, const PoisonBoard* poison,
                         const config::Config& config, std::uint64_t generation, Handlers handlers)
    : loop_(loop),
      engine_(engine),
      board_(board),
      queue_(queue),
      poison_(poison),
      config_(config),
      generation_(generation),
      handlers_(std::move(handlers)),
      last_moment_(loop, [this] { out_of_time(); }) {
    for (std::size_t i = 0; i < board_.slots(); ++i)
        seats_.push_back(std::make_unique<ScannerSlotState>(*this, static_cast<std::uint32_t>(i)));
}

ScannerPool::~ScannerPool() {
    kill_all();
    for (const auto& seat : seats_)
        if (seat->pid != 0) (void)::waitpid(seat->pid, nullptr, 0);
}

std::string ScannerPool::folder(const ScannerSlotState& seat) const {
    return scan_folder(config_.scanner.temp_directory, generation_, seat.slot);
}

std::size_t ScannerPool::alive() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(seats_.begin(), seats_.end(), [](const auto& seat) { return seat->pid != 0; }));
}

Result<void> ScannerPool::start() {
    for (const auto& one : seats_) {
        if (auto seated = seat(*one); !seated) return seated;
    }
    return {};
}

void ScannerPool::take_over(const std::vector<std::int64_t>& pids) {
    for (const auto& one : seats_) {
        const pid_t pid = one->slot < pids.size() ? static_cast<pid_t>(pids[one->slot]) : 0;
        if (pid <= 0 || !adopt(*one, pid)) seat_again(*one);
    }
}

bool ScannerPool::adopt(ScannerSlotState& seat, pid_t pid) {
    unique_fd pidfd(::pidfd_open(pid, 0));
    if (!pidfd) return false; // it has ended meanwhile, and was reaped
    seat.pid = pid;
    seat.adopted = true;
    seat.pidfd = std::move(pidfd);
    seat.exit_watch.start(seat.pidfd.get(), EV_READ);
    seat.life_timer.start(config_.scanner.max_age + config_.scanner.max_scan_time + graces::kPastAge);
    return true;
}

Result<void> ScannerPool::seat(ScannerSlotState& seat) {
    if (auto made = make_empty_directory(folder(seat)); !made) return made;
    ScannerSlot& slot = board_.slot(seat.slot);
    slot.busy_since_ns.store(0);
    slot.job.store(0);
    const pid_t child = ::fork();
    if (child < 0) return system_error("cannot fork a scanner");
    if (child == 0) become_scanner(seat);
    seat.pid = child;
    seat.jobs_before = slot.jobs_total.load();
    seat.pidfd.reset(::pidfd_open(child, 0));
    if (!seat.pidfd) {
        Error error = system_error("pidfd_open");
        (void)::kill(child, SIGKILL); // ours and not reaped
        (void)::waitpid(child, nullptr, 0);
        seat.pid = 0;
        return error;
    }
    slot.pid.store(child);
    seat.exit_watch.start(seat.pidfd.get(), EV_READ);
    seat.life_timer.start(config_.scanner.max_age + config_.scanner.max_scan_time + graces::kPastAge);
    handlers_.report(messages::ScannerStarted{child, seat.slot});
    return {};
}

void ScannerPool::become_scanner(ScannerSlotState& seat) {
    board_.slot(seat.slot).pid.store(::getpid()); // first: should the loader die now, who took over knows of us
    if (raise_oom_score_) raise_hidden_oom_score(kOomPointsOfScanner);
    // Nothing of the loader's stays open: neither its channel nor its loop, nor the lock on the snapshot.
    log::leave();
    if (!close_all_but({queue_, kept_})) ::_exit(EX_OSERR);
    log::open(messages::role_name(messages::Role::scanner), config_.log.target, config_.log.level);
    seed_random();
    heed_own_alarm();
    if (auto set = engine_.set_temp_directory(folder(seat)); !set) ::_exit(EX_SOFTWARE);
    Scanner scanner(engine_, queue_, board_.slot(seat.slot), config_.scanner, poison_, folder(seat));
    ::_exit(scanner.run());
}

void ScannerPool::ended(ScannerSlotState& seat) {
    if (std::exchange(seat.adopted, false)) {
        vacate(seat);
        return refill(seat, Respawn::End::planned, true);
    }
    siginfo_t info{};
    // Only a kernel that lost our child could fail here; the seat is then free all the same.
    if (::waitid(P_PIDFD, static_cast<id_t>(seat.pidfd.get()), &info, WEXITED | WNOHANG) != 0)
        log::error("scanner-not-reaped", {{"error", system_error("waitid").what}});
    else if (info.si_pid == 0)
        return;
    const bool exited = info.si_code == CLD_EXITED;
    const int wait_status = exited ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
    const bool served = board_.slot(seat.slot).jobs_total.load() != seat.jobs_before;
    messages::ScannerEnded message;
    message.pid = seat.pid;
    message.slot = seat.slot;
    message.wait_status = wait_status;
    message.expected = exited && info.si_status == kScannerDone;

    vacate(seat);
    const bool temp_failed = exited && info.si_status == kScannerTempFailed; // the supervisor logs these, in one
    if (!message.expected && !temp_failed)
        log::warning("scanner-ended", {{"generation", generation_},
                                       {"scanner", message.pid},
                                       {"status", exited ? info.si_status : 0},
                                       {"signal", exited ? "" : ::sigabbrev_np(info.si_status)}});
    const Respawn::End end = message.expected ? Respawn::End::planned
                             : temp_failed    ? Respawn::End::temp_failed
                                              : Respawn::End::died;
    handlers_.report(message);
    refill(seat, end, served);
}

void ScannerPool::vacate(ScannerSlotState& seat) {
    seat.exit_watch.stop();
    seat.life_timer.stop();
    seat.pidfd.reset();
    seat.pid = 0;
    ScannerSlot& slot = board_.slot(seat.slot);
    slot.pid.store(0);
    slot.busy_since_ns.store(0);
    slot.job.store(0);
    if (auto removed = remove_tree(folder(seat)); !removed)
        log::error("temp-directory-left", {{"generation", generation_}, {"error", removed.error().what}});
}

void ScannerPool::refill(ScannerSlotState& seat, Respawn::End end, bool served) {
    if (!retired_)
        seat_later(seat, seat.respawn.after(end, served));
    else if (alive() == 0)
        all_gone();
}

void ScannerPool::seat_later(ScannerSlotState& seat, Respawn::Delay delay) {
    if (delay == Respawn::Delay::zero())
        seat_again(seat);
    else
        seat.respawn_timer.start(delay);
}

void ScannerPool::seat_again(ScannerSlotState& vacant) {
    if (auto seated = seat(vacant); !seated) {
        log::error("scanner-not-started", {{"generation", generation_}, {"error", seated.error().what}});
        messages::ScannerEnded message;
        message.slot = vacant.slot;
        message.error = seated.error().what.substr(0, 256);
        handlers_.report(std::move(message));
        seat_later(vacant, vacant.respawn.after(Respawn::End::temp_failed, false));
    }
}

void ScannerPool::kill_overdue(pid_t pid, std::uint64_t job) {
    for (const auto& seat : seats_) {
        if (seat->pid == 0 || seat->pid != pid) continue;
        const ScannerSlot& slot = board_.slot(seat->slot);
        if (slot.busy_since_ns.load() == 0 || slot.job.load() != job) return;
        log::warning("scanner-overdue", {{"generation", generation_}, {"scanner", pid}, {"job", job}});
        (void)::pidfd_send_signal(seat->pidfd.get(), SIGKILL, nullptr, 0);
        return;
    }
}

void ScannerPool::kill_idle(pid_t pid) {
    for (const auto& seat : seats_) {
        if (seat->pid == 0 || seat->pid != pid || board_.slot(seat->slot).busy_since_ns.load() != 0) continue;
        log::warning("scanner-idle", {{"generation", generation_}, {"scanner", pid}});
        (void)::pidfd_send_signal(seat->pidfd.get(), SIGKILL, nullptr, 0);
        return;
    }
}

void ScannerPool::outlived(ScannerSlotState& seat) {
    seat.life_timer.stop();
    log::warning("scanner-stuck", {{"generation", generation_}, {"scanner", seat.pid}});
    (void)::pidfd_send_signal(seat.pidfd.get(), SIGKILL, nullptr, 0);
}

void ScannerPool::retire() {
    if (retired_) return;
    retired_ = true;
    for (const auto& seat : seats_) seat->respawn_timer.stop();
    last_moment_.start(config_.scanner.max_scan_time + graces::kScan);
    if (alive() == 0) all_gone();
}

void ScannerPool::out_of_time() {
    log::warning("scanners-killed", {{"generation", generation_}, {"scanners", alive()}});
    kill_all();
}

void ScannerPool::kill_all() noexcept {
    for (const auto& seat : seats_)
        if (seat->pid != 0) (void)::pidfd_send_signal(seat->pidfd.get(), SIGKILL, nullptr, 0);
}

void ScannerPool::all_gone() {
    last_moment_.stop();
    handlers_.all_gone();
}

} // namespace evermilter::scanner
