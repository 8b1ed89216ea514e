// See reloading.h.
#include "tests/integration/reloading.h"

#include <algorithm>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/status_client.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

void add_second_signature(const Service& service) {
    write_signature(service.database(), "Second", kSecondText);
}

std::string second_mail() {
    static unsigned serial = 0;
    return clean_mail(std::string(kSecondText) + " " + std::to_string(++serial));
}

nlohmann::json ask(const Service& service, const std::string& command) {
    return StatusClient(service.status_path()).ask(command);
}

std::uint64_t current(const Service& service) {
    return service.status().at("current_generation").get<std::uint64_t>();
}

nlohmann::json generation(const nlohmann::json& status, std::uint64_t id) {
    for (const auto& one : status.at("generations"))
        if (one.at("id") == id) return one;
    throw std::runtime_error("no generation " + std::to_string(id) + " in " + status.dump());
}

std::string state_of(const nlohmann::json& status, std::uint64_t id) {
    for (const auto& one : status.at("generations"))
        if (one.at("id") == id) return one.at("state").get<std::string>();
    return "";
}

std::vector<pid_t> processes_of(const Service& service, std::uint64_t id) {
    const nlohmann::json one = generation(service.status(), id);
    std::vector<pid_t> pids = {one.at("loader").get<pid_t>()};
    if (const auto standby = one.at("standby").get<pid_t>(); standby != 0) pids.push_back(standby);
    for (const auto& scanner : one.at("scanners")) pids.push_back(scanner.at("pid").get<pid_t>());
    return pids;
}

void kill_all(const std::vector<pid_t>& processes) {
    stop_process(processes.front());
    for (const pid_t pid : processes) {
        if (pid == processes.front()) continue;
        kill(pid, SIGKILL);
        wait_until("it is dead", [pid] { return !alive(pid); });
    }
    kill(processes.front(), SIGKILL);
}

LoaderAndStandby loader_and_standby(const Service& service, std::uint64_t id) {
    LoaderAndStandby both;
    service.wait_status("the loader has a standby", [&](const nlohmann::json& status) {
        const nlohmann::json one = generation(status, id);
        both = {one.at("loader").get<pid_t>(), one.at("standby").get<pid_t>()};
        return both.loader != 0 && both.standby != 0;
    });
    return both;
}

LoaderAndStandby kill_loader(const Service& service, std::uint64_t id) {
    const LoaderAndStandby before = loader_and_standby(service, id);
    kill(before.loader, SIGKILL);
    LoaderAndStandby now;
    service.wait_status("the standby is the loader, and has one", [&](const nlohmann::json& status) {
        const nlohmann::json one = generation(status, id);
        now = {one.at("loader").get<pid_t>(), one.at("standby").get<pid_t>()};
        return now.loader == before.standby && now.standby != 0 && now.standby != before.standby;
    });
    return now;
}

void wait_gone(const Service& service, std::uint64_t id, const std::vector<pid_t>& before) {
    wait_state(service, id, "gone");
    for (const pid_t pid : before)
        if (process(pid)) throw std::runtime_error("process " + std::to_string(pid) + " was not reaped");
}

void wait_state(const Service& service, std::uint64_t id, const std::string& state) {
    service.wait_status("generation " + std::to_string(id) + " is " + state,
                        [&](const nlohmann::json& status) { return state_of(status, id) == state; });
}

nlohmann::json wait_serving(const Service& service) {
    nlohmann::json status;
    wait_until("a generation serves", [&] {
        try {
            status = service.status();
        } catch (const std::system_error&) {
            return false; // the service does not listen yet
        }
        return status.at("current_generation") != 0 && status.at("state") != "starting";
    });
    return status;
}

std::size_t count_log(const Service& service, const std::string& text) {
    std::istringstream lines(service.log());
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);)
        if (line.find(text) != std::string::npos) ++count;
    return count;
}

std::size_t loads(const Service& service) {
    return count_log(service, "event=load-started") - count_log(service, "event=load-starved");
}

std::size_t line_of(const Service& service, const std::vector<std::string>& words) {
    std::istringstream lines(service.log());
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line); ++number) {
        if (std::all_of(words.begin(), words.end(),
                        [&](const std::string& word) { return line.find(word) != std::string::npos; }))
            return number;
    }
    throw std::runtime_error("no line of the log has " + words.front());
}

HeldLoad::HeldLoad(const Service& service, const std::string& command) {
    const nlohmann::json answer = ask(service, command);
    if (!answer.at("ok").get<bool>()) throw std::runtime_error(answer.dump());
    service.wait_status("a loader is at work", [&](const nlohmann::json& status) {
        for (const auto& one : status.at("generations")) {
            if (one.at("state") != "loading" || one.at("step").get<std::string>().empty()) continue;
            loader_ = one.at("loader").get<pid_t>();
            generation_ = one.at("id").get<std::uint64_t>();
        }
        return loader_ != 0;
    });
    stop_process(loader_);
    if (state_of(service.status(), generation_) != "loading")
        throw std::runtime_error("the load had ended before its loader could be stopped");
}

void HeldLoad::go_on() {
    if (!held_) return;
    held_ = false;
    if (alive(loader_)) continue_process(loader_);
}

} // namespace evermilter::test
