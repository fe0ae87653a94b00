// An app that keeps its uploaded files in an S3 bucket: backed up with its databases, and put back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { bucketSettings, gatewayProgram, keys, run, saveSettings, startGateway, startProxy } from "./s3-support.mjs";
import { signIn, sql, startServer, tempFolder, unpackFixture } from "./support.mjs";

const skip = gatewayProgram() ? false : "versitygw is missing: ./dev unit fetches it";
const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };
const report = (done) => JSON.parse(done.stdout).job.report;
const sums = (folder) => spawnSync("sh", ["-c", "cd \"$0\" && find . -type f ! -path './.sgwtmp/*' ! -name '*.attrs' | LC_ALL=C sort | xargs -r -d '\\n' sha256sum", folder], { encoding: "utf8" }).stdout;
const list = (zip) => spawnSync("unzip", ["-Z1", zip], { encoding: "utf8" }).stdout.trim().split("\n").sort();

// An app whose settings say that its files are in the bucket, which has those of the fixture.
// Its own storage/ is empty.
async function startApp(t, { url } = {}) {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.39.11", tempFolder(t));
  const storage = path.join(dir, "storage");
  for (const name of fs.readdirSync(storage, { recursive: true })) {
    const from = path.join(storage, name);
    if (!fs.statSync(from).isFile() || name.endsWith(".attrs")) continue;
    put(gateway, name, fs.readFileSync(from), "image/png", "Original Näme+1.png");
  }
  fs.rmSync(storage, { recursive: true });
  saveSettings(dir, bucketSettings(url ?? gateway.url), "$.s3");
  return { gateway, dir, backups: path.join(dir, "backups"), call: (...words) => run([...words, "--dir", dir]) };
}

// As PocketBase puts it: a program of others, with the headers that PocketBase sends.
function put(gateway, key, bytes, type = "text/plain", name = "") {
  const file = path.join(gateway.bucket, "../../object");
  fs.writeFileSync(file, bytes);
  const done = spawnSync("curl", ["-sS", "--fail-with-body", "--aws-sigv4", "aws:amz:eu-test-1:s3",
    "-u", `${keys.accessKey}:${keys.secret}`, "-T", file, "-H", `Content-Type: ${type}`,
    "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
    ...(name ? ["-H", `x-amz-meta-original-filename: ${encodeURIComponent(name)}`] : []),
    `${gateway.url}/backups/${key.split("/").map(encodeURIComponent).join("/")}`], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr + done.stdout);
}
function head(gateway, key) {
  const done = spawnSync("curl", ["-sS", "-I", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--aws-sigv4", "aws:amz:eu-test-1:s3", "-u", `${keys.accessKey}:${keys.secret}`,
    `${gateway.url}/backups/${key}`], { encoding: "utf8" });
  return done.stdout.toLowerCase();
}
function remove(gateway, keysToGo) {
  const done = spawnSync("curl", ["-sS", "--fail-with-body", "--aws-sigv4", "aws:amz:eu-test-1:s3", "-u", `${keys.accessKey}:${keys.secret}`,
    "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-X", "DELETE", ...keysToGo.map((key) => `${gateway.url}/backups/${key}`)], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr + done.stdout);
}
const empty = (gateway) => remove(gateway, gateway.objects());

