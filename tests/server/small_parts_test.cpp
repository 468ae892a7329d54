// Small parts of the server that need no server: stored responses, trace contexts, origins.
#include <gtest/gtest.h>

#include "server/cors.h"
#include "server/response_store.h"
#include "server/trace_context.h"

namespace holdfast {
namespace {

Caller somebody(std::string name, std::string tenant) {
  Caller caller;
  caller.name = std::move(name);
  caller.tenant = std::move(tenant);
  return caller;
}

TEST(ResponseStore, EachSeesTheirOwn) {
  ResponseStore store;
  const Caller anna = somebody("anna", "a"), ben = somebody("ben", "a"),
               other = somebody("anna", "b"), lone = somebody("a", "");
  store.put(anna, {"1", "text", "[]"});
  EXPECT_EQ(store.find(anna, "1")->response, "text");
  for (const Caller& caller : {ben, other, lone}) {
    EXPECT_FALSE(store.find(caller, "1"));
    EXPECT_FALSE(store.erase(caller, "1"));
  }
  EXPECT_TRUE(store.erase(anna, "1"));
  EXPECT_FALSE(store.find(anna, "1"));
}

TEST(ResponseStore, TheOldestOfTheLargestGoFirst) {
  ResponseStore store(10'000, 15'000);
  const Caller large = somebody("x", "large"), small = somebody("y", "small");
  const std::string text(3000, 't');
  store.put(small, {"s", text, {}});
  for (const char* id : {"1", "2", "3", "4"}) store.put(large, {id, text, {}});
  EXPECT_FALSE(store.find(large, "1"));  // over its own bound
  EXPECT_TRUE(store.find(large, "4"));
  store.put(small, {"t", text, {}});
  EXPECT_TRUE(store.find(small, "s"));
  EXPECT_FALSE(store.find(large, "2"));
  store.put(large, {"huge", std::string(20'000, 't'), {}});
  EXPECT_FALSE(store.find(large, "huge"));
  EXPECT_TRUE(store.find(large, "4"));
}

TEST(TraceContext, GoesOnWithACallersTrace) {
  const std::string given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto trace = continue_trace(given);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->parent_id, "00f067aa0ba902b7");
  EXPECT_NE(trace->span_id, trace->parent_id);
  EXPECT_EQ(trace->field(), "00-" + trace->trace_id + "-" + trace->span_id + "-01");
  EXPECT_TRUE(continue_trace("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"));
}

TEST(TraceContext, RefusesWhatIsNone) {
  for (const char* text : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(continue_trace(text)) << text;
  }
}

TEST(Cors, OriginsAreNamedOneByOne) {
  for (const char* good : {"https://chat.corp", "http://10.0.0.1:8080", "https://[::1]:1"}) {
    EXPECT_TRUE(check_origin(good)) << good;
  }
  for (const char* bad : {"", "*", "null", "https://", "https://a/", "https://A.corp", "ftp://a",
                          "https://a b", "https://*.corp"}) {
    EXPECT_FALSE(check_origin(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast
