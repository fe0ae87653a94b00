// /metrics, /healthz, /readyz; and the rules and the dashboard that use them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { aws, gatewayProgram, region, startGateway, startProxy } from "./s3-support.mjs";
import { addUser, cli, signIn, sql, startServer, superuser, tempFolder, user } from "./support.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const noGateway = gatewayProgram() ? false : "versitygw is missing: ./dev unit fetches it";

function promtoolProgram() {
  const own = path.join(root, ".tools/bin/promtool");
  if (fs.existsSync(own)) return own;
  const found = spawnSync("sh", ["-c", "command -v promtool"], { encoding: "utf8" }).stdout.trim();
  if (!found && process.env.CI) throw new Error("promtool is missing: ./dev e2e fetches it");
  return found;
}
const noPromtool = promtoolProgram() ? false : "promtool is missing: ./dev e2e fetches it";
function promtool(args, input) {
  const done = spawnSync(promtoolProgram(), args, { encoding: "utf8", input, timeout: 30_000 });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  if (input !== undefined) assert.equal(done.stdout + done.stderr, "", "it has nothing to say of good metrics");
}

// A server that tells its metrics on a port of its own, which its log names.
async function startWatched(t, options = {}) {
  const server = await startServer(t, { ...options, args: ["--metrics-listen", "127.0.0.1:0", ...options.args ?? []] });
  const named = () => /metrics at (http:\S+)\/metrics/.exec(server.log());
  for (const end = Date.now() + 10_000; named() === null && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 10));
  server.watch = named()[1];
  server.scrape = async () => {
    const answer = await fetch(`${server.watch}/metrics`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
    return answer.text();
  };
  return server;
}
const value = (text, name) => {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
};
const create = async (server, name, status = 204) => {
  const answer = await fetch(`${server.url}/api/backups`, { method: "POST",
    headers: { Authorization: await signIn(server), "Content-Type": "application/json" }, body: JSON.stringify({ name }) });
  assert.equal(answer.status, status, await answer.text());
};

test("a server's life in metrics: counted, linted, without a name; rules and dashboard know no others", { skip: noPromtool }, async (t) => {
  const mirror = path.join(tempFolder(t), "mirror");
  const server = await startWatched(t, { args: ["--mirror", mirror] });
  const fresh = await server.scrape();
  promtool(["check", "metrics"], fresh);
  assert.equal(value(fresh, "pocketvault_backup_last_success_timestamp_seconds"), 0);
  assert.equal(value(fresh, 'pocketvault_jobs_total{kind="backup",outcome="succeeded"}'), 0);

  const before = Math.floor(Date.now() / 1000);
  await create(server, "confidential.zip");
  await create(server, "confidential.zip", 400);  // begins no job
  sql(path.join(server.dir, "data.db"), `UPDATE _params SET value = json_set(CAST(value AS TEXT), '$.backups.cron', '0 3 * * *') WHERE id = 'settings'`);
  assert.equal(cli(["verify", "confidential.zip", "--dir", server.dir]).status, 0);
  let text;
  const end = Date.now() + 20_000;
  do {
    assert.ok(Date.now() < end, text);
    text = await server.scrape();
  } while (value(text, 'pocketvault_backups{verdict="sound"}') !== 1 || value(text, "pocketvault_backup_next_run_timestamp_seconds") === undefined);
  promtool(["check", "metrics"], text);
  assert.equal(value(text, 'pocketvault_jobs_total{kind="backup",outcome="succeeded"}'), 1);
  assert.equal(value(text, 'pocketvault_job_duration_seconds_count{kind="backup",outcome="succeeded"}'), 1);
  const archive = fs.statSync(path.join(server.dir, "backups/confidential.zip"));
  assert.equal(value(text, "pocketvault_backup_size_bytes"), archive.size);
  assert.equal(value(text, "pocketvault_backup_written_bytes_total"), archive.size);
  assert.equal(value(text, "pocketvault_backups_size_bytes"), archive.size);
  assert.equal(value(text, "pocketvault_backup_writer_pause_seconds_count"), 1);
  for (const name of ["last_attempt", "last_success", "newest", "newest_verified", "last_verified"]) {
    const at = value(text, `pocketvault_backup_${name}_timestamp_seconds`);
    assert.ok(at >= before && at <= Date.now() / 1000, `${name}: ${at}`);
  }
  assert.ok(value(text, "pocketvault_backup_next_run_timestamp_seconds") > Date.now() / 1000);
  assert.equal(value(text, 'pocketvault_http_request_duration_seconds_count{code="204",route="backup_create"}'), 1);
  assert.equal(value(text, 'pocketvault_http_request_duration_seconds_count{code="400",route="backup_create"}'), 1);
  assert.ok(value(text, "process_resident_memory_bytes") > 1 << 20);
  assert.doesNotMatch(text, /confidential/);

  // What rules and dashboard name is there, but for what only a bucket has.
  const absent = new Set(["pocketvault_s3_requests_total", "pocketvault_s3_retries_total"]);
  for (const file of ["deploy/prometheus/pocketvault.rules.yml", "deploy/grafana/pocketvault.json"]) {
    const names = new Set(fs.readFileSync(path.join(root, file), "utf8").match(/\b(pocketvault|process)_[a-z0-9_]+[a-z0-9](?=[{[ )\\])/g));
    assert.ok(names.size > 5, file);
    for (const name of names) {
      assert.ok(absent.has(name) || new RegExp(`^${name}[ {]`, "m").test(text), `${file}: ${name} is in no scrape`);
    }
  }
});

test("the rules fire when they should; the dashboard is one", { skip: noPromtool }, () => {
  const rules = path.join(root, "deploy/prometheus/pocketvault.rules.yml");
  promtool(["check", "rules", rules]);
  promtool(["test", "rules", rules.replace(".yml", ".test.yml")]);
  const tested = fs.readFileSync(rules.replace(".yml", ".test.yml"), "utf8");
  for (const [, alert] of fs.readFileSync(rules, "utf8").matchAll(/alert: (\w+)/g)) {
    assert.ok(tested.includes(`alertname: ${alert}}`), `${alert} is in no test`);
  }
  const dashboard = JSON.parse(fs.readFileSync(path.join(root, "deploy/grafana/pocketvault.json"), "utf8"));
  assert.equal(dashboard.uid, "pocketvault");
  const ids = dashboard.panels.map((panel) => panel.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const panel of dashboard.panels) {
    assert.ok(panel.targets.every((target) => target.expr), panel.title);
    assert.ok(panel.gridPos.x + panel.gridPos.w <= 24, panel.title);
  }
});

test("who may ask: superusers on the main port, anybody on the other; nothing secret in what all may read", async (t) => {
  const server = await startWatched(t);
  addUser(server.dir);
  const get = async (url, token) => (await fetch(url, token ? { headers: { Authorization: token } } : {})).status;
  const main = `${server.url}/metrics`;
  const record = await signIn(server, { collection: "users", email: user.email, password: superuser.password });
  assert.deepEqual([await get(main), await get(main, record), await get(main, await signIn(server)), await get(`${server.watch}/metrics`)], [401, 403, 200, 200]);
  for (const base of [server.url, server.watch]) {
    assert.deepEqual(await (await fetch(`${base}/healthz`)).json(), { alive: true });
    assert.deepEqual(await (await fetch(`${base}/readyz`)).json(), { ready: true, reasons: [] });
  }
  assert.equal((await fetch(`${server.watch}/api/backups`)).status, 404);
  sql(path.join(server.dir, "data.db"), "UPDATE _params SET value = 'none of your business' WHERE id = 'settings'");
  const unready = await fetch(`${server.url}/readyz`);
  assert.equal(unready.status, 503);
  const { ready, reasons } = await unready.json();
  assert.equal(ready, false);
  assert.match(reasons[0], /^the settings /);
  assert.equal(reasons[0].includes("business"), false);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200, "alive it is");
});

