#include "supervisor/ctl/import/import.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <utility>

#include "config/lower_case.h"
#include "config/parse.h"
#include "config/places.h"
#include "config/quantity.h"
#include "config/suggest.h"
#include "config/text_check.h"
#include "config/validate.h"
#include "supervisor/ctl/import/clamav_option.h"
#include "supervisor/ctl/import/conversions.h"
#include "workers/common/shared/graces.h"

namespace evermilter::ctl {
namespace {

using config::Duration;
using config::Fault;

constexpr std::size_t kLongestShown = 60; // bytes of a value in the report

std::string shown(std::string_view text) {
    return std::string(text.substr(0, kLongestShown)) + (text.size() > kLongestShown ? "…" : "");
}

const ClamavOption* find_option(std::span<const ClamavOption> options, std::string_view name) {
    const auto found = std::find_if(options.begin(), options.end(), [&](const auto& one) { return one.name == name; });
    return found == options.end() ? nullptr : &*found;
}

// The option that was most likely meant; "" where none is near.
std::string_view nearest_option(std::span<const ClamavOption> options, std::string_view name) {
    constexpr std::size_t near = 3;
    std::string_view best;
    std::size_t least = near + 1;
    for (const ClamavOption& option : options) {
        const std::size_t distance = config::edit_distance(option.name, name);
        if (distance >= least) continue;
        least = distance;
        best = option.name;
    }
    return best;
}

bool is_word(std::string_view words, const std::string& text) {
    const std::string list = ", " + std::string(words) + ", ";
    const auto same = [](char a, char b) { return config::lower_case({&a, 1}) == config::lower_case({&b, 1}); };
    const std::string wanted = ", " + text + ", ";
    return text.find(',') == std::string::npos &&
           std::search(list.begin(), list.end(), wanted.begin(), wanted.end(), same) != list.end();
}

// Reads the number or the switch out of the text. False: the text is not of the option's kind.
bool read_value(Given& given) {
    switch (given.option.kind) {
        case ClamavKind::boolean: {
            const auto yes = clamav_boolean(given.text);
            given.yes = yes.value_or(false);
            return yes.has_value();
        }
        case ClamavKind::number:
        case ClamavKind::size: {
            const auto number =
                given.option.kind == ClamavKind::size ? clamav_size(given.text) : clamav_number(given.text);
            given.number = number.value_or(0);
            return number.has_value();
        }
        case ClamavKind::choice:
            return is_word(given.option.words, given.text);
        case ClamavKind::text:
        case ClamavKind::withdrawn:
            break;
    }
    return true;
}

class Importer {
  public:
    void take(const ClamavFile& file, std::span<const ClamavOption> options) {
        std::map<std::string_view, unsigned> lines; // at which an option stands first
        // AllowList before its former name, whatever their order.
        std::vector<const ClamavSetting*> settings;
        for (const ClamavSetting& setting : file.settings) settings.push_back(&setting);
        std::stable_partition(settings.begin(), settings.end(),
                              [](const auto* one) { return one->option != "Whitelist"; });
        for (const ClamavSetting* setting : settings) {
            const std::string place = file.path + ":" + std::to_string(setting->line) + ": " + setting->option;
            const ClamavOption* option = find_option(options, setting->option);
            if (option == nullptr) {
                const std::string_view near = nearest_option(options, setting->option);
                report(place, "unknown option, not carried over; it is none of ClamAV 1.4.6" +
                                  (near.empty() ? "" : ", did you mean " + std::string(near) + "?"));
                continue;
            }
            const auto [first, fresh] = lines.emplace(option->name, setting->line);
            take_setting(file.path, *setting, *option, place, option->repeats || fresh ? 0 : first->second);
        }
        for (const ClamavOption& option : options) {
            if (option.otherwise.empty() || lines.contains(option.name)) continue;
            const ClamavSetting by_default{0, std::string(option.name), std::string(option.otherwise)};
            take_setting(file.path, by_default, option,
                         file.path + ": " + by_default.option + " is not set, " + by_default.value + " by default", 0);
        }
    }

    ImportResult finish(const std::vector<std::string>& head) {
        if (!faults_.empty()) return std::move(faults_);
        fit_deadlines();
        drop_conflicts();
        Import result{draft_.toml(head), std::move(report_)};
        auto read = config::parse(result.toml, "evermilter.toml");
        if (!read) return std::move(read).error();
        return result;
    }

  private:
    void report(const std::string& place, const std::string& what) { report_.push_back(place + ": " + what); }

