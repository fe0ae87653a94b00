// copy, and a mirror: backups in a second store.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { aws, bucketSettings, gatewayProgram, keys, region, run, saveSettings, startGateway, startProxy } from "./s3-support.mjs";
import { cli, signIn, startServer, tempFolder, unpackFixture } from "./support.mjs";

const skip = gatewayProgram() ? false : "versitygw is missing: ./dev unit fetches it";
const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };
const zips = (folder) => (fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith(".zip")).sort() : []);
const same = (a, b) => fs.readFileSync(a).equals(fs.readFileSync(b));
const at = (url, prefix = "") => `s3://backups/${prefix}?endpoint=${url}&region=${region}&path-style`;
const until = async (what, condition) => {
  const end = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
const create = async (server, name) => {
  const answer = await fetch(`${server.url}/api/backups`, { method: "POST", headers: { Authorization: await signIn(server), "Content-Type": "application/json" }, body: JSON.stringify({ name }) });
  assert.equal(answer.status, 204, await answer.text());
};

test("copy: from folder to folder, to a bucket and back, never over another backup", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.writeFileSync(path.join(dir, "storage", "big.bin"), crypto.randomBytes(20 << 20));
  const env = aws;
  const call = (...words) => cli([...words, "--dir", dir], { env });
  const backups = path.join(dir, "backups");
  fs.rmSync(backups, { recursive: true });  // what the fixture has
  for (const name of ["a.zip", "b.zip"]) ok(call("backup", name));
  const usb = path.join(tempFolder(t), "usb");

  assert.equal(ok(call("copy", "a", "--to", usb)).stdout, "Copied a.zip\n");
  assert.deepEqual(fs.readdirSync(usb).sort(), ["a.zip", "a.zip.attrs"]);
  assert.ok(same(path.join(usb, "a.zip"), path.join(backups, "a.zip")));
  assert.equal(ok(call("copy", "a.zip", "--to", usb)).stdout, "There already: a.zip\n");
  const all = JSON.parse(ok(call("copy", "--all", "--to", at(gateway.url, "shop"), "--json")).stdout);
  assert.deepEqual([all.copied, all.present, all.failed], [["a.zip", "b.zip"], [], []]);
  assert.deepEqual(gateway.objects(), ["shop/a.zip", "shop/b.zip"]);
  assert.ok(same(path.join(gateway.bucket, "shop/b.zip"), path.join(backups, "b.zip")));

  // What a copy that was killed leaves goes with the next; other files of a user stay.
  for (const left of [".pocketvault-abcdefghij.part", "film.part"]) fs.writeFileSync(path.join(usb, left), "half");
  ok(call("copy", "a.zip", "--to", usb));
  assert.deepEqual(fs.readdirSync(usb).sort(), ["a.zip", "a.zip.attrs", "film.part"]);

  fs.writeFileSync(path.join(usb, "b.zip"), "another");
  const clash = call("copy", "--all", "--to", usb);
  assert.equal(clash.status, 1);
  assert.match(clash.stderr, /another backup b\.zip is in folder/);
  assert.equal(fs.readFileSync(path.join(usb, "b.zip"), "utf8"), "another");
  assert.equal(call("copy", "none.zip", "--to", usb).status, 5);

  // Back from the bucket, on a machine that has nothing.
  const back = path.join(tempFolder(t), "back");
  const bucket = ["--s3-bucket", "backups", "--s3-endpoint", gateway.url, "--s3-region", region, "--s3-force-path-style", "--s3-prefix", "shop/"];
  ok(cli(["copy", "--all", "--to", back, "--dir", dir, ...bucket], { env }));
  for (const name of zips(backups)) assert.ok(same(path.join(back, name), path.join(backups, name)));

  for (const wrong of [["copy", "--to", usb], ["copy", "a.zip", "--all", "--to", usb], ["copy", "a.zip"], ["copy", "a.zip", "--to", "s3://"], ["copy", "a.zip", "--to", "ftp://x/y"], ["copy", "a.zip", "--to", "s3://b/p?what=1"]]) {
    assert.equal(call(...wrong).status, 2, wrong.join(" "));
  }
  assert.match(call("copy", "a.zip", "--to", path.join(dir, "storage")).stderr, /lies inside the data directory.*give --mirror or --to a folder outside/);
  const away = call("copy", "a.zip", "--to", at("http://127.0.0.1:1"));
  assert.equal(away.status, 8);
  assert.equal(away.stderr.includes(keys.secret), false);
});

