#include "supervisor/generations/decisions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace evermilter::supervisor {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestText = 300; // of who and why

std::string text_at(const Json& object, const char* key, std::size_t longest) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>().substr(0, longest) : std::string();
}

template <class Number>
Number number_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    const bool usable = found != object.end() && found->is_number_integer() && *found >= 0;
    return usable ? found->get<Number>() : Number{0};
}

} // namespace

bool Decisions::rejects(const std::string& digest) const {
    return std::any_of(rejected.begin(), rejected.end(), [&](const auto& one) { return one.digest == digest; });
}

void Decisions::reject(const std::string& digest, const std::string& why, std::int64_t at) {
    if (digest.empty()) return;
    accept(digest);
    rejected.push_back({digest, why.substr(0, kLongestText), at});
    if (rejected.size() > kMostRejected) rejected.erase(rejected.begin());
}

void Decisions::accept(const std::string& digest) {
    std::erase_if(rejected, [&](const RejectedContent& one) { return one.digest == digest; });
}

std::string to_text(const Decisions& decisions) {
    Json document = Json::object();
    if (decisions.hold) {
        const Hold& hold = *decisions.hold;
        document["hold"] = {{"by", hold.by.substr(0, kLongestText)},
                            {"why", hold.why.substr(0, kLongestText)},
                            {"since", hold.since},
                            {"snapshot", hold.snapshot},
                            {"digest", hold.digest}};
    }
    document["rejected"] = Json::array();
    for (const RejectedContent& one : decisions.rejected)
        document["rejected"].push_back({{"digest", one.digest}, {"why", one.why}, {"at", one.at}});
    return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Decisions> parse_decisions(const std::string& text) {
    const Json document = Json::parse(text, nullptr, false);
    if (!document.is_object()) return std::nullopt;
    Decisions decisions;
    if (const auto hold = document.find("hold"); hold != document.end()) {
        if (!hold->is_object()) return std::nullopt;
        decisions.hold = Hold{text_at(*hold, "by", kLongestText), text_at(*hold, "why", kLongestText),
                              number_at<std::int64_t>(*hold, "since"), number_at<std::uint64_t>(*hold, "snapshot"),
                              text_at(*hold, "digest", 64)};
    }
    const auto rejected = document.find("rejected");
    if (rejected == document.end() || !rejected->is_array()) return std::nullopt;
    for (const Json& one : *rejected) {
        if (!one.is_object()) return std::nullopt;
        decisions.reject(text_at(one, "digest", 64), text_at(one, "why", kLongestText),
                         number_at<std::int64_t>(one, "at"));
    }
    return decisions;
}

} // namespace evermilter::supervisor
