#include "jobs/contents.h"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "base/text.h"
#include "restore/entry_name.h"

namespace pv::jobs {
namespace {

constexpr std::size_t kNoEntry = std::numeric_limits<std::size_t>::max();

// Byte order, but "/" before everything else: what is in a folder stands right behind it.
bool goes_before(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (in_a == a.end() || in_b == b.end()) { return in_a == a.end() && in_b != b.end(); }
  const auto rank = [](char letter) {
    return letter == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(letter)) + 1;
  };
  return rank(*in_a) < rank(*in_b);
}

ItemKind kind_of(const zip::Entry& entry) {
  if (entry.is_folder() || S_ISDIR(entry.mode)) { return ItemKind::kFolder; }
  return S_ISREG(entry.mode) || (entry.mode & S_IFMT) == 0 ? ItemKind::kFile : ItemKind::kOther;
}

// A place in the tree. Folders stand before what is in them.
struct Node {
  std::string_view name;
  std::size_t entry = kNoEntry;  // a folder may have none of its own
  std::size_t parent = 0;
  std::size_t end = 0;  // behind the last node below it
  ItemKind kind = ItemKind::kFolder;
  std::uint64_t raw_bytes = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t files = 0;
};

struct Named {
  std::string_view name;
  std::size_t entry;
};

// Makes the nodes of entries that come in order.
class Grower {
 public:
  Grower(const std::vector<zip::Entry>& entries, std::vector<Node>& nodes)
      : entries_{entries}, nodes_{nodes} {
    nodes_.push_back({.name = {}});
    open_.push_back(0);
  }

  void add(const Named& named) {
    const zip::Entry& entry = entries_[named.entry];
    const ItemKind kind = kind_of(entry);
    while (!is_inside(named.name) && !(kind == ItemKind::kFolder && is_open(named.name))) {
      close_last();
    }
    if (is_open(named.name)) {  // one more entry for the same folder
      if (last().entry == kNoEntry) { last().entry = named.entry; }
      return;
    }
    const std::size_t known = last().name.empty() ? 0 : last().name.size() + 1;
    for (std::size_t at = named.name.find('/', known); at != std::string_view::npos;
         at = named.name.find('/', at + 1)) {
      push({.name = named.name.substr(0, at)});
    }
    if (kind == ItemKind::kFolder) {
      push({.name = named.name, .entry = named.entry});
      return;
    }
    Node node{.name = named.name, .entry = named.entry, .parent = open_.back(), .kind = kind};
    node.end = nodes_.size() + 1;
    node.raw_bytes = entry.raw_bytes;
    node.packed_bytes = entry.packed_bytes;
    node.files = 1;
    nodes_.push_back(node);
  }

  void finish() {
    while (!open_.empty()) { close_last(); }
    for (std::size_t i = nodes_.size(); i-- > 1;) {
      Node& parent = nodes_[nodes_[i].parent];
      parent.raw_bytes += nodes_[i].raw_bytes;
      parent.packed_bytes += nodes_[i].packed_bytes;
      parent.files += nodes_[i].files;
    }
  }

 private:
  Node& last() { return nodes_[open_.back()]; }
  bool is_open(std::string_view name) { return last().name == name; }
  bool is_inside(std::string_view name) {
    const std::string_view folder = last().name;
    return folder.empty() ||
           (name.size() > folder.size() && name.starts_with(folder) && name[folder.size()] == '/');
  }
  void push(Node folder) {
    folder.parent = open_.back();
    open_.push_back(nodes_.size());
    nodes_.push_back(folder);
  }
  void close_last() {
    last().end = nodes_.size();
    open_.pop_back();
  }

  const std::vector<zip::Entry>& entries_;
  std::vector<Node>& nodes_;
  std::vector<std::size_t> open_;  // the folders on the way to the last node
};

Error no_item(std::string_view path) {
  return {Code::kNotFound, "the archive has no \"" + printable(path) + "\""};
}

// Reads an entry in order, as http/ and a download do.
class EntrySource final : public Source {
 public:
  EntrySource(std::shared_ptr<const Contents> contents, const zip::ZipReader& reader,
              const zip::Entry& entry)
      : contents_{std::move(contents)}, size_{entry.raw_bytes}, stream_{reader, entry} {}

