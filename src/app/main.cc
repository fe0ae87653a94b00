#include <cstdio>
#include <exception>
#include <new>

#include "app/local.h"
#include "app/process.h"
#include "app/serve.h"
#include "cli/cli.h"
#include "cli/words.h"

namespace {

pv::Result<std::unique_ptr<pv::cli::LocalVault>> open_for_command(
    const pv::cli::LocalOptions& options) {
  pv::app::LocalSetup setup;
  setup.options = options;
  PV_TRY(pv::app::Local local, pv::app::open_local(std::move(setup)));
  const pv::cli::Words words{pv::cli::language_for({})};
  for (const std::string& note : local.notes) {
    std::fprintf(stderr, "pocketvault: %s\n", words.told(note).c_str());
  }
  return std::move(local.vault);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    pv::app::prepare_process();
    pv::cli::Environment environment;
    environment.open_local = open_for_command;
    environment.look_over = pv::app::look_over;
    environment.open_store = pv::app::open_store;
    environment.check_places = pv::app::check_places;
    environment.serve = [](const pv::cli::ServeOptions& options) {
      return pv::app::serve(options, PV_VERSION);
    };
    environment.config = pv::cli::kSystemConfig;
    environment.version = PV_VERSION;
    return pv::cli::run(argc, argv, environment);
  } catch (const std::bad_alloc&) {
    std::fputs("pocketvault: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pocketvault: unexpected: %s\n", error.what());
  }
  return static_cast<int>(pv::cli::Exit::kFailed);
}
