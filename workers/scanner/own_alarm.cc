#include "workers/scanner/own_alarm.h"

#include <csignal>

namespace evermilter::scanner {
namespace {

// SI_KERNEL: a timer of ours; SI_USER and the like: somebody's kill(2).
void on_alarm(int number, siginfo_t* info, void*) {
    if (info == nullptr || info->si_code != SI_KERNEL) return;
    (void)::signal(number, SIG_DFL);
    (void)::raise(number); // comes when this returns
}

} // namespace

void heed_own_alarm() noexcept {
    struct sigaction action {};
    action.sa_sigaction = on_alarm;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    (void)::sigaction(SIGALRM, &action, nullptr);
}

} // namespace evermilter::scanner
