// Backups in an S3 bucket, chosen by the settings or on the command line.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import crypto from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import PocketBase from "pocketbase";
import { aws, bucketSettings, gatewayProgram, keys, region, run, saveSettings, startGateway, startProxy } from "./s3-support.mjs";
import { cli, fixtures, program, signIn, sql, startServer, superuser, tempFolder, tinyZip, unpackFixture } from "./support.mjs";

const skip = gatewayProgram() ? false : "versitygw is missing: ./dev unit fetches it";
const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };
const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");
const files = (dir) => spawnSync("sh", ["-c", "cd \"$0\" && find . -type f | sort | xargs -d '\\n' sha256sum", path.join(dir, "storage")], { encoding: "utf8" }).stdout;

async function signedIn(server) {
  const pb = new PocketBase(server.url);
  pb.autoCancellation(false);
  await pb.collection("_superusers").authWithPassword(superuser.email, superuser.password);
  return pb;
}

const failsWith = (status, message) => (error) => {
  assert.equal(error.status, status, JSON.stringify(error.response));
  assert.match(error.response.message, message);
  assert.equal(JSON.stringify(error.response).includes(keys.secret), false);
  return true;
};

test("every call of the Backups API works in a bucket that the settings choose", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const server = await startServer(t);
  const pb = await signedIn(server);
  await pb.backups.create("local.zip");
  saveSettings(server.dir, bucketSettings(gateway.url));
  assert.deepEqual(await pb.backups.getFullList(), [], "the change counts from the next request on");

  await pb.backups.create("first.zip");
  await pb.backups.create("");
  const uploaded = fs.readFileSync(path.join(fixtures, "pocketbase-0.36.6-backup.zip"));
  await pb.backups.upload({ file: new File([uploaded], "Old One.zip", { type: "application/zip" }) });
  const list = await pb.backups.getFullList();
  assert.equal(list.length, 3);
  assert.equal(list[0].key, "Old One.zip");
  assert.equal(list[0].size, uploaded.length);
  assert.match(list[2].key, /^pb_backup_acme_\d{14}\.zip$/);
  assert.deepEqual(gateway.objects(), list.map((backup) => backup.key), "PocketBase's keys, and nothing else");
  await assert.rejects(pb.backups.create("first.zip"), failsWith(400, /validating/));
  await assert.rejects(pb.backups.upload({ file: new File([tinyZip], "first.zip") }), failsWith(400, /validating/));

  const url = pb.backups.getDownloadURL(await pb.files.getToken(), "Old One.zip");
  const whole = await fetch(url);
  assert.equal(whole.headers.get("content-type"), "application/zip");
  assert.equal(sha256(Buffer.from(await whole.arrayBuffer())), sha256(uploaded));
  const part = await fetch(url, { headers: { Range: "bytes=1000-1999" } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), `bytes 1000-1999/${uploaded.length}`);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(uploaded.subarray(1000, 2000)));
  assert.equal((await fetch(pb.backups.getDownloadURL(await pb.files.getToken(), "none.zip"))).status, 404);

  const tables = () => sql(path.join(server.dir, "data.db"), "SELECT group_concat(name) FROM sqlite_master");
  const before = tables();
  sql(path.join(server.dir, "data.db"), "CREATE TABLE later (x)");
  await pb.backups.restore("first.zip");
  assert.equal(tables(), before);

  await pb.backups.delete("first.zip");
  assert.equal((await pb.backups.getFullList()).some((backup) => backup.key === "first.zip"), false);
  saveSettings(server.dir, bucketSettings(gateway.url, { enabled: false }));
  assert.deepEqual((await pb.backups.getFullList()).map((backup) => backup.key), ["local.zip"]);
  assert.equal(server.log().includes(keys.secret), false);
});

