// Form data: whatever the bytes, no crash, bounded work, and the same parts in one piece as byte by
// byte.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <vector>

#include "http/multipart.h"

namespace {

using pv::http::Task;

class PieceBody final : public pv::http::BodyReader {
 public:
  PieceBody(std::string_view text, std::size_t piece) : text_{text}, piece_{piece} {}
  Task<std::size_t> read(pv::MutableBytes into) override {
    const std::size_t count = std::min({into.size(), piece_, text_.size()});
    std::memcpy(into.data(), text_.data(), count);
    text_.remove_prefix(count);
    co_return count;
  }

 private:
  std::string_view text_;
  std::size_t piece_;
};

Task<std::string> read_form(pv::http::BodyReader& body) {
  PV_CO_TRY(const auto reader,
            pv::http::MultipartReader::open("multipart/form-data; boundary=XX", body));
  std::string all;
  for (;;) {
    PV_CO_TRY(const auto part, co_await reader->next());
    if (!part) { co_return all; }
    all += part->name + "|" + part->filename.value_or("-") + "|" + part->content_type + "|";
    std::vector<std::byte> buffer(16);
    for (;;) {
      PV_CO_TRY(const std::size_t count, co_await reader->read(buffer));
      if (count == 0) { break; }
      all += pv::as_text(pv::Bytes{buffer}.first(count));
    }
  }
}

std::string outcome(std::string_view text, std::size_t piece) {
  PieceBody body{text, piece};
  boost::asio::io_context context;
  std::string all = "broken";
  boost::asio::co_spawn(context, read_form(body),
                        [&](const std::exception_ptr&, pv::Result<std::string> read) {
                          if (read.has_value()) { all = "fine:" + *read; }
                        });
  context.run();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  PV_ASSERT(outcome(text, size + 1) == outcome(text, 1));
  return 0;
}
