// See sendmail.h.
#include "tests/e2e/sendmail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

namespace fs = std::filesystem;

namespace {

// Where contrib/install-packages --unpack put Debian's packages.
fs::path unpacked() {
    fs::path root = fs::path(EVERMILTER_SOURCE_DIRECTORY) / "build/sendmail";
    if (!fs::exists(root / "usr/libexec/sendmail/sendmail"))
        throw std::runtime_error("Sendmail is not unpacked: contrib/install-packages --unpack build/sendmail sendmail");
    return root / "usr";
}

void make_folder(const fs::path& path, mode_t mode, const RunAs& owner) {
    fs::create_directories(path);
    if (chmod(path.c_str(), mode) != 0 || chown(path.c_str(), owner.user, owner.group) != 0)
        throw std::system_error(errno, std::generic_category(), path);
}

std::string define(const std::string& name, const std::string& value) {
    return "define(`" + name + "', `" + value + "')dnl\n";
}

std::string feature(const std::string& name) {
    return "FEATURE(`" + name + "')dnl\n";
}

std::string mc(const std::string& root, std::uint16_t port, const std::string& milter) {
    return "divert(0)dnl\n"
           "OSTYPE(`linux')dnl\n" +
           define("confDOMAIN_NAME", "mx.example.net") + define("ALIAS_FILE", "") + define("STATUS_FILE", "") +
           define("HELP_FILE", "") + define("confCW_FILE", "") + define("QUEUE_DIR", root + "/queue") +
           define("confPID_FILE", root + "/pid") + define("confSERVICE_SWITCH_FILE", root + "/service.switch") +
           // The reply to the final dot comes when the message has been delivered, even on a busy machine.
           define("confDELIVERY_MODE", "interactive") + define("confQUEUE_LA", "1000") +
           define("confREFUSE_LA", "1000") + define("confTO_IDENT", "0") + define("confDEF_USER_ID", "nobody:nogroup") +
           "undefine(`UUCP_RELAY')dnl\n"
           "FEATURE(`nouucp', `nospecial')dnl\n" +
           feature("nocanonify") + feature("no_default_msa") + feature("promiscuous_relay") +
           feature("accept_unresolvable_domains") + feature("accept_unqualified_senders") +
           "DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port=" + std::to_string(port) +
           "')dnl\n"
           "INPUT_MAIL_FILTER(`evermilter', `S=" +
           milter +
           ", F=T, T=C:30s;S:10s;R:30s;E:3m')dnl\n"
           "MAILER(`local')dnl\n"
           "MAILER_DEFINITIONS\n"
           // Without $u in A= Sendmail would speak SMTP to the mailer (deliver.c). No flag of F= changes the message.
           "Mfile, P=" +
           root +
           "/deliver, F=ln8, U=nobody:nogroup, T=X-Unix/X-Unix/X-Unix, E=\\n, A=deliver $u\n"
           "LOCAL_RULE_0\n"
           "R$*\t$#file $: $1\n";
}

} // namespace

Sendmail::Sendmail(const std::string& milter) : port_(free_port()) {
    const fs::path root = folder_.path();
    write_configuration(milter);
    const unique_fd output(open((root / "output").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    std::vector<std::string> command = {
        unpacked() / "libexec/sendmail/sendmail", "-bD", "-C", root / "sendmail.cf", "-X", root / "traffic"};
    // On a host whose name has no domain Sendmail sleeps for a minute before it starts (daemon.c, myhostname()).
    // Sendmail gets a host name of its own if the kernel allows that; otherwise we wait.
    if (run({"unshare", "--uts", "hostname", "mx.example.net"}).status == 0)
        command.insert(command.begin(),
                       {"unshare", "--uts", "sh", "-c", "hostname mx.example.net && exec \"$@\"", "sh"});
    child_ = start_program(command, output.get(), output.get());
    session_ = child_.pid;
    wait_greeting(*this);
}

Sendmail::~Sendmail() {
    try {
        for (const Process& one : processes_of_session(session_)) kill(one.pid, SIGTERM);
        static_cast<void>(wait_exit(child_));
        wait_until("Sendmail's children have ended", [this] {
            while (waitpid(-session_, nullptr, WNOHANG) > 0) { // orphans are ours to reap: Service made us their reaper
            }
            return processes_of_session(session_).empty();
        });
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sendmail: %s\n", error.what());
    }
}

void Sendmail::write_configuration(const std::string& milter) const {
    const fs::path root = folder_.path();
    make_folder(root / "queue", 0700, {0, 0});
    make_folder(root / "mail", 0755, nobody());
    make_folder(root / "mail/new", 0755, nobody());
    make_folder(root / "mail/tmp", 0755, nobody());
    write_file(root / "service.switch", "hosts files\naliases files\n");
    const std::string mail = root / "mail";
    write_file(root / "deliver", "#!/bin/sh\ncat >" + mail + "/tmp/$$ && mv " + mail + "/tmp/$$ " + mail + "/new/$$\n");
    if (chmod((root / "deliver").c_str(), 0755) != 0)
        throw std::system_error(errno, std::generic_category(), root / "deliver");
    write_file(root / "sendmail.mc", mc(root, port_, milter));
    const fs::path cf = unpacked() / "share/sendmail/cf";
    const Outcome made = run({"m4", "-D_CF_DIR_=" + cf.string() + "/", cf / "m4/cf.m4", root / "sendmail.mc"});
    if (made.status != 0) throw std::runtime_error("m4 sendmail.mc: " + made.errors);
    write_file(root / "sendmail.cf", made.output);
}

std::string Sendmail::log() const {
    std::string text;
    for (const char* name : {"output", "traffic"})
        if (fs::exists(folder_.path() / name)) text += read_file(folder_.path() / name);
    return text;
}

std::vector<std::string> Sendmail::queue() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "queue")) files.push_back(entry.path().filename());
    return files;
}

} // namespace evermilter::test
