// Writes a synthetic signature database of the size and mixture of the official one, for benchmarks:
//     make_database DIRECTORY [SIGNATURES [SEED]]
// The default of 8,000,000 signatures consists of the shares below (figures of the issue that asked for it): 500k hdb,
// 4.5M mdb, 2.8M hsb, 120k ndb, 60k ldb, and EICAR in addition. The same seed gives the same bytes; a different one
// gives other signatures, so the database counts as changed.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <string_view>

namespace {

constexpr std::uint64_t kDefaultSignatures = 8'000'000;

// Signatures of each kind in a database of the default size; the sum is 7,980,000.
struct Shares {
    std::uint64_t hdb = 500'000;
    std::uint64_t mdb = 4'500'000;
    std::uint64_t hsb = 2'800'000;
    std::uint64_t ndb = 120'000;
    std::uint64_t ldb = 60'000;
};

using Random = std::mt19937_64;

std::string hex(Random& random, std::size_t bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes * 2);
    while (text.size() < bytes * 2) {
        std::uint64_t word = random();
        for (int i = 0; i < 16 && text.size() < bytes * 2; ++i, word >>= 4U) text += digits[word & 0xfU];
    }
    return text;
}

// File and section sizes: a few tens of thousands of different ones, small ones more often, as in real collections.
std::uint64_t object_size(Random& random) {
    const std::uint64_t magnitude = 10 + random() % 13;
    const std::uint64_t base = std::uint64_t{1} << magnitude;
    return base + (random() % 4096) * (base / 4096 + 1);
}

std::string name(Random& random, std::string_view kind, std::uint64_t number) {
    constexpr std::array<std::string_view, 6> families = {"Agent",  "Dropper", "Downloader",
                                                          "Packed", "Generic", "Stealer"};
    return "Synthetic." + std::string(kind) + "." + std::string(families.at(random() % families.size())) + "-" +
           std::to_string(number);
}

class Database {
  public:
    Database(std::filesystem::path directory, std::uint64_t seed) : directory_(std::move(directory)), random_(seed) {}

    // `line` makes the line of signature i.
    template <class Line>
    void write(const std::string& file, std::uint64_t count, Line line) {
        const auto path = directory_ / file;
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        for (std::uint64_t i = 0; i < count; ++i) out << line(random_, i) << '\n';
        out.close();
        if (!out) {
            std::cerr << "make_database: cannot write " << path << "\n";
            std::exit(EXIT_FAILURE);
        }
    }

  private:
    std::filesystem::path directory_;
    Random random_;
};

std::string logical(Random& random, std::uint64_t number) {
    // Targets in the proportions of the official database: PE, OLE2, HTML, mail, text, PDF and any.
    constexpr std::array<int, 8> targets = {1, 1, 1, 2, 3, 4, 7, 10};
    const std::uint64_t parts = 2 + random() % 4;
    std::string expression;
    std::string patterns;
    for (std::uint64_t i = 0; i < parts; ++i) {
        if (i > 0) expression += '&';
        expression += std::to_string(i);
        patterns += ';' + hex(random, 8 + random() % 24);
    }
    return name(random, "Ldb", number) +
           ";Engine:81-255,Target:" + std::to_string(targets.at(random() % targets.size())) + ";" + expression +
           patterns;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 4 || argv[1][0] == '-') {
        std::cerr << "usage: make_database DIRECTORY [SIGNATURES [SEED]]\n";
        return 64;
    }
    const std::filesystem::path directory = argv[1];
    const std::uint64_t signatures = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : kDefaultSignatures;
    const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
    std::filesystem::create_directories(directory);

    const Shares shares;
    const auto scaled = [&](std::uint64_t share) { return share * signatures / kDefaultSignatures; };
    Database database(directory, seed);
    database.write("synthetic.hdb", scaled(shares.hdb), [](Random& random, std::uint64_t i) {
        return hex(random, 16) + ":" + std::to_string(object_size(random)) + ":" + name(random, "Hdb", i);
    });
    database.write("synthetic.mdb", scaled(shares.mdb), [](Random& random, std::uint64_t i) {
        return std::to_string(object_size(random)) + ":" + hex(random, 16) + ":" + name(random, "Mdb", i);
    });
    database.write("synthetic.hsb", scaled(shares.hsb), [](Random& random, std::uint64_t i) {
        return hex(random, 32) + ":" + std::to_string(object_size(random)) + ":" + name(random, "Hsb", i);
    });
    database.write("synthetic.ndb", scaled(shares.ndb), [](Random& random, std::uint64_t i) {
        constexpr std::array<int, 6> targets = {0, 1, 1, 3, 4, 7};
        return name(random, "Ndb", i) + ":" + std::to_string(targets.at(random() % targets.size())) +
               ":*:" + hex(random, 12 + random() % 40);
    });
    database.write("synthetic.ldb", scaled(shares.ldb), logical);
    // EICAR's 68 bytes, in hexadecimal as .ndb requires.
    database.write("eicar.ndb", 1, [](Random&, std::uint64_t) -> std::string {
        return "Eicar-Test-Signature:0:*:"
               "58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e5449564952555"
               "32d"
               "544553542d46494c452124482b482a";
    });
    return 0;
}
