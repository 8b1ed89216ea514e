// See postfix.h.
#include "tests/e2e/postfix.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kHostName = "mx.example.net";
constexpr const char* kUser = "alice";
constexpr const char* kPassword = "a secret of hers";

void make_folder(const fs::path& path, const RunAs& owner) {
    fs::create_directories(path);
    if (chown(path.c_str(), owner.user, owner.group) != 0)
        throw std::system_error(errno, std::generic_category(), path);
}

RunAs postfix_user() {
    const passwd* found = getpwnam("postfix");
    if (found == nullptr)
        throw std::runtime_error("Debian's package postfix is missing: contrib/install-packages test");
    return {found->pw_uid, found->pw_gid};
}

std::string main_cf(const std::string& root, const std::string& milter) {
    const std::string user = std::to_string(nobody().user);
    const std::string group = std::to_string(nobody().group);
    return "compatibility_level = 3.6\n"
           "queue_directory = " +
           root +
           "/queue\n"
           "data_directory = " +
           root +
           "/data\n"
           "command_directory = /usr/sbin\n"
           "daemon_directory = /usr/lib/postfix/sbin\n"
           "mail_owner = postfix\n"
           "setgid_group = postdrop\n"
           "maillog_file_prefixes = " +
           root +
           "\n"
           "maillog_file = " +
           root +
           "/log\n"
           "myhostname = " +
           std::string(kHostName) +
           "\n"
           "inet_interfaces = 127.0.0.1\n"
           "inet_protocols = ipv4\n"
           "mynetworks = 127.0.0.0/8\n"
           "smtpd_peername_lookup = no\n"
           "smtpd_recipient_restrictions = permit_mynetworks, reject\n"
           // The message must pass as it came: no From, Date or Message-ID is added for a local client.
           "local_header_rewrite_clients =\n"
           "smtputf8_enable = yes\n"
           "mydestination =\n"
           "alias_maps =\n"
           "local_recipient_maps =\n"
           "virtual_mailbox_domains = static:all\n"
           "virtual_mailbox_maps = static:all/\n"
           "virtual_mailbox_base = " +
           root +
           "/mail\n"
           "virtual_uid_maps = static:" +
           user +
           "\n"
           "virtual_gid_maps = static:" +
           group +
           "\n"
           "smtpd_milters = " +
           milter +
           "\n"
           "milter_default_action = tempfail\n"
           "cyrus_sasl_config_path = " +
           root + "/conf/sasl\n";
}

std::string smtpd_line(std::uint16_t port, const std::string& options) {
    return "127.0.0.1:" + std::to_string(port) + " inet n - n - - smtpd" + options + "\n";
}

std::string master_cf(const std::string& servers) {
    return servers +
           "cleanup unix n - n - 0 cleanup\n"
           "qmgr unix n - n 300 1 qmgr\n"
           "rewrite unix - - n - - trivial-rewrite\n"
           "bounce unix - - n - 0 bounce\n"
           "defer unix - - n - 0 bounce\n"
           "trace unix - - n - 0 bounce\n"
           "proxymap unix - - n - - proxymap\n"
           "error unix - - n - - error\n"
           "retry unix - - n - - error\n"
           "virtual unix - n n - - virtual\n"
           "anvil unix - - n - 1 anvil\n"
           "showq unix n - n - - showq\n"
           "postlog unix-dgram n - n - 1 postlogd\n";
}

} // namespace

// A user of the submission port: the password file that Cyrus SASL reads, and how smtpd finds it.
void Postfix::make_user() const {
    const fs::path root = folder_.path();
    const std::string file = root / "sasldb2";
    fs::create_directories(configuration() + "/sasl");
    write_file(configuration() + "/sasl/smtpd.conf",
               "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\nsasldb_path: " + file + "\n");
    const Outcome made = run({"sh", "-c", "printf %s \"$1\" | saslpasswd2 -p -c -f \"$2\" -u \"$3\" \"$4\"", "sh",
                              kPassword, file, kHostName, kUser});
    const RunAs postfix = postfix_user();
    if (made.status != 0 || chown(file.c_str(), postfix.user, postfix.group) != 0)
        throw std::runtime_error("saslpasswd2 of Debian's package sasl2-bin: " + made.errors);
}

std::string Postfix::plain_credentials() {
    using namespace std::string_literals;
    std::string text = base64("\0"s + kUser + "\0"s + kPassword);
    text.erase(text.find_last_not_of("\r\n") + 1);
    return text;
}

Postfix::Postfix(const std::string& milter, const std::string& submission) : port_(free_port()) {
    const fs::path root = folder_.path();
    const RunAs postfix = postfix_user();
    fs::create_directories(root / "conf");
    fs::create_directories(root / "queue");
    make_folder(root / "data", postfix);
    make_folder(root / "mail", nobody());
    for (const char* part : {"all", "all/new", "all/cur", "all/tmp"}) make_folder(root / "mail" / part, nobody());
    write_file(configuration() + "/main.cf", main_cf(root, milter));
    std::string servers = smtpd_line(port_, "");
    if (!submission.empty()) {
        make_user();
        submission_port_ = free_port();
        servers +=
            smtpd_line(submission_port_, " -o smtpd_milters=" + submission +
                                             " -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_local_domain=" + kHostName);
    }
    write_file(configuration() + "/master.cf", master_cf(servers));
    const unique_fd output(open((root / "output").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    child_ = start_program({"/usr/sbin/postfix", "-c", configuration(), "start-fg"}, output.get(), output.get());
    wait_greeting(*this);
}

Postfix::~Postfix() {
    try {
        const Outcome stop = run({"/usr/sbin/postfix", "-c", configuration(), "stop"});
        if (stop.status != 0) {
            std::fprintf(stderr, "postfix stop: %s%s\n", stop.output.c_str(), stop.errors.c_str());
            for (const Process& one : processes_of_session(child_.pid)) kill(one.pid, SIGKILL);
        }
        static_cast<void>(wait_exit(child_));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "postfix: %s\n", error.what());
    }
}

std::vector<std::string> Postfix::trace_fields() const {
    return {"Return-Path", "X-Original-To", "Delivered-To", "Received"};
}

std::string Postfix::log() const {
    std::string text;
    for (const char* name : {"output", "log"})
        if (fs::exists(folder_.path() / name)) text += read_file(folder_.path() / name);
    return text;
}

std::vector<std::string> Postfix::queue(const std::string& name) const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / "queue" / name))
        if (entry.is_regular_file()) files.push_back(entry.path().filename());
    return files;
}

} // namespace evermilter::test
