// The objects of one S3 bucket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "s3/options.h"
#include "s3/requester.h"

namespace pv::s3 {

// What is kept with an object beside its bytes.
struct Attributes {
  std::string content_type;
  std::string original_name;  // as PocketBase keeps it, decoded; "": none
  friend bool operator==(const Attributes&, const Attributes&) = default;
};

struct Object {
  std::string key;
  std::uint64_t size_bytes = 0;
  WallTime modified;           // by the server's clock, whole seconds
  std::string etag;            // with its quotes
  Attributes attributes = {};  // by head() only
  std::string tag = {};        // NewObject::tag, by head() only
};

struct ListPage {
  std::vector<Object> objects;  // as the server orders them
  std::string next;             // where the next page starts; "": this is the last
};

// What is kept with a new object.
struct NewObject {
  std::string content_type = "application/octet-stream";
  std::string original_name;  // as PocketBase keeps it; "": none
  // Different for each attempt to make an object: tells whether the one that is there is ours when
  // a reply was lost. "": not asked for.
  std::string tag;
};

// Whether an object of the same key may be replaced. kRefuse where the server knows conditions; a
// server that does not know If-None-Match replaces: see refuses_to_replace().
enum class IfTaken { kReplace, kRefuse };

// An upload in parts, known to the server.
struct Multipart {
  // How the server checks what it gets: the CRC32C of the whole object; of each part; or the MD5 of
  // each part, which every server knows.
  enum class Check { kWhole, kParts, kMd5 };
  std::string key;
  std::string id;
  Check check = Check::kMd5;
};

// A part that the server has.
struct Part {
  int number = 0;  // from 1, at most 10,000
  std::string etag;
  std::string crc32c;  // base64; "" where the server does not tell
  std::string md5;     // 16 bytes, where Multipart::check is kMd5 and we sent it
};

struct Whole {
  std::uint64_t size_bytes = 0;
  std::uint32_t crc32c = 0;
};

// A range of an object that is there.
struct RangeOf {
  std::string key;
  std::string etag;  // kDamaged when the object has another one now
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

// Threads    Any method, from any thread.
// Errors     As Requester's. kExists: the key is taken. kDamaged: bytes were changed on their way
//            each time, or the object changed.
// Limits     Every call ends: Limits, or sooner by `time_max`, for what one can do without. A part
// or
//            a small object is at most 5 GiB.
class Client {
 public:
  explicit Client(Options options);

  // At most 1,000 objects whose keys start with `prefix`. `from`: ListPage::next of the page
  // before.
  [[nodiscard]] Result<ListPage> list(const std::string& prefix, const std::string& from,
                                      std::stop_token stop = {});
  [[nodiscard]] Result<Object> head(
      const std::string& key, std::stop_token stop = {},
      std::optional<std::chrono::milliseconds> time_max = std::nullopt);

  // Fills `into` with the bytes from range.offset on; range.size_bytes is its size, not 0. When the
  // connection breaks it asks for what is missing. What is kept with the object comes along.
  [[nodiscard]] Result<Attributes> read(const RangeOf& range, MutableBytes into,
                                        std::stop_token stop = {});

  [[nodiscard]] Result<void> put(const std::string& key, Bytes bytes, const NewObject& object,
                                 IfTaken if_taken, std::stop_token stop = {});
  // Fine where there is none.
  [[nodiscard]] Result<void> remove(
      const std::string& key, std::stop_token stop = {},
      std::optional<std::chrono::milliseconds> time_max = std::nullopt);

  // `most`: what the server is asked for at most. Where ranges of objects are to be copied it must
  // be kMd5: versitygw 1.8 gives a copied range the checksum of the whole object it is from.
  [[nodiscard]] Result<Multipart> start(const std::string& key, const NewObject& object,
                                        Multipart::Check most = Multipart::Check::kWhole,
                                        std::stop_token stop = {});
  // Each but the last at least 5 MiB.
  [[nodiscard]] Result<Part> put_part(const Multipart& upload, int number, Bytes bytes,
                                      std::stop_token stop = {});
  // From an object of this bucket, without the bytes coming here: 5 MiB to 5 GiB.
  [[nodiscard]] Result<Part> copy_part(
      const Multipart& upload, int number, const RangeOf& range, std::stop_token stop = {},
      std::optional<std::chrono::milliseconds> time_max = std::nullopt);
  // `parts` ascending. After it the object is there, and its size has been checked.
  [[nodiscard]] Result<Object> complete(const Multipart& upload, const std::vector<Part>& parts,
                                        const Whole& whole, const NewObject& object,
                                        IfTaken if_taken, std::stop_token stop = {});
  // Fine where there is none.
  [[nodiscard]] Result<void> abort(
      const Multipart& upload, std::stop_token stop = {},
      std::optional<std::chrono::milliseconds> time_max = std::nullopt);

  // Whether the server keeps to If-None-Match: tried with the object `scratch`, which is removed.
  [[nodiscard]] Result<bool> refuses_to_replace(const std::string& scratch,
                                                std::stop_token stop = {});

  [[nodiscard]] WallTime server_now() const { return requester_.server_now(); }
  [[nodiscard]] std::string describe() const { return requester_.options().address.describe(); }

 private:
  [[nodiscard]] Result<curl::Reply> send_conditionally(Call call, const NewObject& object,
                                                       IfTaken if_taken, std::stop_token stop);
  Requester requester_;
};

}  // namespace pv::s3
