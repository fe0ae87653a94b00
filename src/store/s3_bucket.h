// What an S3 store shares with its uploads and sources, which may outlive it.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "s3/client.h"
#include "store/s3_store.h"

namespace pv::store {

inline constexpr std::string_view kS3NotesFolder = ".pocketvault-upload/";

// "s3.example.com/backups", in whichever way the bucket is addressed.
[[nodiscard]] std::string place_of(const s3::Address& address);

class S3Bucket {
 public:
  S3Bucket(s3::Options s3_options, S3StoreOptions store_options)
      : random{*s3_options.world.random},
        clock{*s3_options.world.clock},
        place{place_of(s3_options.address)},
        client{std::move(s3_options)},
        options{std::move(store_options)} {}

  [[nodiscard]] std::string key_of(const BackupName& name) const {
    return options.prefix + name.text();
  }
  [[nodiscard]] std::string note_key(const std::string& id) const {
    return options.prefix + std::string{kS3NotesFolder} + id;
  }

  // Whether the server keeps to If-None-Match; it is asked once.
  [[nodiscard]] Result<bool> refuses_to_replace(const std::stop_token& stop);

  Random& random;
  const Clock& clock;
  const std::string place;
  s3::Client client;
  const S3StoreOptions options;
  // Held from the look at a key to its creation where the server knows no conditions.
  std::mutex creation;

 private:
  std::mutex mutex_;
  std::optional<bool> refuses_;
};

[[nodiscard]] Error backup_exists(const BackupName& name);

}  // namespace pv::store
