// The two messages of the probe, and which verdict on each is right.
#include "supervisor/ctl/probe.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>

#include "config/address.h"
#include "supervisor/ctl/printable.h"

namespace evermilter::ctl {

namespace {

constexpr const char* kStatusHeader = "X-Virus-Status";
constexpr const char* kBoundary = "evermilter-probe";

std::string base64(const std::string& bytes) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t group = 0;
        for (std::size_t index = at; index < at + 3; ++index) {
            group = (group << 8U) | (index < bytes.size() ? static_cast<unsigned char>(bytes[index]) : 0U);
        }
        const std::size_t digits = std::min<std::size_t>(bytes.size() - at, 3) + 1;
        for (std::size_t digit = 0; digit < 4; ++digit) {
            text += digit < digits ? kDigits[(group >> (18U - 6U * static_cast<unsigned>(digit))) & 63U] : '=';
        }
    }
    return text;
}

std::string date() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
    return {text.data(), length};
}

Mail mail(const std::string& queue_id, const std::string& subject) {
    Mail result;
    result.sender = "<postmaster@localhost>";
    result.recipient = "<postmaster@localhost>";
    result.queue_id = queue_id;
    result.headers = {{"From", "evermilterctl probe <postmaster@localhost>"},
                      {"To", "postmaster@localhost"},
                      {"Subject", subject},
                      {"Date", date()},
                      {"Message-ID", "<" + queue_id + "@localhost>"},
                      {"MIME-Version", "1.0"}};
    return result;
}

std::string stamp_of(const MilterVerdict& verdict) {
    const auto stamp = std::find_if(verdict.stamped.begin(), verdict.stamped.end(), [](const MailHeader& header) {
        return header.name == kStatusHeader && !header.value.empty();
    });
    return stamp == verdict.stamped.end() ? std::string() : stamp->value;
}

std::string describe(const MilterVerdict& verdict) {
    std::string text;
    switch (verdict.kind) {
        case MilterVerdict::Kind::accept:
            text = "accepted";
            break;
        case MilterVerdict::Kind::reject:
            text = "rejected";
            break;
        case MilterVerdict::Kind::tempfail:
            text = "deferred";
            break;
        case MilterVerdict::Kind::discard:
            text = "discarded";
            break;
    }
    if (!verdict.quarantine.empty()) text += " into quarantine (" + verdict.quarantine + ')';
    if (verdict.stage != "end of message") text += " at " + verdict.stage + " already, unscanned";
    if (!verdict.reply.empty()) text += ": " + verdict.reply;
    if (const std::string stamp = stamp_of(verdict); !stamp.empty()) {
        text += std::string(", ") + kStatusHeader + ": " + stamp;
    }
    return printable(text);
}

bool at_end(const MilterVerdict& verdict) {
    return verdict.stage == "end of message";
}

} // namespace

std::string eicar() {
    std::string text = R"(X5O!P%@AP[4\PZX54(P^)7CC)7}$)";
    text += "EICAR-STANDARD-ANTIVIRUS";
    text += "-TEST-FILE!$H+H*";
    return text;
}

Mail clean_mail(const std::string& queue_id) {
    Mail result = mail(queue_id, "evermilter probe: clean");
    result.headers.push_back({"Content-Type", "text/plain; charset=us-ascii"});
    result.body = "This message of evermilterctl probe has nothing in it.\r\n";
    return result;
}

Mail infected_mail(const std::string& queue_id) {
    Mail result = mail(queue_id, "evermilter probe: EICAR test file");
    result.headers.push_back({"Content-Type", std::string("multipart/mixed; boundary=\"") + kBoundary + '"'});
    const std::string line = std::string("--") + kBoundary;
    result.body = line +
                  "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
                  "This message of evermilterctl probe has the harmless EICAR test file attached.\r\n" +
                  line +
                  "\r\nContent-Type: application/octet-stream; name=\"eicar.com\"\r\n"
                  "Content-Disposition: attachment; filename=\"eicar.com\"\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n" +
                  base64(eicar()) + "\r\n" + line + "--\r\n";
    return result;
}

ProbeJudgement judge_clean(const MilterVerdict& verdict) {
    const std::string stamp = stamp_of(verdict);
    const bool right = verdict.kind == MilterVerdict::Kind::accept && at_end(verdict) && verdict.quarantine.empty() &&
                       (stamp.empty() || stamp == "Clean");
    return {right, describe(verdict)};
}

ProbeJudgement judge_infected(const MilterVerdict& verdict) {
    const bool found = verdict.kind == MilterVerdict::Kind::reject || verdict.kind == MilterVerdict::Kind::discard ||
                       !verdict.quarantine.empty() || stamp_of(verdict).starts_with("Infected");
    return {found && at_end(verdict), describe(verdict)};
}

Result<ProbeReport> probe(const std::vector<ProbeTarget>& targets, std::chrono::milliseconds patience,
                          const std::string& key) {
    std::string unreachable;
    int code = ECONNREFUSED;
    for (const auto& [text, proxy] : targets) {
        auto parsed = config::parse_address(text);
        if (!parsed) return Error{EINVAL, "\"" + text + "\" is not a valid milter address: " + parsed.error().reason};
        Result<MilterClient> client = MilterClient::open(*parsed, patience, key, proxy);
        if (!client) {
            if (client.error().code == EACCES || client.error().code == EPERM) code = client.error().code;
            unreachable += (unreachable.empty() ? "" : "; ") + text + ": " + client.error().what;
            continue;
        }
        ProbeReport report;
        report.milter = text;
        report.protocol = client->version();
        const std::string id = "probe-" + std::to_string(::getpid());
        Result<MilterVerdict> clean = client->send(clean_mail(id + "-clean"));
        if (!clean) {
            report.error = "clean message: " + clean.error().what;
            return report;
        }
        report.clean = judge_clean(*clean);
        Result<MilterVerdict> infected = client->send(infected_mail(id + "-eicar"));
        if (!infected) {
            report.error = "EICAR message: " + infected.error().what;
            return report;
        }
        report.infected = judge_infected(*infected);
        client->quit();
        return report;
    }
    return Error{code, targets.empty() ? "the service has no listener" : "no milter socket answers: " + unreachable};
}

std::string probe_text(const ProbeReport& report) {
    const auto line = [](const char* what, const ProbeJudgement& judgement) {
        if (judgement.seen.empty()) return std::string();
        return "  " + std::string(judgement.right ? "right" : "WRONG") + "  " + what + "  " + judgement.seen + '\n';
    };
    std::string text = "probe of " + printable(report.milter) + ", milter protocol " + std::to_string(report.protocol) +
                       '\n' + line("clean message", report.clean) + line("EICAR message", report.infected);
    if (!report.error.empty()) text += "  WRONG  " + printable(report.error) + '\n';
    return text + (report.ok() ? "Both verdicts are right.\n" : "The service does not do its work.\n");
}

nlohmann::ordered_json probe_document(const ProbeReport& report) {
    const auto part = [](const ProbeJudgement& judgement) {
        return nlohmann::ordered_json{{"ok", judgement.right}, {"seen", judgement.seen}};
    };
    return {{"ok", report.ok()},     {"milter", report.milter},     {"protocol", report.protocol},
            {"error", report.error}, {"clean", part(report.clean)}, {"eicar", part(report.infected)}};
}

} // namespace evermilter::ctl
