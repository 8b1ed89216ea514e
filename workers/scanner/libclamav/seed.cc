#include "workers/scanner/libclamav/seed.h"

#include <sys/random.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace evermilter::scanner {

void seed_random() noexcept {
    unsigned int seed = 0;
    if (::getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed))
        seed = static_cast<unsigned int>(::getpid()) ^ static_cast<unsigned int>(::time(nullptr));
    std::srand(seed);
}

} // namespace evermilter::scanner