test("the command line works in the bucket: settings plain and encrypted", { skip }, async (t) => {
  for (const sealed of [false, true]) {
    const gateway = await startGateway(t);
    const dir = unpackFixture(sealed ? "0.36.6-encrypted-settings" : "0.39.11", tempFolder(t));
    const env = sealed ? { PB_KEY: "0123456789abcdef0123456789abcdef" } : {};
    const where = ["--dir", dir, ...(sealed ? ["--encryptionEnv", "PB_KEY"] : [])];
    if (sealed) {
      const document = JSON.stringify({ meta: { appName: "Sealed" }, backups: { s3: bucketSettings(gateway.url) } });
      const iv = crypto.randomBytes(12);
      const cipher = crypto.createCipheriv("aes-256-gcm", env.PB_KEY, iv);
      const bytes = Buffer.concat([iv, cipher.update(document), cipher.final(), cipher.getAuthTag()]);
      sql(path.join(dir, "data.db"), `UPDATE _params SET value = '${bytes.toString("base64")}' WHERE id = 'settings'`);
    } else {
      saveSettings(dir, bucketSettings(gateway.url));
    }
    const call = (...words) => ok(cli([...words, ...where], { env }));
    call("backup", "a.zip");
    const second = JSON.parse(call("backup", "b.zip", "--json").stdout).job.report;
    assert.match(second.fullBecause, /a\.zip is too small to copy parts of it/);
    assert.equal(second.copiedBytes, 0, "nothing is read back from the bucket");
    assert.deepEqual(gateway.objects(), ["a.zip", "b.zip"]);
    assert.deepEqual(JSON.parse(call("list", "--json").stdout).map((backup) => backup.key), ["a.zip", "b.zip"]);
    assert.equal(JSON.parse(call("status", "--json").stdout).backups.count, 2);
    call("show", "a.zip");
    call("verify", "a.zip", "--deep");
    assert.match(call("ls", "a.zip", "storage", "-R").stdout, /storage\//);
    const copy = path.join(tempFolder(t), "data.db");
    call("get", "a.zip", "data.db", "-o", copy);
    assert.equal(sql(copy, "PRAGMA integrity_check"), "ok");
    call("download", "a.zip", "-o", `${copy}.zip`);
    assert.equal(sha256(fs.readFileSync(`${copy}.zip`)), sha256(fs.readFileSync(path.join(gateway.bucket, "a.zip"))));
    call("upload", `${copy}.zip`, "--name", "c.zip");
    call("restore", "a.zip", "--dry-run");
    const before = files(dir);
    fs.rmSync(path.join(dir, "storage"), { recursive: true });
    call("restore", "a.zip", "--yes");
    assert.equal(files(dir), before);
    call("delete", "c.zip", "b.zip");
    assert.deepEqual(gateway.objects(), ["a.zip"]);
  }
});

test("the worst day: an empty machine, a bucket and its keys", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.39.11", tempFolder(t));
  const bucket = ["--s3-bucket", "backups", "--s3-endpoint", gateway.url, "--s3-region", region, "--s3-force-path-style"];
  saveSettings(dir, bucketSettings(gateway.url));
  ok(cli(["backup", "nightly.zip", "--dir", dir]));
  const empty = path.join(tempFolder(t), "pb_data");
  const env = { ...aws, HOME: tempFolder(t), AWS_EC2_METADATA_DISABLED: "true" };

  ok(cli(["restore", "nightly.zip", "--dir", empty, "--yes", ...bucket], { env }));
  assert.equal(files(empty), files(dir));
  assert.equal(sql(path.join(empty, "data.db"), "SELECT count(*) FROM products"), "40");
  const list = JSON.parse(ok(cli(["list", "--dir", empty, "--json"])).stdout);
  assert.deepEqual(list.map((backup) => backup.key), ["nightly.zip"], "the settings came back as well");

  for (const harm of [(file) => fs.rmSync(file), (file) => fs.writeFileSync(file, "no database at all")]) {
    harm(path.join(empty, "data.db"));
    for (const more of ["-wal", "-shm"]) fs.rmSync(path.join(empty, `data.db${more}`), { force: true });
    const lost = cli(["list", "--dir", empty]);
    assert.match(lost.stderr, /--s3-bucket/, "it says how to name the bucket");
    ok(cli(["restore", "nightly.zip", "--dir", empty, "--yes", ...bucket], { env }));
    assert.equal(sql(path.join(empty, "data.db"), "SELECT count(*) FROM products"), "40");
  }

  const elsewhere = path.join(tempFolder(t), "look");
  ok(cli(["restore", "nightly.zip", "--dir", empty, "--to", elsewhere, ...bucket], { env }));
  assert.equal(files(elsewhere), files(dir));
  const none = cli(["list", "--dir", empty, ...bucket], { env: { HOME: env.HOME, AWS_EC2_METADATA_DISABLED: "true" } });
  assert.notEqual(none.status, 0);
  assert.match(none.stderr, /AWS_ACCESS_KEY_ID/, "what is missing is named");
});

