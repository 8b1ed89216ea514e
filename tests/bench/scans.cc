#include "tests/bench/scans.h"

#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <type_traits>

#include "config/parse.h"
#include "workers/common/base/unique_fd.h"
#include "workers/scanner/memory/allocator.h"

namespace evermilter::bench {
namespace {

template <class T>
T need(Result<T, scanner::Refusal> outcome) {
    if (!outcome) throw std::runtime_error(outcome.error().reason);
    if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

} // namespace

Scans::Scans(const std::filesystem::path& database) : temp_("/dev/shm/evermilter-bench-" + std::to_string(::getpid())) {
    const config::Config config = config::defaults();
    std::filesystem::create_directories(temp_);
    scanner::tune_allocator();
    engine_ = std::make_unique<scanner::Engine>(need(scanner::Engine::create(config.scanner)));
    need(engine_->load(database, database));
    need(engine_->compile());
    if (!engine_->set_temp_directory(temp_)) throw std::runtime_error("the temp directory is refused");
}

Scans::~Scans() {
    std::error_code ignored;
    std::filesystem::remove_all(temp_, ignored);
}

scanner::EngineReport Scans::scan(const std::string& mail) {
    const std::string message =
        "From sender@example.org Thu Jan  1 00:00:00 1970\r\n"
        "Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n" +
        mail;
    const unique_fd file(::memfd_create("evermilter-message", MFD_CLOEXEC));
    for (std::size_t at = 0; at < message.size();) {
        const ssize_t written = ::write(file.get(), message.data() + at, message.size() - at);
        if (written <= 0) throw std::runtime_error("a message does not fit into memory");
        at += static_cast<std::size_t>(written);
    }
    return engine_->scan(file.get());
}

} // namespace evermilter::bench
