// PocketBase's settings and cron jobs through the official SDK, and changes by other processes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import PocketBase from "pocketbase";
import { cli, sql, startServer, superuser, tempFolder, unpackFixture } from "./support.mjs";

async function connect(t, options) {
  const server = await startServer(t, options);
  const pb = new PocketBase(server.url);
  pb.autoCancellation(false);
  await pb.collection("_superusers").authWithPassword(superuser.email, superuser.password);
  return { server, pb };
}

// Waits until `ask` gives something true; fails after 10 s.
async function eventually(ask) {
  for (const end = Date.now() + 10_000; ;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < end, "did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("settings through the SDK", async (t) => {
  const { server, pb } = await connect(t);
  const stored = () => JSON.parse(sql(path.join(server.dir, "data.db"), "SELECT CAST(value AS TEXT) FROM _params WHERE id = 'settings'"));

  await t.test("all of them, in PocketBase's shape", async () => {
    const settings = await pb.settings.getAll();
    assert.deepEqual(Object.keys(settings), ["superuserIPs", "smtp", "backups", "s3", "meta", "rateLimits", "trustedProxy", "batch", "logs"]);
    assert.deepEqual(settings.backups, { cron: "", cronMaxKeep: 3, s3: { enabled: false, bucket: "", region: "", endpoint: "", accessKey: "", forcePathStyle: false } });
  });

  await t.test("a change is merged, saved and answered; secrets never are", async () => {
    const changed = await pb.settings.update({ meta: { appName: "Corner Shop" }, backups: { cron: "0 3 * * *", s3: { secret: "not to be seen" } } });
    assert.equal(changed.meta.appName, "Corner Shop");
    assert.equal(changed.backups.cron, "0 3 * * *");
    assert.equal(changed.backups.cronMaxKeep, 3);
    assert.ok(!JSON.stringify(changed).includes("not to be seen"));
    assert.equal(stored().backups.s3.secret, "not to be seen");
    assert.equal((await pb.settings.getAll()).meta.appName, "Corner Shop");
    assert.equal(sql(path.join(server.dir, "data.db"), "SELECT typeof(value) FROM _params WHERE id = 'settings'"), "blob");
    await pb.backups.create();
    assert.match((await pb.backups.getFullList())[0].key, /^pb_backup_corner_shop_/);
  });

  await t.test("what is wrong is told of each field, and nothing is saved", async () => {
    await assert.rejects(pb.settings.update({ meta: { appName: "" }, backups: { cron: "61 * * * *", cronMaxKeep: 0 } }), (error) => {
      assert.equal(error.status, 400);
      assert.equal(error.response.message, "An error occurred while saving the new settings.");
      assert.equal(error.response.data.meta.appName.code, "validation_required");
      assert.equal(error.response.data.backups.cron.code, "validation_invalid_cron");
      assert.equal(error.response.data.backups.cronMaxKeep.code, "validation_required");
      return true;
    });
    assert.equal(stored().meta.appName, "Corner Shop");
  });

  await t.test("cron jobs are listed, and a backup of one is begun", async () => {
    const crons = await pb.crons.getFullList();
    assert.deepEqual(crons.at(-1), { id: "__pbAutoBackup__", expression: "0 3 * * *" });
    assert.equal(await pb.crons.run("__pbAutoBackup__"), true);
    const made = await eventually(async () => (await pb.backups.getFullList()).find((b) => b.key.startsWith("@auto_pb_backup_")));
    assert.match(made.key, /^@auto_pb_backup_corner_shop_\d{14}\.zip$/);
    await assert.rejects(pb.crons.run("nope"), (error) => error.status === 404);
  });

  await t.test("a change by another process is noticed", async () => {
    sql(path.join(server.dir, "data.db"),
      `UPDATE _params SET value = json_set(CAST(value AS TEXT), '$.rateLimits.enabled', json('true'), '$.rateLimits.rules',
         json('[{"label":"/api/health","audience":"","duration":60,"maxRequests":1}]')) WHERE id = 'settings'`);
    const limited = await eventually(async () => {
      const answer = await fetch(`${server.url}/api/health`);
      return answer.status === 429 && answer;
    });
    assert.deepEqual(await limited.json(), { data: {}, message: "Too Many Requests.", status: 429 });
    await pb.health.check();
  });

  await t.test("settings of our own", async () => {
    assert.deepEqual(await pb.send("/api/vault/settings?fields=schedule", { method: "GET" }), { schedule: { jitterSeconds: 0, catchUp: true } });
    const changed = await pb.send("/api/vault/settings", { method: "PATCH", body: { schedule: { jitterSeconds: 30 } } });
    assert.equal(changed.schedule.jitterSeconds, 30);
    await assert.rejects(pb.send("/api/vault/settings", { method: "PATCH", body: { schedule: { jiter: 30 } } }), (error) => {
      assert.equal(error.response.data.schedule.jiter.code, "validation_unknown_field");
      return true;
    });
    assert.equal(fs.statSync(path.join(server.dir, ".pocketvault/settings.json")).mode & 0o777, 0o600);
  });

  await t.test("what was done is remembered, and the status tells when the next backup is", async () => {
    const history = await pb.send("/api/vault/history", { method: "GET" });
    assert.deepEqual(history.map((job) => [job.kind, job.state, job.scheduled]), [["backup", "succeeded", true], ["backup", "succeeded", false]]);
    const status = await pb.send("/api/vault/status", { method: "GET" });
    assert.equal(status.schedule.cron, "0 3 * * *");
    assert.match(status.schedule.next, /^\d{4}-\d\d-\d\d 03:00:\d\d\.000Z$/);
    assert.equal(status.schedule.missed, null);
    assert.equal(status.lastSuccess.name, history[0].name);
    assert.equal(status.risk, "");
    const local = cli(["status", "--dir", server.dir]);
    assert.equal(local.status, 0, local.stderr);
    assert.match(local.stdout, /\n  last run     succeeded .*, by the clock\n  schedule     0 3 \* \* \*, next /);
  });

  await t.test("requests are logged, and the log is read through the SDK", async () => {
    const wrong = await fetch(`${server.url}/api/backups/nope.zip?token=not-to-be-seen`, { headers: { "User-Agent": "e2e" } });
    assert.equal(wrong.status, 403);
    const page = await eventually(async () => {
      const found = await pb.logs.getList(1, 10, { filter: "data.userAgent = 'e2e' && level > 0", sort: "-@rowid" });
      return found.totalItems === 1 && found;
    });
    assert.equal(page.items[0].message, "GET /api/backups/nope.zip?token=***");
    assert.equal(page.items[0].data.status, 403);
    assert.equal((await pb.logs.getOne(page.items[0].id)).level, 8);
    const hours = await pb.logs.getStats({ filter: "data.type = 'request'" });
    assert.match(hours[0].date, /^\d{4}-\d\d-\d\d \d\d:00:00\.000Z$/);
    await assert.rejects(pb.logs.getList(1, 10, { filter: "nonsense" }), (error) => error.status === 400);
  });

  await t.test("no secret is in the log", () => assert.ok(!server.log().includes("not to be seen")));
});

