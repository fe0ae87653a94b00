#include "store/s3_upload.h"

#include <algorithm>

#include "base/text.h"
#include "s3/checksum.h"
#include "s3/sidecar.h"
#include "store/s3_parts.h"

namespace pv::store {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::string_view kNoteTitle = "pocketvault upload\n";
constexpr auto kNoteRenewal = 1h;
// Of each step of discarding an upload once a stop was requested: what stays then is swept later.
constexpr milliseconds kTidyTimeAtStop{400};

s3::NewObject new_object(Random& random, const BackupStore::UploadOptions& options) {
  constexpr std::size_t kNameBytesMax = 255;  // as PocketBase cuts it
  return {std::string{s3::kZipType}, options.original_name.substr(0, kNameBytesMax),
          random_text(random, kLowerAlphanumeric, 24)};
}

// The note of an upload: which uploads the server knows of it. Keys are names, without line breaks.
class Note {
 public:
  Note(S3Bucket& bucket, const std::string& id, std::stop_token stop)
      : bucket_{bucket}, key_{bucket.note_key(id)}, stop_{std::move(stop)} {}

  Result<void> write(const std::vector<const s3::Multipart*>& uploads) {
    text_ = kNoteTitle;
    for (const s3::Multipart* upload : uploads) { text_ += upload->key + "\n" + upload->id + "\n"; }
    return renew();
  }
  // Says that somebody still goes on with it, from time to time.
  Result<void> renew_if_old() {
    if (bucket_.clock.steady_now() - written_ < kNoteRenewal) { return {}; }
    return renew();
  }
  // A note that stays is swept later.
  void remove(std::optional<milliseconds> time_max) {
    if (!text_.empty()) { (void)bucket_.client.remove(key_, {}, time_max); }
    text_.clear();
  }

 private:
  Result<void> renew() {
    written_ = bucket_.clock.steady_now();
    return bucket_.client.put(key_, as_bytes(text_), {}, s3::IfTaken::kReplace, stop_);
  }

  S3Bucket& bucket_;
  const std::string key_;
  const std::stop_token stop_;
  std::string text_;  // "": none
  std::chrono::steady_clock::time_point written_{};
};

class S3Upload final : public Upload {
 public:
  S3Upload(std::shared_ptr<S3Bucket> bucket, BackupName name,
           const BackupStore::UploadOptions& options, std::stop_token stop)
      : bucket_{std::move(bucket)},
        name_{std::move(name)},
        object_{new_object(bucket_->random, options)},
        stop_{std::move(stop)},
        note_{*bucket_, object_.tag, stop_},
        part_bytes_{bucket_->options.part_bytes},
        repeats_{options.repeats} {}

  ~S3Upload() override {
    parts_.reset();
    const auto time_max =
        stop_.stop_requested() ? std::optional{kTidyTimeAtStop} : std::optional<milliseconds>{};
    const bool ended = abort_begun(time_max);
    if (ended) { note_.remove(time_max); }
  }

  [[nodiscard]] Result<void> write(Bytes bytes) override { return take(bytes, std::nullopt); }

  [[nodiscard]] bool can_repeat() const override { return repeats_.has_value(); }
  [[nodiscard]] Result<void> repeat(Bytes bytes, std::uint64_t at) override {
    return take(bytes, at);
  }
  [[nodiscard]] std::uint64_t repeated_bytes() const override {
    return parts_ == nullptr ? 0 : parts_->copied_bytes();
  }

  [[nodiscard]] Result<Backup> commit() override {
    PV_ASSERT(!committed_);
    committed_ = true;
    auto made = publish();
    if (!made.has_value()) {
      if (made.error().code == Code::kCancelled) { take_back(); }
      return fail(made.error().code == Code::kExists ? backup_exists(name_) : made.error());
    }
    main_.reset();
    note_.remove({});
    return Backup{name_, made->size_bytes, made->modified, made->attributes.content_type};
  }

