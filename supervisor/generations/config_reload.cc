#include "supervisor/generations/config_reload.h"

#include <chrono>
#include <utility>

#include "config/diff.h"
#include "supervisor/limits.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

// The keys whose change needs `needs`.
std::string keys_that_need(const std::vector<config::Change>& changes, config::AppliesBy needs) {
    std::string text;
    for (const config::Change& change : changes) {
        if (change.needs == needs) text.append(text.empty() ? "" : ", ").append(change.key);
    }
    return text;
}

} // namespace

ConfigReload::ConfigReload(TimeSource& time, const Settings& settings, const State& state, Reloads& reloads,
                           Handlers handlers)
    : time_(time), settings_(settings), state_(state), reloads_(reloads), handlers_(std::move(handlers)) {}

void ConfigReload::request(bool then_reload, ReloadCallback done) {
    waiting_.push_back(Request{then_reload, std::move(done)});
    if (running_.empty()) begin();
}

void ConfigReload::begin() {
    running_ = std::exchange(waiting_, {});
    since_ = time_.now();
    handlers_.read([this](Result<ReadConfig> read) {
        if (!read)
            refuse(read.error().what);
        else if (state_.service == ServiceState::stopping)
            refuse("the service stops");
        else
            judge(std::move(*read));
    });
}

void ConfigReload::judge(ReadConfig read) {
    auto candidate = std::make_shared<const Settings>(make_settings(
        std::move(read.config), settings_.origin, std::move(read.lists), settings_.identities, settings_.foreground));
    auto changes = config::diff(settings_.config, candidate->config);
    if (candidate->lists != settings_.lists)
        changes.push_back({"skip", config::AppliesBy::new_session_workers, "", "its files have changed"});
    if (changes.empty()) {
        ReloadOutcome outcome;
        outcome.ok = true;
        finish(outcome, false);
        return;
    }
    for (const config::Change& change : changes) {
        log::info("config-change", {{"key", change.key},
                                    {"before", change.before},
                                    {"after", change.after},
                                    {"needs", config::needs_text(change.needs)}});
    }
    const config::AppliesBy needed = config::most_needed(changes);
    if (needed != config::AppliesBy::restart) {
        const LimitsJudgement limits = check_limits(*candidate);
        for (const std::string& warning : limits.warnings) log::warning("limits", {{"warning", warning}});
        if (limits.fault) {
            refuse(limits.fault->text);
            return;
        }
        if (const auto prepared = handlers_.prepare(read.bound); !prepared) {
            refuse(prepared.error().what);
            return;
        }
    }
    switch (needed) {
        case config::AppliesBy::restart:
            refuse(keys_that_need(changes, config::AppliesBy::restart) +
                   ": a change needs a restart; nothing of the file was taken over");
            return;
        case config::AppliesBy::new_generation:
            // The file is taken over only if an engine can be loaded with it.
            reloads_.request_with(candidate, [this, candidate, changes](const ReloadOutcome& loaded) {
                if (loaded.ok)
                    take_over(*candidate, changes, true, true, loaded.warnings);
                else
                    answer_refusal(loaded.error);
            });
            return;
        case config::AppliesBy::new_session_workers:
            take_over(*candidate, changes, true, false);
            return;
        case config::AppliesBy::live:
            take_over(*candidate, changes, false, false);
            return;
    }
}

void ConfigReload::refuse(const std::string& error) {
    log::error("config-refused", {{"reason", error}});
    answer_refusal(error);
}

// A refused load has its own line in the log, with the reason.
void ConfigReload::answer_refusal(const std::string& error) {
    handlers_.abandon();
    ReloadOutcome outcome;
    outcome.error = error;
    finish(outcome, false);
}

void ConfigReload::take_over(const Settings& candidate, std::vector<config::Change> changes, bool new_session_workers,
                             bool loaded, const std::vector<std::string>& warnings) {
    handlers_.commit(candidate, new_session_workers);
    log::info("config-taken", {{"config", settings_.origin}});
    ReloadOutcome outcome;
    outcome.ok = true;
    outcome.changed = true;
    outcome.warnings = warnings;
    outcome.changes = std::move(changes);
    finish(outcome, loaded);
}

void ConfigReload::finish(ReloadOutcome outcome, bool loaded) {
    outcome.generation = state_.current_generation;
    outcome.seconds = std::chrono::duration<double>(time_.now() - since_).count();
    bool then_reload = false;
    for (Request& request : std::exchange(running_, {})) {
        then_reload = then_reload || request.then_reload;
        reloads_.answer_soon(std::move(request.done), outcome);
    }
    // What was loaded for the settings while reloading was held is not the directory.
    if (then_reload && (!loaded || state_.decisions.hold)) reloads_.request(ReloadRequest{.by = "SIGHUP"}, {});
    if (!waiting_.empty()) begin();
}

} // namespace evermilter::supervisor
