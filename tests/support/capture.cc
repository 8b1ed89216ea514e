// See capture.h.
#include "tests/support/capture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <stdexcept>

#include "tests/support/status_client.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

ino_t inode(const std::string& path) {
    struct stat found {};
    return stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

std::string descriptor_path(pid_t pid, int number) {
    return "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(number);
}

struct Held {
    std::string path;
    ino_t file = 0;
};

// Every memfd and unlinked file that the session workers hold.
std::vector<Held> held_files(const Service& service) {
    std::vector<Held> found;
    for (const pid_t worker : service.pids("session"))
        for (const Descriptor& one : descriptors(worker))
            if (one.memfd() || one.deleted_file()) {
                const std::string path = descriptor_path(worker, one.number);
                found.push_back({path, inode(path)});
            }
    return found;
}

bool sealed(const std::string& path) {
    const unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const int seals = fcntl(fd.get(), F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

bool at_end_of_message(const Service& service) {
    const nlohmann::json answer = StatusClient(service.status_path()).ask("sessions");
    for (const auto& one : answer.at("sessions"))
        if (one.at("stage") == "eom") return true;
    return false;
}

} // namespace

Stopped::Stopped(std::vector<pid_t> pids) : pids_(std::move(pids)) {
    for (const pid_t pid : pids_) stop_process(pid);
}

Stopped::~Stopped() {
    for (const pid_t pid : pids_) continue_process(pid);
}

Captured capture(const Service& service, MilterClient& client, std::string_view mail, const Envelope& envelope) {
    Captured captured;
    {
        const Stopped stopped(service.pids("scanner"));
        std::set<ino_t> before;
        for (const Held& one : held_files(service)) before.insert(one.file);
        const Reply reply = client.upload(mail, envelope);
        if (reply.command != 'c') throw std::runtime_error("the upload was answered by " + reply.text());
        client.send('E');
        wait_until("the message is handed to a scanner", [&] { return at_end_of_message(service); });
        wait_until("one new file holds the message", [&] {
            std::vector<Held> fresh;
            for (const Held& one : held_files(service))
                if (!before.contains(one.file)) fresh.push_back(one);
            if (fresh.empty()) return false;
            if (mail.size() < 1024 * 1024 && !sealed(fresh.front().path)) return false;
            captured.bytes = read_file(fresh.front().path);
            return captured.bytes.size() >= mail.size(); // the last bytes are written after the stage has become "eom"
        });
    }
    captured.verdict = client.receive_verdict();
    return captured;
}

std::string clamscan(const Service& service, const std::string& bytes) {
    const std::string file = service.path("captured.eml");
    write_file(file, bytes);
    const Outcome outcome =
        run({"clamscan", "--no-summary", "--stdout", "--database=" + service.database().string(), file});
    if (outcome.status > 1) throw std::runtime_error("clamscan: " + outcome.output + outcome.errors);
    const auto colon = outcome.output.find(": ");
    return outcome.output.substr(colon + 2, outcome.output.find('\n') - colon - 2);
}

} // namespace evermilter::test
