// A tmpfs in a mount namespace of the test alone. Where that is not allowed the test is not possible (report.h).
#pragma once

#include <filesystem>
#include <string>

namespace evermilter::test {

class OwnMount {
  public:
    // `folder` is made if it is missing; `options` are tmpfs': "size=4m,mode=0700".
    OwnMount(std::filesystem::path folder, const std::string& options);
    ~OwnMount();
    OwnMount(const OwnMount&) = delete;
    OwnMount& operator=(const OwnMount&) = delete;

    void read_only(bool on) const;
    // Until nothing goes in any more; the file's name.
    [[nodiscard]] std::filesystem::path fill() const;

  private:
    std::filesystem::path folder_;
};

} // namespace evermilter::test