  [[nodiscard]] std::uint64_t size_bytes() const override { return size_; }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset != at_) { return fail(Code::kInternal, "an entry is read from its start on"); }
    PV_TRY(const std::size_t count, stream_.read(into));
    at_ += count;
    return count;
  }
  // An entry that fits into what is held back is known to be right then.
  [[nodiscard]] Result<void> begin() { return stream_.prepare(); }

 private:
  const std::shared_ptr<const Contents> contents_;
  const std::uint64_t size_;
  std::uint64_t at_ = 0;
  zip::EntryStream stream_;
};

}  // namespace

std::string_view item_kind_name(ItemKind kind) {
  switch (kind) {
    case ItemKind::kFile: return "file";
    case ItemKind::kFolder: return "folder";
    case ItemKind::kOther: return "other";
  }
  return "";
}

struct Contents::Tree {
  struct Refused {
    std::size_t entry;
    std::string why;
  };

  explicit Tree(zip::ZipReader from) : reader{std::move(from)} {}

  void grow();
  // The nodes of that name, which stand together: more than one where the archive is wrong.
  [[nodiscard]] std::pair<std::size_t, std::size_t> range_of(std::string_view path) const;
  [[nodiscard]] ContentItem item_of(const Node& node) const;
  [[nodiscard]] ContentItem item_of(const Refused& refused_entry) const;
  [[nodiscard]] Result<const Node*> node_of(std::string_view path) const;
  // A file that can be taken out.
  [[nodiscard]] Result<const zip::Entry*> entry_of(std::string_view path) const;

  zip::ZipReader reader;
  std::deque<std::string> cleaned;  // names that are not as they stand in the archive
  std::vector<Node> nodes;
  std::vector<Refused> refused;  // not in the tree: their names lead outside
};

void Contents::Tree::grow() {
  const std::vector<zip::Entry>& entries = reader.entries();
  std::vector<Named> named;
  named.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Result<std::string> name = restore::safe_name(entries[i].name);
    if (!name.has_value()) {
      refused.push_back({i, name.error().what});
    } else if (*name == entries[i].name) {
      named.push_back({entries[i].name, i});
    } else if (!name->empty()) {  // "./" is the root
      named.push_back({cleaned.emplace_back(*std::move(name)), i});
    }
  }
  // A folder after a file of its name, so that what is in it follows it.
  std::stable_sort(named.begin(), named.end(), [&](const Named& a, const Named& b) {
    if (a.name != b.name) { return goes_before(a.name, b.name); }
    return kind_of(entries[a.entry]) != ItemKind::kFolder &&
           kind_of(entries[b.entry]) == ItemKind::kFolder;
  });
  Grower grower{entries, nodes};
  for (const Named& one : named) { grower.add(one); }
  grower.finish();
}

std::pair<std::size_t, std::size_t> Contents::Tree::range_of(std::string_view path) const {
  const auto before = [](const Node& node, std::string_view name) {
    return goes_before(node.name, name);
  };
  const auto first = std::lower_bound(nodes.begin(), nodes.end(), path, before);
  auto last = first;
  while (last != nodes.end() && last->name == path) { ++last; }
  return {static_cast<std::size_t>(first - nodes.begin()),
          static_cast<std::size_t>(last - nodes.begin())};
}

ContentItem Contents::Tree::item_of(const Node& node) const {
  ContentItem item{.name = std::string{node.name},
                   .kind = node.kind,
                   .raw_bytes = node.raw_bytes,
                   .packed_bytes = node.packed_bytes,
                   .files = node.kind == ItemKind::kFolder ? node.files : 0,
                   .modified = {},
                   .refused = {}};
  if (node.entry == kNoEntry) { return item; }
  const zip::Entry& entry = reader.entries()[node.entry];
  item.mode = entry.mode & 07777U;
  item.modified = entry.modified;
  if (node.kind == ItemKind::kOther) { item.refused = "it is a link or a device, not a file"; }
  if (const auto refusal = refusal_of(entry)) { item.refused = refusal->what; }
  return item;
}

