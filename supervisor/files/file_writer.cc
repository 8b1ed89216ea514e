#include "supervisor/files/file_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

constexpr int kEndMs = 1000;

// In the child: 0 or errno.
int replace_file(const std::string& path, const std::string& text) {
    const std::string temporary = path + ".new";
    // The folder belongs to the scanners' user: a link that it may have put there is not followed.
    if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) return errno;
    const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0) return errno;
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0) return errno;
    if (written != static_cast<ssize_t>(text.size())) return ENOSPC;
    if (::fsync(file) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) return errno;
    const int folder = ::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 || ::fsync(folder) != 0 ? errno : 0;
}

} // namespace

FileWriter::FileWriter(Loop* loop, Done done) : done_(std::move(done)), readable_(loop, [this](int) { told(); }) {}

FileWriter::~FileWriter() {
    readable_.stop();
    done_ = [](const Result<void>&) {};
    while (answer_) {
        pollfd readable{answer_.get(), POLLIN, 0};
        if (::poll(&readable, 1, kEndMs) <= 0) return;
        told(); // and begins the last text, if it is not this one
    }
}

void FileWriter::write(const std::string& path, const Identity& owner, const std::string& text) {
    Wanted wanted{path, owner, text};
    if (answer_)
        next_ = std::move(wanted);
    else
        begin(wanted);
}

void FileWriter::begin(const Wanted& wanted) {
    path_ = wanted.path;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return done_(system_error("pipe2"));
    answer_.reset(ends[0]);
    const unique_fd told(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) {
        answer_.reset();
        return done_(system_error("cannot fork a process that writes " + path_));
    }
    if (child == 0) {
        // The loop's signal handlers would write into the parent's pipe.
        sigset_t all;
        sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        // It may wait for the disk for long: it holds nothing of its parent's meanwhile.
        const int kept = ::dup2(told.get(), STDIN_FILENO);
        if (kept >= 0) ::close_range(STDERR_FILENO + 1, ~0U, 0);
        const int error = kept < 0 || !become(wanted.owner) ? errno : replace_file(wanted.path, wanted.text);
        const ssize_t sent = ::write(kept, &error, sizeof error);
        ::_exit(sent == sizeof error ? 0 : 1);
    }
    // Reaped with all children.
    readable_.start(answer_.get(), EV_READ);
}

void FileWriter::told() {
    int error = EIO; // of a child that died
    const ssize_t got = ::read(answer_.get(), &error, sizeof error);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return; // the loop tells again
    if (got != sizeof error) error = EIO;
    readable_.stop();
    answer_.reset();
    const std::string path = std::exchange(path_, {});
    if (next_) begin(*std::exchange(next_, std::nullopt));
    done_(error == 0 ? Result<void>() : Result<void>(system_error("cannot write " + path, error)));
}

} // namespace evermilter::supervisor
