// Our own letters and bits of the milter protocol are those of the libmilter that this program is built with.
#include "workers/common/milter/protocol.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <utility>

namespace evermilter::milter {
namespace {

BOOST_AUTO_TEST_SUITE(protocol_test)

BOOST_AUTO_TEST_CASE(letters_are_those_of_libmilter) {
    const auto pairs = std::to_array<std::pair<char, int>>({
        {command::kAbort, SMFIC_ABORT},
        {command::kBody, SMFIC_BODY},
        {command::kConnect, SMFIC_CONNECT},
        {command::kMacros, SMFIC_MACRO},
        {command::kEndOfMessage, SMFIC_BODYEOB},
        {command::kHelo, SMFIC_HELO},
        {command::kQuitNewConnection, SMFIC_QUIT_NC},
        {command::kHeader, SMFIC_HEADER},
        {command::kMail, SMFIC_MAIL},
        {command::kEndOfHeaders, SMFIC_EOH},
        {command::kNegotiate, SMFIC_OPTNEG},
        {command::kQuit, SMFIC_QUIT},
        {command::kRcpt, SMFIC_RCPT},
        {command::kData, SMFIC_DATA},
        {command::kUnknown, SMFIC_UNKNOWN},
        {reply::kAccept, SMFIR_ACCEPT},
        {reply::kContinue, SMFIR_CONTINUE},
        {reply::kDiscard, SMFIR_DISCARD},
        {reply::kAddHeader, SMFIR_ADDHEADER},
        {reply::kInsertHeader, SMFIR_INSHEADER},
        {reply::kChangeHeader, SMFIR_CHGHEADER},
        {reply::kProgress, SMFIR_PROGRESS},
        {reply::kQuarantine, SMFIR_QUARANTINE},
        {reply::kReject, SMFIR_REJECT},
        {reply::kSkip, SMFIR_SKIP},
        {reply::kTempfail, SMFIR_TEMPFAIL},
        {reply::kReplyCode, SMFIR_REPLYCODE},
    });
    for (const auto& [ours, theirs] : pairs) BOOST_TEST(ours == theirs);
}

BOOST_AUTO_TEST_CASE(bits_and_bounds_are_those_of_libmilter) {
    const auto pairs = std::to_array<std::pair<std::size_t, std::size_t>>({
        {step::kNoConnect, SMFIP_NOCONNECT},
        {step::kNoHelo, SMFIP_NOHELO},
        {step::kNoMail, SMFIP_NOMAIL},
        {step::kNoRcpt, SMFIP_NORCPT},
        {step::kNoBody, SMFIP_NOBODY},
        {step::kNoHeaders, SMFIP_NOHDRS},
        {step::kNoEndOfHeaders, SMFIP_NOEOH},
        {step::kNoReplyHeader, SMFIP_NR_HDR},
        {step::kNoData, SMFIP_NODATA},
        {step::kNoReplyConnect, SMFIP_NR_CONN},
        {step::kNoReplyHelo, SMFIP_NR_HELO},
        {step::kNoReplyMail, SMFIP_NR_MAIL},
        {step::kNoReplyRcpt, SMFIP_NR_RCPT},
        {step::kNoReplyData, SMFIP_NR_DATA},
        {step::kNoReplyEndOfHeaders, SMFIP_NR_EOH},
        {step::kNoReplyBody, SMFIP_NR_BODY},
        {step::kHeaderLeadingSpace, SMFIP_HDR_LEADSPC},
        {kHighestVersion, SMFI_PROT_VERSION},
        {kAllActions, SMFI_CURR_ACTS},
        {kLargestChunk, MILTER_CHUNK_SIZE},
    });
    for (const auto& [ours, theirs] : pairs) BOOST_TEST(ours == theirs);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::milter