test("files in a bucket are in the backup, unchanged ones taken from the one before, and go back there", { skip }, async (t) => {
  const { gateway, dir, backups, call } = await startApp(t);
  put(gateway, "films/long.bin", crypto.randomBytes(21 << 20), "video/mp4");
  put(gateway, "empty/none.txt", "");
  const objects = gateway.objects();
  const before = sums(gateway.bucket);
  assert.ok(objects.length >= 4);

  const first = report(ok(await call("backup", "a.zip", "--json")));
  assert.equal(first.bucketFiles, objects.length);
  assert.match(first.bucket, /S3 bucket backups at http/);
  const stored = list(path.join(backups, "a.zip")).filter((name) => name.startsWith("storage/"));
  assert.deepEqual(stored, objects.flatMap((key) => [`storage/${key}`, `storage/${key}.attrs`]).sort());
  assert.match(ok(await call("backup", "named.zip")).stdout, new RegExp(`of it ${objects.length} files`), "the report tells");
  ok(await call("verify", "a.zip", "--deep"));

  // Without a byte of them being asked for again.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  ok(await call("backup", "settled.zip"));
  const requests = [];
  const proxy = await startProxy(t, gateway, (request) => { requests.push(`${request.method} ${request.url}`); return "pass"; });
  const direct = ok(await call("backup", "again.zip", "--json"));
  assert.ok(report(direct).copiedBytes >= 21 << 20, direct.stdout);
  saveSettings(dir, bucketSettings(proxy.url), "$.s3");
  ok(await call("backup", "elsewhere.zip"));  // another endpoint: another bucket, for all that is known
  requests.length = 0;
  ok(await call("backup", "same.zip"));
  assert.deepEqual(requests.filter((line) => line.includes("films")), [], requests.join("\n"));

  // All is lost; and what the bucket has besides stays.
  saveSettings(dir, bucketSettings(gateway.url), "$.s3");
  ok(await call("backup", "b.zip"));
  empty(gateway);
  put(gateway, "later/file.txt", "uploaded since");
  const dry = ok(await call("restore", "b.zip", "--dry-run"));
  assert.match(dry.stdout, new RegExp(`uploads +${objects.length} files, .* go into S3 bucket backups`));
  assert.deepEqual(gateway.objects(), ["later/file.txt"], "a dry run puts nothing");
  sql(path.join(dir, "data.db"), "DELETE FROM products");
  const restored = ok(await call("restore", "b.zip", "--yes", "--json"));
  assert.equal(report(restored).bucketFiles, objects.length);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "40");
  assert.deepEqual(gateway.objects(), [...objects, "later/file.txt"].sort());
  remove(gateway, ["later/file.txt"]);
  assert.equal(sums(gateway.bucket), before);
  assert.equal(fs.existsSync(path.join(dir, "storage")), false);
  const png = objects.find((key) => key.startsWith("pbc_"));
  assert.match(head(gateway, png), /content-type: image\/png/);
  assert.match(head(gateway, png), /original-filename: original%20n%c3%a4me%2b1\.png/);
  assert.match(head(gateway, "films/long.bin"), /content-type: video\/mp4/);

  // What is there already is not sent again.
  const more = report(ok(await call("restore", "b.zip", "--yes", "--json")));
  assert.equal(more.unchangedFiles, objects.length);
  for (const done of [direct, restored]) assert.equal((done.stdout + done.stderr).includes(keys.secret), false);
});