test("--strict knows none of the three, as PocketBase; its own port does", async (t) => {
  const server = await startWatched(t, { args: ["--strict"] });
  for (const name of ["metrics", "healthz", "readyz"]) {
    const answer = await fetch(`${server.url}/${name}`, { headers: { Authorization: await signIn(server) } });
    assert.equal(answer.status, 404, name);
    assert.equal((await fetch(`${server.watch}/${name}`)).status, 200, name);
  }
});

test("requests to a bucket are counted; a scrape makes none while what is known is fresh", { skip: noGateway }, async (t) => {
  const gateway = await startGateway(t);
  let failures = 1;
  let requests = 0;
  const proxy = await startProxy(t, gateway, (request) => {
    ++requests;
    return request.method === "PUT" && failures-- > 0 ? 503 : {};
  });
  Object.assign(process.env, aws);
  t.after(() => { for (const name of Object.keys(aws)) delete process.env[name]; });
  const server = await startWatched(t, { args: ["--s3-bucket", "backups", "--s3-endpoint", proxy.url, "--s3-region", region, "--s3-force-path-style"] });
  await create(server, "a.zip");
  const count = (text) => ["success", "refused", "failed"].flatMap((outcome) => ["GET", "HEAD", "PUT", "POST", "DELETE"]
    .map((method) => value(text, `pocketvault_s3_requests_total{method="${method}",outcome="${outcome}"}`) ?? 0)).reduce((a, b) => a + b);
  let text;
  const end = Date.now() + 20_000;
  do {
    assert.ok(Date.now() < end, text);
    text = await server.scrape();
  } while (value(text, 'pocketvault_backups{verdict="none"}') !== 1);
  assert.equal(value(text, 'pocketvault_s3_requests_total{method="PUT",outcome="failed"}'), 1);
  assert.ok(value(text, 'pocketvault_s3_retries_total{method="PUT"}') >= 1);
  // What follows a backup (a look for alerts) asks the bucket as well; then it is quiet, however often it is scraped.
  let calm = 0;
  for (let before = -1; calm < 10; before = requests) {
    assert.ok(Date.now() < end, `${requests} requests; ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    text = await server.scrape();
    calm = requests === before && count(text) === requests ? calm + 1 : 0;
  }
});
