#include "api/forms.h"

#include <algorithm>
#include <string>
#include <vector>

#include "api/utf8.h"
#include "api/xml_fields.h"
#include "base/text.h"
#include "http/multipart.h"
#include "http/url.h"

namespace pv::api {
namespace {

using boost::asio::awaitable;

constexpr std::string_view kJsonPayload = "@jsonPayload";
constexpr std::size_t kPayloadBytesMax = 1 << 20;  // of one @jsonPayload
constexpr std::size_t kPayloadsMax = 16;
constexpr std::size_t kXmlBytesMax = 1 << 20;
constexpr std::uint64_t kUrlencodedBytesMax = 10 << 20;  // as Go's ParseForm
constexpr std::size_t kBlockBytes = 16 << 10;

// Counts what is read, so that a chunked body ends somewhere.
class Bounded final : public http::BodyReader {
 public:
  Bounded(http::BodyReader& inner, std::uint64_t bytes_max) : inner_{inner}, left_{bytes_max} {}

  http::Task<std::size_t> read(MutableBytes into) override {
    PV_CO_TRY(const std::size_t count, co_await inner_.read(into));
    if (count > left_) {
      exceeded_ = true;
      co_return fail(Code::kInvalid, "the body is too large");
    }
    left_ -= count;
    co_return count;
  }
  [[nodiscard]] bool exceeded() const { return exceeded_; }

 private:
  http::BodyReader& inner_;
  std::uint64_t left_;
  bool exceeded_ = false;
};

// The fields of a form while they come in: first come, first served, then the payloads on top.
class FormFields {
 public:
  explicit FormFields(std::span<const FormField> fields) {
    for (const FormField& field : fields) { fields_.push_back({field.name, field.kind}); }
  }

  [[nodiscard]] const std::vector<JsonField>& fields() const { return fields_; }

  [[nodiscard]] bool wants(std::string_view name) const {
    if (name == kJsonPayload) { return true; }
    const auto field = find(name);
    return field != fields_.end() && (field->kind == FieldKind::kList || !values_.contains(name));
  }

  [[nodiscard]] bool is_list(std::string_view name) const {
    const auto field = find(name);
    return field != fields_.end() && field->kind == FieldKind::kList;
  }

  // A list that is missed may change what all else means: then the whole form is refused.
  [[nodiscard]] bool is_misspelled(std::string_view name) {
    const bool here = std::any_of(fields_.begin(), fields_.end(), [&](const JsonField& field) {
      return field.kind == FieldKind::kList && is_another_spelling(name, field.name);
    });
    has_misspelled_ = has_misspelled_ || here;
    return here;
  }
  [[nodiscard]] bool has_misspelled() const { return has_misspelled_; }

  [[nodiscard]] static std::size_t bytes_max(std::string_view name) {
    return name == kJsonPayload ? kPayloadBytesMax : kFormValueBytesMax;
  }

  // `cut`: there was more of it.
  [[nodiscard]] bool add(std::string_view name, std::string value, bool cut) {
    if (!wants(name)) { return true; }
    if (name == kJsonPayload) {
      if (cut || payloads_.size() >= kPayloadsMax) { return false; }
      payloads_.push_back(std::move(value));
    } else if (find(name)->kind == FieldKind::kList) {
      return !cut && add_to_list(values_[std::string{name}], value);
    } else {
      values_.emplace(name, std::move(value));
    }
    return true;
  }

  // False when a payload is not one JSON object (or null) and nothing else.
  [[nodiscard]] bool apply_payloads() {
    for (const std::string& payload : payloads_) {
      JsonFields json{fields_};
      json.feed(payload);
      if (json.finish() != JsonFields::Progress::kDone || !json.nothing_follows()) { return false; }
      for (auto& [name, value] : json.take_values()) { values_.insert_or_assign(name, value); }
    }
    return true;
  }

  [[nodiscard]] FormValues take() { return std::move(values_); }
  [[nodiscard]] std::vector<std::string> take_payloads() { return std::move(payloads_); }

 private:
  [[nodiscard]] std::vector<JsonField>::const_iterator find(std::string_view name) const {
    return std::find_if(fields_.begin(), fields_.end(),
                        [&](const JsonField& field) { return field.name == name; });
  }

