// Lays out columns. A width is a number of UTF-8 characters.
#include "supervisor/ctl/table.h"

#include <algorithm>

#include "supervisor/ctl/printable.h"

namespace evermilter::ctl {

namespace {

std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }));
}

} // namespace

void Table::add(const std::vector<std::string>& cells) {
    std::vector<std::string> row;
    row.reserve(cells.size());
    for (const std::string& cell : cells) row.push_back(printable(cell));
    row.resize(columns_.size());
    rows_.push_back(std::move(row));
}

std::string Table::text() const {
    std::vector<std::string> titles;
    titles.reserve(columns_.size());
    for (const Column& column : columns_) titles.push_back(column.title);
    std::vector<std::size_t> widths;
    for (std::size_t index = 0; index < columns_.size(); ++index) {
        std::size_t widest = width(titles[index]);
        for (const auto& row : rows_) widest = std::max(widest, width(row[index]));
        widths.push_back(widest);
    }
    std::string out;
    const auto line = [&](const std::vector<std::string>& cells) {
        std::string text;
        for (std::size_t index = 0; index < cells.size(); ++index) {
            const std::string fill(widths[index] - width(cells[index]), ' ');
            text += "  " + (columns_[index].align == Align::right ? fill + cells[index] : cells[index] + fill);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + '\n';
    };
    line(titles);
    for (const auto& row : rows_) line(row);
    return out;
}

} // namespace evermilter::ctl
