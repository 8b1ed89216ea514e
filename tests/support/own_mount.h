// A tmpfs in a mount namespace of the test alone. If the machine does not allow that, the test is not possible
// (report.h).
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
    // Fills it until nothing more fits; returns the file's name.
    [[nodiscard]] std::filesystem::path fill() const;

  private:
    std::filesystem::path folder_;
};

} // namespace evermilter::test
