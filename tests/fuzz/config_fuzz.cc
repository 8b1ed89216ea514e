// Fuzzes the configuration parser: any text is a configuration or has faults with places, and what was taken is
// read back from its canonical form to the same configuration.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/diff.h"
#include "config/parse.h"

namespace config = evermilter::config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string text(bytes, bytes + size);
    const auto result = config::parse(text, "fuzz");
    if (!result) {
        if (result.error().empty()) std::abort();
        for (const config::Fault& fault : result.error())
            if (fault.message.empty() || fault.text().find('\n') != std::string::npos) std::abort();
        return 0;
    }
    config::Config taken = *result;
    const auto again = config::parse(config::to_toml(taken), "canonical");
    if (!again) std::abort();
    taken.milter.allow_in_file = true;
    taken.log.target_in_file = true;
    if (!config::diff(taken, *again).empty()) std::abort();
    return 0;
}
