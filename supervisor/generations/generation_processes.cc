#include "supervisor/generations/generation_processes.h"

namespace evermilter::supervisor {

void kill_all(GenerationProcesses& processes, Generation& generation, const std::string& reason) {
    generation.condemned = true;
    processes.kill(generation.standby, reason); // before it becomes our child by the loader's death
    if (generation.loader.pid != 0) {
        processes.kill(generation.loader, reason); // its scanners become our children by its death
        return;
    }
    for (const ScannerProcess& scanner : generation.scanners) processes.kill_orphan(scanner.pid);
}

} // namespace evermilter::supervisor
