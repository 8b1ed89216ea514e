#include "workers/session/tap/maildir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <memory>
#include <string_view>

namespace evermilter::session {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

Result<void> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_error(path);
    return {};
}

// Adds what is in the folder to `sum`.
Result<void> measure(const std::string& folder, MaildirBounds& sum) {
    const std::unique_ptr<DIR, CloseDirectory> open(::opendir(folder.c_str()));
    if (!open) return system_error(folder);
    while (const dirent* entry = ::readdir(open.get())) {
        struct stat status {};
        if (::fstatat(::dirfd(open.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (!S_ISREG(status.st_mode)) continue;
        ++sum.messages;
        sum.bytes += static_cast<std::uint64_t>(status.st_size);
    }
    return {};
}

// Of an envelope: what would end the field's line is replaced.
void add_field(std::string& text, std::string_view name, std::string_view value) {
    text += name;
    text += ": ";
    for (const char byte : value) text += static_cast<unsigned char>(byte) < ' ' || byte == '\x7f' ? '?' : byte;
    text += "\r\n";
}

std::string envelope_fields(const TapCopy& copy) {
    std::string text;
    add_field(text, "X-Tap-From", copy.sender);
    for (const std::string& recipient : copy.recipients) add_field(text, "X-Tap-To", recipient);
    if (copy.more_recipients > 0) add_field(text, "X-Tap-More-Recipients", std::to_string(copy.more_recipients));
    add_field(text, "X-Tap-Client", copy.client);
    add_field(text, "X-Tap-Queue-Id", copy.queue_id);
    return text;
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put < 0 && errno != EINTR) return false;
        if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

bool copy_message(const TapCopy& copy, int to) {
    std::array<char, 65536> block{};
    for (std::uint64_t done = 0; done < copy.size;) {
        const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), copy.size - done));
        const ssize_t got = ::pread(copy.message.get(), block.data(), wanted, static_cast<off_t>(copy.offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = EIO; // shorter than it was
        if (got <= 0 || !write_all(to, {block.data(), static_cast<std::size_t>(got)})) return false;
        done += static_cast<std::uint64_t>(got);
    }
    return true;
}

// maildir(5): time, process, number.
std::string unique_name() {
    static std::atomic<std::uint64_t> number{0};
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::to_string(now.tv_sec) + ".M" + std::to_string(now.tv_nsec / 1000) + "P" + std::to_string(::getpid()) +
           "Q" + std::to_string(number++) + ".evermilter";
}

bool sync_folder(const std::string& path) {
    const unique_fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder && ::fsync(folder.get()) == 0;
}

} // namespace

Result<void> write_to_maildir(const std::string& folder, const MaildirBounds& bounds, const TapCopy& copy) {
    for (const char* part : {"", "/tmp", "/new", "/cur"})
        if (auto made = make_folder(folder + part); !made) return made;
    MaildirBounds sum;
    for (const char* part : {"/new", "/cur"})
        if (auto measured = measure(folder + part, sum); !measured) return measured;
    const std::string fields = envelope_fields(copy);
    if (sum.messages + 1 > bounds.messages || sum.bytes + fields.size() + copy.size > bounds.bytes)
        return system_error(
            folder + " holds " + std::to_string(sum.messages) + " messages of " + std::to_string(sum.bytes) + " bytes",
            EDQUOT);
    const std::string name = unique_name();
    const std::string begun = folder + "/tmp/" + name;
    const unique_fd file(::open(begun.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return system_error(begun);
    if (!write_all(file.get(), fields) || !copy_message(copy, file.get()) || ::fsync(file.get()) != 0 ||
        ::rename(begun.c_str(), (folder + "/new/" + name).c_str()) != 0) {
        Error error = system_error(begun);
        static_cast<void>(::unlink(begun.c_str()));
        return error;
    }
    if (!sync_folder(folder + "/new")) return system_error(folder + "/new");
    return {};
}

} // namespace evermilter::session
