#include "grammar/schema_facts.h"

namespace holdfast::grammar {

namespace {

#define HOLDFAST_LEAP_YEAR \
  "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
#define HOLDFAST_DATE                                                                            \
  "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)" \
  "|02-(?:0[1-9]|1\\d|2[0-8]))|" HOLDFAST_LEAP_YEAR "-02-29)"
#define HOLDFAST_TIME                                                                           \
  "(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)" \
  "|23:59:60(?:\\.\\d+)?[Zz])"
#define HOLDFAST_BYTE "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define HOLDFAST_IPV4 HOLDFAST_BYTE "(?:\\." HOLDFAST_BYTE "){3}"
#define HOLDFAST_LABEL "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define HOLDFAST_H16 "[0-9A-Fa-f]{1,4}"
#define HOLDFAST_LS32 "(?:" HOLDFAST_H16 ":" HOLDFAST_H16 "|" HOLDFAST_IPV4 ")"

struct Format {
  std::string_view name, regex;
};

// RFC 3339 (dates; leap seconds only as 23:59:60Z), RFC 3986 section 3.2.2 (addresses), RFC 1123
// (host names, without the punycode rules), RFC 9562 (UUIDs), RFC 6901 (JSON pointers).
constexpr Format kFormats[] = {
    {"date", HOLDFAST_DATE},
    {"time", HOLDFAST_TIME},
    {"date-time", HOLDFAST_DATE "[Tt]" HOLDFAST_TIME},
    {"duration",
     "P(?:\\d+W|(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)(?:T(?:\\d+H(?:\\d+M(?:\\d+S)?)?"
     "|\\d+M(?:\\d+S)?|\\d+S))?|T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S))"},
    {"uuid", "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"},
    {"ipv4", HOLDFAST_IPV4},
    {"ipv6",
     "(?:" HOLDFAST_H16 ":){6}" HOLDFAST_LS32 "|::(?:" HOLDFAST_H16 ":){5}" HOLDFAST_LS32
     "|(?:" HOLDFAST_H16 ")?::(?:" HOLDFAST_H16 ":){4}" HOLDFAST_LS32 "|(?:(?:" HOLDFAST_H16
     ":){0,1}" HOLDFAST_H16 ")?::(?:" HOLDFAST_H16 ":){3}" HOLDFAST_LS32 "|(?:(?:" HOLDFAST_H16
     ":){0,2}" HOLDFAST_H16 ")?::(?:" HOLDFAST_H16 ":){2}" HOLDFAST_LS32 "|(?:(?:" HOLDFAST_H16
     ":){0,3}" HOLDFAST_H16 ")?::" HOLDFAST_H16 ":" HOLDFAST_LS32 "|(?:(?:" HOLDFAST_H16
     ":){0,4}" HOLDFAST_H16 ")?::" HOLDFAST_LS32 "|(?:(?:" HOLDFAST_H16 ":){0,5}" HOLDFAST_H16
     ")?::" HOLDFAST_H16 "|(?:(?:" HOLDFAST_H16 ":){0,6}" HOLDFAST_H16 ")?::"},
    {"hostname", HOLDFAST_LABEL "(?:\\." HOLDFAST_LABEL ")*"},
    {"email",
     "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@" HOLDFAST_LABEL
     "(?:\\." HOLDFAST_LABEL ")*"},
    {"json-pointer", "(?:/(?:[^/~]|~[01])*)*"},
    {"uri",
     "[A-Za-z][A-Za-z0-9+.-]*:(?://(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*(?:@"
     "(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)?(?::\\d*)?(?:/"
     "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]"
     "|%[0-9A-Fa-f]{2})*)*|/?(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+(?:/"
     "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)(?:\\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]"
     "|%[0-9A-Fa-f]{2})*)?(?:#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"},
};

}  // namespace

std::optional<std::string_view> format_regex(std::string_view format) {
  for (const Format& known : kFormats) {
    if (known.name == format) return known.regex;
  }
  return std::nullopt;
}

}  // namespace holdfast::grammar
