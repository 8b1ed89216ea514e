// Text in columns for a terminal, each as wide as its widest cell. Pure.
#pragma once

#include <string>
#include <vector>

namespace evermilter::ctl {

enum class Align : char { left, right };

struct Column {
    std::string title;
    Align align = Align::left;
};

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    // Precondition: as many cells as columns. Makes them printable.
    void add(const std::vector<std::string>& cells);
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    // Every line indented by two blanks.
    [[nodiscard]] std::string text() const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace evermilter::ctl
