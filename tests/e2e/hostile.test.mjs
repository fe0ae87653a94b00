// What strangers send, and disks that fail.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { cli, raw, signIn, startServer, tempFolder, tinyZip, unpackFixture } from "./support.mjs";

const alive = async (server) => assert.equal((await fetch(`${server.url}/api/health`)).status, 200);

test("malformed requests are refused and the server goes on", async (t) => {
  const server = await startServer(t);
  const table = [
    ["not HTTP", "hello\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["no Host", "GET /api/health HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 .*missing required Host header/s],
    ["an unknown version", "GET /api/health HTTP/3.0\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 505 /],
    ["two lengths", "POST /api/backups HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["a bad escape", "GET /api/%zz HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["a header of 1 MB", `GET /api/health HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(1_100_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ["a path that climbs", "GET /api/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 307 /],
    ["an encoded path that climbs", "GET /api/backups/..%2fdata.db HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 401 /],
  ];
  for (const [label, bytes, expected] of table) {
    await t.test(label, async () => {
      assert.match(await raw(server, bytes), expected);
      await alive(server);
    });
  }
});

test("uploads that break off, stall or lie leave nothing behind", async (t) => {
  const server = await startServer(t);
  const token = await signIn(server);
  const parts = () => fs.existsSync(path.join(server.dir, "backups")) ? fs.readdirSync(path.join(server.dir, "backups")) : [];
  const head = (length) => `POST /api/backups/upload HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${length}\r\n\r\n`;
  const body = Buffer.concat([Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="cut.zip"\r\n\r\n'), tinyZip, Buffer.alloc(200_000), Buffer.from("\r\n--b--\r\n")]);
  for (const cut of [10, 100, 300, 100_000, body.length - 3]) {
    await new Promise((resolve) => {
      const socket = net.connect(server.port, "127.0.0.1", () => {
        socket.write(Buffer.concat([Buffer.from(head(body.length)), body.subarray(0, cut)]), () => setTimeout(() => { socket.destroy(); resolve(); }, 30));
      });
    });
  }
  // Whole in HTTP, but the form is cut off: PocketBase's answer for a file that is not there.
  const answer = await raw(server, Buffer.concat([Buffer.from(head(5000)), body.subarray(0, 5000)]), { until: /"status":400/ });
  assert.match(answer, /validation_required/);
  const end = Date.now() + 5000;
  while (parts().length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(parts(), []);
  await alive(server);
});

test("keys that try to leave the folder", async (t) => {
  const server = await startServer(t);
  const token = await signIn(server);
  const headers = { Authorization: token };
  await fetch(`${server.url}/api/backups`, { method: "POST", headers });
  for (const key of ["..%2Fdata.db", "%2E%2E", "%2E", "%2Fetc%2Fpasswd", "..%2F..%2Fetc%2Fpasswd", "a%00b.zip", "%ff.zip", "x.attrs", ".pocketvault%2Flock", "sub%2F..%2F..%2Fdata.db"]) {
    for (const [method, suffix] of [["GET", ""], ["DELETE", ""], ["POST", "/restore"]]) {
      const answer = await fetch(`${server.url}/api/backups/${key}${suffix}`, { method, headers });
      assert.ok([400, 404].includes(answer.status), `${method} ${key}${suffix}: ${answer.status}`);
    }
  }
  assert.ok(fs.existsSync(path.join(server.dir, "data.db")));
  assert.ok(fs.existsSync(path.join(server.dir, "backups")));
  assert.equal(fs.readdirSync(path.join(server.dir, "backups")).filter((f) => f.endsWith(".zip")).length, 1);
});

test("a damaged data.db fails the job and leaves nothing", (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  fs.writeFileSync(path.join(dir, "data.db"), "this is not a database, whatever its name says".repeat(200));
  const before = fs.readdirSync(path.join(dir, "backups"));
  const done = cli(["backup", "x.zip", "--dir", dir]);
  assert.equal(done.status, 7, done.stderr);
  assert.match(done.stderr, /data\.db/);
  assert.deepEqual(fs.readdirSync(path.join(dir, "backups")), before);
});

const canMount = process.getuid() === 0 &&
  spawnSync("sh", ["-c", "d=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs $d && umount $d; rmdir $d"]).status === 0;

// A small disk of its own, mounted at a folder; both go when the test ends.
function mounted(t, options) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pocketvault-e2e-disk-"));
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status, 0);
  t.after(() => {
    spawnSync("umount", [folder]);
    fs.rmdirSync(folder);
  });
  return folder;
}

test("a full disk fails the job clearly and leaves nothing", { skip: !canMount && "needs to mount a small disk" }, (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const small = mounted(t, "size=256k");
  fs.writeFileSync(path.join(dir, "storage/noise.bin"), Buffer.from(Array.from({ length: 600_000 }, () => Math.floor(Math.random() * 256))));
  const done = cli(["backup", "x.zip", "--dir", dir, "--backups-dir", small]);
  assert.equal(done.status, 8, done.stderr);
  assert.match(done.stderr, /space/i);
  assert.deepEqual(fs.readdirSync(small), []);
});

test("a read-only backups folder fails the job clearly", { skip: !canMount && "needs to mount a small disk" }, (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const frozen = mounted(t, "ro,size=256k");
  const done = cli(["backup", "x.zip", "--dir", dir, "--backups-dir", frozen]);
  assert.equal(done.status, 8, done.stderr);
  assert.match(done.stderr, /read-only|Read-only/);
});
