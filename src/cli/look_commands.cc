// Commands that look into a backup: ls, get.
#include <boost/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/job_json.h"
#include "cli/local_backups.h"
#include "cli/messages.h"
#include "cli/new_file.h"
#include "cli/render.h"
#include "restore/entry_name.h"

namespace pv::cli {
namespace {

// An archive, and what keeps it open.
struct Opened {
  Place place;
  std::unique_ptr<ArchiveView> view;
  std::string name;  // for people
};

Result<Opened> open_file(const fs::Path& file) {
  PV_TRY(auto view, look_into_file(file));
  return Opened{{}, std::move(view), printable(file.filename().native())};
}

Result<Opened> open_archive(const Context& context) {
  const std::string& given = context.arguments.name;
  if (is_only_a_file(context)) { return open_file(given); }
  fs::Path file;
  {
    PV_TRY(Place place, open_place(context, Purpose::kAny));
    PV_TRY(const Chosen chosen, choose(*place.backups, given));
    if (chosen.backup) {
      PV_TRY(auto view, place.backups->look_into(chosen.backup->name));
      return Opened{std::move(place), std::move(view), printable(chosen.backup->name.text())};
    }
    file = chosen.file;
  }
  // The directory is closed again: the file may be one of it.
  return open_file(file);
}

// Passes on, telling how much came.
class TellingSink final : public Sink {
 public:
  TellingSink(Sink& inner, std::uint64_t& done, const std::function<void()>& tell)
      : inner_{inner}, done_{done}, tell_{tell} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    PV_CHECK(inner_.write(bytes));
    done_ += bytes.size();
    tell_();
    return {};
  }

 private:
  Sink& inner_;
  std::uint64_t& done_;
  const std::function<void()>& tell_;
};

// Takes one thing out of an archive.
class Getter {
 public:
  Getter(const Context& context, ArchiveView& view, const jobs::ContentItem& item)
      : context_{context},
        view_{view},
        item_{item},
        progress_(progress_of(context, context.words()(phrase::kDoGet, {printable(item.name)}))),
        tell_{[this] { progress_.update("", done_, item_.raw_bytes); }} {}

  Result<void> to_standard_output() {
    StreamSink out{context_.console.out()};
    TellingSink sink{out, done_, tell_};
    PV_CHECK(view_.extract(item_.name, sink, context_.stop));
    progress_.clear();
    return {};
  }

  Result<void> to_file(const fs::Path& target) {
    PV_TRY(NewFile file, NewFile::create(target, mode_of(item_), context_.environment.random));
    TellingSink sink{file.sink(), done_, tell_};
    PV_CHECK(view_.extract(item_.name, sink, context_.stop));
    PV_CHECK(file.finish(context_.arguments.replace));
    progress_.clear();
    return {};
  }

  Result<void> to_folder(const fs::Path& target) {
    const bool is_there = fs::exists(target);
    PV_CHECK(plan());
    PV_TRY(NewFolder folder, NewFolder::create(target, context_.environment.random));
    for (const std::string& name : folders_) { PV_CHECK(fs::make_folders(folder.path() / name)); }
    for (const Planned& file : files_) {
      const fs::Path path = folder.path() / file.relative;
      PV_CHECK(fs::make_folders(path.parent_path()));
      PV_TRY(fs::Fd fd, fs::create_new(path, file.mode));
      fs::FileSink out{std::move(fd), path};
      TellingSink sink{out, done_, tell_};
      PV_CHECK(view_.extract(file.name, sink, context_.stop));
      PV_CHECK(out.close());
    }
    PV_CHECK(is_there ? folder.finish_into(relative_names()) : folder.finish());
    progress_.clear();
    return {};
  }

  [[nodiscard]] const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  struct Planned {
    std::string name;
    std::string relative;
    std::uint32_t mode;
  };

  // The archive's, as far as the umask lets; without one, as programs create files.
  static std::uint32_t mode_of(const jobs::ContentItem& item) {
    return item.mode == 0 ? 0666U : (item.mode & 0777U) | 0600U;
  }

  // Everything is known to be fit before anything is written.
  Result<void> plan() {
    return view_.list(item_.name, ArchiveView::Depth::kAll,
                      [this](const jobs::ContentItem& item) { return add(item); });
  }

