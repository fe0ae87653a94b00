#include "s3/checksum.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/text.h"

namespace pv::s3 {

std::uint32_t crc32c(Bytes bytes, std::uint32_t before) {
  constexpr std::size_t kStepBytesMax = std::size_t{1} << 30U;  // ISA-L counts in int
  std::uint32_t state = ~before;
  while (!bytes.empty()) {
    const Bytes step = bytes.first(std::min(bytes.size(), kStepBytesMax));
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(step.data()));
    state = ::crc32_iscsi(data, static_cast<int>(step.size()), state);  // reads only
    bytes = bytes.subspan(step.size());
  }
  return ~state;
}

std::string crc32c_text(std::uint32_t crc) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    bytes += static_cast<char>(static_cast<unsigned char>(crc >> shift));
  }
  return to_base64(as_bytes(bytes));
}

std::string md5(Bytes bytes) {
  constexpr std::size_t kHashBytes = 16;
  std::string hash(kHashBytes, '\0');
  unsigned int length = 0;
  PV_ASSERT(::EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()),
                         &length, ::EVP_md5(), nullptr) == 1);
  return hash;
}

namespace {

constexpr std::size_t kMd5Bytes = 16;

class Md5 {
 public:
  Md5() : context_{::EVP_MD_CTX_new()} {
    PV_ASSERT(context_ != nullptr);
    begin();
  }
  ~Md5() { ::EVP_MD_CTX_free(context_); }
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;

  void add(Bytes bytes) {
    PV_ASSERT(::EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
  }
  // And begins anew.
  std::string finish() {
    std::string hash(kMd5Bytes, '\0');
    unsigned int length = 0;
    PV_ASSERT(::EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(hash.data()),
                                   &length) == 1);
    begin();
    return hash;
  }

 private:
  void begin() { PV_ASSERT(::EVP_DigestInit_ex(context_, ::EVP_md5(), nullptr) == 1); }
  ::EVP_MD_CTX* context_;
};

}  // namespace

struct EtagHasher::State {
  std::size_t part_bytes = 0;
  Md5 whole{};
  Md5 part{};
  std::size_t in_part = 0;
  std::size_t parts = 0;
  std::string part_hashes{};
};

EtagHasher::EtagHasher(std::size_t part_bytes) : state_{std::make_unique<State>()} {
  state_->part_bytes = part_bytes;
}
EtagHasher::~EtagHasher() = default;

Result<void> EtagHasher::write(Bytes bytes) {
  state_->whole.add(bytes);
  while (!bytes.empty()) {
    const Bytes step = bytes.first(std::min(bytes.size(), state_->part_bytes - state_->in_part));
    state_->part.add(step);
    state_->in_part += step.size();
    if (state_->in_part == state_->part_bytes) {
      state_->part_hashes += state_->part.finish();
      ++state_->parts;
      state_->in_part = 0;
    }
    bytes = bytes.subspan(step.size());
  }
  return {};
}

bool EtagHasher::fits(std::string_view etag) {
  if (state_->in_part > 0) {
    state_->part_hashes += state_->part.finish();
    ++state_->parts;
    state_->in_part = 0;
  }
  const std::string_view given = bare_etag(etag);
  const std::string in_parts =
      to_hex(as_bytes(md5(as_bytes(state_->part_hashes)))) + "-" + std::to_string(state_->parts);
  return given == in_parts || given == to_hex(as_bytes(state_->whole.finish()));
}

std::string_view bare_etag(std::string_view etag) {
  return etag.size() >= 2 && etag.front() == '"' && etag.back() == '"'
             ? etag.substr(1, etag.size() - 2)
             : etag;
}

}  // namespace pv::s3