test("what did not change is copied in the bucket and not sent again", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.39.11", tempFolder(t));
  saveSettings(dir, bucketSettings(gateway.url));
  const where = ["--dir", dir];
  const storage = path.join(dir, "storage", "photos");
  fs.mkdirSync(storage, { recursive: true });
  for (let i = 10; i < 70; i++) fs.writeFileSync(path.join(storage, `${i}.jpg`), crypto.randomBytes(500_000));
  const report = (...words) => JSON.parse(ok(cli([...words, "--json", ...where])).stdout).job.report;
  const first = report("backup", "a.zip");
  assert.equal(first.sharedBytes, 0);
  assert.match(first.fullBecause, /no earlier backup/);
  fs.writeFileSync(path.join(storage, "10a.jpg"), crypto.randomBytes(1234));  // all behind it moves, and two parts of five lie whole in it
  fs.rmSync(path.join(storage, "60.jpg"));
  const second = report("backup", "b.zip");
  assert.equal(second.previous, "a.zip");
  assert.ok(second.sharedBytes >= 12_000_000, `${second.sharedBytes} of ${second.archiveBytes}`);
  assert.ok(second.sharedBytes < second.archiveBytes);
  const told = ok(cli(["backup", "c.zip", ...where]));
  assert.match(told.stdout + told.stderr, /; [\d.]+ MB of it was sent, the rest copied there from [ab]\.zip/);
  assert.equal(report("backup", "d.zip", "--full").sharedBytes, 0);

  ok(cli(["verify", "b.zip", "--deep", ...where]));
  const before = files(dir);
  fs.rmSync(path.join(dir, "storage"), { recursive: true });
  ok(cli(["restore", "b.zip", "--yes", ...where]));
  assert.equal(files(dir), before);
});

test("a prefix keeps the backups of several apps apart", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const bucket = (prefix) => ["--s3-bucket", "backups", "--s3-endpoint", gateway.url, "--s3-region", region, "--s3-prefix", prefix];
  const dir = unpackFixture("0.36.6", tempFolder(t));
  for (const app of ["shop/", "forum/"]) ok(cli(["backup", "a.zip", "--dir", dir, ...bucket(app)], { env: aws }));
  assert.deepEqual(gateway.objects(), ["forum/a.zip", "shop/a.zip"]);
  ok(cli(["delete", "a.zip", "--dir", dir, ...bucket("shop/")], { env: aws }));
  assert.deepEqual(gateway.objects(), ["forum/a.zip"]);
});

