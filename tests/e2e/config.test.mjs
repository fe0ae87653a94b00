// Options in a file and in the environment; config show and check; SIGHUP.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gatewayProgram, keys, region, run, startGateway } from "./s3-support.mjs";
import { cli, signIn, startServer, tempFolder } from "./support.mjs";

const skip = gatewayProgram() ? false : "versitygw is missing: ./dev unit fetches it";
const toml = (t, text) => {
  const file = path.join(tempFolder(t), "config.toml");
  fs.writeFileSync(file, text);
  return file;
};
const until = async (server, pattern) => {
  const end = Date.now() + 20_000;
  while (!pattern.test(server.log())) {
    assert.ok(Date.now() < end, `never ${pattern}: ${server.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

test("config show tells each option with its origin, and no secret; what it prints is a file itself", (t) => {
  const file = toml(t, 'keep_replaced = "7d"\nlimit_rate = "1M"\norigins = ["https://a.b", "https://c.d"]\ns3_bucket = "b"\ns3_endpoint = "https://me:hunter2@s3.example.com"\n');
  const env = { POCKETVAULT_LIMIT_RATE: "2M", POCKETVAULT_TOKEN: "hunter2", POCKETVAULT_CONFIG: file };
  const done = cli(["config", "show", "--http", "127.0.0.1:1"], { env });
  assert.equal(done.status, 0, done.stderr);
  assert.doesNotMatch(done.stdout + done.stderr, /hunter2/);
  for (const line of [/^http = "127.0.0.1:1" +# --http$/m, /^limit_rate = "2M" +# POCKETVAULT_LIMIT_RATE$/m, /^# strict = false +# default$/m,
    new RegExp(`^keep_replaced = "7d" +# ${file}:1:1$`, "m"), /^origins = \["https:\/\/a.b", "https:\/\/c.d"\] +#/m]) {
    assert.match(done.stdout, line);
  }
  const again = toml(t, done.stdout.replace("***@", ""));
  assert.equal(cli(["config", "check", again]).stdout, `${again} is fine\n`);
  const { options, file: used } = JSON.parse(cli(["config", "show", "--json"], { env }).stdout);
  assert.equal(used, file);
  assert.deepEqual(options.find(({ key }) => key === "token"), { key: "token", value: "***", origin: "environment", where: "POCKETVAULT_TOKEN" });
  assert.deepEqual(options.find(({ key }) => key === "log_level"), { key: "log_level", value: "info", origin: "default", where: "default" });
});

