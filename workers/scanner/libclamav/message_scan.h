// All scans of one message: as a whole by libclamav, then each part that a mail program would find and libclamav did
// not open. Watches what libclamav opens and says meanwhile, and judges at the end. One object a message, one thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "workers/common/base/result.h"
#include "workers/scanner/libclamav/layer_types.h"
#include "workers/scanner/libclamav/messages.h"
#include "workers/scanner/libclamav/scan_verdict.h"
#include "workers/scanner/look/content_watch.h"

struct cl_engine;

namespace evermilter::scanner {

// The bytes behind a descriptor, mapped.
class MappedMessage {
  public:
    [[nodiscard]] static Result<MappedMessage> map(int fd);
    MappedMessage(MappedMessage&& other) noexcept;
    MappedMessage& operator=(MappedMessage&&) = delete;
    MappedMessage(const MappedMessage&) = delete;
    MappedMessage& operator=(const MappedMessage&) = delete;
    ~MappedMessage();
    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

  private:
    explicit MappedMessage(std::string_view bytes) noexcept : bytes_(bytes) {}
    std::string_view bytes_;
};

class MessageScan final : private MessageListener {
  public:
    // The references must outlive the object. `bytes` is what is behind `fd`. `look`: see Engine::look(); `all_names`:
    // see ScanJob.
    MessageScan(cl_engine& engine, const config::Scanner& config, const std::string& temp_directory, int fd,
                std::string_view bytes, bool look, bool all_names);
    MessageScan(const MessageScan&) = delete;
    MessageScan& operator=(const MessageScan&) = delete;
    ~MessageScan() = default;

    [[nodiscard]] Verdict run();
    [[nodiscard]] std::size_t parts_scanned_again() const noexcept { return watch_.taken(); }

    // libclamav's callbacks, with the object as their context. Nothing is thrown through them.
    void on_layer(const Layer& layer) noexcept;
    void on_name(std::string_view name) noexcept;

  private:
    void heard(Severity severity, std::string_view text) noexcept override;
    void judge_text(Severity severity, std::string_view text);
    void open_layer(const Layer& layer);
    void note_virus(std::string_view name);
    // `fd`, or where it is -1 `bytes`.
    void scan(int fd, std::string_view bytes);
    void worsen(int code);
    [[nodiscard]] bool decided() const noexcept;
    [[nodiscard]] std::chrono::milliseconds time_left() const;

    cl_engine& engine_;
    const config::Scanner& config_;
    int fd_;
    bool look_;
    bool all_names_;
    std::string_view bytes_;
    std::chrono::steady_clock::time_point begin_;
    ContentWatch watch_;
    ScanFacts facts_;
    std::vector<std::string> limits_; // that the scan which runs has reached
    std::vector<Loudness> loudness_;  // of the layers from the first to the one that is open
    bool failed_inside_ = false;      // a callback failed: what it would have noted is lost
};

} // namespace evermilter::scanner
