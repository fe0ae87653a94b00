#pragma once

#include "s3/options.h"
#include "store/backup_store.h"

namespace pv::store {

struct S3StoreOptions {
  std::string prefix{};  // before every key, e.g. "server1/"; "": the backups lie at the root
  // A backup up to one part goes by one request; else in parts of this size, and a few of them are
  // in memory at once.
  std::size_t part_bytes = std::size_t{6} << 20U;
  std::size_t parts_at_once = 5;  // on their way
  // A backup of more parts is gathered into objects of gathered_bytes, which the server then copies
  // as single parts: 8,980 * 6 MiB + 1,020 * 5 GiB are the 5 TiB that S3 takes, of 10,000 parts,
  // with no more memory. Until there all parts but the last are of one size, as some servers
  // require.
  int plain_parts_max = 8'980;
  std::uint64_t gathered_bytes = std::uint64_t{5} << 30U;
  // Of an upload that nobody goes on with; a live one says so every hour.
  std::chrono::seconds abandoned_after = std::chrono::hours{24};
};

// Backups in an S3 bucket, under the keys and with the headers that PocketBase gives them, so that
// each sees what the other made.
//
// Upload     Streamed while it is written: no temporary file, at most 42 MiB of memory. Each part
//            is sent with a checksum, the whole is checked by the server (CRC32C, else the MD5 of
//            each part) and its size by us. Where the server knows If-None-Match, two machines
//            never overwrite each other; where it does not, which is tried once, the key is looked
//            at just before, and uploads of this process exclude each other.
//            With UploadOptions::repeats, parts that the backup named there has too are copied by
//            the server; what it made counts when its ETag is the MD5 of what it has to be.
// Source     Ranges; what is read in order is fetched ahead, over several connections. At most
//            14 MiB and 2 for each processor are remembered, 46 MiB in all. kDamaged when the
//            object is replaced while it is read, kNotFound when it is removed: unlike a file's,
//            the bytes go with the name.
// sweep()    Ends uploads of ours that a crash left behind. An upload in parts leaves a note at
//            PREFIX.pocketvault-upload/ID while it lasts; uploads of others are left alone.
[[nodiscard]] std::unique_ptr<BackupStore> make_s3_store(s3::Options options,
                                                         S3StoreOptions store_options = {});

}  // namespace pv::store
