#include "tests/bench/reload.h"

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/support/status_client.h"

namespace evermilter::bench {

double reload_seconds(const test::Service& service) {
    const auto answer = test::StatusClient(service.status_path()).ask("reload --force");
    if (!answer.value("ok", false)) {
        std::cerr << "the reload was refused: " << answer.dump() << "\n";
        std::exit(EXIT_FAILURE);
    }
    return service.status().at("last_reload").at("seconds").get<double>();
}

void wait_drained(const test::Service& service) {
    service.wait_status("one generation is left", [](const nlohmann::json& status) {
        unsigned alive = 0;
        for (const auto& generation : status.at("generations"))
            if (generation.at("state") != "gone" && generation.at("state") != "failed") ++alive;
        return alive == 1;
    });
}

} // namespace evermilter::bench
