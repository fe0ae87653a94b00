// The recipe for an image, as far as it can be judged without building one: paths, packages, defaults.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { cli, program, startServer } from "./support.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
// [word, rest] of each instruction, comments gone and lines joined.
const instructions = fs.readFileSync(path.join(root, "deploy/docker/Dockerfile"), "utf8")
  .split("\n").filter((line) => !line.startsWith("#")).join("\n").replaceAll("\\\n", " ")
  .split("\n").filter((line) => line.trim()).map((line) => /^([A-Z]+)\s+(.*)$/.exec(line).slice(1));
const last = (word) => instructions.filter(([one]) => one === word).at(-1)?.[1];
const out = (command, args) => {
  const done = spawnSync(command, args, { encoding: "utf8" });
  return done.status === 0 ? done.stdout : "";
};

test("the image has each library that the program needs, by the package that it is in", () => {
  const install = last("RUN").replaceAll(/\s+/g, " ");
  const packages = /--no-install-recommends (.*?) &&/.exec(install)[1].split(" ");
  const libraries = out("ldd", [program]) + out("/sbin/ldconfig", ["-p"]);
  const fileOf = (name) => fs.realpathSync(libraries.split("\n").find((line) => line.trim().startsWith(`${name} `)).split(/\s+/).find((word) => word.startsWith("/")));
  const loaded = /"(libcurl\.so\.\d+)"/.exec(fs.readFileSync(path.join(root, "src/curl/library.cc"), "utf8"))[1];  // when it is first used
  const needed = [loaded, ...[...out("objdump", ["-p", program]).matchAll(/NEEDED\s+(\S+)/g)].map(([, name]) => name)];
  assert.ok(needed.length > 6);
  for (const name of needed) {
    const file = fileOf(name);
    const owner = (out("dpkg", ["-S", file]) || out("dpkg", ["-S", file.replace(/^\/usr/, "")])).split(":")[0];
    assert.ok(owner === "libc6" || packages.includes(owner), `${name} is in ${owner}, which the image lacks`);
  }
  for (const each of ["ca-certificates", "curl"]) assert.ok(packages.includes(each));
  for (const each of packages.filter((one) => one.startsWith("lib"))) {
    assert.ok(needed.some((name) => out("dpkg", ["-L", each]).includes(path.basename(fileOf(name)))), `${each} is in the image for nothing`);
  }
});

test("what is copied is there, and is all that a build reads", () => {
  const sources = instructions.filter(([word, rest]) => word === "COPY" && !rest.startsWith("--from"))
    .flatMap(([, rest]) => rest.split(/\s+/).slice(0, -1));
  for (const name of sources) assert.ok(fs.existsSync(path.join(root, name)), name);
  for (const name of ["dev", "CMakeLists.txt", "CMakePresets.json", "src"]) assert.ok(sources.includes(name), name);
});

test("it does not run as root, stops by SIGTERM, and its healthcheck asks where its server answers", async (t) => {
  assert.match(last("USER"), /^[1-9]\d*:[1-9]\d*$/);
  assert.equal(last("STOPSIGNAL"), "SIGTERM");
  assert.deepEqual([JSON.parse(last("ENTRYPOINT")), JSON.parse(last("CMD"))], [["pocketvault"], ["serve"]]);
  const env = Object.fromEntries([...last("ENV").matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]));
  const { options } = JSON.parse(cli(["config", "show", "--json"], { env }).stdout);
  const said = Object.fromEntries(options.filter(({ origin }) => origin === "environment").map(({ key, value }) => [key, value]));
  assert.equal(Object.keys(said).length, Object.keys(env).length, "each variable is an option");
  const volumes = JSON.parse(last("VOLUME"));
  assert.deepEqual(volumes, [said.dir]);
  const command = JSON.parse(/CMD (\[.*\])/.exec(last("HEALTHCHECK"))[1]);
  const url = new URL(command.at(-1));
  assert.equal(url.host, said.metrics_listen);

  const server = await startServer(t, { args: ["--strict", "--metrics-listen", "127.0.0.1:0"] });
  const watch = /metrics at (http:\S+)\/metrics/.exec(server.log())[1];
  if (spawnSync("curl", ["--version"]).status !== 0) return t.diagnostic("curl is missing");
  const ask = () => spawnSync(command[0], [...command.slice(1, -1), watch + url.pathname]).status;
  assert.equal(ask(), 0);
  await server.stop();
  assert.notEqual(ask(), 0);
});
