// Alerts by mail and webhooks, against a real SMTP server (aiosmtpd) and a receiver that checks signatures.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import crypto from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import PocketBase from "pocketbase";
import { cli, program, sql, startServer, superuser, tempFolder } from "./support.mjs";

const password = "open sesame 42";

// Waits until `ask` gives something true; fails after 15 s.
async function eventually(ask, what = "something") {
  for (const end = Date.now() + 15_000; ;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < end, `${what} did not happen in time`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function certificate(folder, name) {
  const [cert, key] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)];
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
  return [cert, key];
}

// { ports, messages }
async function startMail(t) {
  const folder = tempFolder(t);
  const [trusted, other] = [certificate(folder, "trusted"), certificate(folder, "other")];
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), "smtp_server.py");
  const child = spawn("/usr/bin/python3", [script, ...trusted, ...other], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const mail = { messages: [], authorities: trusted[0] };
  readline.createInterface({ input: child.stdout }).on("line", (line) => {
    const said = JSON.parse(line);
    if (said.ports) mail.ports = said.ports;
    else mail.messages.push(said);
  });
  await eventually(() => mail.ports, "the mail server's start");
  return mail;
}

// A bucket that can be looked at, and takes nothing.
async function startFullBucket(t) {
  const server = http.createServer((request, response) => {
    request.resume();
    if (request.method === "GET") response.writeHead(200).end("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
    else response.writeHead(request.method === "HEAD" ? 404 : 403).end(request.method === "HEAD" ? undefined : "<Error><Code>AccessDenied</Code></Error>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { enabled: true, bucket: "b", region: "r", endpoint: `http://127.0.0.1:${server.address().port}`, accessKey: "an access key", secret: "a bucket secret", forcePathStyle: true };
}

// { url, requests, status }: answers with `status`.
async function startReceiver(t) {
  const receiver = { requests: [], status: 200 };
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const block of request) body += block;
    receiver.requests.push({ url: request.url, headers: request.headers, body });
    response.writeHead(receiver.status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => { server.closeAllConnections(); server.close(); });
  receiver.url = `http://127.0.0.1:${server.address().port}`;
  return receiver;
}

async function connect(server) {
  const pb = new PocketBase(server.url);
  pb.autoCancellation(false);
  await pb.collection("_superusers").authWithPassword(superuser.email, superuser.password);
  return {
    pb,
    set: (alerts) => pb.send("/api/vault/settings", { method: "PATCH", body: { alerts } }),
    report: () => pb.send("/api/vault/alerts", { method: "GET" }),
    test: (channel) => pb.send("/api/vault/alerts/test", { method: "POST", body: { channel } }),
    smtp: (smtp) => pb.settings.update({ smtp: { enabled: true, host: "127.0.0.1", username: "", password: "", authMethod: "", tls: false, localName: "", ...smtp } }),
  };
}

test("mail goes by PocketBase's settings", async (t) => {
  const mail = await startMail(t);
  process.env.SSL_CERT_FILE = mail.authorities;
  t.after(() => { delete process.env.SSL_CERT_FILE; });
  const server = await startServer(t);
  const { pb, set, test: send, smtp, report } = await connect(server);
  await pb.settings.update({ meta: { appName: "Bäckerei", senderName: "Größe", senderAddress: "shop@example.com" } });
  await set({ mailTo: ["ops@example.org", "nobody@example.org"] });

  await t.test("in the clear where there is nothing to hide", async () => {
    await smtp({ port: mail.ports.clear, localName: "shop.example.com" });
    await send("mail:ops@example.org");
    const got = mail.messages.at(-1);
    assert.deepEqual([got.server, got.from, got.to, got.hello, got.tls], ["clear", "shop@example.com", ["ops@example.org"], "shop.example.com", false]);
    assert.deepEqual(got.defects, []);
    assert.equal(got.headers.Subject, "[Bäckerei] Test message");
    assert.equal(got.headers.From, "Größe <shop@example.com>");
    assert.match(got.headers["Message-ID"], /^<[a-z0-9]{20}@example\.com>$/);
    assert.match(got.texts["text/plain"], /^This is how alerts about backups reach you\.\n/);
  });

  for (const [name, authMethod, tls] of [["starttls", "PLAIN", false], ["starttls", "LOGIN", false], ["tls", "LOGIN", true], ["tls", "", true]]) {
    await t.test(`${name}, ${authMethod || "the usual way to sign in"}`, async () => {
      await smtp({ port: mail.ports[name], username: "mailer", password, authMethod, tls });
      await send("ops@example.org");
      const got = mail.messages.at(-1);
      assert.deepEqual([got.server, got.signedIn, got.method], [name, true, authMethod || "PLAIN"]);
    });
  }

  const refused = async (what) => {
    const before = mail.messages.length;
    let error;
    await assert.rejects(send("mail:ops@example.org"), (caught) => { error = caught; return true; });
    assert.equal(error.status, 502);
    assert.match(error.response.message, what);
    assert.ok(!error.response.message.includes(password));
    assert.equal(mail.messages.length, before);
  };
  await t.test("what goes wrong is said, and no password", async () => {
    await smtp({ port: mail.ports.starttls, username: "mailer", password: "wrong" });
    await refused(/^The test message could not be sent: the mail server 127\.0\.0\.1:\d+ refuses the user name or the password.*; it said: 535 5\.7\.8 /);
    await smtp({ port: mail.ports.untrusted, username: "mailer", password });
    await refused(/certificate/i);
    await smtp({ port: mail.ports.clear, tls: true });
    await refused(/no TLS/);
    await smtp({ port: mail.ports.clear, username: "mailer", password });
    await refused(/offers no way to sign in, and a user name is given: nothing was sent/);
    await smtp({ port: 1, username: "", password: "" });
    await refused(/127\.0\.0\.1:1: Failed to connect/);
    await smtp({ port: mail.ports.clear });
    await assert.rejects(send("mail:nobody@example.org"), (error) => /550 5\.1\.1 no such user here/.test(error.response.message));
    await assert.rejects(send("mail:else@example.org"), (error) => error.status === 404 && /there are: mail:ops@example\.org, mail:nobody@example\.org/.test(error.response.message));
  });

  await t.test("in Chinese where that is set", async () => {
    await set({ language: "zh" });
    await smtp({ port: mail.ports.clear });
    await send("mail:ops@example.org");
    const got = mail.messages.at(-1);
    assert.deepEqual(got.defects, []);
    assert.equal(got.headers.Subject, "[Bäckerei] 测试消息");
    assert.match(got.texts["text/plain"], /^有关备份的警报会这样送达您。\n数据目录：.*（主机 .*）\n$/);
    await set({ language: "en" });
  });

  await t.test("PocketBase's test mail, of each template", async () => {
    for (const [template, subject] of [["verification", /Bäckerei/], ["password-reset", /Bäckerei/], ["email-change", /Bäckerei/], ["otp", /Bäckerei/], ["login-alert", /./]]) {
      assert.equal(await pb.settings.testEmail("users", "user@example.org", template), true);
      const got = mail.messages.at(-1);
      assert.deepEqual(got.to, ["user@example.org"]);
      assert.match(got.headers.Subject, subject, template);
      assert.ok(!/\{(APP|TOKEN|OTP|ALERT|RECORD)/.test(got.texts["text/html"]), got.texts["text/html"]);
      assert.ok(got.texts["text/plain"].trim().length > 0);
    }
    await assert.rejects(pb.settings.testEmail("nope", "not an address", "nope"), (error) => {
      assert.equal(error.status, 400);
      assert.equal(error.response.message, "Failed to send the test email.");
      assert.deepEqual(error.response.data, {
        collection: { code: "validation_invalid_auth_collection", message: "Must be a valid auth collection id or name." },
        email: { code: "validation_is_email", message: "Must be a valid email address." },
        template: { code: "validation_in_invalid", message: "Must be a valid value." },
      });
      return true;
    });
    await smtp({ port: 1 });
    await assert.rejects(pb.settings.testEmail("_superusers", "user@example.org", "otp"), (error) =>
      error.status === 400 && error.response.message.startsWith("Failed to send the test email. Raw error: \n"));
  });

  await t.test("the deliveries are remembered", async () => {
    const { deliveries } = await report();
    const newest = deliveries.slice(0, 2).map(({ channel, kind, state }) => [channel, kind, state]);
    assert.deepEqual(newest, [["mail:ops@example.org", "test", "sent"], ["mail:nobody@example.org", "test", "failed"]]);
    assert.ok(!JSON.stringify(deliveries).includes(password));
    assert.ok(!server.log().includes(password));
  });

  await t.test("superusers are told of a failure where nobody else is", async () => {
    await smtp({ port: mail.ports.clear });
    await set({ mailTo: [] });
    await pb.settings.update({ backups: { s3: await startFullBucket(t) } });
    await assert.rejects(pb.backups.create("first.zip"));
    const got = await eventually(() => mail.messages.find((message) => /Backup failed/.test(message.headers.Subject)), "a mail");
    assert.deepEqual(got.to, [superuser.email]);
    assert.equal(got.headers["Auto-Submitted"], "auto-generated");
    assert.match(got.texts["text/plain"], /failed at .*\nThere is no good backup\.\nData directory: /);
  });
});

test("webhooks", async (t) => {
  const receiver = await startReceiver(t);
  const server = await startServer(t);
  const { pb, set, report, test: send } = await connect(server);
  const secret = "a signing secret";
  const hooks = [
    { name: "Team", url: `${receiver.url}/team?key=hidden-key`, secret },
    { name: "Watch", preset: "ping", url: `${receiver.url}/ping/hidden-uuid` },
  ];
  const of = (place) => receiver.requests.filter((request) => request.url.startsWith(place));

  await t.test("their secrets are never shown", async () => {
    const changed = await set({ webhooks: hooks });
    assert.deepEqual(changed.alerts.webhooks[0], { name: "Team", preset: "", url: "******", secret: "******", token: "", chatId: "", on: [] });
    await set({ webhooks: changed.alerts.webhooks });
    assert.deepEqual((await report()).channels.map((channel) => [channel.id, channel.place]), [["webhook:Team", receiver.url], ["webhook:Watch", receiver.url]]);
  });

  await t.test("a test is signed", async () => {
    await send("Team");
    const [, at, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(of("/team?key=hidden-key")[0].headers["pocketvault-signature"]);
    const expected = crypto.createHmac("sha256", secret).update(`${at}.${of("/team")[0].body}`).digest("hex");
    assert.equal(hex, expected);
    assert.equal(JSON.parse(of("/team")[0].body).kind, "test");
    await set({ language: "zh" });
    await send("Team");
    const { kind, title } = JSON.parse(of("/team")[1].body);
    assert.deepEqual([kind, title], ["test", "测试消息"]);
    await set({ language: "en" });
  });

  await t.test("a failure and its end are told once each", async () => {
    await pb.backups.create("good.zip");
    await eventually(() => of("/ping/hidden-uuid").length === 1, "a ping");
    await pb.settings.update({ backups: { s3: await startFullBucket(t) } });
    await assert.rejects(pb.backups.create("bad.zip"));
    await assert.rejects(pb.backups.create("bad.zip"));
    await eventually(() => of("/ping/hidden-uuid/fail").length === 1, "a failing ping");
    assert.deepEqual((await report()).open.map((alert) => alert.kind), ["failed"]);
    const shown = cli(["alerts", "--dir", server.dir]);
    assert.match(shown.stdout, /^Backup failed, since .*:\n {2}The backup failed at .*\nWho is told:\n {2}webhook:Team .*\nWhat was sent:\n/s);
    await pb.settings.update({ backups: { s3: { enabled: false } } });
    await pb.backups.create("again.zip");
    await eventually(() => of("/team").some((request) => JSON.parse(request.body).kind === "recovered"), "the end of the alert");
    assert.deepEqual(of("/team").map((request) => JSON.parse(request.body).kind), ["test", "test", "failed", "recovered"]);
    assert.deepEqual((await report()).open, []);
  });

  await t.test("what is not taken waits for its next try", async () => {
    receiver.status = 500;
    await assert.rejects(send("Team"), (error) => error.status === 502 && error.response.message.includes(`${receiver.url} answered with status 500`));
    await pb.backups.create("third.zip");
    const waiting = await eventually(async () => (await report()).deliveries.find((one) => one.state === "waiting" && one.attempts === 1), "a first try");
    assert.equal(waiting.channel, "webhook:Watch");
    assert.match(waiting.nextAttempt, /^\d{4}-/);
    receiver.status = 200;
  });

  await t.test("the command line tries them, too", async () => {
    // Not cli(): while that waits, the receiver can't answer.
    const child = spawn(program, ["alerts", "test", "--url", server.url, "--json"],
      { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, POCKETVAULT_TOKEN: pb.authStore.token } });
    let said = "";
    child.stdout.on("data", (block) => { said += block; });
    const [status] = await once(child, "close");
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(said).tests, [{ channel: "webhook:Team", error: "" }, { channel: "webhook:Watch", error: "" }]);
    const unknown = cli(["alerts", "test", "nope", "--dir", server.dir]);
    assert.equal(unknown.status, 5);
    assert.match(unknown.stderr, /no channel nope; there are: webhook:Team, webhook:Watch/);
  });

  await t.test("a backup that was missed is told at the start", async () => {
    await pb.settings.update({ backups: { cron: "0 3 * * *" } });
    await pb.send("/api/vault/settings", { method: "PATCH", body: { schedule: { catchUp: false } } });
    const database = path.join(server.dir, ".pocketvault/vault.db");
    await eventually(() => sql(database, "SELECT expression FROM schedule WHERE id = '__pbAutoBackup__'") === "0 3 * * *", "the timetable");
    for (const { key } of await pb.backups.getFullList()) await pb.backups.delete(key);
    await server.stop();
    sql(database, `UPDATE schedule SET served_ms = served_ms - 2 * 86400000;
      INSERT OR REPLACE INTO alert_marks SELECT 'timetable', expression, served_ms FROM schedule WHERE id = '__pbAutoBackup__'`);
    const second = await startServer(t, { dir: server.dir, createSuperuser: false });
    const told = await eventually(() => of("/team").map((request) => JSON.parse(request.body)).find((notice) => notice.kind === "missed"), "an alert");
    assert.match(told.text, /^The backup that was due at .* 03:00 UTC \(0 3 \* \* \*\) has not been made\.\n/);
    assert.equal(await second.stop(), 0);
    for (const log of [server.log(), second.log()]) assert.ok(!/hidden|signing secret/.test(log));
  });
});

test("a mail server that says nothing holds up neither the others nor the server's end", async (t) => {
  const receiver = await startReceiver(t);
  const sockets = new Set();
  const silent = net.createServer((socket) => { sockets.add(socket); socket.on("error", () => {}).resume(); });
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => { for (const socket of sockets) socket.destroy(); silent.close(); });
  const server = await startServer(t);
  const { pb, set, smtp } = await connect(server);
  await smtp({ port: silent.address().port });
  await set({ mailTo: ["ops@example.org"], webhooks: [{ name: "Team", url: `${receiver.url}/team` }] });
  await pb.settings.update({ backups: { s3: await startFullBucket(t) } });
  await assert.rejects(pb.backups.create("bad.zip"));
  await eventually(() => sockets.size === 1, "a connection to the mail server");
  await eventually(() => receiver.requests.length === 1, "the failure at the webhook");
  await pb.settings.update({ backups: { s3: { enabled: false } } });
  await pb.backups.create("good.zip");
  await eventually(() => receiver.requests.length === 2, "its end");
  assert.deepEqual(receiver.requests.map((request) => JSON.parse(request.body).kind), ["failed", "recovered"]);
  assert.deepEqual([...sockets].map((socket) => socket.readableEnded), [false], "the mail still hangs");
  assert.equal(await server.stop(), 0);
});
