#include "api/content_type.h"

#include <gtest/gtest.h>

namespace pv::api {
namespace {

TEST(ContentType, IsThatOfTheLastExtension) {
  EXPECT_EQ(type_by_name("storage/a/photo.PNG"), "image/png");
  EXPECT_EQ(type_by_name("data.db"), "application/vnd.sqlite3");
  EXPECT_EQ(type_by_name("a.png/no_extension"), "application/octet-stream");
  EXPECT_EQ(type_by_name("a.tar.gz"), "application/gzip");
  EXPECT_EQ(type_by_name("page.unheard"), "application/octet-stream");
  EXPECT_EQ(type_by_name(""), "application/octet-stream");
}

TEST(Attachment, CanBeNothingButAName) {
  EXPECT_EQ(attachment("storage/a/photo.png"), "attachment; filename=\"photo.png\"");
  EXPECT_EQ(attachment("a\"; x=\r\n.txt"),
            "attachment; filename=\"a___x___.txt\"; filename*=UTF-8''a%22%3b%20x%3d%0d%0a.txt");
  EXPECT_EQ(attachment("\xff.txt"), "attachment; filename=\"_.txt\"") << "no UTF-8";
}

}  // namespace
}  // namespace pv::api
