// evermilterctl: the operator's tool, a front end to the status socket. Exit status: 0; 1 if the answer is no; 69 if
// nobody answers; 77 if the user may not ask; 74 if the answer cannot be written; 64 for a wrong command line; those of
// import are in import/import_command.h.
#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/suggest.h"
#include "supervisor/ctl/import/import_command.h"
#include "supervisor/ctl/printable.h"
#include "supervisor/ctl/probe.h"
#include "supervisor/ctl/status_client.h"
#include "supervisor/ctl/status_text.h"
#include "workers/common/base/hex.h"

namespace {

using namespace evermilter;
using namespace evermilter::ctl;
using nlohmann::json;

constexpr std::chrono::seconds kQueryTimeout{10};
constexpr std::chrono::seconds kProbePatience{60}; // for each reply; milter progress renews it
constexpr std::chrono::milliseconds kTick{500};
constexpr int kNo = 1;

struct Options {
    std::string socket = "/run/evermilter/status.sock";
    bool json = false;
    bool force = false;
    bool automatic = false;
    bool no_wait = false;
    bool changed = false;
    std::string generation;
    std::string reason;
    std::string milter;
    bool proxy = false;
    std::string digest;
    ImportOptions import_from;
};

int unavailable(const Error& error) {
    std::cerr << "evermilterctl: " << printable(error.what) << '\n';
    return error.code == EACCES || error.code == EPERM ? EX_NOPERM : EX_UNAVAILABLE;
}

// The answer as JSON. Anything else did not come from our service.
Result<json> parsed(const Result<std::string>& answer) {
    if (!answer) return answer.error();
    json document = json::parse(*answer, nullptr, false);
    if (document.is_discarded()) return Error{0, "what answered there is no evermilter status socket"};
    return document;
}

bool says_no(const json& document) {
    const auto ok = document.find("ok");
    return document.is_object() && ok != document.end() && ok->is_boolean() && !ok->get<bool>();
}

// Prints an answer, as it came or through `text`.
int show(const Options& options, const Result<std::string>& answer,
         const std::function<std::string(const json&)>& text) {
    Result<json> document = parsed(answer);
    if (!document) return unavailable(document.error());
    const bool no = says_no(*document);
    if (options.json) {
        std::cout << *answer << '\n';
    } else {
        (no ? std::cerr : std::cout) << (no ? outcome_text(*document) : text(*document));
    }
    return no ? kNo : EX_OK;
}

int status(const Options& options) {
    return show(options, StatusClient(options.socket).command("status", kQueryTimeout),
                [](const json& document) { return status_text(document, std::time(nullptr)); });
}

int sessions(const Options& options) {
    return show(options, StatusClient(options.socket).command("sessions", kQueryTimeout), sessions_text);
}

int poison(const Options& options) {
    return show(options, StatusClient(options.socket).command("poison", kQueryTimeout),
                [](const json& document) { return poison_text(document, std::time(nullptr)); });
}

int forget_poison(const Options& options) {
    return show(options, StatusClient(options.socket).command("poison forget " + options.digest, kQueryTimeout),
                forgotten_text);
}

int metrics(const Options& options) {
    Result<std::string> answer = StatusClient(options.socket).metrics(kQueryTimeout);
    if (!answer) return unavailable(answer.error());
    std::cout << *answer;
    return EX_OK;
}

// Sends a word of clamd's. Its answer must begin with `expected`.
int clamd_word(const Options& options, const std::string& word, const std::string& key, const std::string& expected) {
    Result<std::string> answer = StatusClient(options.socket).clamd_word(word, kQueryTimeout);
    if (!answer) return unavailable(answer.error());
    if (!answer->starts_with(expected)) return unavailable({0, "unexpected answer to " + word + ": " + *answer});
    if (options.json) {
        std::cout << json{{key, *answer}}.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    } else {
        std::cout << *answer << '\n';
    }
    return EX_OK;
}

// Commands that may take as long as a load. On a terminal they show its progress.
int waiting(const Options& options, const std::string& command, const std::function<std::string(const json&)>& text) {
    const bool progress = !options.json && ::isatty(STDERR_FILENO) == 1;
    const auto begin = std::chrono::steady_clock::now();
    const StatusClient client(options.socket);
    const Result<std::string> answer = client.command_waiting(command, kTick, [&] {
        if (!progress) return;
        const Result<json> document = parsed(client.command("status", kQueryTimeout));
        if (!document) return;
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        std::cerr << "\r\033[K" << progress_text(*document, seconds) << std::flush;
    });
    if (progress) std::cerr << "\r\033[K" << std::flush;
    return show(options, answer, text);
}

int reload(const Options& options) {
    return waiting(options,
                   std::string("reload") + (options.force ? " --force" : "") +
                       (options.automatic ? " --automatic" : "") + (options.no_wait ? " --no-wait" : ""),
                   outcome_text);
}

int rollback(const Options& options) {
    return waiting(options, "rollback" + (options.generation.empty() ? "" : ' ' + options.generation), outcome_text);
}

int hold(const Options& options, const std::string& command) {
    return show(options, StatusClient(options.socket).command(command, kQueryTimeout), [](const json& document) {
        return std::string(document.value("hold", false) ? "reloading by itself is held\n"
                                                         : "reloading by itself goes on\n");
    });
}

std::string one_line(std::string text) {
    for (char& c : text)
        if (c == '\n' || c == '\r' || c == '\0') c = ' ';
    return text;
}

int snapshots(const Options& options) {
    return show(options, StatusClient(options.socket).command("snapshots", kQueryTimeout),
                [](const json& document) { return snapshots_text(document, std::time(nullptr)); });
}

// The key that marks a probe for the service; "" if the status socket does not give it, and the probe counts as mail.
std::string probe_key(const Options& options) {
    const Result<json> document = parsed(StatusClient(options.socket).command("probe-key", kQueryTimeout));
    if (!document || !document->is_object()) return {};
    const auto key = document->find("key");
    return key != document->end() && key->is_string() ? key->get<std::string>() : std::string();
}

// The texts of a list; none where there is no such list.
std::vector<std::string> texts_of(const json& document, const char* key) {
    std::vector<std::string> texts;
    if (!document.is_object()) return texts;
    const auto list = document.find(key);
    if (list == document.end() || !list->is_array()) return texts;
    for (const json& one : *list)
        if (one.is_string()) texts.push_back(one.get<std::string>());
    return texts;
}

int run_probe(const Options& options) {
    std::vector<ProbeTarget> targets{{options.milter, options.proxy}};
    if (options.milter.empty()) {
        const Result<json> document = parsed(StatusClient(options.socket).command("status", kQueryTimeout));
        if (!document) return unavailable(document.error());
        targets.clear();
        const std::vector<std::string> proxies = texts_of(*document, "proxy_listeners");
        for (const std::string& one : texts_of(*document, "listeners"))
            targets.push_back({one, std::find(proxies.begin(), proxies.end(), one) != proxies.end()});
    }
    const Result<ProbeReport> report = probe(targets, kProbePatience, probe_key(options));
    if (!report) {
        const int status = unavailable(report.error());
        return report.error().code == EINVAL ? EX_USAGE : status;
    }
    if (options.json) {
        std::cout << probe_document(*report).dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    } else {
        std::cout << probe_text(*report);
    }
    return report->ok() ? EX_OK : kNo;
}

// The command whose name is most similar to `word`; "" if none is similar.
std::string nearest(const std::vector<std::string>& commands, const std::string& word) {
    constexpr std::size_t kNear = 2;
    std::string best;
    std::size_t least = kNear + 1;
    for (const std::string& command : commands) {
        const std::size_t distance = config::edit_distance(command, word);
        if (distance < least) {
            least = distance;
            best = command;
        }
    }
    return best;
}

// Says which word of the command line is wrong.
int not_expected(const CLI::App& app) {
    std::vector<std::string> commands;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
        commands.push_back(sub->get_name());
    const std::vector<std::string> words = app.remaining(true);
    const std::string word = words.empty() ? std::string() : words.front();
    const std::vector<CLI::App*> given = app.get_subcommands();
    std::string text = '"' + printable(word) + '"';
    if (word.starts_with('-')) {
        text = "there is no option " + text;
    } else if (!given.empty()) {
        text = given.front()->get_name() + " has no use for " + text;
    } else {
        text += " is no command";
        const std::string near = nearest(commands, word);
        if (!near.empty()) text += "; did you mean " + near + "?";
        std::string known;
        for (const std::string& one : commands) known += (known.empty() ? "" : ", ") + one;
        text += "\nThere are: " + known;
    }
    std::cerr << "evermilterctl: " << text << "\nevermilterctl --help explains them.\n";
    return EX_USAGE;
}

// Fails if not all of the answer was written: a script must not take a part of it for the whole.
int written(int result) {
    errno = 0;
    std::cout.flush();
    if (std::cout.good()) return result;
    std::cerr << "evermilterctl: cannot write the answer"
              << (errno != 0 ? std::string(": ") + std::strerror(errno) : "") << '\n';
    return EX_IOERR;
}

int run(int argc, char** argv) {
    Options options;
    int result = EX_OK;
    CLI::App app("The operator's tool of evermilter.", "evermilterctl");
    app.set_version_flag("--version", std::string("evermilterctl ") + EVERMILTER_VERSION);
    app.fallthrough(); // --json and --socket may follow the command
    app.add_option("--socket", options.socket, "Status socket of the service")->capture_default_str();
    app.add_flag("--json", options.json, "Print the answer as JSON, as it came");

    const auto command = [&](const char* name, const char* help, const std::function<int()>& action) {
        CLI::App* sub = app.add_subcommand(name, help);
        sub->callback([&result, action] { result = action(); });
        return sub;
    };
    command("status", "What the service does, and whether it is well", [&] { return status(options); });
    command("sessions", "The open sessions", [&] { return sessions(options); });
    CLI::App* reload_command =
        command("reload", "Load the databases again and wait until they are in use", [&] { return reload(options); });
    CLI::Option* force = reload_command->add_flag("--force", options.force,
                                                  "Even if nothing changed, and without comparing with what is in use");
    reload_command
        ->add_flag("--automatic", options.automatic,
                   "For scripts: as database.watch does, within reload.splay and not during a hold")
        ->excludes(force);
    reload_command->add_flag("--no-wait", options.no_wait, "Do not wait for the end of it");
    command("reload-config", "Read the configuration file again",
            [&] { return waiting(options, "reload-config", config_outcome_text); });
    CLI::App* config_command = command("config", "The configuration in use, a key a line", [&] {
        const std::string line = options.changed ? "config --changed" : "config";
        return show(options, StatusClient(options.socket).command(line, kQueryTimeout), config_text);
    });
    config_command->add_flag("--changed", options.changed, "Only what is not as by default");
    CLI::App* rollback_command = command("rollback", "Back to an earlier generation's databases, and hold there",
                                         [&] { return rollback(options); });
    rollback_command
        ->add_option("generation", options.generation,
                     "Its number; without it the newest whose content differs and was not rejected")
        ->check([](const std::string& text) {
            const bool number = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
            return number ? std::string()
                          : '"' + printable(text) + "\" is no generation's number; evermilterctl snapshots lists them";
        });
    CLI::App* poison_command = app.add_subcommand("poison", "Messages that cost scanners and are scanned no more");
    poison_command->callback([&result, &options, poison_command] {
        result = poison_command->get_subcommands().empty() ? poison(options) : forget_poison(options);
    });
    poison_command->add_subcommand("forget", "Scan them again")
        ->add_option("digest", options.digest, "Of the message or its body, or its first 8 digits or more; or \"all\"")
        ->required()
        ->check([](const std::string& text) {
            const bool good = is_hex(text) || text == "all";
            return good ? std::string() : "is neither \"all\" nor a digest in lower-case hexadecimal";
        });
    command("snapshots", "The snapshots that rollback can go back to", [&] { return snapshots(options); });
    CLI::App* hold_command = command("hold", "Stop reloading by itself", [&] {
        return hold(options, options.reason.empty() ? "hold" : "hold --reason " + one_line(options.reason));
    });
    hold_command->add_option("--reason", options.reason, "Why, for the status");
    command("resume", "Reload by itself again", [&] { return hold(options, "resume"); });
    command("metrics", "Figures for Prometheus", [&] { return metrics(options); });
    command("ping", "Whether the service answers", [&] { return clamd_word(options, "PING", "answer", "PONG"); });
    command("version", "Versions of engine and databases, as clamd shows them",
            [&] { return clamd_word(options, "VERSION", "version", "ClamAV"); });
    command("stats", "clamd's STATS", [&] { return clamd_word(options, "STATS", "stats", "POOLS"); });
    CLI::App* probe_command = command("probe", "Send a clean message and one with EICAR, and judge the verdicts",
                                      [&] { return run_probe(options); });
    CLI::Option* milter = probe_command->add_option("--milter", options.milter,
                                                    "Address of a milter socket instead of the service's listeners");
    probe_command->add_flag("--proxy", options.proxy, "That socket expects a PROXY header")->needs(milter);

    CLI::App* import_command = command("import", "Make a configuration of clamav-milter's and clamd's", [&] {
        if (!options.import_from.milter.empty() || !options.import_from.clamd.empty())
            return run_import(options.import_from);
        std::cerr << "evermilterctl: import needs --clamav-milter FILE, --clamd FILE or both\n";
        return EX_USAGE;
    });
    import_command->add_option("--clamav-milter", options.import_from.milter, "clamav-milter.conf, to be read");
    import_command->add_option("--clamd", options.import_from.clamd, "clamd.conf, to be read");
    import_command->add_option("--output", options.import_from.output,
                               "The file to write, which must not exist; without it, standard output");
    import_command->add_flag("--force", options.import_from.force, "Overwrite the file of --output");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ExtrasError&) {
        return not_expected(app);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EX_OK : EX_USAGE;
    }
    if (app.get_subcommands().empty()) {
        std::cerr << app.help();
        return EX_USAGE;
    }
    return result;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return written(run(argc, argv));
    } catch (const std::exception& error) {
        std::cerr << "evermilterctl: " << error.what() << '\n';
        return EX_SOFTWARE;
    }
}
