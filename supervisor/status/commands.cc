// What each command of the status socket does. A command that changes something is logged, with the peer that asked.
#include "supervisor/status/commands.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/status/clamd_commands.h"
#include "supervisor/status/config_document.h"
#include "supervisor/status/list_documents.h"
#include "supervisor/status/metrics.h"
#include "supervisor/status/status_document.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {

namespace {

using Json = nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

std::string failure(const std::string& why) {
    return to_line(Json{{"ok", false}, {"error", why}});
}

std::string outcome_document(const ReloadOutcome& outcome) {
    Json document{{"ok", outcome.ok}};
    if (!outcome.ok) document["error"] = outcome.error;
    document["generation"] = outcome.generation;
    document["content_of"] = outcome.content_of;
    document["changed"] = outcome.changed;
    document["held"] = outcome.held;
    if (!outcome.warnings.empty()) document["warnings"] = outcome.warnings;
    document["seconds"] = outcome.seconds;
    for (const config::Change& change : outcome.changes)
        document["changes"].push_back({{"key", change.key},
                                       {"before", change.before},
                                       {"after", change.after},
                                       {"needs", config::needs_text(change.needs)}});
    return to_line(document);
}

constexpr std::size_t kMostWords = 64; // of a reason

// Resident memory of a process in bytes, 0 if unknown. Reading procfs never waits.
std::uint64_t resident_bytes(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    file >> total >> resident;
    return file ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

Arguments split(std::string_view line) {
    Arguments words;
    std::size_t at = 0;
    while ((at = line.find_first_not_of(" \t", at)) != std::string_view::npos) {
        const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
        words.emplace_back(line.substr(at, end - at));
        at = end;
    }
    return words;
}

} // namespace

// One function a command, and the table of them.
struct CommandTable {
    using Handler = void (*)(Commands&, const Arguments&, const std::string& who, const Commands::Answer&);
    struct Row {
        std::string_view name;
        std::string_view usage; // of the arguments
        std::size_t most_arguments;
        bool changes; // it may change something, so it is logged
        Handler handler;
    };

    static StatusView view(const Commands& commands) {
        return view_of(
            commands.operations_.state(),
            {commands.entrance_.addresses(), commands.entrance_.proxy_addresses(), commands.entrance_.guests(),
             monotonic_ns(), ::getpid(), scanner_processes(commands.operations_.config().scanner)});
    }

    static void status(Commands& commands, const Arguments& /*none*/, const std::string& /*who*/,
                       const Commands::Answer& answer) {
        answer(to_line(status_document(view(commands))));
    }
    static void sessions(Commands& commands, const Arguments& /*none*/, const std::string& /*who*/,
                         const Commands::Answer& answer) {
        answer(to_line(sessions_document(view(commands))));
    }
    static void metrics(Commands& commands, const Arguments& /*none*/, const std::string& /*who*/,
                        const Commands::Answer& answer) {
        answer(supervisor::metrics(view(commands)));
    }

    static void probe_key(Commands& commands, const Arguments& /*none*/, const std::string& /*who*/,
                          const Commands::Answer& answer) {
        answer(to_line(Json{{"key", probe_key_text(commands.operations_.state().probe_key)}}));
    }

    static void reload(Commands& commands, const Arguments& arguments, const std::string& who,
                       const Commands::Answer& answer) {
        ReloadRequest request{.by = who};
        bool wait = true;
        for (const std::string& argument : arguments) {
            if (argument == "--force") {
                request.force = true;
            } else if (argument == "--automatic") {
                request.kind = ReloadKind::automatic;
            } else if (argument == "--no-wait") {
                wait = false;
            } else {
                answer(failure("reload: \"" + argument + "\" is none of --force, --automatic, --no-wait"));
                return;
            }
        }
        if (request.force && request.kind == ReloadKind::automatic) {
            answer(failure("reload: --force is for a person, who does not want --automatic"));
            return;
        }
        if (wait) {
            commands.operations_.request_reload(
                request, [answer](const ReloadOutcome& outcome) { answer(outcome_document(outcome)); });
            return;
        }
        commands.operations_.request_reload(request, {});
        answer(to_line(
            Json{{"ok", true}, {"generation", commands.operations_.state().current_generation}, {"waited", false}}));
    }

    static void reload_config(Commands& commands, const Arguments& /*none*/, const std::string& /*who*/,
                              const Commands::Answer& answer) {
        Operations& operations = commands.operations_;
        operations.request_config_reload([answer, &operations](ReloadOutcome outcome) {
            outcome.generation = operations.state().current_generation;
            answer(outcome_document(outcome));
        });
    }

    static void config(Commands& commands, const Arguments& arguments, const std::string& /*who*/,
                       const Commands::Answer& answer) {
        if (!arguments.empty() && arguments.front() != "--changed") {
            answer(failure("config takes nothing, or: --changed"));
            return;
        }
        answer(to_line(config_document(commands.operations_.config(),
                                       arguments.empty() ? config::Keys::all : config::Keys::changed)));
    }

    static void rollback(Commands& commands, const Arguments& arguments, const std::string& who,
                         const Commands::Answer& answer) {
        ReloadRequest request{.kind = ReloadKind::roll_back, .by = who};
        if (!arguments.empty()) {
            const std::string& text = arguments.front();
            const char* end = text.data() + text.size();
            const auto [stop, problem] = std::from_chars(text.data(), end, request.rollback_to);
            if (problem != std::errc{} || stop != end || request.rollback_to == 0) {
                answer(
                    failure("rollback: \"" + text +
                            "\" is no generation; give the number of one of \"snapshots\", or nothing for the newest "
                            "whose content differs and was not rejected"));
                return;
            }
        }
        commands.operations_.request_reload(
            request, [answer](const ReloadOutcome& outcome) { answer(outcome_document(outcome)); });
    }

