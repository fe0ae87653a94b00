#include "jobs/bucket_files.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "jobs/data_facts.h"
#include "jobs/selection.h"
#include "places/bucket.h"
#include "s3/sidecar.h"
#include "s3/signature.h"
#include "sqlite/guard.h"
#include "zip/previous.h"

namespace pv::jobs {
namespace {

constexpr std::string_view kStorage = "storage/";
constexpr std::uint32_t kMode = 0100644;  // objects have none
constexpr std::size_t kAtOnce = 12;

std::string entry_name(const std::string& key) { return std::string{kStorage} + key; }
std::string sidecar_name(const std::string& name) { return name + std::string{s3::kSidecarSuffix}; }

// nullopt: the files are on this machine.
Result<std::optional<s3::Options>> bucket_of_files(const settings::Settings& settings,
                                                   const VaultOptions& options) {
  if (!settings.storage_s3.enabled) { return std::nullopt; }
  PV_TRY(s3::Options bucket, places::bucket_of(settings.storage_s3));
  bucket.limits.at_once = kAtOnce + 2;  // and the list, and who reads by itself
  if (options.tune_bucket) { options.tune_bucket(bucket); }
  return bucket;
}

// Whether the store with that prefix would list it. Other keys below it are the app's, however
// alike their names are: "shopping/a.jpg" for "shop".
bool is_backup_below(std::string_view key, std::string_view prefix) {
  return !prefix.empty() && key.starts_with(prefix) && key.ends_with(".zip");
}

// The first 128 bits of its SHA-256, as two numbers.
std::pair<std::uint64_t, std::uint64_t> numbers_of(std::string_view text) {
  constexpr std::size_t kDigits = 16;
  const std::string hash = s3::sha256_hex(as_bytes(text));
  std::pair<std::uint64_t, std::uint64_t> numbers;
  std::from_chars(&hash[0], &hash[kDigits], numbers.first, 16);
  std::from_chars(&hash[kDigits], &hash[2 * kDigits], numbers.second, 16);
  return numbers;
}

}  // namespace

// ----------------------------------------------------------------------------------- the backup

BucketFiles::BucketFiles(const Parts& parts, Job& job, const BackupOrder& order)
    : job_{job}, options_{parts.options} {
  if (!order.include_s3_storage) { return; }
  auto bucket = find_bucket(parts);
  auto exclude = exclusions_of(order);
  if (!bucket.has_value() || !exclude.has_value()) {
    const Error& why = bucket.has_value() ? exclude.error() : bucket.error();
    job_.warn(
        {"", "files that the app keeps in an S3 bucket, if it does, are not in this backup: " +
                 why.what});
    return;
  }
  if (!*bucket) { return; }
  exclude_ = *std::move(exclude);
  client_ = std::make_unique<s3::Client>(**std::move(bucket));
  place_ = numbers_of(client_->describe()).first;
  listing_ = std::async(std::launch::async, [this] {
    return objects::take_inventory(
        *client_, [this](const s3::Object& object) { return wants(object); }, stop_.get_token());
  });
}

BucketFiles::~BucketFiles() { stop_.request_stop(); }

Result<std::optional<s3::Options>> BucketFiles::find_bucket(const Parts& parts) {
  PV_TRY(const settings::Settings settings,
         parts.directory.read<settings::Settings>([&](sqlite::Connection& data) {
           return settings::read(data, options_.encryption_key);
         }));
  return bucket_of_files(settings, options_);
}

// On the listing's thread.
bool BucketFiles::wants(const s3::Object& object) {
  const std::string& key = object.key;
  // Backups, and what we keep beside them, where they share the bucket: PocketBase and we keep them
  // at its root, or below a prefix.
  const bool is_at_root = key.find('/') == std::string::npos;
  if ((is_at_root && key.ends_with(".zip")) || key.starts_with(".pocketvault-upload/")) {
    return false;
  }
  const std::string bucket = client_->describe();
  for (const BackupsPlace& place : options_.backups_places) {
    if (place.bucket == bucket && is_backup_below(key, place.prefix)) { return false; }
  }
  const std::string name = entry_name(key);
  const auto covers = [&](const Glob& glob) { return glob.covers(name); };
  if (std::none_of(exclude_.begin(), exclude_.end(), covers)) { return true; }
  ++left_out_.files;
  left_out_.bytes += object.size_bytes;
  if (left_out_.names.size() < snapshot::LeftOut::kNamesMax) {
    left_out_.names.push_back(printable(name));
  }
  return false;
}

Result<void> BucketFiles::wait_for_list() {
  const std::stop_callback cancel{job_.stop_token(), [this] { stop_.request_stop(); }};
  auto listed = listing_.get();
  PV_CHECK(go_on(job_));
  if (!listed.has_value()) {
    leave_out(listed.error());
    return {};
  }
  inventory_ = *std::move(listed);
  for (const objects::Refused& refused : inventory_.refused) {
    job_.warn({printable(entry_name(refused.key)), "left out: " + refused.why});
  }
  if (inventory_.refused_count > inventory_.refused.size()) {
    job_.warn({"", "left out of " + client_->describe() + " in all: " +
                       std::to_string(inventory_.refused_count) + " objects that can't be files"});
  }
  job_.report([&](Report& report) {
    report.left_out.files += left_out_.files;
    report.left_out.bytes += left_out_.bytes;
    for (std::string& name : left_out_.names) {
      if (report.left_out.names.size() < snapshot::LeftOut::kNamesMax) {
        report.left_out.names.push_back(std::move(name));
      }
    }
  });
  return {};
}

void BucketFiles::leave_out(const Error& why) {
  job_.warn({"", "the app's files in its bucket are not in this backup: " + why.what});
  inventory_ = {};
  is_left_out_ = true;
}

const s3::Object* BucketFiles::find(std::string_view key) const {
  const auto at = std::ranges::lower_bound(inventory_.objects, key, {}, &s3::Object::key);
  return at != inventory_.objects.end() && at->key == key ? &*at : nullptr;
}

bool BucketFiles::has(const std::string& name) const {
  if (!name.starts_with(kStorage)) { return false; }
  const std::string_view key = std::string_view{name}.substr(kStorage.size());
  return find(key) != nullptr ||
         (key.ends_with(s3::kSidecarSuffix) &&
          find(key.substr(0, key.size() - s3::kSidecarSuffix.size())) != nullptr);
}

// Two changes within a second that leave an object its size have other ETags, unless the server
// makes these of nothing; so the rule for files is kept to here.
std::optional<zip::SourceIdentity> BucketFiles::identity_of(const s3::Object& object) const {
  constexpr std::chrono::seconds kTick{3};
  if (object.etag.empty() || object.modified + kTick > client_->server_now()) {
    return std::nullopt;
  }
  const auto [first, second] = numbers_of(object.etag);
  return zip::SourceIdentity{.device = place_,
                             .inode = first,
                             .size_bytes = object.size_bytes,
                             .modified_ns = object.modified.time_since_epoch().count(),
                             .changed_ns = static_cast<std::int64_t>(second)};
}

Result<void> BucketFiles::add_to(zip::ZipWriter& writer, const Chain& chain, bool paranoid) {
  constexpr std::uint64_t kSidecarBytes = 256;  // about
  using Ahead = objects::ReadAhead::Ahead;
  const objects::ReadAheadLimits limits{.at_once = kAtOnce};
  read_ahead_ = std::make_unique<objects::ReadAhead>(*client_, limits, job_.stop_token());
  for (const s3::Object& object : inventory_.objects) {
    zip::EntryMeta content{.name = entry_name(object.key),
                           .mode = kMode,
                           .modified = object.modified,
                           .expected_bytes = object.size_bytes,
                           .identity = identity_of(object),
                           .is_object = true};
    zip::EntryMeta sidecar = content;
    sidecar.name = sidecar_name(content.name);
    sidecar.expected_bytes = kSidecarBytes;
    if (sidecar.identity) { sidecar.identity->size_bytes.reset(); }
    const bool is_known = !paranoid && chain.previous != nullptr && !chain.is_far &&
                          content.identity &&
                          chain.previous->has_state(content.name, *content.identity);
    auto openers = read_ahead_->add(object, is_known ? Ahead::kNo : Ahead::kYes);
    PV_CHECK(writer.add(std::move(content), std::move(openers.content)));
    PV_CHECK(writer.add(std::move(sidecar), std::move(openers.sidecar)));
  }
  return {};
}

void BucketFiles::tell(const zip::ArchiveReport& archive) {
  std::uint64_t lost_files = 0;
  std::uint64_t lost_bytes = 0;
  for (const zip::EntryReport& entry : archive.entries) {
    if (!entry.skipped || !entry.name.starts_with(kStorage)) { continue; }
    const s3::Object* object = find(std::string_view{entry.name}.substr(kStorage.size()));
    if (object == nullptr) { continue; }
    ++lost_files;
    lost_bytes += object->size_bytes;
  }
  job_.report([&](Report& report) {
    report.bucket = client_->describe();
    report.bucket_files = inventory_.objects.size() - lost_files;
    report.bucket_bytes = inventory_.bytes - lost_bytes;
  });
}

// ---------------------------------------------------------------------------------- the restore

// The objects of a plan without the side files, which tell of them.
class BucketRestore::Files final : public objects::Incoming {
 public:
  Files(const ZipArchive& archive, const restore::Plan& plan) : archive_{archive} {
    std::vector<const restore::PlannedFile*> sorted;
    sorted.reserve(plan.objects.size());
    for (const restore::PlannedFile& file : plan.objects) { sorted.push_back(&file); }
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
    const auto find = [&](const std::string& name) -> const restore::PlannedFile* {
      const auto at = std::lower_bound(
          sorted.begin(), sorted.end(), name,
          [](const auto* file, const auto& wanted) { return file->name < wanted; });
      return at != sorted.end() && (*at)->name == name ? *at : nullptr;
    };
    for (const restore::PlannedFile* file : sorted) {
      const std::string& name = file->name;
      // One whose object could not be read goes nowhere; but an object may be called like one, and
      // has a side file of its own.
      const bool is_sidecar = name.ends_with(s3::kSidecarSuffix) &&
                              (find(name.substr(0, name.size() - s3::kSidecarSuffix.size())) ||
                               !find(sidecar_name(name)));
      if (!is_sidecar) { files_.push_back({file, find(sidecar_name(name))}); }
    }
  }

