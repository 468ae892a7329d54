// Python's two ways to fill values into a text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/jinja/heap.h"

namespace holdfast::jinja {

struct Arguments;

// "%s: %d" % values. Knows %s %r %d %i %f %x %%, with flags, width and precision.
Result<Value> percent_format(const Text& format, const Value& values, Heap& heap);
// "{} {0} {name}".format(...). Fields are names or numbers without a format of their own.
Result<Value> brace_format(const Text& format, const Arguments& arguments, Heap& heap);

}  // namespace holdfast::jinja