test("POST /api/settings/test/s3 answers as PocketBase, in plain words", { skip }, async (t) => {
  const gateway = await startGateway(t);
  for (const strict of [false, true]) {
    const server = await startServer(t, { args: strict ? ["--strict"] : [] });
    const token = await signIn(server);
    const call = async (body, headers = { Authorization: token }) => {
      const answer = await fetch(`${server.url}/api/settings/test/s3`, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });
      return { status: answer.status, text: await answer.text() };
    };
    assert.equal((await call({ filesystem: "backups" }, {})).status, 401);
    assert.deepEqual(await call({}), { status: 400, text: '{"data":{"filesystem":{"code":"validation_required","message":"Cannot be blank."}},"message":"Failed to test the S3 filesystem.","status":400}\n' });
    assert.deepEqual(await call({ filesystem: "logs" }), { status: 400, text: '{"data":{"filesystem":{"code":"validation_in_invalid","message":"Must be a valid value."}},"message":"Failed to test the S3 filesystem.","status":400}\n' });
    assert.deepEqual(await call({ filesystem: { a: 1 } }), { status: 400, text: '{"data":{},"message":"An error occurred while loading the submitted data.","status":400}\n' });
    assert.deepEqual(await call({ filesystem: "backups" }), { status: 400, text: '{"data":{},"message":"Failed to test the S3 filesystem. Raw error: \\nS3 storage filesystem is not enabled.","status":400}\n' });

    for (const [filesystem, at] of [["backups", "$.backups.s3"], ["storage", "$.s3"]]) {
      const fails = async (more, pattern) => {
        saveSettings(server.dir, bucketSettings(gateway.url, more), at);
        const { status, text } = await call({ filesystem });
        assert.equal(status, 400, text);
        const body = JSON.parse(text);
        assert.deepEqual(body.data, {});
        assert.match(body.message, /^Failed to test the S3 filesystem\. Raw error: \n/);
        assert.match(body.message, pattern);
        for (const secret of [keys.secret, "not-the-secret"]) assert.equal(text.includes(secret), false);
      };
      saveSettings(server.dir, bucketSettings(gateway.url), at);
      assert.deepEqual(await call({ filesystem }), { status: 204, text: "" });
      await fails({ secret: "not-the-secret" }, /failed to upload a test file: \[key: pb_settings_test_\w{5}\/test\.txt\].*the secret does not fit the access key/);
      await fails({ accessKey: "nobody" }, /the access key is not known there/);
      await fails({ bucket: "absent" }, /there is no bucket absent/);
      await fails({ region: "elsewhere-1" }, /the bucket is not in the region elsewhere-1/);
      await fails({ endpoint: "http://127.0.0.1:1" }, /connect/i);
      await fails({ endpoint: "http://no-such-host.invalid" }, /resolve/i);
      await fails({ endpoint: gateway.url.replace("http:", "https:") }, /TLS|SSL/);
      await fails({ endpoint: "ftp://x" }, /no S3 endpoint/);
      await fails({ secret: "" }, /have no secret/);
      saveSettings(server.dir, bucketSettings(gateway.url, { enabled: false }), at);
    }
    assert.deepEqual(gateway.objects(), [], "no test object stays");
    assert.equal(server.log().includes(keys.secret), false);
  }
});

test("a store that is away, or settings that can't be: answered soon and in PocketBase's shape", { skip }, async (t) => {
  const server = await startServer(t);
  const pb = await signedIn(server);
  const refused = bucketSettings("http://127.0.0.1:1");
  for (const section of [refused, { ...refused, bucket: "" }, { ...refused, endpoint: "not a url" }]) {
    saveSettings(server.dir, section);
    const since = Date.now();
    await assert.rejects(pb.backups.getFullList(), failsWith(400, /^Failed to load backups filesystem\.$/));
    if (section !== refused) await assert.rejects(pb.backups.create("a.zip"), failsWith(400, /^Failed to create backup\. Raw error: \n./));
    const token = await pb.files.getToken();
    assert.ok([404, 500].includes((await fetch(pb.backups.getDownloadURL(token, "a.zip"))).status));
    assert.ok(Date.now() - since < 60_000);
  }
  assert.equal(server.log().includes(keys.secret), false);
});

test("a server fails one request in twenty: nothing is lost", { skip }, async (t) => {
  const gateway = await startGateway(t);
  let count = 0;
  const fates = [500, "break", 503, "lose"];
  const proxy = await startProxy(t, gateway, () => (++count % 20 === 0 ? fates[(count / 20) % fates.length] : "pass"));
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.writeFileSync(path.join(dir, "storage", "big.bin"), crypto.randomBytes(60 << 20));
  saveSettings(dir, bucketSettings(proxy.url));
  for (const name of ["a.zip", "b.zip"]) ok(await run(["backup", name, "--dir", dir, "--full"]));
  ok(await run(["verify", "a.zip", "--dir", dir]));
  const before = files(dir);
  fs.rmSync(path.join(dir, "storage"), { recursive: true });
  ok(await run(["restore", "b.zip", "--dir", dir, "--yes"]));
  assert.equal(files(dir), before);
  assert.ok(count > 60, `${count} requests`);
  assert.deepEqual(gateway.objects(), ["a.zip", "b.zip"], "no note, no test object");
  assert.deepEqual(gateway.parts(), []);
});