  std::vector<JsonField> fields_;
  FormValues values_;
  std::vector<std::string> payloads_;
  bool has_misspelled_ = false;
};

// Cuts "a=1&b=2" into pairs as it arrives; keeps of each no more than can matter.
class UrlencodedFields {
 public:
  explicit UrlencodedFields(FormFields& fields) : fields_{fields} {}

  [[nodiscard]] bool feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = std::min(bytes.find('&'), bytes.size());
      keep(bytes.substr(0, end));
      bytes.remove_prefix(end);
      if (bytes.empty()) { return true; }
      bytes.remove_prefix(1);
      if (!finish_pair()) { return false; }
    }
    return true;
  }

  [[nodiscard]] bool finish_pair() {
    const std::string pair = std::exchange(pair_, {});
    const bool cut = std::exchange(cut_, false);
    if (pair.empty()) { return true; }
    if (pair.find(';') != std::string::npos) { return false; }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = http::decode_query_component(std::string_view{pair}.substr(0, equals));
    std::string_view raw = std::string_view{pair}.substr(std::min(equals + 1, pair.size()));
    if (cut) {  // it may end inside an escape
      const std::size_t percent = raw.find('%', raw.size() - 2);
      raw = raw.substr(0, percent);
    }
    const auto value = http::decode_query_component(raw);
    return name && value && !fields_.is_misspelled(*name) && fields_.add(*name, *value, cut);
  }

 private:
  void keep(std::string_view bytes) {
    constexpr std::size_t kPairBytesMax = 3 * kPayloadBytesMax;  // every byte may be escaped
    const std::size_t room = kPairBytesMax - pair_.size();
    pair_ += bytes.substr(0, room);
    cut_ = cut_ || bytes.size() > room;
  }

  FormFields& fields_;
  std::string pair_;
  bool cut_ = false;
};

[[nodiscard]] bool add_query(FormFields& fields, std::string_view query) {
  UrlencodedFields pairs{fields};
  return pairs.feed(query) && pairs.finish_pair();
}

std::string_view text_of(const std::vector<std::byte>& block, std::size_t count) {
  return as_text(Bytes{block}.first(count));
}

awaitable<bool> read_json(http::BodyReader& body, std::span<const JsonField> fields,
                          FormValues& values) {
  JsonFields json{fields};
  std::vector<std::byte> block(kBlockBytes);
  for (;;) {
    const Result<std::size_t> count = co_await body.read(block);
    if (!count.has_value()) { co_return false; }
    const auto progress = *count == 0 ? json.finish() : json.feed(text_of(block, *count));
    if (progress == JsonFields::Progress::kMalformed) { co_return false; }
    if (progress == JsonFields::Progress::kDone) { break; }
  }
  values = json.take_values();
  co_return true;
}

// The media type without parameters, as "application/x-www-form-urlencoded" of "...; charset=x".
std::string media_type(std::string_view content_type) {
  return to_lower_ascii(trim_blanks(content_type.substr(0, content_type.find(';'))));
}

awaitable<bool> read_urlencoded(http::BodyReader& body, FormFields& fields) {
  Bounded bounded{body, kUrlencodedBytesMax};
  UrlencodedFields pairs{fields};
  std::vector<std::byte> block(kBlockBytes);
  for (;;) {
    const Result<std::size_t> count = co_await bounded.read(block);
    if (!count.has_value()) { co_return false; }
    if (*count == 0) { break; }
    if (!pairs.feed(text_of(block, *count))) { co_return false; }
  }
  co_return pairs.finish_pair();
}

awaitable<bool> read_part(http::MultipartReader& parts, const http::Part& part,
                          FormFields& fields) {
  const bool is_file = !part.filename.value_or("").empty();
  if (fields.is_misspelled(part.name) || (is_file && fields.is_list(part.name))) {
    co_return false;
  }
  const bool wanted = !is_file && fields.wants(part.name);
  const std::size_t bytes_max = FormFields::bytes_max(part.name);
  std::string value;
  bool cut = false;
  std::vector<std::byte> block(kBlockBytes);
  for (;;) {
    const Result<std::size_t> count = co_await parts.read(block);
    if (!count.has_value()) { co_return false; }
    if (*count == 0) { break; }
    if (!wanted) { continue; }
    const std::size_t room = bytes_max - value.size();
    value += text_of(block, std::min(*count, room));
    cut = cut || *count > room;
  }
  co_return !wanted || fields.add(part.name, std::move(value), cut);
}

