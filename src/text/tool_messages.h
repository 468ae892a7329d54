// Messages about tools, in the form in which a template wants them. Behind chat_template.h.
#pragma once

#include "base/result.h"
#include "text/chat_template.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace holdfast {

// Changes `messages` (a list, as parsed) after `input.habits`. invalid_argument when arguments are
// no JSON.
Status adapt_messages(const TemplateInput& input, jinja::Value& messages, jinja::Heap& heap);

}  // namespace holdfast