test("config check says what is wrong with line and column, and ends with 2", (t) => {
  const file = toml(t, 'nice = 1\n\n  limit-rate = "1M"\n');
  const done = cli(["config", "check", file]);
  assert.equal(done.status, 2);
  assert.equal(done.stderr, `${file}:1:8: nice needs true or false, without quotes\n${file}:3:3: there is no option limit-rate; did you mean limit_rate?\n`);
  const { faults } = JSON.parse(cli(["config", "check", file, "--json"]).stdout);
  assert.deepEqual(faults.map(({ line, column }) => [line, column]), [[1, 8], [3, 3]]);
  const both = toml(t, 'backups_dir = "/b"\ns3_bucket = "b"\n');
  assert.match(cli(["config", "check"], { env: { POCKETVAULT_CONFIG: both } }).stderr, new RegExp(`^${both}:2:1: --s3-bucket: excludes --backups-dir`));
  assert.equal(cli(["config", "check", `${file}.absent`]).status, 5);
  const dir = path.join(tempFolder(t), "pb_data");
  const places = [
    [`mirror = "${dir}/backups/more"`, /is or lies in the place of the backups/],
    [`backups_dir = "${dir}/storage"`, /lies inside the data directory/],
    [`encryption_key_file = "${dir}/absent"`, /absent: No such file/],
    ['s3_bucket = "bucket"\nmirror = "s3://bucket"', /is or lies in the place of the backups/],
    ['s3_bucket = "bucket"\ns3_endpoint = "ftp://x"', /ftp/],
  ];
  for (const [text, why] of places) {
    const checked = cli(["config", "check", toml(t, `dir = "${dir}"\n${text}\n`)], { env: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" } });
    assert.equal(checked.status, 2, text);
    assert.match(checked.stderr, why);
  }
  assert.ok(!fs.existsSync(dir), "and nothing was made");
  const many = toml(t, `dir = "${dir}"\nencryption_key_file = "nope"\ns3_bucket = "b"\ns3_access_key = "k"\ns3_secret_key_file = "nope2"\nmirror = "${dir}/more"\n`);
  const absent = (name) => `open ${path.join(path.dirname(many), name)}: No such file or directory`;
  const all = JSON.parse(cli(["config", "check", many, "--json"]).stdout).faults;
  assert.deepEqual(all.slice(0, 2), [
    { line: 5, column: 1, message: `s3_secret_key_file: ${absent("nope2")}` },
    { line: 2, column: 1, message: `encryption_key_file: ${absent("nope")}` },
  ]);
  assert.equal(all.length, 3);
  assert.match(all[2].message, /^mirror: the folder .* lies inside the data directory/);
  assert.match(cli(["config", "check", many]).stderr, new RegExp(`^${many}:2:1: encryption_key_file: open`, "m"));
  const together = toml(t, 'http = "127.0.0.1:1"\nmetrics_listen = "127.0.0.1:1"\nbackups_dir = "/b"\ns3_bucket = "b"\n');
  assert.deepEqual(JSON.parse(cli(["config", "check", together, "--json"]).stdout).faults.map(({ line, column }) => [line, column]), [[2, 1], [4, 1]]);
  const refused = cli(["serve", "--config", file]);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /config\.toml:1:8: nice needs/);
  assert.equal(cli(["serve", "--config", `${file}.absent`]).status, 5);
});

test("SIGHUP takes what may change, tells what needs a restart, and refuses a file with a fault as a whole", async (t) => {
  const file = toml(t, 'log_level = "info"\n');
  const server = await startServer(t, { args: ["--config", file] });
  fs.writeFileSync(file, 'limit_rate = "5M"\nkeep_replaced = "2h"\nmirror = "elsewhere"\nhttp = "127.0.0.1:1"\n');
  server.child.kill("SIGHUP");
  await until(server, /these need a restart: mirror"/);  // not http: the command line has that
  assert.match(server.log(), /read again \(SIGHUP\): limit_rate: 5M \(was: none\), keep_replaced: 2h \(was: 24h\)"/);

  fs.writeFileSync(file, 'keep_replaced = "3h"\nlimit_rate = "fast"\n');
  server.child.kill("SIGHUP");
  await until(server, new RegExp(`not taken, all stays as it was: ${file}:2:14: limit_rate: needs`));

  // The time that is in force is the one of the file before.
  const token = await signIn(server);
  const call = (method, where, body) => fetch(server.url + where, { method, headers: { Authorization: token, "Content-Type": "application/json" }, body });
  assert.equal((await call("POST", "/api/backups", '{"name":"a.zip"}')).status, 204);
  assert.equal((await call("POST", "/api/backups/a.zip/restore")).status, 204);
  const again = await signIn(server);
  const [kept] = await (await fetch(`${server.url}/api/vault/replaced`, { headers: { Authorization: again } })).json();
  assert.equal(Math.round((new Date(kept.until) - new Date(kept.at)) / 3_600_000), 2);

  fs.writeFileSync(file, 'log_level = "error"\n');
  server.child.kill("SIGHUP");
  await until(server, /keep_replaced: 24h \(was: 2h\)/);
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(), /stopping/, "that is no error");
});

test("keys of a bucket and of the settings in files of their own", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const folder = tempFolder(t);
  fs.writeFileSync(path.join(folder, "secret"), `${keys.secret}\nnot this\n`, { mode: 0o600 });
  const file = path.join(folder, "config.toml");
  fs.writeFileSync(file, `s3_bucket = "backups"\ns3_endpoint = "${gateway.url}"\ns3_region = "${region}"\ns3_force_path_style = true\ns3_access_key = "${keys.accessKey}"\ns3_secret_key_file = "secret"\n`);
  const server = await startServer(t, { args: ["--config", file] });
  const made = await run(["backup", "a.zip", "--dir", server.dir, "--config", file]);
  assert.equal(made.status, 0, made.stderr);
  assert.deepEqual(gateway.objects(), ["a.zip"]);
  fs.writeFileSync(path.join(folder, "secret"), "wrong\n");
  const refused = await run(["list", "--dir", server.dir, "--config", file]);
  assert.notEqual(refused.status, 0);
  assert.doesNotMatch(refused.stderr, /wrong/);
  fs.rmSync(path.join(folder, "secret"));
  assert.equal((await run(["list", "--dir", server.dir, "--config", file])).status, 5);

  fs.writeFileSync(path.join(folder, "token"), await signIn(server));
  const remote = await run(["list", "--url", server.url, "--token-file", path.join(folder, "token"), "--json"]);
  assert.equal(remote.status, 0, remote.stderr);
  assert.deepEqual(JSON.parse(remote.stdout).map(({ key }) => key), ["a.zip"]);
});
