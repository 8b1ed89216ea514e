// Writes the sample file, the page of documentation and the manual page from the schema into the source tree given.
// A tool of the build (target config_docs), not installed.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "config/document.h"

namespace {

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) std::cerr << "config_docs: cannot write " << path << "\n";
    return static_cast<bool>(file);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: evermilter-config-docs SOURCE_DIRECTORY\n";
        return 64;
    }
    const std::string root = argv[1];
    const bool written = write_file(root + "/config/evermilter.toml", evermilter::config::sample_file()) &&
                         write_file(root + "/contrib/doc/configuration.md", evermilter::config::markdown()) &&
                         write_file(root + "/contrib/man/evermilter.toml.5", evermilter::config::manual_page());
    return written ? EXIT_SUCCESS : 73;
}