test("what is wanted: without the bucket, to disk, only a part", { skip }, async (t) => {
  const { gateway, dir, backups, call } = await startApp(t);
  const objects = gateway.objects();
  const before = sums(gateway.bucket);
  assert.equal(report(ok(await call("backup", "without.zip", "--no-include-s3-storage", "--json"))).bucketFiles, 0);
  assert.deepEqual(list(path.join(backups, "without.zip")).filter((name) => name.startsWith("storage/")), []);
  const left = report(ok(await call("backup", "excluded.zip", "--exclude", `storage/${path.dirname(objects[0])}`, "--json")));
  assert.ok(left.leftOut.files >= 1 && left.bucketFiles === objects.length - left.leftOut.files);
  ok(await call("backup", "a.zip"));

  empty(gateway);
  const folder = path.dirname(objects[0]);
  const inFolder = objects.filter((key) => path.dirname(key) === folder);
  const part = ok(await call("restore", "a.zip", "--only", `storage/${folder}`, "--yes", "--json"));
  assert.equal(report(part).bucketFiles, inFolder.length);
  assert.deepEqual(gateway.objects(), inFolder);
  ok(await call("restore", "a.zip", "--only", "storage", "--yes"));
  assert.equal(sums(gateway.bucket), before);
  empty(gateway);
  ok(await call("restore", "a.zip", "--only", "databases", "--yes"));
  assert.deepEqual(gateway.objects(), []);

  const disk = await call("restore", "a.zip", "--files-to", "disk", "--yes");
  assert.equal(disk.status, 3);
  assert.match(disk.stderr, /the settings keep files in the bucket backups: PocketBase looks for them there until/);
  assert.deepEqual(gateway.objects(), []);
  assert.equal(sums(path.join(dir, "storage")), before);
  const sidecar = fs.readFileSync(path.join(dir, "storage", `${objects[0]}.attrs`), "utf8");
  assert.equal(JSON.parse(sidecar)["user.content_type"], "image/png");
  assert.deepEqual(JSON.parse(sidecar)["user.metadata"], { "original-filename": "Original Näme+1.png" });

  // What lies on disk though the settings say bucket is backed up as well, and goes back there.
  put(gateway, objects[0], "another content");
  const both = await call("backup", "both.zip");
  assert.equal(both.status, 3);
  assert.match(both.stderr, /left out: the bucket has a file of that name as well/);
  fs.rmSync(path.join(dir, "storage"), { recursive: true });
  ok(await call("restore", "both.zip", "--yes"));
  assert.deepEqual(gateway.objects(), [objects[0]]);
  assert.equal(fs.readFileSync(path.join(gateway.bucket, objects[0]), "utf8"), "another content");
  assert.equal(sums(path.join(dir, "storage")), before.split("\n").filter((line) => !line.endsWith(objects[0])).join("\n"));
  // And into the bucket where that is wanted.
  ok(await call("restore", "a.zip", "--to", path.join(tempFolder(t), "look")));
  const over = await call("restore", "a.zip", "--files-to", "s3", "--yes");
  assert.equal(over.status, 3);
  assert.match(over.stderr, /the bucket had another content, which was replaced/);
  assert.equal(sums(gateway.bucket), before);
});

