// Looking into a backup: what it holds, page by page, and single files out of it.
#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>

#include "api/content_type.h"
#include "api/exchange.h"
#include "api/sentences.h"
#include "base/text.h"
#include "http/url.h"
#include "jobs/contents.h"

namespace pv::api {
namespace {

namespace json = boost::json;

using jobs::Contents;

// At once: each keeps the directory of an archive in memory.
constexpr std::size_t kReadersMax = 16;
constexpr std::uint64_t kPerPage = 100;
constexpr std::uint64_t kPerPageMax = 10'000;

constexpr Sentence kOfItems[] = {{"refused"}};

// One of them; given back when it goes, on whatever thread that is.
class Place {
 public:
  // Null when all are taken.
  static std::shared_ptr<Place> take(const std::shared_ptr<std::atomic<std::size_t>>& readers) {
    auto place = std::make_shared<Place>(readers);
    return place->number_ <= kReadersMax ? place : nullptr;
  }
  explicit Place(std::shared_ptr<std::atomic<std::size_t>> readers)
      : readers_{std::move(readers)}, number_{++*readers_} {}
  ~Place() { --*readers_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  const std::shared_ptr<std::atomic<std::size_t>> readers_;
  const std::size_t number_;
};

json::object item_json(const jobs::ContentItem& item) {
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", item.mode & 07777U);
  json::object object;
  object.emplace("name", item.name);
  object.emplace("type", jobs::item_kind_name(item.kind));
  object.emplace("size", item.raw_bytes);
  object.emplace("packedSize", item.packed_bytes);
  object.emplace("files", item.files);
  object.emplace("mode", item.mode == 0 ? "" : mode.data());
  object.emplace("modified", item.modified ? format_pocketbase_date(*item.modified) : "");
  object.emplace("refused", item.refused);
  return object;
}

// What can't be a number counts as not given, as in PocketBase's lists.
std::uint64_t number_of(const Exchange& exchange, std::string_view name, std::uint64_t otherwise) {
  const std::string text = http::query_value(exchange.request.query, name).value_or("");
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end && number > 0 ? number : otherwise;
}

struct PageOrder {
  store::BackupName name;
  std::uint64_t page;
  Contents::Query query;
};

json::object page_json(const PageOrder& order, const jobs::ContentItem& itself,
                       const Contents::Page& page) {
  const std::uint64_t per_page = order.query.count_max;
  json::array items;
  items.reserve(page.items.size());
  for (const jobs::ContentItem& item : page.items) { items.push_back(item_json(item)); }
  json::object object;
  object.emplace("item", item_json(itself));
  object.emplace("page", order.page);
  object.emplace("perPage", per_page);
  object.emplace("totalItems", page.total);
  object.emplace("totalPages", (page.total + per_page - 1) / per_page);
  object.emplace("items", std::move(items));
  return object;
}

Result<json::object> make_page(jobs::Vault& vault, const PageOrder& order) {
  PV_TRY(const std::shared_ptr<const Contents> contents, vault.look_into(order.name));
  PV_TRY(const jobs::ContentItem itself, contents->find(order.query.path));
  PV_TRY(const Contents::Page page, contents->list(order.query));
  return page_json(order, itself, page);
}

// What is known of a file before it is sent.
struct Found {
  jobs::ContentItem item;
  std::shared_ptr<Source> source;
};

Result<Found> find_file(jobs::Vault& vault, const store::BackupName& name,
                        const std::string& path) {
  PV_TRY(const std::shared_ptr<const Contents> contents, vault.look_into(name));
  PV_TRY(jobs::ContentItem item, contents->find(path));
  PV_TRY(std::shared_ptr<Source> source, Contents::stream(contents, path));
  return Found{std::move(item), std::move(source)};
}

// Keeps a place among the readers while the answer is being sent.
class PlacedSource final : public Source {
 public:
  PlacedSource(std::shared_ptr<Source> inner, std::shared_ptr<Place> place)
      : inner_{std::move(inner)}, place_{std::move(place)} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return inner_->size_bytes(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return inner_->read_at(offset, into);
  }

 private:
  const std::shared_ptr<Source> inner_;
  const std::shared_ptr<Place> place_;
};

}  // namespace

AnswerTask list_entries(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  const std::shared_ptr<Place> place = Place::take(exchange.services.content_readers);
  if (!place) { co_return tl::unexpected{problem(429, phrase::kTooMany)}; }
  const std::string& query = exchange.request.query;
  PageOrder order{.name = *name, .page = number_of(exchange, "page", 1), .query = {}};
  order.query.path = http::query_value(query, "path").value_or("");
  if (http::query_value(query, "recursive") == "true") {
    order.query.depth = Contents::Depth::kAll;
  }
  order.query.count_max = std::min(number_of(exchange, "perPage", kPerPage), kPerPageMax);
  // More than any archive can have; the product stays small.
  order.page = std::min<std::uint64_t>(order.page, std::uint64_t{1} << 32U);
  order.query.skip = (order.page - 1) * order.query.count_max;
  std::function<Result<json::value>()> make = [&vault = exchange.services.parts.vault, order] {
    return make_page(vault, order);
  };
  co_return co_await answer_told(exchange, exchange.services.parts.pools.peers, kOfItems,
                                 std::move(make));
}

AnswerTask send_entry(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  std::shared_ptr<Place> place = Place::take(exchange.services.content_readers);
  if (!place) { co_return tl::unexpected{problem(429, phrase::kTooMany)}; }
  std::function<Result<Found>()> work = [&vault = exchange.services.parts.vault, name = *name,
                                         path = exchange.match.values.back()] {
    return find_file(vault, name, path);
  };
  auto found = co_await asking_peer<Found>(exchange.services, std::move(work));
  if (!found.has_value()) { co_return tl::unexpected{explained(found.error())}; }
  http::Response response;
  response.headers.add("Content-Type", std::string{type_by_name(found->item.name)});
  response.headers.add("Content-Disposition", attachment(found->item.name));
  response.headers.add("Content-Security-Policy", "default-src 'none'; sandbox");
  response.headers.add("Cache-Control", "private, no-store");
  response.headers.add("Accept-Ranges", "none");
  const std::uint64_t length = found->source->size_bytes();
  http::FileSlice slice;
  slice.source = std::make_shared<PlacedSource>(std::move(found->source), std::move(place));
  slice.length = length;
  response.body.emplace_back(std::move(slice));
  co_return response;
}

}  // namespace pv::api
