// Writes the tables of contrib/doc/migration.md into the source tree given. A tool of the build (target config_docs),
// not installed.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "supervisor/ctl/import/migration_page.h"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: evermilter-migration-docs SOURCE_DIRECTORY\n";
        return 64;
    }
    const std::string path = std::string(argv[1]) + "/contrib/doc/migration.md";
    std::ostringstream page;
    page << std::ifstream(path, std::ios::binary).rdbuf();
    const auto text = evermilter::ctl::with_tables(page.str());
    if (!text) {
        std::cerr << path << ": " << text.error().what << '\n';
        return 65;
    }
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << *text;
    file.close();
    return file ? EXIT_SUCCESS : 73;
}
