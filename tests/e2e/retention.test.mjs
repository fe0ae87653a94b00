// What stays and what goes: pins, the rules of a retention, and verifications by the clock.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, signIn, sql, startServer, tempFolder, unpackFixture } from "./support.mjs";

const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };
const day = 24 * 3600 * 1000;
const zips = (dir) => fs.readdirSync(path.join(dir, "backups")).filter((name) => name.endsWith(".zip")).sort();

// Backups as a schedule names them, one a day, the newest first; all the same archive.
function prepare(t, days) {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.rmSync(path.join(dir, "backups"), { recursive: true });
  const run = (...words) => cli([...words, "--dir", dir]);
  ok(run("backup", "base.zip"));
  const noon = Math.floor(Date.now() / day) * day - day / 2;
  const name = (number) => `@auto_pb_backup_day_${String(number).padStart(3, "0")}.zip`;
  for (let number = 0; number < days; ++number) {
    const file = path.join(dir, "backups", name(number));
    fs.copyFileSync(path.join(dir, "backups/base.zip"), file);
    fs.copyFileSync(path.join(dir, "backups/base.zip.attrs"), `${file}.attrs`);
    fs.utimesSync(file, new Date(noon - number * day), new Date(noon - number * day));
  }
  ok(run("delete", "base.zip"));
  return { dir, run, name };
}
const until = async (what, condition) => {
  for (const end = Date.now() + 30_000; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const caller = (server, token) => async (method, route, body) => {
  const headers = { Authorization: token, ...(body ? { "Content-Type": "application/json" } : {}) };
  const answer = await fetch(server.url + route, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, json: text ? JSON.parse(text) : null };
};

test("prune by flags: told, asked, done; pins and the newest stay, side files go too", (t) => {
  const { dir, run, name } = prepare(t, 40);
  assert.match(ok(run("prune", "--yes")).stdout, /^No retention is set/);
  ok(run("pin", name(20), "--note", "before the move"));
  const plan = JSON.parse(ok(run("prune", "--keep-daily", "3", "--dry-run", "--json")).stdout);
  assert.equal(plan.dryRun, true);
  assert.deepEqual(plan.removed, []);
  const kept = Object.fromEntries(plan.backups.filter((one) => one.kept).map((one) => [one.key, one.reasons]));
  assert.deepEqual(Object.keys(kept), [name(0), name(1), name(2), name(20)]);
  assert.match(kept[name(1)][0], /^daily \d{4}-\d\d-\d\d$/);
  assert.deepEqual(kept[name(20)], ["pinned"]);
  assert.equal(zips(dir).length, 40);

  const nobody = run("prune", "--keep-daily", "3");
  assert.equal(nobody.status, 9);
  assert.match(nobody.stderr, /This deletes 36 backups/);
  ok(run("prune", "--keep-daily", "3", "--yes"));
  assert.deepEqual(zips(dir), [name(0), name(1), name(2), name(20)]);
  assert.equal(fs.readdirSync(path.join(dir, "backups")).filter((file) => file.endsWith(".attrs")).length, 4);
  assert.match(ok(run("list")).stdout, /pinned/);
  assert.match(ok(run("show", name(20))).stdout, /pinned +now: before the move/);

  const refused = run("delete", name(20));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /is pinned: unpin it first/);
  ok(run("unpin", name(20)));
  ok(run("delete", name(20)));
});

test("where it is not known what is pinned, nothing goes", (t) => {
  const { dir, run, name } = prepare(t, 4);
  ok(run("pin", name(3)));
  fs.rmSync(path.join(dir, ".pocketvault/vault.db"));
  for (const words of [["prune", "--keep-last", "1", "--yes"], ["delete", name(3)]]) {
    const refused = run(...words);
    assert.equal(refused.status, 7);
    assert.match(refused.stderr, /backups were pinned, and which is not known any more/);
  }
  assert.equal(zips(dir).length, 4);
  ok(run("pin", name(3)));
  ok(run("prune", "--keep-last", "1", "--yes"));
  assert.deepEqual(zips(dir), [name(0), name(3)]);
});

test("over a server: the settings, a preview, pins, and a verification that was missed", async (t) => {
  const { dir, run, name } = prepare(t, 6);
  let server = await startServer(t, { dir });
  const token = await signIn(server);
  let call = caller(server, token);
  const settings = { retention: { keepLast: 2, keepDaily: 2, minAgeHours: 1 }, verification: { cron: "* * * * *", sampleCount: 1 } };
  assert.equal((await call("PATCH", "/api/vault/settings", settings)).status, 200);
  assert.equal((await call("POST", `/api/vault/backups/${name(5)}/pin`, { note: "first" })).status, 204);
  assert.equal((await call("DELETE", `/api/backups/${name(5)}`)).status, 400);
  const preview = (await call("GET", "/api/vault/retention/preview")).json;
  assert.equal(preview.summary, "keeps the last 2, 2 daily, and what is younger than 1 h");
  assert.deepEqual(preview.backups.filter((one) => !one.kept).map((one) => one.key), [name(2), name(3), name(4)]);

  const env = { POCKETVAULT_TOKEN: token };
  const remote = (...words) => cli([...words, "--url", server.url], { env });
  assert.match(ok(remote("prune", "--keep-last", "3", "--dry-run")).stdout, /To go: 2 backups/);
  const done = JSON.parse(ok(remote("prune", "--yes", "--json")).stdout);
  assert.deepEqual(done.removed, [name(4), name(3), name(2)]);
  ok(remote("unpin", name(5)));
  ok(remote("pin", name(5), "--note", "again"));
  const list = JSON.parse(ok(remote("list", "--json")).stdout);
  assert.deepEqual(list.map((one) => [one.key, one.pin?.note ?? null]), [[name(0), null], [name(1), null], [name(5), "again"]]);
  assert.match(ok(remote("status")).stdout, /retention +keeps the last 2, 2 daily/);

  await until("taken", async () => (await call("GET", "/api/vault/status")).json.verification.cron === "* * * * *");
  // As if no server had run for a while: what was due is made up for, the newest and the one never verified.
  await server.stop();
  const db = path.join(dir, ".pocketvault/vault.db");
  assert.equal(sql(db, "SELECT expression FROM schedule WHERE id = '__pvVerify__'"), "* * * * *");
  sql(db, "DELETE FROM verdicts; UPDATE schedule SET served_ms = served_ms - 3600000");
  const bytes = fs.readFileSync(path.join(dir, "backups", name(1)));
  bytes.fill(0x78, 20_000, 20_004);
  fs.writeFileSync(path.join(dir, "backups", name(1)), bytes);
  fs.utimesSync(path.join(dir, "backups", name(1)), new Date(Date.now() - day), new Date(Date.now() - day));
  server = await startServer(t, { dir });
  call = caller(server, await signIn(server));  // the account was set anew
  let status;
  await until("verified", async () => {
    status = (await call("GET", "/api/vault/status")).json;
    assert.ok(status.backups, JSON.stringify(status));
    return status.newest.verdict && status.damaged.length > 0;
  });
  assert.equal(status.newest.verdict.depth, "deep");
  assert.equal(status.damaged[0].key, name(1));
  assert.match(status.risk, /^a verification found @auto_pb_backup_day_001\.zip damaged: /);
  assert.equal(status.verification.cron, "* * * * *");
  assert.equal((await call("GET", "/api/vault/history")).json.filter((job) => job.kind === "verify" && job.scheduled).length >= 2, true);
  assert.equal((await call("GET", "/api/crons")).json.some((job) => job.id.includes("erif")), false);
  const damaged = run("status");
  assert.equal(damaged.status, 7);
  assert.match(damaged.stdout, /At risk: a verification found /);
});
