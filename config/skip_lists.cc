#include "config/skip_lists.h"

#include <malloc.h>

#include <optional>
#include <utility>

#include "config/list_file.h"

namespace evermilter::config {
namespace {

TakeEntry into(ClientSet& set) {
    return [&set](std::string_view entry) -> std::optional<std::string> {
        auto client = parse_client(entry);
        if (!client) return client.error().reason;
        set.add(std::move(*client));
        return std::nullopt;
    };
}

TakeEntry into(PatternSet& set) {
    return [&set](std::string_view entry) -> std::optional<std::string> {
        auto pattern = parse_pattern(entry);
        if (!pattern) return pattern.error().reason;
        set.add(*pattern);
        return std::nullopt;
    };
}

} // namespace

Result<SkipLists, ListFault> load_skip_lists(const Skip& skip) {
    SkipLists lists;
    lists.authenticated = skip.authenticated;
    const struct {
        const char* key;
        const std::vector<std::string>& entries;
        const std::string& file;
        TakeEntry take;
    } sources[] = {
        {"skip.networks", skip.networks, skip.networks_file, into(lists.networks)},
        {"skip.users", skip.users, skip.users_file, into(lists.users)},
        {"skip.senders", skip.senders, skip.senders_file, into(lists.senders)},
        {"skip.recipients", skip.recipients, skip.recipients_file, into(lists.recipients)},
    };
    for (const auto& source : sources) {
        for (const std::string& entry : source.entries)
            if (auto reason = source.take(entry)) return ListFault{source.key, std::move(*reason)};
        if (source.file.empty()) continue;
        if (auto reason = read_list_file(source.file, source.take))
            return ListFault{std::string(source.key) + "_file", std::move(*reason)};
    }
    lists.networks.seal();
    for (PatternSet* set : {&lists.users, &lists.senders, &lists.recipients}) set->seal();
    ::malloc_trim(0); // see load_patterns()
    return lists;
}

Result<PatternSet, std::string> load_patterns(const std::string& path) {
    PatternSet set;
    if (auto reason = read_list_file(path, into(set))) return std::move(*reason);
    set.seal();
    ::malloc_trim(0); // of a million lines as much again is left as garbage
    return set;
}

std::string state_of_lists(const Config& config) {
    std::string state;
    const auto add_all = [&](const Skip& skip) {
        for (const std::string* path :
             {&skip.networks_file, &skip.users_file, &skip.senders_file, &skip.recipients_file})
            state += state_of_file(*path);
    };
    add_all(config.skip);
    for (const Listener& listener : config.listeners) add_all(listener.skip);
    return state;
}

} // namespace evermilter::config