awaitable<bool> read_multipart(http::BodyReader& body, std::string_view content_type,
                               FormFields& fields) {
  auto parts = http::MultipartReader::open(content_type, body);
  if (!parts.has_value()) { co_return false; }
  for (;;) {
    const Result<std::optional<http::Part>> part = co_await (*parts)->next();
    if (!part.has_value()) { co_return false; }
    if (!part->has_value()) { co_return true; }
    const bool good = co_await read_part(**parts, **part, fields);
    if (!good) { co_return false; }
  }
}

awaitable<bool> read_xml(http::BodyReader& body, std::span<const FormField> fields,
                         FormValues& values) {
  const Result<std::string> text = co_await http::read_all(body, kXmlBytesMax);
  if (!text.has_value()) { co_return false; }
  std::vector<XmlName> names;
  for (const FormField& field : fields) { names.push_back({field.name, field.xml}); }
  auto found = read_xml_fields(*text, names);
  if (!found) { co_return false; }
  values = std::move(*found);
  for (const FormField& field : fields) {
    const auto value = values.find(field.name);
    if (field.kind == FieldKind::kList && value != values.end()) { value->second += '\0'; }
  }
  co_return true;
}

awaitable<bool> read_either_form(const http::Request& request, http::BodyReader& body,
                                 std::string_view content_type, FormFields& fields) {
  bool good = true;
  if (content_type.starts_with("multipart/")) {
    good = co_await read_multipart(body, content_type, fields);
  } else if (media_type(content_type) == "application/x-www-form-urlencoded") {
    good = co_await read_urlencoded(body, fields);
  }
  co_return good&& add_query(fields, request.query) && fields.apply_payloads();
}

}  // namespace

Problem unreadable(FormFault fault) {
  return fault == FormFault::kTooLarge ? problem(413, phrase::kTooLarge)
                                       : problem(400, phrase::kLoading);
}

bool is_another_spelling(std::string_view sent, std::string_view name) {
  return sent != name && equals_ignoring_case(sent.substr(0, sent.find('[')), name);
}

std::optional<bool> flag_of(const FormValues& values, std::string_view name) {
  const auto found = values.find(name);
  if (found == values.end() || found->second.empty()) { return false; }
  if (found->second == "true" || found->second == "1") { return true; }
  if (found->second == "false" || found->second == "0") { return false; }
  return std::nullopt;
}

awaitable<Form> read_form(const http::Request& request, http::BodyReader& body,
                          std::span<const FormField> fields) {
  Form form;
  if (!request.has_body()) { co_return form; }
  const std::string content_type{request.headers.find("Content-Type").value_or("")};
  const auto is = [&](std::string_view prefix) { return content_type.starts_with(prefix); };
  Bounded bounded{body, kBodyBytesMax};
  FormFields known{fields};
  bool good = false;
  if (is("application/json")) {
    good = co_await read_json(bounded, known.fields(), form.values);
  } else if (is("multipart/form-data") || is("application/x-www-form-urlencoded")) {
    good = co_await read_either_form(request, bounded, content_type, known);
    form.values = known.take();
    form.payloads = known.take_payloads();
  } else if (is("text/xml") || is("application/xml")) {
    if (fields.front().xml.empty()) {
      form.fault = FormFault::kXml;
      co_return form;
    }
    good = co_await read_xml(bounded, fields, form.values);
  } else {
    form.fault = FormFault::kUnsupportedType;
    co_return form;
  }
  if (!good) { form.fault = bounded.exceeded() ? FormFault::kTooLarge : FormFault::kMalformed; }
  if (known.has_misspelled()) { form.fault = FormFault::kMisspelled; }
  co_return form;
}

}  // namespace pv::api
