// See traffic.h.
#include "tests/support/traffic.h"

#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/support/messages.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

Traffic::Traffic(std::string address, unsigned number, std::chrono::milliseconds pause)
    : address_(std::move(address)), pause_(pause), thread_([this, number] { send(number); }) {}

void Traffic::more(std::uint64_t messages) const {
    const std::uint64_t wanted = right_.load() + messages;
    wait_until("mail flows", [&] {
        if (ended_.load()) throw std::runtime_error("the traffic ended: " + wrong_);
        return right_.load() >= wanted;
    });
}

void Traffic::finish() {
    end_.store(true);
    if (thread_.joinable()) thread_.join();
}

void Traffic::send(unsigned number) {
    try {
        while (!end_.load() && wrong_.empty()) session(std::to_string(number) + "-");
    } catch (const std::exception& error) {
        wrong_ = error.what();
    }
    ended_.store(true);
}

void Traffic::session(const std::string& prefix) {
    try {
        MilterClient client(address_);
        client.open();
        for (int i = 0; i < 5 && wrong_.empty() && !end_.load(); ++i) {
            const std::uint64_t serial = sent_++;
            const bool infected = serial % 10 == 3;
            const std::string name = prefix + std::to_string(serial);
            const Verdict verdict = client.message(infected ? eicar_attached() : clean_mail(name));
            const bool tempfail = verdict.reply.command == 't' || verdict.text().starts_with("4");
            const bool right = infected ? verdict.text().starts_with("550 ")
                                        : verdict.text() == "accept" && verdict.status() == "Clean";
            if (tempfail)
                ++tempfailed_;
            else if (right)
                ++right_;
            else
                wrong_ = name + ": " + verdict.text() + ", " + verdict.status();
            if (client.readable()) {
                // The end of the connection is readable too; the next command finds it.
                const Reply second = client.receive();
                wrong_ = name + ": answered twice, then with " + second.text();
            }
            std::this_thread::sleep_for(pause_);
        }
        client.quit();
    } catch (const ConnectionEnded&) {
        ++cut_;
    }
}

} // namespace evermilter::test