 private:
  // `at`: where the backup that is repeated probably has the same.
  Result<void> take(Bytes bytes, std::optional<std::uint64_t> at) {
    whole_.size_bytes += bytes.size();
    whole_.crc32c = s3::crc32c(bytes, whole_.crc32c);
    while (!bytes.empty()) {
      // A full part is sent when more comes, so that the last one is never empty.
      if (buffer_.size() == part_bytes_) { PV_CHECK(send_part()); }
      if (buffer_.capacity() < part_bytes_) { buffer_.reserve(room_for(bytes.size())); }
      const Bytes step = bytes.first(std::min(bytes.size(), part_bytes_ - buffer_.size()));
      if (buffer_.empty()) { same_from_ = at; }
      if (same_from_ && at != *same_from_ + buffer_.size()) { same_from_.reset(); }
      buffer_ += as_text(step);
      bytes = bytes.subspan(step.size());
      if (at) { *at += step.size(); }
    }
    return {};
  }

  // Small backups do not take a whole part's memory.
  [[nodiscard]] std::size_t room_for(std::size_t more) const {
    constexpr std::size_t kSmall = std::size_t{1} << 20U;
    return buffer_.size() + more <= kSmall ? kSmall : part_bytes_;
  }

  [[nodiscard]] std::string key() const { return bucket_->key_of(name_); }

  Result<s3::Object> publish() {
    PV_TRY(const bool refuses, bucket_->refuses_to_replace(stop_));
    if (refuses) { return create(); }
    const std::lock_guard lock{bucket_->creation};
    const auto there = bucket_->client.head(key(), stop_);
    if (there.has_value()) { return fail(backup_exists(name_)); }
    if (there.error().code != Code::kNotFound) { return fail(there.error()); }
    return create();
  }

  Result<s3::Object> create() {
    constexpr auto kRefuse = s3::IfTaken::kRefuse;
    if (!main_.has_value()) {
      PV_CHECK(bucket_->client.put(key(), as_bytes(buffer_), object_, kRefuse, stop_));
      PV_TRY(s3::Object made, bucket_->client.head(key(), stop_));
      if (made.size_bytes != whole_.size_bytes) {
        return fail(Code::kDamaged, "the server has " + std::to_string(made.size_bytes) +
                                        " bytes where " + std::to_string(whole_.size_bytes) +
                                        " were sent");
      }
      return made;
    }
    PV_CHECK(send_part());
    PV_CHECK(gathering_.has_value() ? end_gathering() : end_plain());
    return bucket_->client.complete(*main_, done_, whole_, object_, kRefuse, stop_);
  }

  Result<void> begin() {
    PV_TRY(main_, bucket_->client.start(key(), object_, check(), stop_));
    if (repeats_) { find_repeated(); }
    parts_ = std::make_unique<S3Parts>(bucket_, bucket_->options.parts_at_once, stop_);
    return note_.write({&*main_});
  }

  // A copied range has no checksum that every server tells right (Client::start).
  [[nodiscard]] s3::Multipart::Check check() const {
    return repeats_ ? s3::Multipart::Check::kMd5 : s3::Multipart::Check::kWhole;
  }

  // Where it is gone by now all is sent.
  void find_repeated() {
    auto there = bucket_->client.head(bucket_->key_of(*repeats_), stop_);
    if (there.has_value()) { repeated_ = *std::move(there); }
  }

  // The part that is in the buffer, in the backup that is repeated.
  [[nodiscard]] std::optional<s3::RangeOf> place_of_same() const {
    constexpr std::size_t kCopiedBytesMin = std::size_t{5} << 20U;  // as S3 wants it
    const std::size_t size_bytes = buffer_.size();
    if (!repeated_ || !same_from_ || size_bytes < std::min(kCopiedBytesMin, part_bytes_) ||
        *same_from_ + size_bytes > repeated_->size_bytes) {
      return std::nullopt;
    }
    return s3::RangeOf{repeated_->key, repeated_->etag, *same_from_, size_bytes};
  }

  Result<void> send_part() {
    if (!main_.has_value()) { PV_CHECK(begin()); }
    PV_CHECK(note_.renew_if_old());
    if (!gathering_.has_value() && next_part_ > bucket_->options.plain_parts_max) {
      PV_CHECK(end_plain());
      PV_CHECK(begin_gathering());
    }
    if (gathering_.has_value() &&
        gathered_bytes_ + buffer_.size() > bucket_->options.gathered_bytes) {
      PV_CHECK(end_gathering());
      PV_CHECK(begin_gathering());
    }
    std::optional<s3::RangeOf> same = place_of_same();
    std::string bytes = std::exchange(buffer_, parts_->take_buffer());
    if (!gathering_.has_value()) {
      return parts_->send(*main_, next_part_++, std::move(bytes), std::move(same));
    }
    gathered_bytes_ += bytes.size();
    gathered_crc_ = s3::crc32c(as_bytes(bytes), gathered_crc_);
    return parts_->send(*gathering_, next_gathered_part_++, std::move(bytes), std::move(same));
  }