test("encrypted settings stay encrypted", async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6-encrypted-settings", folder);
  process.env.PV_TEST_KEY = "0123456789abcdef0123456789abcdef";
  const { pb } = await connect(t, { dir, args: ["--encryptionEnv", "PV_TEST_KEY"] });
  assert.equal((await pb.settings.getAll()).meta.appName, "Corner Shop");
  await pb.settings.update({ meta: { appName: "Sealed" } });
  const stored = sql(path.join(dir, "data.db"), "SELECT typeof(value) || ' ' || CAST(value AS TEXT) FROM _params WHERE id = 'settings'");
  assert.match(stored, /^text [A-Za-z0-9+/]+=*$/);
  assert.equal((await pb.settings.getAll()).meta.appName, "Sealed");
});

test("a backup that was missed while no server ran is made at the next start", async (t) => {
  const dir = path.join(tempFolder(t), "pb_data");
  const first = await connect(t, { dir });
  await first.pb.settings.update({ backups: { cron: "0 3 * * *" } });
  const database = path.join(dir, ".pocketvault/vault.db");
  await eventually(() => fs.existsSync(database) && sql(database, "SELECT expression FROM schedule WHERE id = '__pbAutoBackup__'") === "0 3 * * *");
  await first.server.stop();
  sql(database, "UPDATE schedule SET served_ms = served_ms - 2 * 86400000");
  const status = cli(["status", "--dir", dir]);
  assert.equal(status.status, 10);
  assert.match(status.stdout, /\nAt risk: the backup that was due at .* was missed\.\n/);
  const second = await startServer(t, { dir, createSuperuser: false });
  await eventually(() => /made now/.test(second.log()));
  const made = await eventually(() => JSON.parse(cli(["list", "--dir", dir, "--json"]).stdout).length);
  assert.equal(made, 1);
});

test("a sign-in that fails of the settings is not blamed on the password", async (t) => {
  const folder = tempFolder(t);
  const server = await startServer(t, { dir: unpackFixture("0.36.6-encrypted-settings", folder) });
  const done = cli(["login", superuser.email, "--url", server.url], { input: superuser.password, env: { XDG_CONFIG_HOME: folder } });
  assert.notEqual(done.status, 0);
  assert.match(done.stderr, /The settings of the data directory can't be read\./);
});

test("a key that can't be used is told at the start", async (t) => {
  const unset = await startServer(t, { args: ["--encryption-env", "PV_NOT_SET"] });
  assert.match(unset.log(), /the environment variable PV_NOT_SET is not set, so passwords in the settings are not encrypted/);
  process.env.PV_SHORT_KEY = "abc";
  t.after(() => delete process.env.PV_SHORT_KEY);
  const short = await startServer(t, { args: ["--encryption-env", "PV_SHORT_KEY"] });
  assert.match(short.log(), /the settings' key has 3 bytes; it needs 16, 24 or 32/);
});
