// See foreign_call.h.
#include "tests/support/foreign_call.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <stdexcept>
#include <string>

#include "tests/support/command.h"
#include "tests/support/report.h"

namespace evermilter::test {

#ifdef __x86_64__

long call_in(pid_t process, long number, const std::array<unsigned long, 4>& arguments) {
    const auto must = [&](bool well, const char* what) {
        if (!well) throw std::runtime_error(std::string(what) + " of process " + std::to_string(process));
    };
    if (!is_root()) not_possible("another process's system calls need root");
    if (ptrace(PTRACE_SEIZE, process, nullptr, nullptr) != 0) not_possible("this machine lets no process be traced");
    must(ptrace(PTRACE_INTERRUPT, process, nullptr, nullptr) == 0, "PTRACE_INTERRUPT");
    int status = 0;
    must(waitpid(process, &status, __WALL) == process && WIFSTOPPED(status), "stop");
    user_regs_struct before{};
    must(ptrace(PTRACE_GETREGS, process, nullptr, &before) == 0, "PTRACE_GETREGS");
    // The process stands after the instruction that called the kernel; that instruction is used once more.
    user_regs_struct with = before;
    with.rip -= 2;
    errno = 0;
    const long word = ptrace(PTRACE_PEEKTEXT, process, with.rip, nullptr);
    must(errno == 0 && (word & 0xffff) == 0x050f, "it is in no system call: state");
    with.orig_rax = ~0ULL; // the kernel must not restart the old call
    with.rax = static_cast<unsigned long>(number);
    with.rdi = arguments[0];
    with.rsi = arguments[1];
    with.rdx = arguments[2];
    with.r10 = arguments[3];
    must(ptrace(PTRACE_SETREGS, process, nullptr, &with) == 0, "PTRACE_SETREGS");
    must(ptrace(PTRACE_SINGLESTEP, process, nullptr, nullptr) == 0, "PTRACE_SINGLESTEP");
    must(waitpid(process, &status, __WALL) == process && WIFSTOPPED(status), "step");
    user_regs_struct after{};
    must(ptrace(PTRACE_GETREGS, process, nullptr, &after) == 0, "PTRACE_GETREGS");
    must(ptrace(PTRACE_SETREGS, process, nullptr, &before) == 0, "PTRACE_SETREGS");
    must(ptrace(PTRACE_DETACH, process, nullptr, nullptr) == 0, "PTRACE_DETACH");
    return static_cast<long>(after.rax);
}

#else

long call_in(pid_t, long, const std::array<unsigned long, 4>&) {
    not_possible("another process's system calls are made on x86-64 only");
}

#endif

void make_deaf(pid_t process, int descriptor) {
    const long deaf = call_in(process, SYS_eventfd2, {0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0});
    if (deaf < 0) throw std::runtime_error("no eventfd in process " + std::to_string(process));
    const long done = call_in(process, SYS_dup3,
                              {static_cast<unsigned long>(deaf), static_cast<unsigned long>(descriptor), O_CLOEXEC, 0});
    if (done != descriptor) throw std::runtime_error("no dup3 in process " + std::to_string(process));
    (void)call_in(process, SYS_close, {static_cast<unsigned long>(deaf), 0, 0, 0});
}

} // namespace evermilter::test
