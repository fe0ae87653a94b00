#include "datadir/wal_owners.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "fs/give.h"

namespace pv::datadir {
namespace {

constexpr std::string_view kNote = ".pocketvault/wal-owners";
constexpr std::string_view kTitle = "pocketvault wal owners ";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kChecksumWord = "sha256 ";
constexpr std::size_t kLinesMax = 16;
constexpr std::uint64_t kBytesMax = 64 << 10;
constexpr std::array<std::string_view, 2> kDatabases{"data.db", "auxiliary.db"};

fs::Path place_of(const fs::Path& directory) { return directory / kNote; }

std::string checksum(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return to_hex(std::as_bytes(std::span{digest}));
}

tl::unexpected<Error> damaged() {
  return fail(Code::kDamaged, ".pocketvault/wal-owners is damaged");
}

template <class Number>
bool take_number(std::string_view text, int base, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc{} && end == text.data() + text.size();
}

bool take_mark(std::string_view text, sqlite::WalMark& mark) {
  if (text.size() != 2 * mark.size()) { return false; }
  for (std::size_t i = 0; i < mark.size(); ++i) {
    unsigned byte = 0;
    if (!take_number(text.substr(2 * i, 2), 16, byte)) { return false; }
    mark[i] = static_cast<std::byte>(byte);
  }
  return true;
}

Result<WalOwner> parse_line(const std::string& line) {
  std::istringstream words{line};
  std::array<std::string, 6> word;
  for (std::string& one : word) { words >> one; }
  WalOwner owner{.database = word[0], .file = {}, .wal = {}};
  const bool is_whole =
      words && std::ranges::find(kDatabases, word[0]) != kDatabases.end() &&
      take_number(word[1], 10, owner.file.inode) && take_number(word[2], 10, owner.file.born_ns) &&
      take_number(word[3], 10, owner.wal.inode) && take_number(word[4], 10, owner.wal.born_ns) &&
      take_mark(word[5], owner.mark);
  if (!is_whole) { return damaged(); }
  return owner;
}

Result<std::vector<WalOwner>> parse(std::string_view text) {
  if (!text.starts_with(kTitle)) { return damaged(); }
  const std::string_view version = text.substr(kTitle.size()).substr(0, kVersion.size() + 1);
  if (version != std::string{kVersion} + "\n") {
    return fail(Code::kUnsupported,
                std::string{kNote} + " was written by a newer version of pocketvault");
  }
  const std::size_t end = text.rfind(kChecksumWord);
  if (end == std::string_view::npos) { return damaged(); }
  const std::string_view head = text.substr(0, end);
  if (text.substr(end + kChecksumWord.size()) != checksum(head) + "\n") { return damaged(); }
  std::istringstream lines{std::string{head.substr(kTitle.size() + version.size())}};
  std::vector<WalOwner> owners;
  for (std::string line; std::getline(lines, line);) {
    PV_TRY(WalOwner owner, parse_line(line));
    owners.push_back(std::move(owner));
  }
  return owners;
}

std::string format(const std::vector<WalOwner>& owners) {
  std::ostringstream text;
  text << kTitle << kVersion << '\n';
  for (const WalOwner& owner : owners) {
    text << owner.database << ' ' << owner.file.inode << ' ' << owner.file.born_ns << ' '
         << owner.wal.inode << ' ' << owner.wal.born_ns << ' ' << to_hex(owner.mark) << '\n';
  }
  const std::string result = text.str();
  return result + std::string{kChecksumWord} + checksum(result) + "\n";
}

bool is_about_same_files(const WalOwner& a, const WalOwner& b) {
  return a.database == b.database && a.file == b.file && a.wal == b.wal;
}

void erase(std::vector<WalOwner>& all, const std::vector<WalOwner>& owners) {
  std::erase_if(all, [&](const WalOwner& one) {
    return std::ranges::any_of(
        owners, [&](const WalOwner& owner) { return is_about_same_files(one, owner); });
  });
}

}  // namespace

Result<std::vector<WalOwner>> read_wal_owners(const fs::Path& directory) {
  const auto text = fs::read_file(place_of(directory), kBytesMax);
  if (!text.has_value()) {
    if (text.error().code == Code::kNotFound) { return std::vector<WalOwner>{}; }
    return fail(text.error());
  }
  return parse(*text);
}

std::vector<WalOwner> known_wal_owners(const fs::Path& directory) {
  auto read = read_wal_owners(directory);
  return read.has_value() ? *std::move(read) : std::vector<WalOwner>{};
}

Result<void> note_wal_owners(const fs::Path& directory, const std::vector<WalOwner>& owners) {
  const std::vector<WalOwner> before = known_wal_owners(directory);
  std::vector<WalOwner> all = before;
  const bool is_said = std::ranges::all_of(
      owners, [&](const WalOwner& owner) { return std::ranges::find(all, owner) != all.end(); });
  if (is_said) { return {}; }
  erase(all, owners);
  all.insert(all.end(), owners.begin(), owners.end());
  if (all.size() > kLinesMax) {
    all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(kLinesMax));
  }
  const fs::Path place = place_of(directory);
  constexpr std::uint32_t kMode = 0600;
  PV_CHECK(fs::write_file_atomically(place, format(all), kMode));
  fs::give_like(place.parent_path(), place);
  return {};
}