test("over HTTP: includeS3Storage and filesTo", { skip }, async (t) => {
  const { gateway, dir } = await startApp(t);
  const server = await startServer(t, { dir });
  const token = await signIn(server);
  const call = async (method, where, body) => {
    const answer = await fetch(server.url + where, { method, headers: { Authorization: token, "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
    return { status: answer.status, text: await answer.text() };
  };
  const entries = (name) => list(path.join(dir, "backups", name)).filter((entry) => entry.startsWith("storage/")).length;
  assert.equal((await call("POST", "/api/backups", { name: "a.zip" })).status, 204);
  assert.equal((await call("POST", "/api/backups", { name: "b.zip", includeS3Storage: false })).status, 204);
  assert.equal((await call("POST", "/api/backups", { name: "c.zip", includeS3Storage: "maybe" })).status, 400);
  assert.equal(entries("a.zip"), 2 * gateway.objects().length);
  assert.equal(entries("b.zip"), 0);
  const remote = (...words) => run([...words, "--url", server.url, "--token", token]);
  const d = report(ok(await remote("backup", "d.zip", "--json")));
  assert.equal(d.bucketFiles, gateway.objects().length);
  assert.equal(report(ok(await remote("backup", "e.zip", "--no-include-s3-storage", "--json"))).bucketFiles, 0);
  assert.match(ok(await remote("restore", "a.zip", "--dry-run")).stdout, /uploads .* go into S3 bucket/);
  assert.equal(report(await remote("restore", "a.zip", "--dry-run", "--files-to", "disk", "--json")).bucketFiles, 0);
  assert.equal((await call("POST", "/api/backups/a.zip/restore?filesTo=moon")).status, 400);
  assert.equal((await call("POST", "/api/backups/a.zip/restore?filesTo=disk")).status, 204);
  assert.equal(sums(path.join(dir, "storage")), sums(gateway.bucket));
});

test("hostile keys are left out and told, and do not spoil the archive", { skip }, async (t) => {
  const { gateway, dir, call } = await startApp(t);
  const real = gateway.objects();
  // The list that a server with such keys would send; versitygw itself takes few of them.
  const hostile = ["../../evil.txt", "/etc/passwd", "a//b.txt", "back\\slash.txt", "..", "x/./y", `${"n".repeat(300)}/f`, "clash", "clash/file.txt", `${real[0]}.attrs`, ".pocketvault-restore/x"];
  const entry = (key, body) => `<Contents><Key>${body.includes("<EncodingType>url") ? encodeURIComponent(key) : key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size></Contents>`;
  const proxy = await startProxy(t, gateway, (request) => {
    const listing = request.method === "GET" && request.url.includes("list-type=2");
    return listing ? { rewrite: (body) => body.replace("</ListBucketResult>", hostile.map((key) => entry(key, body)).join("") + "</ListBucketResult>") } : "pass";
  });
  saveSettings(dir, bucketSettings(proxy.url), "$.s3");
  const made = await call("backup", "a.zip", "--json");
  assert.equal(made.status, 3);
  const names = JSON.parse(made.stdout).job.warnings.map((warning) => warning.name);
  for (const key of hostile.filter((one) => one !== "clash/file.txt")) assert.ok(names.includes(`storage/${key}`), `${key}: ${names}`);
  assert.deepEqual(list(path.join(dir, "backups", "a.zip")).filter((name) => name.startsWith("storage/")), real.flatMap((key) => [`storage/${key}`, `storage/${key}.attrs`]).sort());
  saveSettings(dir, bucketSettings(gateway.url), "$.s3");
  ok(await call("restore", "a.zip", "--dry-run"));
});

test("one request in twenty fails: nothing is lost on either way", { skip }, async (t) => {
  const { gateway, dir, call } = await startApp(t);
  for (let i = 0; i < 150; ++i) put(gateway, `c/${i}/file_${i}.bin`, crypto.randomBytes(2000));
  put(gateway, "c/big/big.bin", crypto.randomBytes(30 << 20));
  const before = sums(gateway.bucket);
  let count = 0;
  const fates = [500, "break", 503, "lose"];
  const proxy = await startProxy(t, gateway, () => (++count % 20 === 0 ? fates[(count / 20) % fates.length] : "pass"));
  saveSettings(dir, bucketSettings(proxy.url), "$.s3");
  ok(await call("backup", "a.zip"));
  assert.ok(count > 150, `${count} requests`);
  ok(await call("verify", "a.zip"));
  empty(gateway);
  count = 0;
  ok(await call("restore", "a.zip", "--yes"));
  assert.ok(count > 300, `${count} requests`);
  assert.equal(sums(gateway.bucket), before);
  assert.deepEqual(gateway.parts(), []);
});

test("the bucket goes away: a backup is made without it, a restore changes nothing", { skip }, async (t) => {
  const { gateway, dir, call } = await startApp(t);
  for (let i = 0; i < 40; ++i) put(gateway, `c/${i}/file_${i}.bin`, crypto.randomBytes(2000));
  const objects = gateway.objects();
  let count = 0;
  let last = Infinity;
  const proxy = await startProxy(t, gateway, () => (++count > last ? "break" : "pass"));
  saveSettings(dir, bucketSettings(proxy.url), "$.s3");
  ok(await call("backup", "a.zip"));
  const whole = count;

  for (last of [0, Math.floor(whole / 2)]) {
    count = 0;
    const made = await call("backup", `away${last}.zip`, "--full", "--json");
    assert.equal(made.status, 3, made.stderr);
    assert.match(made.stderr, last === 0 ? /files in its bucket are not in this backup/ : /left out: /);
    assert.equal((made.stdout + made.stderr).includes(keys.secret), false);
    last = Infinity;
    ok(await call("verify", `away${0}.zip`));
  }

  empty(gateway);
  const changed = "INSERT INTO _params (id, value, created, updated) VALUES ('mark', '1', '', '')";
  sql(path.join(dir, "data.db"), changed);
  count = 0;
  last = objects.length;
  const failed = await call("restore", "a.zip", "--yes");
  assert.equal(failed.status, 8, failed.stderr);
  assert.match(failed.stderr, /could not be put into their bucket, so nothing was replaced/);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM _params WHERE id = 'mark'"), "1");
  assert.ok(gateway.objects().length < objects.length);
  last = 0;
  assert.equal((await call("restore", "a.zip", "--dry-run")).status, 3);
  last = Infinity;
  ok(await call("restore", "a.zip", "--yes"));
  assert.deepEqual(gateway.objects(), objects);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM _params WHERE id = 'mark'"), "0");
});

test("an object that can't be read to its end is left out, and takes nothing's place", { skip }, async (t) => {
  const { gateway, dir, backups, call } = await startApp(t);
  put(gateway, "films/long.bin", crypto.randomBytes(20 << 20));
  const whole = sums(gateway.bucket);
  let refuses = true;
  const proxy = await startProxy(t, gateway, (request) => {
    const from = Number(/^bytes=(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
    return refuses && request.url.includes("films") && from >= 8 << 20 ? 403 : "pass";
  });
  saveSettings(dir, bucketSettings(proxy.url), "$.s3");
  const made = await call("backup", "a.zip");
  assert.equal(made.status, 3, made.stderr);
  assert.match(made.stderr, /storage\/films\/long\.bin: left out: /);
  assert.equal(list(path.join(backups, "a.zip")).includes("storage/films/long.bin"), false);
  refuses = false;
  ok(await call("verify", "a.zip"));
  ok(await call("restore", "a.zip", "--yes"));
  assert.equal(sums(gateway.bucket), whole);
});

test("a bucket that is too big for the disk costs no backup of the databases", { skip }, async (t) => {
  const { gateway, dir, backups, call } = await startApp(t);
  const proxy = await startProxy(t, gateway, (request) =>
    (request.url.includes("list-type") ? { rewrite: (text) => text.replace(/<Size>\d+<\/Size>/, "<Size>9223372036854775807</Size>") } : "pass"));
  saveSettings(dir, bucketSettings(proxy.url), "$.s3");
  const made = await call("backup", "a.zip");
  assert.equal(made.status, 3, made.stderr);
  assert.match(made.stderr, /the app's files in its bucket are not in this backup: /);
  assert.ok(list(path.join(backups, "a.zip")).includes("data.db"));
  assert.ok(gateway.objects().length > 0);
});

test("keys that only begin like the prefix of the backups are the app's", { skip }, async (t) => {
  const { gateway, dir, backups, call } = await startApp(t);
  put(gateway, "shopping/r1/file.txt", "mine");
  put(gateway, "shop/old.zip", "a backup");
  const done = await call("backup", "a.zip", "--backups-dir", backups, "--mirror", `s3://backups/shop/?endpoint=${gateway.url}&region=eu-test-1&path-style`);
  const names = list(path.join(backups, "a.zip"));
  assert.ok(names.includes("storage/shopping/r1/file.txt"), done.stderr);
  assert.equal(names.includes("storage/shop/old.zip"), false);
});

test("settings that name no bucket, or can't be read: what to do is said, nothing is changed", { skip }, async (t) => {
  const { gateway, dir, call } = await startApp(t);
  ok(await call("backup", "a.zip"));
  saveSettings(dir, bucketSettings(gateway.url, { enabled: false }), "$.s3");
  const part = await call("restore", "a.zip", "--only", "storage", "--yes");
  assert.notEqual(part.status, 0);
  assert.match(part.stderr, /the settings that will be in effect name none; to put them on this machine's disk: --files-to disk/);
  ok(await call("restore", "a.zip", "--only", "storage", "--files-to", "disk", "--yes"));
  assert.equal(sums(path.join(dir, "storage")), sums(gateway.bucket));
  sql(path.join(dir, "data.db"), "UPDATE _params SET value = 'c2VhbGVkLCBhbmQgbm9ib2R5IGhhcyB0aGUga2V5IHRvIGl0' WHERE id = 'settings'");
  const sealed = await call("backup", "sealed.zip");
  assert.equal(sealed.status, 3);
  assert.match(sealed.stderr, /files that the app keeps in an S3 bucket, if it does, are not in this backup/);
  const closed = await call("restore", "a.zip", "--only", "storage", "--yes");
  assert.match(closed.stderr, /which can't be known: .*--files-to disk/);
  ok(await call("backup", "quiet.zip", "--no-include-s3-storage"));
});
