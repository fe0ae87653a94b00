#include "curl/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "curl/library.h"
#include "curl/transfer.h"

namespace pv::curl {
namespace {

struct FreeMime {
  void operator()(::curl_mime* mime) const { ::curl_mime_free(mime); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};

// One part of a URL; empty when it has none or is none.
std::string url_part(std::string_view url, CURLUPart part) {
  const std::unique_ptr<CURLU, FreeUrl> parsed{::curl_url()};
  const std::string text{url};
  if (::curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) { return {}; }
  char* value = nullptr;
  if (::curl_url_get(parsed.get(), part, &value, 0) != CURLUE_OK) { return {}; }
  std::string result{value};
  ::curl_free(value);
  return result;
}

// A source that is being sent.
struct Sending {
  Source* source = nullptr;
  std::uint64_t offset = 0;
  std::optional<Error>* error = nullptr;
};

std::size_t read_some_of(char* into, std::size_t size, std::size_t count, void* user) {
  auto& sending = *static_cast<Sending*>(user);
  const MutableBytes bytes{reinterpret_cast<std::byte*>(into), size * count};
  const auto outcome = sending.source->read_at(sending.offset, bytes);
  if (!outcome.has_value()) {
    *sending.error = outcome.error();
    return CURL_READFUNC_ABORT;
  }
  if (*outcome == 0 && sending.offset < sending.source->size_bytes()) {
    *sending.error = Error{Code::kDamaged, "what was to be sent became shorter meanwhile"};
    return CURL_READFUNC_ABORT;
  }
  sending.offset += *outcome;
  return *outcome;
}

// For a connection that had gone idle, on which libcurl starts again.
int seek_in(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) { return CURL_SEEKFUNC_CANTSEEK; }
  static_cast<Sending*>(user)->offset = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

// One request on its way: what the callbacks need, and what must live until it ends.
class Exchange {
 public:
  Exchange(CURL* easy, const Request& request, const ClientOptions& options, Sink* sink)
      : easy_{easy}, request_{request}, options_{options}, sink_{sink} {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Result<void> prepare() {
    ::curl_easy_reset(easy_);
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    set(CURLOPT_USERAGENT, options_.user_agent.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a name that is looked up for long does not hold up a stop
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
    const auto stall = request_.stall_timeout.value_or(options_.stall_timeout);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall.count()));
    if (request_.total_timeout.has_value()) {  // libcurl takes zero for no limit
      set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(request_.total_timeout->count())));
    }
    set(CURLOPT_PATH_AS_IS, 1L);
    if (!options_.ca_file.empty()) { set(CURLOPT_CAINFO, options_.ca_file.c_str()); }
    set(CURLOPT_ERRORBUFFER, error_text_);
    if (is_loopback(url_part(request_.url, CURLUPART_HOST))) { set(CURLOPT_PROXY, ""); }
    if (request_.method == "HEAD") { set(CURLOPT_NOBODY, 1L); }
    set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    PV_CHECK(prepare_headers());
    prepare_body();
    return {};
  }

  Result<Reply> finish(CURLcode code) {
    if (own_error_.has_value()) { return fail(std::move(*own_error_)); }
    if (code != CURLE_OK) {
      const char* text = error_text_[0] != '\0' ? error_text_ : ::curl_easy_strerror(code);
      const char* what = code == CURLE_SSL_CONNECT_ERROR ? ": no TLS: " : ": ";
      return fail(code_of(code), where() + what + printable(text));
    }
    long status = 0;
    ::curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    reply_.status = static_cast<int>(status);
    return std::move(reply_);
  }

  [[nodiscard]] std::string where() const {
    return request_.method + " " + url_for_people(request_.url);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    PV_ASSERT(::curl_easy_setopt(easy_, option, value) == CURLE_OK);
  }

  Result<void> prepare_headers() {
    for (const auto& [name, value] : request_.headers) {
      if ((name + value).find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos) {
        return fail(Code::kInvalid, "the header " + printable(name) + " has a line break");
      }
      // libcurl's way of saying "present, but empty".
      append_header(value.empty() ? name + ";" : name + ": " + value);
    }
    // A form's boundary and type are libcurl's; bytes have the type the caller names, or none.
    const bool plain = !std::holds_alternative<Form>(request_.body);
    if (plain && !has_header("Content-Type")) { append_header("Content-Type:"); }
    set(CURLOPT_HTTPHEADER, headers_.get());
    return {};
  }

  [[nodiscard]] bool has_header(std::string_view name) const {
    return std::any_of(request_.headers.begin(), request_.headers.end(), [&](const Header& header) {
      return equals_ignoring_case(header.first, name);
    });
  }

  void append_header(const std::string& line) { append(headers_, line); }

