#include "supervisor/ctl/import/clamav_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "supervisor/ctl/printable.h"
#include "workers/common/base/log_line.h"
#include "workers/common/base/trimmed.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::ctl {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 20U;
constexpr std::size_t kMostFaults = 20;   // nobody reads more of a file that is none
constexpr std::size_t kLongestShown = 60; // bytes of a line in a fault
constexpr std::string_view kBlanks = " \t\r";

class Lines {
  public:
    explicit Lines(const std::string& path) { file_.path = path; }

    void read(std::string_view text) {
        while (!text.empty() && faults_.size() < kMostFaults) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            ++number_;
            read_line(trimmed(text.substr(0, end), kBlanks));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }

    Result<ClamavFile, std::vector<config::Fault>> take() {
        if (faults_.empty()) return std::move(file_);
        return std::move(faults_);
    }

  private:
    void add(std::string option, std::string message) {
        faults_.push_back({file_.path, number_, 1, std::move(option), std::move(message)});
    }

    // ClamAV takes a # as a comment only where the line begins with it.
    void read_line(std::string_view line) {
        if (line.empty() || line.front() == '#') return;
        if (auto wrong = unwritable(line)) return add("", *wrong + ". Is this a configuration of ClamAV?");
        const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
        const std::string_view option = line.substr(0, end);
        std::string_view value = trimmed(line.substr(end), kBlanks);
        const std::string shown = printable(option.substr(0, kLongestShown));
        if (option == "Example") return add_setting(option, "");
        if (value.empty()) {
            const std::size_t equals = option.find('=');
            if (equals != std::string_view::npos)
                return add(shown, "has no blank between option and value; write \"" +
                                      printable(option.substr(0, std::min(equals, kLongestShown))) + " VALUE\"");
            return add(shown, "has no value; write \"" + shown + " VALUE\" or remove the line");
        }
        if (value.front() == '"') {
            if (value.size() < 2 || value.back() != '"')
                return add(shown, "has a value that begins with \" and does not end with it; add the other \"");
            value = value.substr(1, value.size() - 2);
            if (value.empty()) return add(shown, "has an empty value; write one, or remove the line");
        }
        add_setting(option, value);
    }

    void add_setting(std::string_view option, std::string_view value) {
        file_.settings.push_back({number_, std::string(option), std::string(value)});
    }

    ClamavFile file_;
    unsigned number_ = 0;
    std::vector<config::Fault> faults_;
};

} // namespace

std::optional<std::string> unwritable(std::string_view text) {
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        const bool plain = byte == '\t' || (byte >= 0x20 && byte < 0x7f);
        if (byte < 0x80 && !plain) return "holds a control character; remove it";
        const std::size_t length = plain ? 1 : log::utf8_length(text);
        if (length == 0) return "holds a byte that is not readable UTF-8; write it in UTF-8";
        text.remove_prefix(length);
    }
    return std::nullopt;
}

Result<std::string, Unreadable> read_small_file(const std::string& path) {
    const auto failed = [](const std::string& what) {
        return Unreadable{what + ": " + std::generic_category().message(errno)};
    };
    // O_NONBLOCK: a FIFO of that name must not stop us.
    const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return failed("cannot be opened");
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return failed("cannot be read");
    if (!S_ISREG(status.st_mode)) return Unreadable{"is not a regular file"};
    std::string text;
    std::array<char, 16384> part{};
    for (;;) {
        const ssize_t got = ::read(fd.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("cannot be read");
        if (got == 0) return text;
        text.append(part.data(), static_cast<std::size_t>(got));
        if (text.size() > kLargestFile) return Unreadable{"is larger than 1 MiB"};
    }
}

Result<ClamavFile, std::vector<config::Fault>> parse_clamav_text(std::string_view text, const std::string& path) {
    Lines lines(path);
    lines.read(text);
    return lines.take();
}

Result<ClamavFile, std::vector<config::Fault>> read_clamav_file(const std::string& path) {
    auto text = read_small_file(path);
    if (!text)
        return std::vector{config::Fault{path, 0, 0, "",
                                         text.error().reason + "; name the file of clamav-milter or clamd, often in "
                                                               "/etc/clamav, and read it as a user who may"}};
    return parse_clamav_text(*text, path);
}

} // namespace evermilter::ctl