  [[nodiscard]] std::size_t count() const override { return files_.size(); }
  [[nodiscard]] File at(std::size_t number) const override {
    const restore::PlannedFile& file = *files_[number].content;
    return {.key = file.name.substr(kStorage.size()),
            .size_bytes = file.raw_bytes,
            .checksum = archive_.entries()[file.index].checksum};
  }
  [[nodiscard]] Result<s3::Attributes> attributes_of(std::size_t number) const override {
    const restore::PlannedFile* sidecar = files_[number].sidecar;
    if (sidecar == nullptr || sidecar->raw_bytes > s3::kSidecarBytesMax) {
      return s3::Attributes{};
    }
    Text text;
    PV_CHECK(archive_.extract(sidecar->index, text, {}));
    return s3::attributes_in(text.text);
  }
  [[nodiscard]] Result<void> extract(std::size_t number, Sink& sink,
                                     std::stop_token stop) const override {
    return archive_.extract(files_[number].content->index, sink, std::move(stop));
  }
  [[nodiscard]] std::uint32_t checksum(Bytes bytes, std::uint32_t before) const override {
    return archive_.checksum(bytes, before);
  }

 private:
  struct Pair {
    const restore::PlannedFile* content = nullptr;
    const restore::PlannedFile* sidecar = nullptr;
  };
  struct Text final : public Sink {
    Result<void> write(Bytes bytes) override {
      text += as_text(bytes);
      return {};
    }
    std::string text;
  };