    static void poison(Commands& commands, const Arguments& arguments, const std::string& /*who*/,
                       const Commands::Answer& answer) {
        if (arguments.empty()) {
            answer(to_line(poison_document(commands.operations_.state(), monotonic_ns())));
            return;
        }
        if (arguments.size() != 2 || arguments.front() != "forget") {
            answer(failure("poison takes nothing, or: forget DIGEST|all"));
            return;
        }
        const auto forgotten = commands.operations_.forget_poison(arguments.back());
        answer(forgotten ? to_line(Json{{"ok", true}, {"forgotten", *forgotten}}) : failure(forgotten.error().what));
    }

    static void hold(Commands& commands, const Arguments& arguments, const std::string& who,
                     const Commands::Answer& answer) {
        if (!arguments.empty() && (arguments.front() != "--reason" || arguments.size() == 1)) {
            answer(failure("hold takes nothing, or: --reason TEXT"));
            return;
        }
        std::string why;
        for (std::size_t i = 1; i < arguments.size(); ++i) why += (why.empty() ? "" : " ") + arguments[i];
        commands.operations_.hold(who, why.empty() ? "hold" : why);
        answer(to_line(hold_document(commands)));
    }
    static void resume(Commands& commands, const Arguments& /*none*/, const std::string& who,
                       const Commands::Answer& answer) {
        commands.operations_.resume(who);
        answer(to_line(hold_document(commands)));
    }
    static Json hold_document(Commands& commands) {
        return {{"ok", true}, {"hold", commands.operations_.state().decisions.hold.has_value()}};
    }

    static void snapshots(Commands& commands, const Arguments& /*none*/, const std::string& /*who*/,
                          const Commands::Answer& answer) {
        answer(to_line(
            snapshots_document(commands.operations_.state(), commands.operations_.config().database.state_directory)));
    }

    static const std::array<Row, 12>& rows() {
        static constexpr std::array<Row, 12> kRows = {{
            {"status", "", 0, false, &CommandTable::status},
            {"sessions", "", 0, false, &CommandTable::sessions},
            {"metrics", "", 0, false, &CommandTable::metrics},
            {"probe-key", "", 0, false, &CommandTable::probe_key},
            {"reload", "[--force|--automatic] [--no-wait]", 3, true, &CommandTable::reload},
            {"reload-config", "", 0, true, &CommandTable::reload_config},
            {"config", "[--changed]", 1, false, &CommandTable::config},
            {"rollback", "[GENERATION]", 1, true, &CommandTable::rollback},
            {"poison", "[forget DIGEST|all]", 2, true, &CommandTable::poison},
            {"snapshots", "", 0, false, &CommandTable::snapshots},
            {"hold", "[--reason TEXT]", kMostWords, true, &CommandTable::hold},
            {"resume", "", 0, true, &CommandTable::resume},
        }};
        return kRows;
    }
};

void Commands::run(std::string_view line, const Peer& peer, const Answer& answer) {
    Arguments arguments = split(line);
    if (arguments.empty()) {
        answer(failure("empty line; status is a command"));
        return;
    }
    const std::string name = arguments.front();
    arguments.erase(arguments.begin());
    const auto& rows = CommandTable::rows();
    const auto* row =
        std::find_if(rows.begin(), rows.end(), [&name](const CommandTable::Row& one) { return one.name == name; });
    if (row == rows.end()) {
        std::string known;
        for (const auto& one : rows) known += (known.empty() ? "" : ", ") + std::string(one.name);
        answer(failure("unknown command \"" + name + "\"; there are " + known));
        return;
    }
    if (arguments.size() > row->most_arguments) {
        const std::string usage(row->usage);
        answer(failure(name + ": too many arguments; it takes " + (usage.empty() ? "none" : usage)));
        return;
    }
    // "poison" without arguments changes nothing.
    if (row->changes && (row->handler != &CommandTable::poison || !arguments.empty()))
        log::info("operator-command", {{"command", line}, {"peer", peer.text}});
    row->handler(*this, arguments, peer.text, answer);
}

bool Commands::run_clamd_word(std::string_view word, const Peer& peer, const Answer& answer) {
    const State& state = operations_.state();
    if (word == "PING") {
        answer("PONG");
    } else if (word == "VERSION") {
        answer(clamd_version(state));
    } else if (word == "VERSIONCOMMANDS") {
        answer(clamd_version(state) + "| COMMANDS: PING VERSION VERSIONCOMMANDS STATS RELOAD IDSESSION END");
    } else if (word == "STATS") {
        const StatusView view = CommandTable::view(*this);
        answer(clamd_stats(view, view.engine_process == 0 ? 0 : resident_bytes(view.engine_process)));
    } else if (word == "RELOAD") {
        log::info("operator-command", {{"command", word}, {"peer", peer.text}});
        // freshclam asks, not a person: a hold stays.
        operations_.request_reload(ReloadRequest{.kind = ReloadKind::automatic, .by = "RELOAD of " + peer.text}, {});
        answer("RELOADING");
    } else {
        return false;
    }
    return true;
}

} // namespace evermilter::supervisor
