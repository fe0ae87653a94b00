#include "store/s3_store.h"

#include <algorithm>

#include "base/text.h"
#include "store/s3_source.h"
#include "store/s3_upload.h"

namespace pv::store {
namespace {

Error backup_missing(const BackupName& name) {
  return {Code::kNotFound, "there is no backup " + printable(name.text())};
}

class S3Store final : public BackupStore {
 public:
  S3Store(std::shared_ptr<S3Bucket> bucket, std::stop_token stop)
      : bucket_{std::move(bucket)}, stop_{std::move(stop)} {}

  [[nodiscard]] Result<std::vector<Backup>> list() override {
    PV_TRY(const std::vector<s3::Object> objects, list_all(bucket_->options.prefix));
    std::vector<Backup> backups;
    for (const s3::Object& object : objects) {
      const std::string_view key =
          std::string_view{object.key}.substr(bucket_->options.prefix.size());
      const auto name = BackupName::parse(key);  // fails for "folder/", which is no backup
      if (!name.has_value() || key.starts_with(kS3NotesFolder)) { continue; }
      backups.push_back({*name, object.size_bytes, object.modified, {}});
    }
    std::sort(backups.begin(), backups.end(),
              [](const Backup& a, const Backup& b) { return a.name < b.name; });
    return backups;
  }

  [[nodiscard]] Result<Backup> stat(const BackupName& name) override {
    PV_TRY(const s3::Object object, find(name));
    return Backup{name, object.size_bytes, object.modified, object.attributes.content_type};
  }

  [[nodiscard]] Result<std::unique_ptr<Source>> open(const BackupName& name) override {
    PV_TRY(s3::Object object, find(name));
    return make_s3_source(bucket_, std::move(object), stop_);
  }

  [[nodiscard]] Result<std::unique_ptr<Upload>> create(const BackupName& name,
                                                       const UploadOptions& options) override {
    const auto there = find(name);
    if (there.has_value()) { return fail(backup_exists(name)); }
    if (there.error().code != Code::kNotFound) { return fail(there.error()); }
    return make_s3_upload(bucket_, name, options, stop_);
  }

  // Removing what is not there is no error to S3: so it is looked at first.
  [[nodiscard]] Result<void> remove(const BackupName& name) override {
    PV_CHECK(find(name));
    return bucket_->client.remove(bucket_->key_of(name), stop_);
  }

  [[nodiscard]] Result<std::size_t> sweep() override {
    PV_TRY(const std::vector<s3::Object> notes, list_all(bucket_->note_key("")));
    std::size_t ended = 0;
    for (const s3::Object& note : notes) {
      if (bucket_->client.server_now() - note.modified < bucket_->options.abandoned_after) {
        continue;
      }
      PV_CHECK(end_abandoned(note));
      ++ended;
    }
    return ended;
  }

  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override {
    return std::optional<std::uint64_t>{};
  }

  [[nodiscard]] bool is_remote() override { return true; }

  [[nodiscard]] std::unique_ptr<BackupStore> until(std::stop_token stop) override {
    return std::make_unique<S3Store>(bucket_, std::move(stop));
  }

  [[nodiscard]] std::optional<Extent> extent() override {
    return Extent{.bucket = bucket_->place, .start = bucket_->options.prefix};
  }

  [[nodiscard]] std::string describe() const override {
    const std::string& prefix = bucket_->options.prefix;
    return bucket_->client.describe() + (prefix.empty() ? "" : ", under " + printable(prefix));
  }

 private:
  Result<s3::Object> find(const BackupName& name) {
    auto object = bucket_->client.head(bucket_->key_of(name), stop_);
    if (!object.has_value() && object.error().code == Code::kNotFound) {
      return fail(backup_missing(name));
    }
    return object;
  }

  Result<std::vector<s3::Object>> list_all(const std::string& prefix) {
    constexpr int kPagesMax = 1'000;
    std::vector<s3::Object> objects;
    std::string from;
    for (int pages = 0; pages < kPagesMax; ++pages) {
      PV_TRY(s3::ListPage page, bucket_->client.list(prefix, from, stop_));
      for (s3::Object& object : page.objects) {
        // Whatever the server lists, a key without the prefix is none of ours.
        if (object.key.starts_with(prefix)) { objects.push_back(std::move(object)); }
      }
      if (page.next.empty()) { return objects; }
      from = std::move(page.next);
    }
    return fail(Code::kInvalid, describe() +
                                    ": its list does not end after 1,000 pages; give the "
                                    "backups a bucket or a prefix of their own");
  }

  // A note, what was gathered for a part, or what was used to try the server.
  Result<void> end_abandoned(const s3::Object& object) {
    constexpr std::uint64_t kNoteBytesMax = 16 << 10;
    if (object.size_bytes > 0 && object.size_bytes <= kNoteBytesMax) {
      std::string text(static_cast<std::size_t>(object.size_bytes), '\0');
      PV_CHECK(bucket_->client.read({object.key, object.etag, 0, object.size_bytes},
                                    std::as_writable_bytes(std::span{text}), stop_));
      const auto ended = abort_noted(*bucket_, text, stop_);
      if (!ended.has_value() && ended.error().code != Code::kInvalid) { return ended; }
    }
    return bucket_->client.remove(object.key, stop_);
  }

  const std::shared_ptr<S3Bucket> bucket_;
  const std::stop_token stop_;
};

}  // namespace

Result<bool> S3Bucket::refuses_to_replace(const std::stop_token& stop) {
  const std::lock_guard lock{mutex_};
  if (!refuses_.has_value()) {
    const std::string scratch = note_key(random_text(random, kLowerAlphanumeric, 24));
    PV_TRY(refuses_, client.refuses_to_replace(scratch, stop));
  }
  return *refuses_;
}

std::string place_of(const s3::Address& address) {
  const std::string& host = address.host();
  const bool names_bucket = host.starts_with(address.bucket() + ".");
  return (names_bucket ? host.substr(address.bucket().size() + 1) : host) + "/" + address.bucket();
}

Error backup_exists(const BackupName& name) {
  return {Code::kExists, "there is already a backup " + printable(name.text())};
}

std::unique_ptr<BackupStore> make_s3_store(s3::Options options, S3StoreOptions store_options) {
  return std::make_unique<S3Store>(
      std::make_shared<S3Bucket>(std::move(options), std::move(store_options)), std::stop_token{});
}

}  // namespace pv::store