    void take_setting(const std::string& path, const ClamavSetting& setting, const ClamavOption& option,
                      const std::string& place, unsigned first_line) {
        const std::string name = path.substr(path.rfind('/') + 1);
        const std::string source =
            name + (setting.line == 0 ? "" : ":" + std::to_string(setting.line)) + " " + setting.option;
        Given given{.option = option, .text = setting.value, .source = source};
        const auto fault = [&](const std::string& message) {
            faults_.push_back({path, setting.line, 1, setting.option, message});
        };
        if (!read_value(given))
            return fault(config::printable(setting.value) + " is not possible; write " +
                         clamav_expectation(option.kind, option.words));
        const std::string with_value =
            place + (setting.line == 0 || setting.value.empty() ? "" : " " + shown(setting.value));
        if (first_line != 0)
            return report(with_value, "not carried over: line " + std::to_string(first_line) +
                                          " has it already, and ClamAV takes the first");
        const std::string note(option.note);
        switch (option.fate) {
            case Fate::always:
                return report(with_value, "needs no key: " + note);
            case Fate::none:
                return report(with_value, "not carried over: " + note);
            case Fate::same:
            case Fate::differs:
                break;
        }
        const Carried carried = option.carry != nullptr ? option.carry(given, draft_) : carry_as_it_is(given, draft_);
        switch (carried.how) {
            case Carried::How::bad:
                return fault(config::printable(setting.value) + ": " + carried.why_not);
            case Carried::How::left_out:
                report(with_value, "not carried over: " + carried.why_not);
                break;
            case Carried::How::taken:
                report(with_value,
                       "-> " + carried.keys + (carried.remark.empty() ? "" : "; differs: " + carried.remark));
                break;
        }
        for (const std::string& line : carried.more) report_.push_back("  " + line);
    }

    // timeouts.eom must have room for a scan, and the mail server's patience for both.
    void fit_deadlines() {
        const config::Config config = draft_.config();
        constexpr Duration step = std::chrono::seconds(1);
        constexpr Duration latest = graces::kMailServer - step;
        const Duration around = config.scanner.queue_timeout + graces::kScan + graces::kAnswer + step;
        const Duration scan = std::min(config.scanner.max_scan_time, latest - around);
        const Duration eom = std::max(config.timeouts.eom, scan + around);
        lower_or_raise("scanner.max_scan_time", config.scanner.max_scan_time, scan,
                       "so that the mail server waits longer than a scan may take");
        lower_or_raise("timeouts.eom", config.timeouts.eom, eom, "so that no scan is cut off that may still run");
    }
    void lower_or_raise(std::string_view key, Duration before, Duration after, const std::string& why) {
        if (before == after) return;
        const std::string text = config::duration_text(after);
        draft_.replace(key, text, "evermilterctl import: " + why);
        report(std::string(key),
               "-> " + draft_.line(key) + "; differs: not " + config::duration_text(before) + ", " + why);
    }

    // Keys that are right each, but not together.
    void drop_conflicts() {
        for (bool dropped = true; dropped;) {
            dropped = false;
            const config::Config config = draft_.config();
            auto conflicts = config::validate(config);
            auto places = config::check_places(config, config::Links::as_written);
            std::move(places.begin(), places.end(), std::back_inserter(conflicts));
            for (const config::Conflict& conflict : conflicts) {
                for (const std::string& key : conflict.keys) {
                    if (!draft_.has(key)) continue;
                    report(key, "not carried over: " + draft_.line(key) + " is left out, because " + conflict.reason);
                    draft_.drop(key);
                    dropped = true;
                    break;
                }
            }
        }
    }

    Draft draft_;
    std::vector<std::string> report_;
    std::vector<Fault> faults_;
};

} // namespace

ImportResult import_clamav(const ImportSources& sources) {
    Importer importer;
    std::string files;
    for (const auto& [file, options] :
         {std::pair(&sources.milter, clamav_milter_options()), std::pair(&sources.clamd, clamd_options())}) {
        if (!*file) continue;
        files += (files.empty() ? "" : " and ") + (*file)->path;
        importer.take(**file, options);
    }
    return importer.finish({"Made by evermilterctl import of " + files + ".",
                            "What is not here has its default. evermilter.toml(5) has all keys."});
}

ImportResult import_clamav_files(const std::string& milter, const std::string& clamd) {
    ImportSources sources;
    std::vector<Fault> faults;
    const auto read = [&](const std::string& path, std::optional<ClamavFile>& file) {
        if (path.empty()) return;
        auto result = read_clamav_file(path);
        if (result)
            file = std::move(*result);
        else
            std::move(result.error().begin(), result.error().end(), std::back_inserter(faults));
    };
    read(milter, sources.milter);
    read(clamd, sources.clamd);
    if (!faults.empty()) return faults;
    return import_clamav(sources);
}

} // namespace evermilter::ctl
