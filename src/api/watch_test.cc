#include "api/watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/use_future.hpp>
#include <future>

#include "api/server_testing.h"

namespace pv::api {
namespace {

using namespace std::chrono_literals;

Options watched(std::vector<std::string>* seen = nullptr) {
  Options options;
  options.watch.metrics = [] { return "one 1\n"; };
  options.watch.metrics_type = "text/plain; version=0.0.4";
  options.watch.unready = [] { return std::vector<std::string>{"the data is being exchanged"}; };
  if (seen != nullptr) {
    options.watch.on_request = [seen](std::string_view route, unsigned status, auto took) {
      EXPECT_GT(took.count(), 0) << "the clock of the test goes on";
      seen->push_back(std::string{route} + " " + std::to_string(status));
    };
  }
  return options;
}

TEST(Watch, MetricsAreForSuperusers) {
  TestServer server{watched()};
  EXPECT_EQ(server.call({.target = "/metrics"}).status, 401U);
  EXPECT_EQ(
      server.call({.target = "/metrics", .headers = {{"Authorization", server.user()}}}).status,
      403U);
  const Got got = server.admin_call("GET", "/metrics");
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, "one 1\n");
  EXPECT_EQ(got.header("Content-Type"), "text/plain; version=0.0.4");
}

TEST(Watch, HealthAndReadinessNeedNoTokenAndNoSettings) {
  TestServer server{watched()};
  server.sql("UPDATE _params SET value = 'not json' WHERE id = 'settings'");
  const Got alive = server.call({.target = "/healthz", .headers = {{"Authorization", "x"}}});
  EXPECT_EQ(alive.status, 200U);
  EXPECT_EQ(alive.body, "{\"alive\":true}\n");
  const Got ready = server.call({.target = "/readyz"});
  EXPECT_EQ(ready.status, 503U);
  EXPECT_EQ(ready.body, "{\"ready\":false,\"reasons\":[\"the data is being exchanged\"]}\n");
  Options fine = watched();
  fine.watch.unready = [] { return std::vector<std::string>{}; };
  server.start(std::move(fine));
  EXPECT_EQ(server.call({.target = "/readyz"}).status, 200U);
}

// The question what the store is reads the settings, which waits for the end of an exchange.
TEST(Watch, HealthIsAnsweredWhileAStoreThinks) {
  Options options = watched();
  options.strict = true;
  TestServer server{std::move(options)};
  server.store().remote = true;
  const std::string query = "?token=" + server.file_token(server.admin());
  const HeaderList signed_in{{"Authorization", server.admin()}};
  const std::vector<Ask> asks{
      {.method = "DELETE", .target = "/api/backups/none.zip", .headers = signed_in},
      {.target = "/api/backups/none.zip" + query}};
  for (const Ask& ask : asks) {
    std::atomic<bool> is_asked = false;
    std::promise<void> answered;
    const std::shared_future<void> others = answered.get_future().share();
    server.store().hook = [&](std::string_view call) -> Result<void> {
      if (call != "is_remote") { return {}; }
      is_asked = true;
      EXPECT_EQ(others.wait_for(10s), std::future_status::ready) << "nobody else was answered";
      return {};
    };
    PiecesBody body{""};
    std::vector<TestServer::Running> running(1);
    server.begin(ask, body, running[0]);
    while (!is_asked) { server.play(1ms); }
    EXPECT_EQ(server.call({.target = "/api/health"}).status, 200U) << ask.method;
    answered.set_value();
    server.finish(running);
  }
}

TEST(Watch, AStrictServerKnowsNoneOfThem) {
  Options options = watched();
  options.strict = true;
  TestServer server{std::move(options)};
  for (const char* path : {"/metrics", "/healthz", "/readyz"}) {
    EXPECT_EQ(server.admin_call("GET", path).status, 404U) << path;
  }
}

TEST(Watch, RequestsAreCountedByFewNames) {
  std::vector<std::string> seen;
  TestServer server{watched(&seen)};
  server.call({.target = "/api/backups/some-name.zip"});
  server.call({.target = "/never/heard/of"});
  server.admin_call("GET", "/api/backups");
  EXPECT_EQ(seen, (std::vector<std::string>{"backup_download 401", "unknown 404", "auth 200",
                                            "backup_list 200"}));
}

TEST(Watch, AListenerOfItsOwnKnowsNothingElse) {
  const Watch watch = watched().watch;
  Pools pools;
  const auto ask = [&](std::string method, std::string path) {
    boost::asio::io_context context;
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    auto answer = boost::asio::co_spawn(context, watch_answer(watch, pools, std::move(request)),
                                        boost::asio::use_future);
    context.run();
    return answer.get();
  };
  EXPECT_EQ(read_body(ask("GET", "/metrics")), "one 1\n");
  EXPECT_EQ(ask("GET", "/healthz").status, 200U);
  EXPECT_EQ(ask("HEAD", "/readyz").status, 503U);
  EXPECT_EQ(ask("GET", "/api/backups").status, 404U);
  EXPECT_EQ(ask("GET", "/metrics/").status, 404U);
  EXPECT_EQ(ask("POST", "/metrics").status, 405U);
}

}  // namespace
}  // namespace pv::api