ContentItem Contents::Tree::item_of(const Refused& refused_entry) const {
  const zip::Entry& entry = reader.entries()[refused_entry.entry];
  return {.name = std::string{entry.name},
          .kind = kind_of(entry),
          .raw_bytes = entry.raw_bytes,
          .packed_bytes = entry.packed_bytes,
          .mode = entry.mode & 07777U,
          .modified = entry.modified,
          .refused = refused_entry.why};
}

Result<const Node*> Contents::Tree::node_of(std::string_view path) const {
  const auto clean = path.empty() ? Result<std::string>{std::string{}} : restore::safe_name(path);
  if (!clean.has_value()) { return fail(no_item(path)); }
  const auto [first, last] = range_of(*clean);
  if (first == last) { return fail(no_item(path)); }
  if (last - first > 1) {
    return fail(Code::kDamaged, "the archive has \"" + printable(path) + "\" more than once");
  }
  return &nodes[first];
}

Result<const zip::Entry*> Contents::Tree::entry_of(std::string_view path) const {
  PV_TRY(const Node* node, node_of(path));
  if (node->kind != ItemKind::kFile) {
    return fail(Code::kInvalid,
                "\"" + printable(path) + "\" is a " +
                    (node->kind == ItemKind::kFolder ? "folder" : "link or device") +
                    ", not a file");
  }
  return &reader.entries()[node->entry];
}

Contents::Contents(std::unique_ptr<const Tree> tree) : tree_{std::move(tree)} {}
Contents::~Contents() = default;

Result<std::shared_ptr<const Contents>> Contents::open(const ArchiveOrigin& origin) {
  PV_TRY(std::shared_ptr<Source> source, origin.open());
  auto reader = zip::ZipReader::open(std::move(source), {}, zip::BlockUse::kLeave);
  if (!reader.has_value()) { return fail(reader.error().within(printable(origin.name))); }
  auto tree = std::make_unique<Tree>(*std::move(reader));
  tree->grow();
  return std::shared_ptr<const Contents>{new Contents{std::move(tree)}};
}

Result<ContentItem> Contents::find(std::string_view path) const {
  PV_TRY(const Node* node, tree_->node_of(path));
  return tree_->item_of(*node);
}

Result<Contents::Page> Contents::list(const Query& query) const {
  PV_TRY(const Node* node, tree_->node_of(query.path));
  Page page;
  const auto wanted = [&] {
    const std::uint64_t number = page.total++;
    return number >= query.skip && number - query.skip < query.count_max;
  };
  if (node->kind != ItemKind::kFolder) {
    if (wanted()) { page.items.push_back(tree_->item_of(*node)); }
    return page;
  }
  const std::vector<Node>& nodes = tree_->nodes;
  for (auto i = static_cast<std::size_t>(node - nodes.data()) + 1; i < node->end;) {
    if (wanted()) { page.items.push_back(tree_->item_of(nodes[i])); }
    i = query.depth == Depth::kAll ? i + 1 : nodes[i].end;
  }
  if (!node->name.empty()) { return page; }
  for (const Tree::Refused& refused : tree_->refused) {
    if (wanted()) { page.items.push_back(tree_->item_of(refused)); }
  }
  return page;
}

Result<void> Contents::extract(std::string_view path, Sink& sink,
                               const std::stop_token& stop) const {
  PV_TRY(const zip::Entry* entry, tree_->entry_of(path));
  return tree_->reader.extract(*entry, sink, stop);
}

Result<std::unique_ptr<Source>> Contents::stream(const std::shared_ptr<const Contents>& contents,
                                                 std::string_view path) {
  PV_TRY(const zip::Entry* entry, contents->tree_->entry_of(path));
  auto source = std::make_unique<EntrySource>(contents, contents->tree_->reader, *entry);
  PV_CHECK(source->begin());
  return std::unique_ptr<Source>{std::move(source)};
}

}  // namespace pv::jobs