const spooled = (dir) => {
  const spool = path.join(dir, ".pocketvault/spool");
  return fs.existsSync(spool) ? fs.readdirSync(spool).filter((name) => name.endsWith(".zip")) : [];
};

test("a backup made while the bucket is away waits in the spool, and is sent", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const call = (...words) => cli([...words, "--dir", dir]);
  saveSettings(dir, bucketSettings(gateway.url));
  await gateway.stop();
  const made = call("backup", "away.zip", "--json");
  assert.equal(made.status, 3, made.stderr);
  assert.match(made.stderr, /waits in \.pocketvault\/spool/);
  assert.equal(call("backup").status, 3);
  assert.equal(call("backup", "away.zip").status, 1, "the name is taken");
  assert.equal(spooled(dir).length, 2);
  const list = call("list");
  assert.equal(list.status, 8);
  assert.match(list.stderr, /Waits in the spool, and can be restored: away\.zip/);
  ok(call("verify", "away.zip"));
  const before = files(dir);
  fs.rmSync(path.join(dir, "storage"), { recursive: true });
  ok(call("restore", "away.zip", "--yes"));
  assert.equal(files(dir), before, "what waits can be restored");
  assert.equal(call("send").status, 8);
  assert.equal(spooled(dir).length, 2, "and goes on waiting");

  await gateway.start();
  assert.equal(JSON.parse(ok(call("list", "--json")).stdout).filter((backup) => backup.waiting).length, 2);
  ok(call("backup", "back.zip"));
  assert.deepEqual(spooled(dir), []);
  assert.equal(gateway.objects().length, 3);
  for (const name of gateway.objects()) ok(call("verify", name));
  assert.equal(ok(call("send")).stdout, "No backup waits to be sent.\n");
});

test("a server sends what waits, also after a restart; a client is answered that the backup is made", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const first = await startServer(t);
  saveSettings(first.dir, bucketSettings(gateway.url));
  await gateway.stop();
  const pb = await signedIn(first);
  assert.equal(await pb.backups.create("away.zip"), true);
  assert.deepEqual(spooled(first.dir), ["away.zip"]);
  await first.stop();
  await gateway.start();
  const second = await startServer(t, { dir: first.dir, createSuperuser: false });
  const end = Date.now() + 20_000;
  while (spooled(first.dir).length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(spooled(first.dir), []);
  assert.deepEqual(gateway.objects(), ["away.zip"]);
  assert.match(second.log(), /sent away\.zip, which had waited for the store/);
  assert.deepEqual(await (await signedIn(second)).backups.getFullList().then((all) => all.map(({ key, waiting }) => ({ key, waiting }))), [{ key: "away.zip", waiting: undefined }]);
});

test("the bucket goes away in the middle of a backup: it is made all the same", { skip }, async (t) => {
  const gateway = await startGateway(t);
  let parts = 0;
  let away = false;
  const proxy = await startProxy(t, gateway, (request) => {
    if (request.url.includes("partNumber") && ++parts === 3) away = true;
    return away ? "break" : "pass";
  });
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.writeFileSync(path.join(dir, "storage", "big.bin"), crypto.randomBytes(40 << 20));
  saveSettings(dir, bucketSettings(proxy.url));
  const made = await run(["backup", "a.zip", "--dir", dir]);
  assert.equal(made.status, 3, made.stderr);
  assert.deepEqual(spooled(dir), ["a.zip"]);
  away = false;
  ok(await run(["send", "--dir", dir]));
  assert.deepEqual(gateway.objects().filter((name) => !name.startsWith(".pocketvault-upload/")), ["a.zip"]);
  ok(await run(["verify", "a.zip", "--dir", dir]));
});

