#include "workers/common/ipc/messages.h"

#include <array>

namespace evermilter::messages {

const char* role_name(Role role) noexcept {
    switch (role) {
        case Role::session:
            return "session";
        case Role::loader:
            return "loader";
        case Role::standby:
            return "standby";
        case Role::scanner:
            return "scanner";
    }
    return "unknown";
}

const char* message_name(const Message& message) noexcept {
    static constexpr std::array names = {"Hello",
                                         "Pong",
                                         "Ping",
                                         "ReopenLog",
                                         "ShutdownTime",
                                         "ConfigureSession",
                                         "HandOver",
                                         "TakeQueue",
                                         "LetGo",
                                         "DrainSessions",
                                         "NoGeneration",
                                         "SessionWorkerReady",
                                         "SessionWorkerFailed",
                                         "QueueTaken",
                                         "QueueReleased",
                                         "SessionEnded",
                                         "Detection",
                                         "ScannerOverdue",
                                         "Suspicion",
                                         "PoisonMet",
                                         "SessionWorkerUnfit",
                                         "StartLoad",
                                         "RoomToLoad",
                                         "LockEngine",
                                         "StartStandby",
                                         "ReplaceScanner",
                                         "TakeOver",
                                         "LoadProgress",
                                         "LoadAwaitsRoom",
                                         "LoaderReady",
                                         "LoadUnchanged",
                                         "LoadStarved",
                                         "LoadFailed",
                                         "ScannerStarted",
                                         "ScannerEnded",
                                         "StandbyStarted",
                                         "StandbyEnded",
                                         "ScanJob",
                                         "Taken",
                                         "ScanResult"};
    static_assert(names.size() == std::variant_size_v<Message>);
    return names.at(message.index());
}

} // namespace evermilter::messages
