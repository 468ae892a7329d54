#include "server/multipart.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=xyz";

int status_of(std::string_view type, std::string_view body) {
  const auto parts = parse_multipart(type, body);
  return parts ? 200 : parts.error().status;
}

TEST(Multipart, TakesAFormApart) {
  const std::string body =
      "--xyz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
      "--xyz\r\ncontent-type: application/x\r\ncontent-disposition: form-data; name=file; "
      "filename=\"a \\\"b\\\".jsonl\"\r\n\r\nline 1\r\n--xy\r\n\r\n--xyz--\r\n";
  const auto parts = parse_multipart("Multipart/Form-Data;charset=utf-8; Boundary=\"xyz\"", body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "purpose");
  EXPECT_EQ((*parts)[0].data, "batch");
  EXPECT_EQ((*parts)[0].filename, "");
  EXPECT_EQ((*parts)[1].name, "file");
  EXPECT_EQ((*parts)[1].filename, "a \"b\".jsonl");
  EXPECT_EQ((*parts)[1].data, "line 1\r\n--xy\r\n");
}

TEST(Multipart, AnEmptyFormAndAnEmptyPart) {
  EXPECT_EQ(status_of(kType, "--xyz--"), 200);
  const auto parts =
      parse_multipart(kType, "--xyz\r\ncontent-disposition: form-data; name=a\r\n\r\n\r\n--xyz--");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->at(0).data, "");
}

TEST(Multipart, RefusesWhatIsNone) {
  EXPECT_EQ(status_of("application/json", "{}"), 415);
  EXPECT_EQ(status_of("multipart/form-data", "--xyz--"), 400);
  EXPECT_EQ(status_of("multipart/form-data; boundary=", "--"), 400);
  EXPECT_EQ(status_of("multipart/form-data; boundary=" + std::string(71, 'a'), "--"), 400);
  for (const char* body :
       {"", "--xy", "--xyz", "--xyz\r\n", "--xyz\r\n\r\n", "--xyz\r\n\r\nno name\r\n--xyz--",
        "--xyz\r\ncontent-disposition: form-data; name=\"a\r\n\r\n\r\n--xyz--",
        "--xyz\r\ncontent-disposition: form-data; name=a\r\n\r\nno end", "preamble\r\n--xyz--"}) {
    EXPECT_EQ(status_of(kType, body), 400) << body;
  }
  std::string many;
  for (int i = 0; i < 65; ++i) {
    many += "--xyz\r\ncontent-disposition: form-data; name=a\r\n\r\n\r\n";
  }
  EXPECT_EQ(status_of(kType, many + "--xyz--"), 400);
}

}  // namespace
}  // namespace holdfast