test("killed at any moment of sending: the backup is in the spool or in the bucket, whole", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.writeFileSync(path.join(dir, "storage", "big.bin"), crypto.randomBytes(20 << 20));
  saveSettings(dir, bucketSettings("http://127.0.0.1:1"));
  assert.equal(cli(["backup", "a.zip", "--dir", dir]).status, 3);
  const whole = sha256(fs.readFileSync(path.join(dir, ".pocketvault/spool/a.zip")));
  let count = 0;
  let last = Infinity;
  let child;
  // The n-th request of the sending is its last: the process is killed before it is passed on, or after.
  const proxy = await startProxy(t, gateway, () => {
    if (++count !== last) return "pass";
    child.kill("SIGKILL");
    return count % 2 === 0 ? "break" : "lose";
  });
  saveSettings(dir, bucketSettings(proxy.url));
  for (last = 1; spooled(dir).length > 0; ++last) {
    count = 0;
    child = spawn(program, ["send", "--dir", dir], { stdio: "ignore" });
    await once(child, "exit");
    assert.ok(last < 60);
    const there = gateway.objects().filter((name) => !name.startsWith(".pocketvault-upload/"));
    const copies = [...there.map((name) => path.join(gateway.bucket, name)), ...spooled(dir).map((name) => path.join(dir, ".pocketvault/spool", name))];
    assert.ok(copies.length > 0);
    for (const copy of copies) assert.equal(sha256(fs.readFileSync(copy)), whole);
  }
  assert.ok(last > 8, `${last}`);
  assert.deepEqual(gateway.objects().filter((name) => !name.startsWith(".pocketvault-upload/")), ["a.zip"], "one, under its name");
});

// A bucket that takes connections and never says a word.
async function startSilence(t) {
  const sockets = new Set();
  const silence = net.createServer((socket) => { sockets.add(socket); socket.on("error", () => {}); });
  silence.listen(0, "127.0.0.1");
  await once(silence, "listening");
  t.after(() => { silence.close(); for (const socket of sockets) socket.destroy(); });
  return { url: `http://127.0.0.1:${silence.address().port}`, asked: () => sockets.size };
}
const until = async (what) => { while (!what()) await new Promise((resolve) => setTimeout(resolve, 10)); };

test("a silent bucket holds up neither Ctrl-C nor the end of a server", { timeout: 40_000 }, async (t) => {
  const silence = await startSilence(t);
  const server = await startServer(t);
  saveSettings(server.dir, bucketSettings(silence.url));
  for (const args of [["list"], ["backup"], ["status"], ["show", "a.zip"], ["delete", "a.zip"]]) {
    const asked = silence.asked();
    const child = spawn(program, [...args, "--dir", server.dir], { stdio: "ignore" });
    await until(() => silence.asked() > asked);
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    assert.equal(code, 130, args.join(" "));
  }
  const token = await signIn(server);
  const asked = silence.asked();
  const answers = [
    fetch(`${server.url}/api/backups`, { headers: { Authorization: token } }),
    fetch(`${server.url}/api/backups`, { method: "POST", headers: { Authorization: token } }),
  ].map((answer) => answer.catch(() => null));
  await until(() => silence.asked() > asked + 1);
  assert.equal(await server.stop(), 0, `not by the watchdog:\n${server.log()}`);
  await Promise.all(answers);
});

test("a job that waits for a silent bucket is cancelled, and another can begin", { timeout: 40_000, skip }, async (t) => {
  const gateway = await startGateway(t);
  const server = await startServer(t);
  let silent = false;
  const proxy = await startProxy(t, gateway, (request) => silent && request.method === "PUT" ? "silence" : {});
  saveSettings(server.dir, bucketSettings(proxy.url));
  const headers = { Authorization: await signIn(server), "Content-Type": "application/json", Prefer: "respond-async" };
  silent = true;
  const begun = await fetch(`${server.url}/api/backups`, { method: "POST", headers, body: JSON.stringify({ name: "a.zip" }) });
  assert.equal(begun.status, 202);
  const { id } = await begun.json();
  await until(() => proxy.silenced() > 0);
  assert.equal((await fetch(`${server.url}/api/vault/jobs/${id}`, { method: "DELETE", headers })).ok, true);
  let job;
  do { job = await (await fetch(`${server.url}/api/vault/jobs/${id}`, { headers })).json(); } while (!job.finished);
  assert.equal(job.state, "cancelled", JSON.stringify(job));
  silent = false;
  const pb = await signedIn(server);
  await pb.backups.create("b.zip");
  assert.deepEqual(gateway.objects(), ["b.zip"]);
});
