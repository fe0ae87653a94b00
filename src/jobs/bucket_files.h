// The app's uploaded files where the settings keep them in a bucket (settings.s3): taken into a
// backup, and put back by a restore.
#pragma once

#include <future>
#include <memory>
#include <string>

#include "jobs/chain.h"
#include "jobs/workers.h"
#include "objects/inventory.h"
#include "objects/put_back.h"
#include "objects/read_ahead.h"
#include "s3/client.h"
#include "settings/settings.h"
#include "snapshot/snapshot.h"
#include "zip/zip_writer.h"

namespace pv::jobs {

// During one backup.
//
// Threads    One.
// Lifetime   What it is made of outlives it.
class BucketFiles {
 public:
  // Asks the settings, and begins to list the bucket if they name one: after the moment of the
  // snapshot, so that a record in it can only lack a file that was deleted since. What hinders it
  // is a warning, for the databases are worth a backup without the files.
  BucketFiles(const Parts& parts, Job& job, const BackupOrder& order);
  ~BucketFiles();

  [[nodiscard]] bool is_used() const { return client_ != nullptr; }

  // Waits for the list, and tells the job of it. kCancelled.
  [[nodiscard]] Result<void> wait_for_list();
  [[nodiscard]] std::uint64_t bytes() const { return inventory_.bytes; }
  // Does without the bucket's files, with a warning.
  void leave_out(const Error& why);
  [[nodiscard]] bool is_left_out() const { return is_left_out_; }
  // Whether the bucket has what lies on this machine as `name`: it is the one that PocketBase uses.
  [[nodiscard]] bool has(const std::string& name) const;

  // Adds all of it, fetched ahead; what the archive before has as it is now is taken out of that.
  [[nodiscard]] Result<void> add_to(zip::ZipWriter& writer, const Chain& chain, bool paranoid);
  void tell(const zip::ArchiveReport& archive);

 private:
  Result<std::optional<s3::Options>> find_bucket(const Parts& parts);
  [[nodiscard]] bool wants(const s3::Object& object);
  [[nodiscard]] const s3::Object* find(std::string_view key) const;
  [[nodiscard]] std::optional<zip::SourceIdentity> identity_of(const s3::Object& object) const;

  Job& job_;
  const VaultOptions& options_;
  std::vector<Glob> exclude_;
  std::unique_ptr<s3::Client> client_;  // nullptr: no bucket
  std::uint64_t place_ = 0;             // stands for the bucket in identities
  LeftOut left_out_;
  bool is_left_out_ = false;  // all of it
  objects::Inventory inventory_;
  std::stop_source stop_;
  std::future<Result<objects::Inventory>> listing_;
  std::unique_ptr<objects::ReadAhead> read_ahead_;
};

// During one restore: what becomes of Plan::objects, and of the objects that go to disk instead.
//
// Lifetime   What it is made of outlives it.
class BucketRestore {
 public:
  BucketRestore(const Parts& parts, Job& job, const ZipArchive& archive, const restore::Plan& plan);
  ~BucketRestore();

  // Reads the settings that will be in effect, of a data.db that nobody else has open. Without a
  // call, as where the archive's is not restored, they are those in place.
  void look_at(const fs::Path& data_db);

  // Where the objects go. kInvalid, kUnauthenticated: the settings don't say, and what to do.
  // Nothing where there are none; files that go to disk though the settings say that they are in a
  // bucket are warned of.
  [[nodiscard]] Result<void> find_place();
  [[nodiscard]] std::string place() const { return client_ ? client_->describe() : std::string{}; }
  // Whether the bucket answers, and may be listed. Changes nothing.
  [[nodiscard]] Result<void> try_place();

  // Puts what the bucket lacks; nothing there is changed. Reports how much.
  [[nodiscard]] Result<void> add_missing();
  [[nodiscard]] bool will_replace() const { return !differing_.empty(); }
  // Then what has another content there, with a warning for each.
  [[nodiscard]] Result<void> replace_differing();

 private:
  class Files;
  [[nodiscard]] Result<settings::Settings> settings() const;
  [[nodiscard]] bool puts_objects_on_disk() const;
  [[nodiscard]] objects::PutOptions put_options();

  const Parts& parts_;
  Job& job_;
  const ZipArchive& archive_;
  const restore::Plan& plan_;
  std::optional<Result<settings::Settings>> archived_;
  std::unique_ptr<s3::Client> client_;
  std::unique_ptr<Files> files_;
  std::vector<std::size_t> differing_;
};

}  // namespace pv::jobs
