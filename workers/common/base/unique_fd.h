// A file descriptor with one owner. Closing is the owner's duty and happens exactly once.
#pragma once

#include <unistd.h>

#include <utility>

namespace evermilter {

class unique_fd {
  public:
    unique_fd() = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(const unique_fd&) = delete;
    unique_fd& operator=(const unique_fd&) = delete;
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~unique_fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    // Leaves errno as it was, so that it may be called on error paths before errno is read.
    void reset(int fd = -1) noexcept;

  private:
    int fd_ = -1;
};

} // namespace evermilter