  const ZipArchive& archive_;
  std::vector<Pair> files_;
};

BucketRestore::BucketRestore(const Parts& parts, Job& job, const ZipArchive& archive,
                             const restore::Plan& plan)
    : parts_{parts}, job_{job}, archive_{archive}, plan_{plan} {}
BucketRestore::~BucketRestore() = default;

void BucketRestore::look_at(const fs::Path& data_db) {
  archived_ = [&]() -> Result<settings::Settings> {
    PV_TRY(const fs::Stat file, fs::stat(data_db));
    PV_TRY(sqlite::Connection data,
           sqlite::Connection::open(data_db, {.checkpoints = sqlite::Checkpoints::kOwner}));
    sqlite::Guard guard{data, file.size_bytes, job_.stop_token(), deadline_for(file.size_bytes)};
    PV_CHECK(guard.arm());
    auto settings = settings::read(data, parts_.options.encryption_key);
    if (!settings.has_value()) { return fail(guard.explain(settings.error())); }
    return settings;
  }();
}

Result<settings::Settings> BucketRestore::settings() const {
  if (archived_) { return *archived_; }
  return parts_.directory.read<settings::Settings>([&](sqlite::Connection& data) {
    return settings::read(data, parts_.options.encryption_key);
  });
}

bool BucketRestore::puts_objects_on_disk() const {
  return std::any_of(plan_.files.begin(), plan_.files.end(), [&](const restore::PlannedFile& file) {
    return archive_.entries()[file.index].is_object;
  });
}

Result<void> BucketRestore::find_place() {
  constexpr const char* kToDisk =
      "; to put them on this machine's disk: --files-to disk (over HTTP ?filesTo=disk)";
  const bool has_objects = !plan_.objects.empty();
  if (!has_objects && !puts_objects_on_disk()) { return {}; }
  const auto settings = this->settings();
  if (!has_objects) {
    if (settings.has_value() && !settings->storage_s3.enabled) { return {}; }
    job_.warn(
        {"", "the files are on disk, but the settings " +
                 (settings.has_value()
                      ? "keep files in the bucket " + printable(settings->storage_s3.bucket)
                      : "can't be read (" + settings.error().what + "), and may name a bucket") +
                 ": PocketBase looks for them there until Settings > Files storage > Use S3 "
                 "storage is switched off in its dashboard"});
    return {};
  }
  const std::string what = std::to_string(plan_.objects.size()) + " files belong into a bucket, ";
  if (!settings.has_value()) {
    return fail(settings.error().code,
                what + "but which can't be known: " + settings.error().what + kToDisk);
  }
  auto bucket = bucket_of_files(*settings, parts_.options);
  if (!bucket.has_value()) {
    return fail(bucket.error().code, what + "but " + bucket.error().what + kToDisk);
  }
  if (!*bucket) {
    return fail(Code::kInvalid,
                what + "but the settings that will be in effect name none" + kToDisk);
  }
  client_ = std::make_unique<s3::Client>(**std::move(bucket));
  files_ = std::make_unique<Files>(archive_, plan_);
  job_.report([&](Report& report) {
    report.bucket = client_->describe();
    report.bucket_files = files_->count();
    report.bucket_bytes = plan_.object_bytes;
  });
  return {};
}

Result<void> BucketRestore::try_place() {
  if (client_ == nullptr) { return {}; }
  PV_CHECK(client_->list({}, {}, job_.stop_token()));
  return {};
}

objects::PutOptions BucketRestore::put_options() {
  return {.on_done = [this](std::uint64_t bytes) { job_.add_done(bytes); }};
}

Result<void> BucketRestore::add_missing() {
  if (client_ == nullptr) { return {}; }
  job_.set_phase("upload");
  auto put = objects::put_missing(*client_, *files_, put_options(), job_.stop_token());
  PV_CHECK(go_on(job_));
  if (!put.has_value()) {
    return fail(
        put.error().within("the files could not be put into their bucket, so nothing was "
                           "replaced"));
  }
  job_.report([&](Report& report) {
    report.unchanged_files += put->same_files;
    report.unchanged_bytes += put->same_bytes;
  });
  differing_ = std::move(put->differing);
  return {};
}

Result<void> BucketRestore::replace_differing() {
  if (differing_.empty()) { return {}; }
  job_.set_phase("upload");
  const auto put = objects::put_over(*client_, *files_, differing_, {}, job_.stop_token());
  for (const std::size_t number : differing_) {
    job_.warn(
        {printable(files_->at(number).key),
         "the bucket had another content, which was replaced: an undo does not bring it back"});
  }
  if (!put.has_value()) {
    return fail(
        put.error().within("files in the bucket that have another content than in the "
                           "archive could not all be replaced; the data in place is as it "
                           "was"));
  }
  return {};
}

}  // namespace pv::jobs
