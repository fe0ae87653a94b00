#include "s3/client.h"

#include <cstring>

#include "base/text.h"
#include "s3/answers.h"
#include "s3/checksum.h"

namespace pv::s3 {
namespace {

constexpr const char* kCrcHeader = "x-amz-checksum-crc32c";
constexpr const char* kNewOnly = "If-None-Match";

std::string range_header(std::uint64_t offset, std::uint64_t size_bytes) {
  return "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size_bytes - 1);
}

void append_object_headers(std::vector<curl::Header>& headers, const NewObject& object) {
  headers.emplace_back("Content-Type", object.content_type);
  if (!object.original_name.empty()) {
    headers.emplace_back(kOriginalNameHeader, curl::escape(object.original_name));
  }
  if (!object.tag.empty()) { headers.emplace_back("x-amz-meta-pocketvault-upload", object.tag); }
}

// What a ranged read has got so far, over all its tries.
class Received final : public Sink {
 public:
  Received(const RangeOf& range, MutableBytes into) : range_{range}, into_{into} {}

  [[nodiscard]] Result<void> write(Bytes bytes) override {
    if (bytes.size() > into_.size() - count_) {
      return fail(Code::kDamaged, "the server sends more than it was asked for");
    }
    std::memcpy(into_.data() + count_, bytes.data(), bytes.size());
    count_ += bytes.size();
    return {};
  }
  [[nodiscard]] std::string missing() const {
    return range_header(range_.offset + count_, into_.size() - count_);
  }
  [[nodiscard]] Result<void> check(int status, const std::vector<curl::Header>& headers) const {
    const std::string start = "bytes " + std::to_string(range_.offset + count_) + "-";
    const auto range = curl::find_header(headers, "Content-Range");
    if (status == 206 && range.has_value() && range->starts_with(start)) { return {}; }
    return fail(Code::kUnsupported, "the server does not send the range that it was asked for");
  }
  [[nodiscard]] bool is_complete() const { return count_ == into_.size(); }

