#include "tests/bench/mix.h"

#include <vector>

#include "tests/corpus/bytes.h"
#include "tests/corpus/documents.h"
#include "tests/corpus/mime.h"
#include "tests/support/messages.h"

namespace evermilter::bench {
namespace {

std::string whole(const corpus::Entity& entity) {
    return test::ordinary_headers() + "MIME-Version: 1.0\r\n" + entity.text();
}

corpus::Entity attached(const corpus::Document& document) {
    return corpus::leaf("application/octet-stream; name=\"" + document.name + "\"", document.content,
                        corpus::Encoding::base64,
                        "Content-Disposition: attachment; filename=\"" + document.name + "\"\r\n");
}

std::string with(std::uint64_t number, const std::vector<corpus::Document>& documents) {
    std::vector<corpus::Entity> parts = {
        corpus::leaf("text/plain; charset=utf-8", corpus::prose(1500, number), corpus::Encoding::quoted_printable)};
    for (const auto& document : documents) parts.push_back(attached(document));
    return whole(corpus::multipart("mixed", "=_" + std::to_string(number), parts));
}

} // namespace

Mail ordinary_mail(std::uint64_t number) {
    corpus::Random random(number);
    const std::uint64_t share = random.below(100);
    const auto between = [&](std::uint64_t least, std::uint64_t most) { return least + random.below(most - least); };
    if (share < 30)
        return {"text, 2-8 KB",
                whole(corpus::leaf("text/plain; charset=us-ascii", corpus::prose(between(2000, 8000), number),
                                   corpus::Encoding::seven_bit))};
    if (share < 60) {
        const std::string html = corpus::newsletter(between(1500, 6000), number);
        return {"text and html, 2-8 KB",
                whole(corpus::multipart(
                    "alternative", "=_" + std::to_string(number),
                    {corpus::leaf("text/plain; charset=utf-8", corpus::prose(800, number), corpus::Encoding::seven_bit),
                     corpus::leaf("text/html; charset=utf-8", html, corpus::Encoding::quoted_printable)}))};
    }
    if (share < 67)
        return {
            "a PDF, 50-300 KB",
            with(number,
                 {{"a.pdf", corpus::pdf(test::noise(between(40000, 200000), static_cast<unsigned>(number)), true)}})};
    if (share < 74)
        return {"a docx, 50-300 KB", with(number, {corpus::document("docx", number, between(300000, 900000))})};
    if (share < 80) {
        const auto side = static_cast<unsigned>(between(110, 290));
        return {"a picture, 50-300 KB", with(number, {{"a.png", corpus::png(side, side, number)}})};
    }
    if (share < 90)
        return {"about 1 MB",
                with(number, {{"a.png", corpus::png(450, 450, number)}, corpus::document("docx", number + 1, 400000)})};
    if (share < 94) return {"a zip", with(number, {corpus::document("zip", number, between(100000, 900000))})};
    if (share < 97) return {"a tar.gz", with(number, {corpus::document("tar.gz", number, between(100000, 900000))})};
    return {"5 MB", with(number, {{"a.png", corpus::png(1100, 1100, number)}})};
}

} // namespace evermilter::bench