  Result<void> end_plain() {
    PV_TRY(done_, parts_->finish());
    return {};
  }

  Result<void> begin_gathering() {
    const std::string id = object_.tag + "." + std::to_string(next_part_);
    PV_TRY(gathering_, bucket_->client.start(bucket_->note_key(id), {}, check(), stop_));
    gathered_bytes_ = 0;
    gathered_crc_ = 0;
    next_gathered_part_ = 1;
    return note_.write({&*main_, &*gathering_});
  }

  // Makes one part of what was gathered.
  Result<void> end_gathering() {
    s3::Client& client = bucket_->client;
    PV_TRY(const std::vector<s3::Part> parts, parts_->finish());
    PV_TRY(const s3::Object made,
           client.complete(*gathering_, parts, {gathered_bytes_, gathered_crc_}, {},
                           s3::IfTaken::kReplace, stop_));
    PV_TRY(s3::Part part,
           client.copy_part(*main_, next_part_, {made.key, made.etag, 0, made.size_bytes}, stop_));
    PV_CHECK(client.remove(made.key, stop_));
    ++next_part_;
    done_.push_back(std::move(part));
    gathering_.reset();
    return {};
  }

  // The server may have made it though its answer was not waited for. Where that can't be told
  // soon, a whole backup stays that nobody waits for.
  void take_back() {
    const auto there = bucket_->client.head(key(), {}, kTidyTimeAtStop);
    if (!there.has_value() || there->tag != object_.tag) { return; }
    (void)bucket_->client.remove(key(), {}, kTidyTimeAtStop);
    main_.reset();
  }

  // Whether nothing is left on the server.
  bool abort_begun(std::optional<milliseconds> time_max) {
    bool ended = true;
    for (std::optional<s3::Multipart>* upload : {&gathering_, &main_}) {
      if (!upload->has_value() || !ended) { continue; }
      ended = bucket_->client.abort(**upload, {}, time_max).has_value();
    }
    return ended;
  }

  const std::shared_ptr<S3Bucket> bucket_;
  const BackupName name_;
  const s3::NewObject object_;
  const std::stop_token stop_;
  Note note_;
  const std::size_t part_bytes_;
  const std::optional<BackupName> repeats_;
  std::optional<s3::Object> repeated_;  // that one, once parts are sent
  std::string buffer_;
  std::optional<std::uint64_t> same_from_;  // all of the buffer probably lies there
  s3::Whole whole_;
  bool committed_ = false;

  std::optional<s3::Multipart> main_;  // none while all fits into the buffer, and once complete
  std::vector<s3::Part> done_;
  int next_part_ = 1;
  std::optional<s3::Multipart> gathering_;  // an object that becomes one part
  std::uint64_t gathered_bytes_ = 0;
  std::uint32_t gathered_crc_ = 0;
  int next_gathered_part_ = 1;
  std::unique_ptr<S3Parts> parts_;
};

}  // namespace

std::unique_ptr<Upload> make_s3_upload(std::shared_ptr<S3Bucket> bucket, const BackupName& name,
                                       const BackupStore::UploadOptions& options,
                                       std::stop_token stop) {
  return std::make_unique<S3Upload>(std::move(bucket), name, options, std::move(stop));
}

Result<void> abort_noted(S3Bucket& bucket, std::string_view note, const std::stop_token& stop) {
  if (!note.starts_with(kNoteTitle)) { return fail(Code::kInvalid, "no note of an upload"); }
  note.remove_prefix(kNoteTitle.size());
  while (!note.empty()) {
    const std::size_t first = note.find('\n');
    const std::size_t second = first == note.npos ? note.npos : note.find('\n', first + 1);
    if (second == note.npos) { return fail(Code::kInvalid, "half a note of an upload"); }
    const s3::Multipart upload{std::string{note.substr(0, first)},
                               std::string{note.substr(first + 1, second - first - 1)},
                               s3::Multipart::Check::kMd5};
    PV_CHECK(bucket.client.abort(upload, stop));
    note.remove_prefix(second + 1);
  }
  return {};
}

}  // namespace pv::store