 private:
  const RangeOf& range_;
  const MutableBytes into_;
  std::size_t count_ = 0;
};

// What a server that knows no other checksum gives an object in parts: the MD5 of their MD5s. One
// that encrypts gives something else, which may look just so: then the ETags of its parts are no
// MD5s either.
Result<void> check_etag(const std::string& etag, const std::vector<Part>& parts) {
  std::string all;
  for (const Part& part : parts) {
    const bool is_md5 = !part.md5.empty() && bare_etag(part.etag) == to_hex(as_bytes(part.md5));
    if (!is_md5) { return {}; }
    all += part.md5;
  }
  const std::string count = "-" + std::to_string(parts.size());
  const std::string expected = to_hex(as_bytes(md5(as_bytes(all)))) + count;
  const std::string_view given = bare_etag(etag);
  if (given.size() != expected.size() || !given.ends_with(count) || given == expected) {
    return {};
  }
  return fail(Code::kDamaged, "the server has other bytes than were sent: its ETag is " +
                                  printable(given) + " and not " + expected);
}

Error changed(const std::string& key) {
  return {Code::kDamaged, printable(key) + " was changed while it was read"};
}

}  // namespace

Client::Client(Options options) : requester_{std::move(options)} {}

Result<ListPage> Client::list(const std::string& prefix, const std::string& from,
                              std::stop_token stop) {
  Call call;
  call.query = {{"list-type", "2"}, {"max-keys", "1000"}, {"encoding-type", "url"}};
  if (!prefix.empty()) { call.query.emplace_back("prefix", prefix); }
  if (!from.empty()) { call.query.emplace_back("continuation-token", from); }
  PV_TRY(const curl::Reply reply, requester_.send(call, stop));
  return parse_list(reply.body);
}

Result<Object> Client::head(const std::string& key, std::stop_token stop,
                            std::optional<std::chrono::milliseconds> time_max) {
  Call call;
  call.time_max = time_max;
  call.method = "HEAD";
  call.key = key;
  PV_TRY(const curl::Reply reply, requester_.send(call, stop));
  return object_of_headers(key, reply.headers);
}

Result<Attributes> Client::read(const RangeOf& range, MutableBytes into, std::stop_token stop) {
  PV_ASSERT(into.size() == range.size_bytes && !into.empty());
  Attributes attributes;
  Received received{range, into};
  Call call;
  call.key = range.key;
  call.is_transfer = true;
  call.sink = &received;
  call.before_try = [&](std::vector<curl::Header>& headers) {
    headers.emplace_back("Range", received.missing());
    headers.emplace_back("If-Match", range.etag);
  };
  call.on_answer = [&](int status, const std::vector<curl::Header>& headers) {
    attributes = attributes_of_headers(headers);
    return received.check(status, headers);
  };
  const auto reply = requester_.send(call, stop);
  if (!reply.has_value()) {
    return fail(reply.error().code == Code::kExists ? changed(range.key) : reply.error());
  }
  if (!received.is_complete()) {
    return fail(Code::kDamaged,
                "the server sends less of " + printable(range.key) + " than there is");
  }
  return attributes;
}

// Where a reply was lost, the object that stands in the way, or has taken the upload's place, may
// be our own. Where the server does not know the condition, it is left out.
Result<curl::Reply> Client::send_conditionally(Call call, const NewObject& object, IfTaken if_taken,
                                               std::stop_token stop) {
  if (if_taken == IfTaken::kRefuse) { call.headers.emplace_back(kNewOnly, "*"); }
  int tries = 0;
  auto reply = requester_.send(call, stop, &tries);
  if (reply.has_value()) { return reply; }
  const Code code = reply.error().code;
  if (code == Code::kUnsupported && if_taken == IfTaken::kRefuse) {
    call.headers.pop_back();
    return send_conditionally(std::move(call), object, IfTaken::kReplace, stop);
  }
  const bool may_be_ours = code == Code::kExists || code == Code::kNotFound;
  if (tries > 1 && may_be_ours && !object.tag.empty()) {
    const auto there = head(call.key, stop);
    if (there.has_value() && there->tag == object.tag) { return curl::Reply{200, {}, {}}; }
  }
  return reply;
}

Result<void> Client::put(const std::string& key, Bytes bytes, const NewObject& object,
                         IfTaken if_taken, std::stop_token stop) {
  Call call;
  call.method = "PUT";
  call.key = key;
  call.body = bytes;
  call.is_transfer = true;
  append_object_headers(call.headers, object);
  call.headers.emplace_back("Content-MD5", to_base64(as_bytes(md5(bytes))));
  call.headers.emplace_back(kCrcHeader, crc32c_text(crc32c(bytes)));
  PV_CHECK(send_conditionally(std::move(call), object, if_taken, stop));
  return {};
}

Result<void> Client::remove(const std::string& key, std::stop_token stop,
                            std::optional<std::chrono::milliseconds> time_max) {
  Call call;
  call.time_max = time_max;
  call.method = "DELETE";
  call.key = key;
  const auto reply = requester_.send(call, stop);
  if (!reply.has_value() && reply.error().code != Code::kNotFound) { return fail(reply.error()); }
  return {};
}

Result<Multipart> Client::start(const std::string& key, const NewObject& object,
                                Multipart::Check most, std::stop_token stop) {
  Call call;
  call.method = "POST";
  call.key = key;
  call.query = {{"uploads", ""}};
  append_object_headers(call.headers, object);
  const std::size_t plain = call.headers.size();
  if (most != Multipart::Check::kMd5) {
    call.headers.emplace_back("x-amz-checksum-algorithm", "CRC32C");
    const bool is_whole = most == Multipart::Check::kWhole;
    call.headers.emplace_back("x-amz-checksum-type", is_whole ? "FULL_OBJECT" : "COMPOSITE");
  }
  auto reply = requester_.send(call, stop);
  if (!reply.has_value() && call.headers.size() > plain &&
      (reply.error().code == Code::kUnsupported || reply.error().code == Code::kInvalid)) {
    call.headers.resize(plain);  // a server that knows no such checksums, and says so
    reply = requester_.send(call, stop);
  }
  if (!reply.has_value()) { return fail(reply.error()); }
  Multipart upload{key, {}, Multipart::Check::kMd5};
  PV_TRY(upload.id, parse_upload_id(reply->body));
  if (curl::find_header(reply->headers, "x-amz-checksum-algorithm") == "CRC32C") {
    const bool is_whole = curl::find_header(reply->headers, "x-amz-checksum-type") == "FULL_OBJECT";
    upload.check = is_whole ? Multipart::Check::kWhole : Multipart::Check::kParts;
  }
  return upload;
}

Result<Part> Client::put_part(const Multipart& upload, int number, Bytes bytes,
                              std::stop_token stop) {
  Part part;
  part.number = number;
  Call call;
  call.method = "PUT";
  call.key = upload.key;
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
  call.body = bytes;
  call.is_transfer = true;
  const std::string crc = crc32c_text(crc32c(bytes));
  if (upload.check == Multipart::Check::kMd5) {
    part.md5 = md5(bytes);
    call.headers.emplace_back("Content-MD5", to_base64(as_bytes(part.md5)));
  } else {
    call.headers.emplace_back(kCrcHeader, crc);
  }
  PV_TRY(const curl::Reply reply, requester_.send(call, stop));
  part.etag = curl::find_header(reply.headers, "ETag").value_or("");
  if (part.etag.empty()) { return fail(Code::kInvalid, "the server took a part without ETag"); }
  const auto echoed = curl::find_header(reply.headers, kCrcHeader);
  if (upload.check != Multipart::Check::kMd5) { part.crc32c = crc; }
  if (echoed.has_value() && *echoed != crc) {
    return fail(Code::kDamaged, "the server has other bytes than were sent: their CRC32C is " +
                                    printable(*echoed) + " and not " + crc);
  }
  return part;
}

Result<Part> Client::copy_part(const Multipart& upload, int number, const RangeOf& range,
                               std::stop_token stop,
                               std::optional<std::chrono::milliseconds> time_max) {
  Call call;
  call.time_max = time_max;
  call.method = "PUT";
  call.key = upload.key;
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
  call.headers = {{"x-amz-copy-source",
                   encode_path("/" + requester_.options().address.bucket() + "/" + range.key)},
                  {"x-amz-copy-source-if-match", range.etag},
                  {"x-amz-copy-source-range", range_header(range.offset, range.size_bytes)}};
  call.is_transfer = true;
  call.is_long_work = !time_max.has_value();
  const auto reply = requester_.send(call, stop);
  if (!reply.has_value()) {
    return fail(reply.error().code == Code::kExists ? changed(range.key) : reply.error());
  }
  PV_TRY(Part part, parse_copied_part(reply->body));
  part.number = number;
  // versitygw tells one that the upload does not have.
  if (upload.check == Multipart::Check::kMd5) { part.crc32c.clear(); }
  return part;
}

Result<Object> Client::complete(const Multipart& upload, const std::vector<Part>& parts,
                                const Whole& whole, const NewObject& object, IfTaken if_taken,
                                std::stop_token stop) {
  const std::string body = completion_of(parts);
  const std::string crc = crc32c_text(whole.crc32c);
  Call call;
  call.method = "POST";
  call.key = upload.key;
  call.query = {{"uploadId", upload.id}};
  call.body = as_bytes(body);
  call.is_transfer = true;
  call.is_long_work = true;
  call.headers = {{"Content-Type", "application/xml"}};
  if (upload.check == Multipart::Check::kWhole) {
    call.headers.emplace_back(kCrcHeader, crc);
    call.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
    call.headers.emplace_back("x-amz-mp-object-size", std::to_string(whole.size_bytes));
  }
  PV_TRY(const curl::Reply reply, send_conditionally(std::move(call), object, if_taken, stop));
  if (!reply.body.empty()) {
    PV_TRY(const Completed completed, parse_completed(reply.body));
    PV_CHECK(check_etag(completed.etag, parts));
    const bool is_known = upload.check == Multipart::Check::kWhole && !completed.crc32c.empty();
    if (is_known && completed.crc32c != crc) {
      return fail(Code::kDamaged, "the server has other bytes than were sent: their CRC32C is " +
                                      printable(completed.crc32c) + " and not " + crc);
    }
  }
  PV_TRY(Object made, head(upload.key, stop));
  if (made.size_bytes != whole.size_bytes) {
    return fail(Code::kDamaged, "the server has " + std::to_string(made.size_bytes) +
                                    " bytes where " + std::to_string(whole.size_bytes) +
                                    " were sent");
  }
  return made;
}

Result<void> Client::abort(const Multipart& upload, std::stop_token stop,
                           std::optional<std::chrono::milliseconds> time_max) {
  Call call;
  call.time_max = time_max;
  call.method = "DELETE";
  call.key = upload.key;
  call.query = {{"uploadId", upload.id}};
  const auto reply = requester_.send(call, stop);
  if (!reply.has_value() && reply.error().code != Code::kNotFound) { return fail(reply.error()); }
  return {};
}

Result<bool> Client::refuses_to_replace(const std::string& scratch, std::stop_token stop) {
  PV_CHECK(put(scratch, {}, {}, IfTaken::kReplace, stop));
  Call call;
  call.method = "PUT";
  call.key = scratch;
  call.headers = {{kNewOnly, "*"}};
  const auto second = requester_.send(call, stop);
  PV_CHECK(remove(scratch, stop));
  if (!second.has_value() && second.error().code != Code::kExists &&
      second.error().code != Code::kUnsupported) {
    return fail(second.error());
  }
  return !second.has_value() && second.error().code == Code::kExists;
}

}  // namespace pv::s3
