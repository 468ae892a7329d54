#include "server/embedding_request.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

std::string param_of(std::string_view body, bool rerank = false) {
  if (rerank) {
    const auto request = parse_rerank_request(body);
    return request ? "" : request.error().param;
  }
  const auto request = parse_embedding_request(body);
  return request ? "" : request.error().param;
}

TEST(EmbeddingRequest, TakesTextsAndTokens) {
  const auto one = parse_embedding_request(R"({"model":"m","input":"a"})");
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->inputs, (std::vector<TextInput>{"a"}));
  EXPECT_FALSE(one->base64 || one->truncate || one->dimensions);
  const auto all = parse_embedding_request(
      R"({"model":"m","input":[[1,2],"b"],"encoding_format":"base64","dimensions":8,"truncate":true})");
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->inputs, (std::vector<TextInput>{std::vector<int32_t>{1, 2}, "b"}));
  EXPECT_TRUE(all->base64 && all->truncate);
  EXPECT_EQ(all->dimensions, 8);
  EXPECT_EQ(parse_embedding_request(R"({"model":"m","input":[7]})")->inputs,
            (std::vector<TextInput>{std::vector<int32_t>{7}}));
}

TEST(EmbeddingRequest, NamesTheFieldAtFault) {
  EXPECT_EQ(param_of(R"({"input":"a"})"), "model");
  EXPECT_EQ(param_of(R"({"model":"m"})"), "input");
  EXPECT_EQ(param_of(R"({"model":"m","input":[]})"), "input");
  EXPECT_EQ(param_of(R"({"model":"m","input":["a",3]})"), "input[1]");
  EXPECT_EQ(param_of(R"({"model":"m","input":[1,-1]})"), "input[1]");
  EXPECT_EQ(param_of(R"({"model":"m","input":"a","encoding_format":"hex"})"), "encoding_format");
  EXPECT_EQ(param_of(R"({"model":"m","input":"a","dimensions":0})"), "dimensions");
}

TEST(RerankRequest, TakesTextsAndObjects) {
  const auto request = parse_rerank_request(
      R"({"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":9,"return_documents":true})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->documents, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->top_n, 2U);
  EXPECT_TRUE(request->return_documents);
}

TEST(RerankRequest, NamesTheFieldAtFault) {
  EXPECT_EQ(param_of(R"({"model":"m","documents":["a"]})", true), "query");
  EXPECT_EQ(param_of(R"({"model":"m","query":"q"})", true), "documents");
  EXPECT_EQ(param_of(R"({"model":"m","query":"q","documents":[]})", true), "documents");
  EXPECT_EQ(param_of(R"({"model":"m","query":"q","documents":["a",{}]})", true), "documents[1]");
  EXPECT_EQ(param_of(R"({"model":"m","query":"q","documents":["a"],"top_n":0})", true), "top_n");
}

}  // namespace
}  // namespace holdfast
