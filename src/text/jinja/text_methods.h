// Python's string methods as functions of Text, keeping trust.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "text/jinja/budget.h"
#include "text/jinja/text.h"

namespace holdfast::jinja {

// str.replace; a negative count replaces all.
Result<Text> replaced(const Text& text, const Text& before, const Text& after, int64_t count,
                      Budget& budget);
// str.split and rsplit: by `separator`, or by runs of whitespace without one; a negative limit
// splits everywhere.
Result<std::vector<Text>> split(const Text& text, const Text* separator, int64_t limit,
                                bool from_right, Budget& budget);
std::vector<Text> split_lines(const Text& text, bool keep_ends);

}  // namespace holdfast::jinja