test("copy: one request in twenty fails, and a bucket that goes away leaves nothing and is gone on with", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.writeFileSync(path.join(dir, "storage", "big.bin"), crypto.randomBytes(40 << 20));
  for (const name of ["a.zip", "b.zip"]) ok(cli(["backup", name, "--dir", dir]));
  let count = 0;
  let last = Infinity;
  const fates = [500, "break", 503, "lose"];
  const proxy = await startProxy(t, gateway, () => (++count > last ? "break" : count % 20 === 0 ? fates[(count / 20) % fates.length] : "pass"));
  const call = () => run(["copy", "--all", "--dir", dir, "--to", at(proxy.url)], { env: aws });
  last = 8;
  const failed = await call();
  assert.equal(failed.status, 8, failed.stderr);
  assert.deepEqual(gateway.objects().filter((name) => !name.startsWith(".pocketvault-upload/")), []);
  last = Infinity;
  ok(await call());
  for (const name of ["a.zip", "b.zip"]) assert.ok(same(path.join(gateway.bucket, name), path.join(dir, "backups", name)));
});

test("a copy or a mirror among the backups, and the other way round, is refused before anything is written", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const backups = path.join(dir, "backups");
  const before = fs.readdirSync(backups, { recursive: true }).sort();
  const link = path.join(tempFolder(t), "link");
  fs.symlinkSync(backups, link);
  const call = (...words) => cli([...words, "--dir", dir], { env: aws });
  const refused = (done) => { assert.equal(done.status, 2, done.stdout + done.stderr); assert.match(done.stderr, /copies would count as backups and be copied again/); };
  for (const inside of [backups, path.join(backups, "sub"), path.join(link, "sub")]) {
    refused(call("copy", "--all", "--to", inside));
    for (const command of ["backup", "list", "status"]) refused(call(command, "--mirror", inside));
  }
  const root = ["--s3-bucket", "backups", "--s3-endpoint", gateway.url, "--s3-region", region, "--s3-force-path-style"];
  refused(call("backup", "a.zip", ...root, "--mirror", at(gateway.url, "m")));
  refused(call("copy", "--all", ...root, "--s3-prefix", "m/", "--to", at(gateway.url)));
  saveSettings(dir, bucketSettings(gateway.url));
  refused(call("backup", "a.zip", "--mirror", at(gateway.url, "m")));
  ok(call("backup", "a.zip", ...root, "--s3-prefix", "n/", "--mirror", at(gateway.url, "m")));
  assert.ok(gateway.objects().includes("m/a.zip"));
  assert.deepEqual(fs.readdirSync(backups, { recursive: true }).sort(), before);
});

