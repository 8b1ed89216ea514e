#include "workers/common/base/result.h"

#include <cerrno>
#include <system_error>

namespace evermilter {

Error system_error(const std::string& object) {
    const int code = errno;
    return system_error(object, code);
}

Error system_error(const std::string& object, int code) {
    return Error{code, object + ": " + std::generic_category().message(code)};
}

} // namespace evermilter
