// Rows of the schema about [[listener]]: sockets with a policy of their own.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kListenerRows[] = {
    {.key = "listener.name",
     .kind = Kind::name,
     .field = field<&Listener::name>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .example = "submission",
     .text = "What the log, the status and the metrics call it."},
    {.key = "listener.address",
     .kind = Kind::sockets,
     .field = field<&Listener::address>,
     .default_value = "",
     .unset = "an error: a listener has at least one",
     .example = "inet:7358@127.0.0.1",
     .text = "Its sockets, written as those of `milter.listen`."},
    {.key = "listener.socket_mode",
     .kind = Kind::mode,
     .field = field<&Listener::socket_mode>,
     .default_value = "0660",
     .text = "Mode of its unix sockets, in octal."},
    {.key = "listener.socket_group",
     .kind = Kind::name,
     .field = field<&Listener::socket_group>,
     .default_value = "",
     .unset = "the group of the process",
     .example = "postfix",
     .text = "Group of its unix sockets."},
    {.key = "listener.allow",
     .kind = Kind::networks,
     .field = field<&Listener::allow>,
     .default_value = "127.0.0.0/8 ::1/128",
     .in_file = flag<&Listener::allow_in_file>,
     .text = "Who may speak to its TCP sockets, as `milter.allow`."},
    {.key = "listener.proxy",
     .kind = Kind::boolean,
     .field = field<&Listener::proxy>,
     .default_value = "false",
     .text = "As `milter.proxy`, for its sockets."},
    {.key = "listener.proxy_from",
     .kind = Kind::networks,
     .field = field<&Listener::proxy_from>,
     .default_value = "127.0.0.0/8 ::1/128",
     .text = "The load balancers of its `proxy`, as `milter.proxy_from`."},
    {.key = "listener.mode",
     .kind = Kind::choice,
     .field = field<&Listener::mode>,
     .default_value = "enforce",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "enforce observe",
     .text = "As `milter.mode`, for what comes by this listener."},
};

constexpr Inner kInner[] = {
    {&kActionsSection, one<&Listener::actions>},
    {&kHeadersSection, one<&Listener::headers>},
    {&kSkipSection, one<&Listener::skip>},
};

} // namespace

const Section kListenerSection = {
    "listener",
    many<&Config::listeners>,
    kListenerRows,
    "Sockets with a policy of their own, beside those of `milter.listen`: one block for each, with a name. All share "
    "the "
    "session workers, the scanners and the databases; only what becomes of a message differs.\n\n"
    "Each key of `[actions]`, `[headers]` and `[skip]` may stand in a block, written as `actions.infected = "
    "\"discard\"`, "
    "and then holds for this listener alone; what does not stand there is as in those sections. A block that comes, "
    "goes "
    "or changes closes no other socket and no session: sessions that have begun end under the policy that they began "
    "with. To have no other sockets write `listen = []` in `[milter]`.",
    "name",
    kInner};

} // namespace evermilter::config
