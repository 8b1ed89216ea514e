// See dovecot.h. The two versions write the same things in different words.
#include "tests/e2e/dovecot.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kProgram = "/usr/sbin/dovecot";

std::string replaced(std::string text, const std::string& word, const std::string& value) {
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size())
        text.replace(at, word.size(), value);
    return text;
}

constexpr const char* kBoth = R"(base_dir = ROOT/run
state_dir = ROOT/state
log_path = ROOT/log
protocols =
ssl = no
first_valid_uid = 1
service quota-status {
  executable = quota-status -p postfix
  unix_listener ROOT/quota {
    mode = 0666
  }
}
)";

constexpr const char* k23 = R"(mail_location = maildir:ROOT/mail/%n
mail_plugins = quota
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=USER gid=GROUP home=ROOT/home/%n allow_all_users=yes
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=10K
  quota_grace = 0
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
  quota_status_overquota = FULL
}
)";

constexpr const char* k24 = R"(mail_driver = maildir
mail_path = ROOT/mail/%{user | username}
mail_plugins {
  quota = yes
}
passdb static {
  password =
  fields {
    nopassword = yes
  }
}
userdb static {
  allow_all_users = yes
  fields {
    uid = USER
    gid = GROUP
    home = ROOT/home/%{user | username}
  }
}
quota "User quota" {
  driver = maildir
}
quota_storage_size = 10K
quota_storage_grace = 0
quota_status_success = DUNNO
quota_status_nouser = DUNNO
quota_status_overquota = FULL
)";

void give_to_nobody(const fs::path& path) {
    if (::chown(path.c_str(), nobody().user, nobody().group) != 0) throw std::runtime_error("chown " + path.string());
}

} // namespace

Dovecot::Dovecot() {
    const fs::path root = folder_.path();
    for (const char* part :
         {"run", "state", "home", "mail", "mail/full", "mail/full/new", "mail/full/cur", "mail/full/tmp"})
        fs::create_directories(root / part);
    write_file(root / "mail/full/new/1", std::string(40'000, 'x'));
    for (const auto& entry : fs::recursive_directory_iterator(root / "mail")) give_to_nobody(entry.path());
    give_to_nobody(root / "mail");
    give_to_nobody(root / "home");
    const Outcome version = run({kProgram, "--version"});
    if (version.status != 0)
        throw std::runtime_error("Debian's package dovecot-core is missing: contrib/install-packages test");
    const bool is_24 = !version.output.starts_with("2.3.");
    std::string text = is_24 ? "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n" : "";
    text += std::string(kBoth) + (is_24 ? k24 : k23);
    const std::pair<const char*, std::string> words[] = {{"ROOT", root},
                                                         {"USER", std::to_string(nobody().user)},
                                                         {"GROUP", std::to_string(nobody().group)},
                                                         {"FULL", kFull}};
    for (const auto& [word, value] : words) text = replaced(std::move(text), word, value);
    write_file(root / "dovecot.conf", text);
    child_ = start_program({kProgram, "-F", "-c", root / "dovecot.conf"}, -1, -1);
    wait_until("Dovecot has its socket", [&] { return fs::exists(root / "quota"); });
}

Dovecot::~Dovecot() {
    try {
        stop();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "dovecot: %s\n", error.what());
    }
}

std::string Dovecot::log() const {
    return read_file(folder_ / "log");
}

void Dovecot::stop() {
    if (child_.pid == 0) return;
    ::kill(child_.pid, SIGTERM);
    static_cast<void>(wait_exit(child_));
    child_ = {};
}

} // namespace evermilter::test