  Result<void> add(const jobs::ContentItem& item) {
    if (item.kind == jobs::ItemKind::kOther) {
      left_out_.push_back(item.name);
      return {};
    }
    // A server says these names: as little to be trusted as those of an archive.
    PV_TRY(const std::string clean, restore::safe_name(item.name));
    const std::string front = item_.name + "/";
    if (clean != item.name || !clean.starts_with(front)) {
      return fail(Code::kDamaged,
                  "\"" + printable(item.name) + "\" does not lie in " + printable(item_.name));
    }
    std::string relative = clean.substr(front.size());
    if (item.kind == jobs::ItemKind::kFolder) {
      folders_.push_back(std::move(relative));
    } else if (!item.refused.empty()) {
      return fail(Code::kUnsupported, printable(item.name) + ": " + item.refused);
    } else {
      files_.push_back({item.name, std::move(relative), mode_of(item)});
    }
    return {};
  }

  [[nodiscard]] std::vector<std::string> relative_names() const {
    std::vector<std::string> names;
    for (const Planned& file : files_) { names.push_back(file.relative); }
    return names;
  }

  const Context& context_;
  ArchiveView& view_;
  const jobs::ContentItem& item_;
  Progress progress_;
  std::uint64_t done_ = 0;
  const std::function<void()> tell_;
  std::vector<std::string> folders_;
  std::vector<Planned> files_;
  std::vector<std::string> left_out_;
};

std::string last_part(const std::string& name) { return name.substr(name.rfind('/') + 1); }

Result<Exit> get_to_standard_output(const Context& context, const Opened& opened,
                                    const jobs::ContentItem& item) {
  if (context.arguments.json) {
    return fail(Code::kInvalid, "--json and --output - both want standard output");
  }
  if (item.kind == jobs::ItemKind::kFolder) {
    return fail(Code::kInvalid, printable(item.name) +
                                    " is a folder, which standard output can't take; give "
                                    "--output FOLDER");
  }
  Getter getter{context, *opened.view, item};
  PV_CHECK(getter.to_standard_output());
  return Exit::kDone;
}

Result<Exit> get_to_disk(const Context& context, const Opened& opened,
                         const jobs::ContentItem& item) {
  const fs::Path target = target_of(context, last_part(item.name));
  if (!context.arguments.replace && fs::exists(target)) {
    return fail(Code::kExists, printable(target.native()) +
                                   " is there already; --force replaces what has the same name, "
                                   "--output takes another place");
  }
  const bool is_folder = item.kind == jobs::ItemKind::kFolder;
  Getter getter{context, *opened.view, item};
  PV_CHECK(is_folder ? getter.to_folder(target) : getter.to_file(target));
  for (const std::string& name : getter.left_out()) {
    context.say(phrase::kLeftOutOther, {printable(name)});
  }
  const std::string shown = printable(target.native());
  const Words& words = context.words();
  const std::string size = format_size(item.raw_bytes);
  const std::string amount =
      is_folder ? words(phrase::kFilesAndSize, {std::to_string(item.files), size}) : size;
  context.show(
      json::object{{"key", opened.name},
                   {"path", printable(item.name)},
                   {"file", shown},
                   {"files", is_folder ? item.files - getter.left_out().size() : 1},
                   {"size", item.raw_bytes}},
      words(phrase::kSavedFile, {printable(item.name), opened.name, shown, amount}) + "\n");
  return getter.left_out().empty() ? Exit::kDone : Exit::kWarnings;
}

}  // namespace

Result<Exit> run_ls(const Context& context) {
  const Arguments& arguments = context.arguments;
  PV_TRY(const Opened opened, open_archive(context));
  std::string document = "[";
  const auto depth = arguments.recursive ? ArchiveView::Depth::kAll : ArchiveView::Depth::kOne;
  PV_CHECK(
      opened.view->list(arguments.path, depth, [&](const jobs::ContentItem& item) -> Result<void> {
        if (context.stop.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
        if (arguments.json) {
          document += (document.size() > 1 ? "," : "") + json_text(to_json(item));
        } else {
          context.console.print(render_item(context.words(), item, arguments.long_form) + "\n");
        }
        return {};
      }));
  if (arguments.json) { context.console.print(document + "]\n"); }
  return Exit::kDone;
}

Result<Exit> run_get(const Context& context) {
  PV_TRY(const Opened opened, open_archive(context));
  PV_TRY(const jobs::ContentItem item, opened.view->find(context.arguments.path));
  if (item.name.empty()) {
    return fail(Code::kInvalid, "PATH is the whole backup; `pocketvault restore " + opened.name +
                                    " --to FOLDER` takes all of it out");
  }
  if (!item.refused.empty()) {
    return fail(Code::kUnsupported, printable(item.name) + ": " + item.refused);
  }
  return context.arguments.output == "-" ? get_to_standard_output(context, opened, item)
                                         : get_to_disk(context, opened, item);
}

}  // namespace pv::cli
