// The configuration that is being made: keys of evermilter.toml, each with the option that it came from. Takes only
// what the schema takes, so that what is written can be read. Keys of sections that repeat are not made here.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"
#include "workers/common/base/result.h"

namespace evermilter::ctl {

class Draft {
  public:
    // Why a value cannot be taken, with the remedy.
    struct Refusal {
        std::string reason;
    };

    // Sets a key of the schema. A key that has another value from elsewhere keeps it, and the refusal says whose.
    // `source` names the option's place ("clamav-milter.conf:3 OnInfected").
    [[nodiscard]] Result<void, Refusal> set(std::string_view key, const config::Value& value,
                                            const std::string& source);
    // Adds to a list of the schema; what is in it already is not added twice.
    [[nodiscard]] Result<void, Refusal> append(std::string_view key, const std::string& element,
                                               const std::string& source);
    // Sets a key whatever it was.
    void replace(std::string_view key, const config::Value& value, const std::string& source);
    void drop(std::string_view key);

    [[nodiscard]] bool has(std::string_view key) const;
    // What was appended, as it stands in the file.
    [[nodiscard]] std::size_t list_bytes() const noexcept { return list_bytes_; }
    // "actions.infected = "reject"".
    [[nodiscard]] std::string line(std::string_view key) const;
    // All of it, what is not set being default.
    [[nodiscard]] config::Config config() const;
    // The file: `head` as comment lines, then only what is set, each key with its source.
    [[nodiscard]] std::string toml(const std::vector<std::string>& head) const;

  private:
    struct Entry {
        config::Value value;
        std::string source;
    };
    std::map<std::string, Entry, std::less<>> entries_;
    std::size_t list_bytes_ = 0;
};

} // namespace evermilter::ctl