test("a backup with a mirror: told in list and status; away, it costs the backup nothing and gets all later", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const backups = path.join(dir, "backups");
  const call = (...words) => cli([...words, "--dir", dir, "--mirror", at(gateway.url)], { env: aws });
  const mirror = (status = 0) => {
    const told = call("status", "--json");
    assert.equal(told.status, status, told.stdout);
    return JSON.parse(told.stdout).mirror;
  };
  const before = zips(backups);  // the fixture's own, of days ago: a risk
  assert.equal(mirror(10).missing, before.length);
  assert.match(ok(call("backup", "a.zip")).stderr, /Copied a\.zip to the mirror, S3 bucket backups at/);
  assert.deepEqual(gateway.objects(), ["a.zip", ...before].sort());
  assert.ok(same(path.join(gateway.bucket, "a.zip"), path.join(backups, "a.zip")));
  assert.equal(mirror().missing, 0);
  assert.match(ok(call("status")).stdout, /mirror +S3 bucket backups at .*, lacks nothing/);
  assert.equal(ok(call("list")).stderr, "");

  await gateway.stop();
  const made = call("backup", "b.zip", "--json");
  assert.equal(made.status, 3);
  assert.equal(JSON.parse(made.stdout).job.state, "succeeded");
  assert.match(made.stderr, /Warning: the mirror, .*, lacks backups/);
  assert.ok(zips(backups).includes("b.zip"));
  assert.notEqual(mirror(10).trouble, "");
  assert.match(call("list").stderr, /what it lacks is not known/);
  await gateway.start();
  assert.deepEqual(mirror().names, ["b.zip"]);
  assert.match(call("list").stderr, /The mirror, .*, lacks 1 backup: b\.zip\./);

  // Made without the mirror, and one that takes a name anew.
  ok(cli(["delete", "a.zip", "--dir", dir]));
  fs.writeFileSync(path.join(dir, "storage", "more.bin"), crypto.randomBytes(1000));
  ok(cli(["backup", "a.zip", "--dir", dir]));
  assert.deepEqual(mirror().names.sort(), ["a.zip", "b.zip"]);
  ok(call("backup", "c.zip"));
  assert.deepEqual(gateway.objects(), ["a.zip", "a_02.zip", "b.zip", "c.zip", ...before].sort());
  assert.ok(same(path.join(gateway.bucket, "a_02.zip"), path.join(backups, "a.zip")));
  assert.equal(mirror().missing, 0);
  ok(cli(["delete", "c.zip", "--dir", dir]));
  ok(call("backup", "d.zip"));
  assert.ok(gateway.objects().includes("c.zip"), "nothing is removed from a mirror");
});

test("a server fills its mirror, also after a restart, and answers before it has", { skip }, async (t) => {
  const gateway = await startGateway(t);
  const folder = path.join(tempFolder(t), "mirror");
  const first = await startServer(t, { args: ["--mirror", folder] });
  await create(first, "local.zip");
  await until(() => first.log(), () => first.log().includes("copied local.zip to the mirror"));
  assert.deepEqual(zips(folder), ["local.zip"]);
  await first.stop();

  await gateway.stop();
  process.env.AWS_ACCESS_KEY_ID = aws.AWS_ACCESS_KEY_ID;
  process.env.AWS_SECRET_ACCESS_KEY = aws.AWS_SECRET_ACCESS_KEY;
  t.after(() => { delete process.env.AWS_ACCESS_KEY_ID; delete process.env.AWS_SECRET_ACCESS_KEY; });
  const args = ["--mirror", at(gateway.url)];
  const second = await startServer(t, { dir: first.dir, createSuperuser: false, args });
  await create(second, "away.zip");
  await until(() => second.log(), () => second.log().includes("the mirror lacks backups; the next try is in 30 s"));
  const status = await (await fetch(`${second.url}/api/vault/status`, { headers: { Authorization: await signIn(second) } })).json();
  assert.match(status.mirror.place, /S3 bucket backups/);
  assert.notEqual(status.mirror.trouble, "");
  await second.stop();
  await gateway.start();
  const third = await startServer(t, { dir: first.dir, createSuperuser: false, args });
  await until(() => third.log(), () => gateway.objects().length === 2);
  assert.deepEqual(gateway.objects(), ["away.zip", "local.zip"]);
  await until(() => third.log(), () => third.log().includes("copied local.zip to the mirror"));
  for (const name of gateway.objects()) assert.ok(same(path.join(gateway.bucket, name), path.join(first.dir, "backups", name)));
  for (const server of [first, second, third]) assert.equal(server.log().includes(keys.secret), false);
});

test("a backup whose own bucket is away reaches the mirror from the spool", { skip }, async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const folder = path.join(tempFolder(t), "mirror");
  saveSettings(dir, bucketSettings("http://127.0.0.1:1"));
  const made = cli(["backup", "a.zip", "--dir", dir, "--mirror", folder]);
  assert.equal(made.status, 3);
  assert.ok(same(path.join(folder, "a.zip"), path.join(dir, ".pocketvault/spool/a.zip")));
});
