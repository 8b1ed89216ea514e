#include "supervisor/status/config_document.h"

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "workers/common/base/overloaded.h"

namespace evermilter::supervisor {

namespace {

using Json = nlohmann::ordered_json;

Json value_of(const config::Value& value) {
    return std::visit(
        Overloaded{[](std::monostate) { return Json(nullptr); }, [](const auto& one) { return Json(one); }}, value);
}

} // namespace

nlohmann::ordered_json config_document(const config::Config& config, config::Keys which) {
    Json sections = Json::object();
    for (const config::EffectiveKey& key : config::effective_keys(config::schema(), &config, which)) {
        Json& section = sections[std::string(key.section->name)];
        Json& entry = key.section->place.repeated() ? section[key.entry] : section;
        const std::size_t dot = key.name.find('.'); // "actions.infected"
        if (dot == std::string::npos)
            entry[key.name] = value_of(key.value);
        else
            entry[key.name.substr(0, dot)][key.name.substr(dot + 1)] = value_of(key.value);
    }
    return {{"config", std::move(sections)}, {"toml", config::effective_text(config, which)}};
}

} // namespace evermilter::supervisor