  void prepare_body() {
    if (const auto* text = std::get_if<std::string>(&request_.body)) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(text->size()));
      set(CURLOPT_POSTFIELDS, text->data());
    } else if (const auto* source = std::get_if<Source*>(&request_.body)) {
      Sending* sending = add_sending(*source);
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_READFUNCTION, &read_some_of);
      set(CURLOPT_READDATA, sending);
      set(CURLOPT_SEEKFUNCTION, &seek_in);
      set(CURLOPT_SEEKDATA, sending);
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>((*source)->size_bytes()));
    } else if (const auto* form = std::get_if<Form>(&request_.body)) {
      prepare_form(*form);
    } else if (request_.method == "POST" || request_.method == "PUT" ||
               request_.method == "PATCH") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t{0});
      set(CURLOPT_POSTFIELDS, "");
    }
  }

  void prepare_form(const Form& form) {
    mime_.reset(::curl_mime_init(easy_));
    for (const FormPart& given : form) {
      ::curl_mimepart* part = ::curl_mime_addpart(mime_.get());
      ::curl_mime_name(part, given.name.c_str());
      if (!given.filename.empty()) { ::curl_mime_filename(part, given.filename.c_str()); }
      if (!given.content_type.empty()) { ::curl_mime_type(part, given.content_type.c_str()); }
      if (const auto* text = std::get_if<std::string>(&given.content)) {
        ::curl_mime_data(part, text->data(), text->size());
      } else {
        Sending* sending = add_sending(std::get<Source*>(given.content));
        const auto size = static_cast<curl_off_t>(sending->source->size_bytes());
        ::curl_mime_data_cb(part, size, &read_some_of, &seek_in, nullptr, sending);
      }
    }
    set(CURLOPT_MIMEPOST, mime_.get());
  }

  Sending* add_sending(Source* source) {
    sendings_.push_back(std::make_unique<Sending>(Sending{source, 0, &own_error_}));
    return sendings_.back().get();
  }

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
    auto& self = *static_cast<Exchange*>(user);
    std::string_view line{data, size * count};
    line = line.substr(0, line.find_last_not_of("\r\n") + 1);
    if (line.starts_with("HTTP/")) {  // "100 Continue" comes before the final answer
      self.reply_.headers.clear();
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      self.reply_.headers.emplace_back(line.substr(0, colon), trim_blanks(line.substr(colon + 1)));
    }
    return size * count;
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
    auto& self = *static_cast<Exchange*>(user);
    const std::string_view bytes{data, size * count};
    return self.take(bytes) ? bytes.size() : CURL_WRITEFUNC_ERROR;
  }

  bool take(std::string_view bytes) {
    long status = 0;
    ::curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    if (sink_ != nullptr && status >= 200 && status < 300) {
      Result<void> outcome = announce(static_cast<int>(status));
      if (outcome.has_value()) { outcome = sink_->write(as_bytes(bytes)); }
      if (!outcome.has_value()) { own_error_ = outcome.error(); }
      return outcome.has_value();
    }
    if (reply_.body.size() + bytes.size() > options_.body_bytes_max) {
      own_error_ = Error{Code::kInvalid, where() + ": the answer is longer than " +
                                             format_size(options_.body_bytes_max)};
      return false;
    }
    reply_.body += bytes;
    return true;
  }

  Result<void> announce(int status) {
    if (announced_ || !request_.on_answer) { return {}; }
    announced_ = true;
    return request_.on_answer(status, reply_.headers);
  }

  static int on_progress(void* user, curl_off_t /*to_receive*/, curl_off_t received,
                         curl_off_t /*to_send*/, curl_off_t sent) {
    const auto& self = *static_cast<const Exchange*>(user);
    if (self.request_.on_progress) {
      self.request_.on_progress(static_cast<std::uint64_t>(sent),
                                static_cast<std::uint64_t>(received));
    }
    return 0;
  }

  CURL* easy_;
  const Request& request_;
  const ClientOptions& options_;
  Sink* sink_;
  Reply reply_;
  bool announced_ = false;
  std::optional<Error> own_error_;  // of a source, a sink, or a bound of ours
  List headers_;
  std::unique_ptr<::curl_mime, FreeMime> mime_;
  std::vector<std::unique_ptr<Sending>> sendings_;
  char error_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace

class Client::Impl {
 public:
  explicit Impl(ClientOptions options) : options_{std::move(options)} {}

  Result<Reply> run(const Request& request, Sink* sink, const std::stop_token& stop) {
    PV_CHECK(load_library());
    if (!transfer_.has_value()) { transfer_.emplace(); }
    Exchange exchange{transfer_->easy(), request, options_, sink};
    PV_CHECK(exchange.prepare());
    const std::optional<CURLcode> code = transfer_->run(stop);
    auto outcome = code.has_value()
                       ? exchange.finish(*code)
                       : Result<Reply>{fail(Code::kCancelled, exchange.where() + ": cancelled")};
    ::curl_easy_reset(transfer_->easy());  // nothing may point into the exchange after it
    return outcome;
  }

 private:
  ClientOptions options_;
  std::optional<Transfer> transfer_;  // from the first request on
};

Client::Client(ClientOptions options) : impl_{std::make_unique<Impl>(std::move(options))} {}
Client::~Client() = default;

Result<Reply> Client::send(const Request& request, std::stop_token stop) {
  return impl_->run(request, nullptr, stop);
}

Result<Reply> Client::download(const Request& request, Sink& sink, std::stop_token stop) {
  return impl_->run(request, &sink, stop);
}

std::optional<std::string_view> find_header(const std::vector<Header>& headers,
                                            std::string_view name) {
  for (const auto& [known, value] : headers) {
    if (equals_ignoring_case(known, name)) { return value; }
  }
  return std::nullopt;
}

std::string url_for_people(std::string_view url) {
  const std::string scheme = url_part(url, CURLUPART_SCHEME);
  const std::string host = url_part(url, CURLUPART_HOST);
  const std::string port = url_part(url, CURLUPART_PORT);
  if (host.empty()) { return printable(url.substr(0, url.find_first_of("?#@"))); }
  return printable(scheme + "://" + host + (port.empty() ? "" : ":" + port) +
                   url_part(url, CURLUPART_PATH));
}

std::string escape(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char letter : text) {
    if (kPlain.find(letter) != std::string_view::npos) {
      result += letter;
      continue;
    }
    const auto value = static_cast<unsigned char>(letter);
    result += '%';
    result += kDigits[value >> 4U];
    result += kDigits[value & 15U];
  }
  return result;
}

}  // namespace pv::curl
