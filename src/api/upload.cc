// Taking a backup in: streamed from the connection into the store, never held in memory.
#include <algorithm>
#include <utility>

#include "api/exchange.h"
#include "api/mime.h"
#include "base/text.h"
#include "http/multipart.h"

namespace pv::api {
namespace {

using boost::asio::awaitable;

constexpr std::size_t kWriteBytes = 1 << 20;

FieldProblem file_problem(std::string_view code, Message message) {
  return {.field = "file", .code = std::string{code}, .message = std::move(message), .params = {}};
}

Problem no_file() { return invalid(file_problem("validation_required", say(phrase::kBlank))); }

Problem exists() {
  return invalid(file_problem("validation_backup_name_exists", say(phrase::kUploadExists)));
}

Problem not_a_zip(std::string_view client_name, std::string_view head, Random& random) {
  const std::string name = generated_name(client_name, head, random);
  return invalid(file_problem("validation_invalid_mime_type", say(phrase::kMimeType, {name})));
}

Problem upload_failed(const Exchange& exchange, const Error& error) {
  Problem failed = exchange.strict() ? problem(400, phrase::kUploadFailed)
                                     : problem(400, phrase::kUploadFailedBecause, {error.what});
  failed.cause = error;
  return failed;
}

// What PocketBase says of a name that no file can have: it looks for the name first, which fails
// for names that are too long, and takes that for "exists". A part with control characters in its
// name it can't read at all.
Problem bad_name(const Exchange& exchange, std::string_view name, const Error& error) {
  const auto is_control = [](unsigned char letter) { return letter < 0x20 || letter == 0x7F; };
  if (std::any_of(name.begin(), name.end(), is_control)) { return no_file(); }
  const bool reaches_the_store = name == "." || name == "..";
  return reaches_the_store ? upload_failed(exchange, error) : exists();
}

bool too_long_to_look_for(const Exchange& exchange, std::string_view name) {
  constexpr std::size_t kFileNameBytesMax = 255;
  return exchange.strict() && name.size() > kFileNameBytesMax;
}

// An upload and what became of it so far.
struct Received {
  bool has_file = false;
  std::shared_ptr<store::Upload> upload;
  std::optional<Problem> problem;
};

http::Task<std::shared_ptr<store::Upload>> begin(const Services& services, store::BackupName name) {
  std::function<Result<std::shared_ptr<store::Upload>>()> work =
      [&vault = services.parts.vault,
       name = std::move(name)]() -> Result<std::shared_ptr<store::Upload>> {
    // A backup being made takes its name when it ends; then it must be free.
    if (vault.busy_name() == name.text()) { return fail(Code::kExists, "being made just now"); }
    const store::BackupStore::UploadOptions options{.original_name = std::string{name.last_part()}};
    PV_TRY(std::unique_ptr<store::Upload> upload, vault.store().create(name, options));
    return std::shared_ptr<store::Upload>{std::move(upload)};
  };
  co_return co_await asking_peer<std::shared_ptr<store::Upload>>(services, std::move(work));
}

http::Task<void> write(const Services& services, store::Upload& upload, Bytes bytes) {
  std::function<Result<void>()> work = [&upload, bytes] { return upload.write(bytes); };
  co_return co_await asking_peer<void>(services, std::move(work));
}

// Ends it without a trace, which takes requests where the store is a bucket.
http::Task<void> give_up(const Services& services, std::shared_ptr<store::Upload> upload) {
  std::function<Result<void>()> work = [upload = std::move(upload)]() -> Result<void> {
    return {};  // it goes with this
  };
  co_return co_await asking_peer<void>(services, std::move(work));
}

// Fills `into` as far as the part goes.
http::Task<std::size_t> read_full(http::MultipartReader& parts, MutableBytes into) {
  std::size_t have = 0;
  while (have < into.size()) {
    PV_CO_TRY(const std::size_t count, co_await parts.read(into.subspan(have)));
    if (count == 0) { break; }
    have += count;
  }
  co_return have;
}

// The name is looked at after the content, as in PocketBase.
awaitable<void> choose_target(const Exchange& exchange, const std::string& client_name,
                              std::string_view head, Received& received) {
  if (!is_plain_zip(head)) {
    received.problem = not_a_zip(client_name, head, exchange.services.parts.random);
    co_return;
  }
  auto name = store::BackupName::parse(client_name);
  if (!name.has_value()) {
    received.problem = bad_name(exchange, client_name, name.error());
    co_return;
  }
  if (too_long_to_look_for(exchange, client_name)) {
    received.problem = exists();
    co_return;
  }
  auto upload = co_await begin(exchange.services, *std::move(name));
  if (upload.has_value()) {
    received.upload = *std::move(upload);
  } else if (upload.error().code == Code::kExists) {
    received.problem = exists();
  } else {
    received.problem = upload_failed(exchange, upload.error());
  }
}

// An error is one of the form; what is wrong with the file or the store is in `received`. The rest
// of a part that is not wanted is skipped by MultipartReader::next().
http::Task<void> receive(const Exchange& exchange, http::MultipartReader& parts,
                         std::string client_name, Received& received) {
  received.has_file = true;
  std::vector<std::byte> block(kWriteBytes);
  const MutableBytes head = MutableBytes{block}.first(kSniffBytes);
  PV_CO_TRY(std::size_t have, co_await read_full(parts, head));
  co_await choose_target(exchange, client_name, as_text(Bytes{block}.first(have)), received);
  bool ended = have < kSniffBytes;
  while (received.upload) {
    if (!ended) {
      const MutableBytes room = MutableBytes{block}.subspan(have);
      PV_CO_TRY(const std::size_t count, co_await read_full(parts, room));
      ended = count < room.size();
      have += count;
    }
    const Bytes bytes = Bytes{block}.first(have);
    const Result<void> written = co_await write(exchange.services, *received.upload, bytes);
    if (!written.has_value()) {
      PV_CO_CHECK(co_await give_up(exchange.services, std::exchange(received.upload, nullptr)));
      received.problem = upload_failed(exchange, written.error());
    }
    have = 0;
    if (ended) { break; }
  }
  co_return Result<void>{};
}

// To the closing boundary: an upload whose form is broken never happened.
http::Task<void> read_parts(const Exchange& exchange, http::MultipartReader& parts,
                            Received& received) {
  for (;;) {
    PV_CO_TRY(const std::optional<http::Part> part, co_await parts.next());
    if (!part) { co_return Result<void>{}; }
    const std::string client_name = part->filename.value_or("");
    if (received.has_file || part->name != "file" || client_name.empty()) { continue; }
    PV_CO_CHECK(co_await receive(exchange, parts, client_name, received));
  }
}

http::Task<store::Backup> commit(const Services& services, std::shared_ptr<store::Upload> upload) {
  std::function<Result<store::Backup>()> work = [upload = std::move(upload)] {
    return upload->commit();
  };
  co_return co_await asking_peer<store::Backup>(services, std::move(work));
}

// Removing gigabytes takes its time, so not here.
void discard(const Services& services, std::shared_ptr<store::Upload> upload) {
  if (upload == nullptr) { return; }
  services.parts.pools.peers.submit([upload = std::move(upload)]() mutable { upload.reset(); });
}

}  // namespace

AnswerTask upload_backup(Exchange& exchange) {
  const std::string content_type = exchange.header("Content-Type");
  auto parts = http::MultipartReader::open(content_type, exchange.body);
  if (!parts.has_value()) { co_return tl::unexpected{no_file()}; }
  Received received;
  const Result<void> whole = co_await read_parts(exchange, **parts, received);
  if (!whole.has_value() || !received.has_file) {
    discard(exchange.services, std::move(received.upload));
    co_return tl::unexpected{no_file()};
  }
  if (received.problem) { co_return tl::unexpected{*std::move(received.problem)}; }
  const auto stored = co_await commit(exchange.services, std::move(received.upload));
  if (stored.has_value()) { co_return empty_answer(204); }
  if (stored.error().code == Code::kExists) { co_return tl::unexpected{exists()}; }
  co_return tl::unexpected{upload_failed(exchange, stored.error())};
}

}  // namespace pv::api
