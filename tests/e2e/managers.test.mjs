// What people build on the Backups API, as they build it.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import PocketBase from "pocketbase";
import { addUser, startServer, superuser, tempFolder, tinyZip, user } from "./support.mjs";

async function client(server) {
  const pb = new PocketBase(server.url);
  pb.autoCancellation(false);
  await pb.collection("_superusers").authWithPassword(superuser.email, superuser.password);
  return pb;
}

class BackupManager {
  constructor(pb) { this.pb = pb; }
  list() { return this.pb.backups.getFullList(); }
  async create(name) {
    await this.pb.backups.create(name);
    return (await this.list()).find((backup) => backup.key === name);
  }
  async download(key, folder) {
    const token = await this.pb.files.getToken();
    const answer = await fetch(this.pb.backups.getDownloadURL(token, key));
    if (!answer.ok) throw new Error(`download: ${answer.status}`);
    const file = path.join(folder, key);
    fs.writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    return file;
  }
  remove(key) { return this.pb.backups.delete(key); }
  async cleanupOlderThan(days) {
    const limit = Date.now() - days * 86_400_000;
    const old = (await this.list()).filter((backup) => new Date(backup.modified).getTime() < limit);
    for (const backup of old) await this.remove(backup.key);
    return old.map((backup) => backup.key);
  }
}

test("a manager lists, creates, downloads, deletes and cleans up by age", async (t) => {
  const server = await startServer(t);
  const manager = new BackupManager(await client(server));
  const made = await manager.create("manual_1.zip");
  assert.ok(made.size > 0);
  await manager.create("manual_2.zip");
  const file = await manager.download("manual_1.zip", tempFolder(t));
  assert.equal(fs.statSync(file).size, made.size);
  const tenDaysAgo = new Date(Date.now() - 10 * 86_400_000);
  fs.utimesSync(path.join(server.dir, "backups/manual_1.zip"), tenDaysAgo, tenDaysAgo);
  assert.deepEqual(await manager.cleanupOlderThan(7), ["manual_1.zip"]);
  assert.deepEqual((await manager.list()).map((backup) => backup.key), ["manual_2.zip"]);
  assert.equal(fs.existsSync(path.join(server.dir, "backups/manual_1.zip.attrs")), false, "its side file went too");
});

test("rotation keeps the last N of date-stamped names", async (t) => {
  const server = await startServer(t);
  const pb = await client(server);
  const rotate = async (prefix, keep) => {
    const mine = (await pb.backups.getFullList()).filter((backup) => backup.key.startsWith(prefix));
    mine.sort((a, b) => b.key.localeCompare(a.key));
    for (const backup of mine.slice(keep)) await pb.backups.delete(backup.key);
  };
  for (const day of ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]) {
    await pb.backups.create(`daily_${day}.zip`);
    await rotate("daily_", 2);
  }
  assert.deepEqual((await pb.backups.getFullList()).map((b) => b.key), ["daily_2026-01-03.zip", "daily_2026-01-04.zip"]);
});

test("all backups migrate between two servers by download and upload", async (t) => {
  const from = await startServer(t);
  const to = await startServer(t);
  const [source, target] = [await client(from), await client(to)];
  await source.backups.create("one.zip");
  await source.backups.create("two.zip");
  for (const { key } of await source.backups.getFullList()) {
    const answer = await fetch(source.backups.getDownloadURL(await source.files.getToken(), key));
    await target.backups.upload({ file: new File([await answer.blob()], key) });
  }
  const sizes = async (pb) => (await pb.backups.getFullList()).map(({ key, size }) => [key, size]);
  assert.deepEqual(await sizes(target), await sizes(source));
  assert.equal(await target.backups.restore("one.zip"), true);
});

test("a health check on age and total size", async (t) => {
  const server = await startServer(t);
  const pb = await client(server);
  const check = async ({ maxAgeHours, maxTotalBytes }) => {
    const list = await pb.backups.getFullList();
    if (list.length === 0) return { healthy: false, reason: "no backups" };
    const newest = Math.max(...list.map((b) => new Date(b.modified).getTime()));
    const ageHours = (Date.now() - newest) / 3_600_000;
    const total = list.reduce((sum, b) => sum + b.size, 0);
    if (ageHours > maxAgeHours) return { healthy: false, reason: "too old" };
    if (total > maxTotalBytes) return { healthy: false, reason: "too big" };
    return { healthy: true, total };
  };
  assert.equal((await check({ maxAgeHours: 24, maxTotalBytes: 1e9 })).reason, "no backups");
  await pb.backups.create("now.zip");
  assert.equal((await check({ maxAgeHours: 24, maxTotalBytes: 1e9 })).healthy, true);
  assert.equal((await check({ maxAgeHours: 24, maxTotalBytes: 10 })).reason, "too big");
  const old = new Date(Date.now() - 48 * 3_600_000);
  fs.utimesSync(path.join(server.dir, "backups/now.zip"), old, old);
  assert.equal((await check({ maxAgeHours: 24, maxTotalBytes: 1e9 })).reason, "too old");
});