void forget_wal_owners(const fs::Path& directory, const std::vector<WalOwner>& owners) {
  std::vector<WalOwner> all = known_wal_owners(directory);
  const std::size_t before = all.size();
  erase(all, owners);
  if (all.size() == before) { return; }
  // What stays of it is as true as before, so it does not matter if this fails.
  const fs::Path place = place_of(directory);
  constexpr std::uint32_t kMode = 0600;
  if (all.empty()) {
    std::ignore = fs::remove_file(place);
  } else if (fs::write_file_atomically(place, format(all), kMode).has_value()) {
    fs::give_like(place.parent_path(), place);
  }
}

bool has_wal_of_another(const fs::Path& database, const std::vector<WalOwner>& owners) {
  const fs::Path wal = database.native() + "-wal";
  const auto wal_now = fs::identity_of(wal);
  if (!wal_now) { return false; }
  const auto concerns = [&](const WalOwner& owner) {
    return owner.database == database.filename() && owner.wal == *wal_now;
  };
  if (std::ranges::none_of(owners, concerns)) { return false; }
  const auto mark = sqlite::wal_mark_at(wal);
  if (!mark) { return false; }
  // Its birth alone tells a database that was replaced: where inodes get other numbers with each
  // mount it would seem to be another, and the number of one that was removed is given to the next.
  const auto file_now = fs::identity_of(database);
  bool is_of_another = false;
  for (const WalOwner& owner : owners) {
    if (!concerns(owner) || owner.mark != *mark) { continue; }
    if (file_now && file_now->born_ns == owner.file.born_ns) { return false; }
    is_of_another = true;
  }
  return is_of_another;
}

Error wal_of_another(const std::string& database) {
  return Error{Code::kUnsupported,
               database + "-wal holds the last changes of the " + database +
                   " that lay here before, which SQLite would mix into the one that lies here "
                   "now. While no program has it open, move " +
                   database + "-wal elsewhere and remove " + database +
                   "-shm to go on with the new one, or move the old file itself back; only if the "
                   "two belong together all the same, remove " +
                   std::string{kNote}};
}

Result<void> refuse_wal_of_another(const fs::Path& directory) {
  const std::vector<WalOwner> owners = known_wal_owners(directory);
  for (const std::string_view name : kDatabases) {
    const fs::Path database = directory / name;
    if (fs::exists(database) && has_wal_of_another(database, owners)) {
      return fail(wal_of_another(std::string{name}));
    }
  }
  return {};
}

}  // namespace pv::datadir