test("an error handler by status", async (t) => {
  const server = await startServer(t);
  addUser(server.dir);
  const pb = await client(server);
  const handle = async (work) => {
    try {
      await work();
      return "fine";
    } catch (error) {
      switch (error.status) {
        case 400: return `bad request: ${Object.values(error.response.data)[0]?.code ?? error.response.message}`;
        case 401: return "sign in first";
        case 403: return "superusers only";
        case 404: return "no such backup";
        default: return `unexpected ${error.status}`;
      }
    }
  };
  const guest = new PocketBase(server.url);
  const record = new PocketBase(server.url);
  await record.collection("users").authWithPassword(user.email, superuser.password);
  assert.equal(await handle(() => pb.backups.create("fine.zip")), "fine");
  assert.equal(await handle(() => pb.backups.create("Not Fine.zip")), "bad request: validation_match_invalid");
  assert.equal(await handle(() => guest.backups.create("x.zip")), "sign in first");
  assert.equal(await handle(() => record.backups.delete("fine.zip")), "superusers only");
  assert.equal(await handle(() => pb.backups.restore("gone.zip")), "no such backup");
  assert.equal(await handle(() => pb.backups.upload({ file: new File(["text"], "t.zip") })), "bad request: validation_invalid_mime_type");
});

test("auto-cancellation ends the first call in the client only; its backup is made all the same", async (t) => {
  const server = await startServer(t);
  const pb = new PocketBase(server.url);
  await pb.collection("_superusers").authWithPassword(superuser.email, superuser.password);
  const first = pb.backups.create("first.zip").catch((error) => error);
  const second = pb.backups.create("second.zip").catch((error) => error);
  const outcome = await first;
  await second;
  if (outcome !== true) assert.equal(outcome.isAbort, true);
  const end = Date.now() + 10_000;
  while (!(await pb.backups.getFullList({ requestKey: null })).some((b) => b.key.endsWith(".zip"))) {
    assert.ok(Date.now() < end, "no backup appeared");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test("the API of the guides: a name without .zip, a Bearer header, a download token, representations", async (t) => {
  const server = await startServer(t);
  const pb = await client(server);
  const headers = { Authorization: `Bearer ${pb.authStore.token}`, "Content-Type": "application/json" };
  const created = await fetch(`${server.url}/api/backups`, {
    method: "POST", headers: { ...headers, Prefer: "return=representation" }, body: JSON.stringify({ name: "manual_backup" }),
  });
  assert.equal(created.status, 200);
  assert.deepEqual(await created.json(), { key: "manual_backup.zip" });

  const answer = await fetch(`${server.url}/api/backups/manual_backup.zip/download-token`, { method: "POST", headers });
  const { token } = await answer.json();
  assert.equal((await fetch(`${server.url}/api/backups/manual_backup.zip?token=${token}`)).status, 200);
  await pb.backups.create("other.zip");
  assert.equal((await fetch(`${server.url}/api/backups/other.zip?token=${token}`)).status, 403, "good for one key alone");
  assert.equal((await fetch(`${server.url}/api/backups/other.zip`, { headers })).status, 200);
  assert.equal((await fetch(`${server.url}/api/backups/other.zip`)).status, 401);

  const restored = await fetch(`${server.url}/api/backups/manual_backup.zip/restore`, {
    method: "POST", headers: { ...headers, Prefer: "return=representation" },
  });
  assert.equal(restored.status, 200);
  assert.deepEqual(await restored.json(), { message: "Backup restored successfully." });

  const started = await fetch(`${server.url}/api/backups`, {
    method: "POST", headers: { ...headers, Prefer: "respond-async" }, body: JSON.stringify({ name: "async.zip" }),
  });
  assert.equal(started.status, 202);
  const location = started.headers.get("location");
  assert.match(location, /^\/api\/vault\/jobs\/[a-z0-9]+$/);
  let job;
  do { job = await (await fetch(server.url + location, { headers })).json(); } while (job.state === "running");
  assert.equal(job.state, "succeeded");
  assert.equal(job.name, "async.zip");

  const chinese = await fetch(`${server.url}/api/backups`, { headers: { "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5" } });
  assert.equal(chinese.status, 401);
  assert.match((await chinese.json()).message, /[\u4e00-\u9fff]/);
});

test("upload of a blob that is a zip, under a name the server keeps as it is", async (t) => {
  const server = await startServer(t);
  const pb = await client(server);
  for (const name of ["UP 6 (x).ZIP", "日本.zip", "zipped.txt", ".zip"]) {
    await pb.backups.upload({ file: new File([tinyZip], name) });
    assert.ok((await pb.backups.getFullList()).some((b) => b.key === name), name);
    await pb.backups.delete(name);
  }
});
