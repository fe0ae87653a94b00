// `serve --strict` row by row against what PocketBase v0.36.6 was seen to answer.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, suite, test } from "node:test";
import { addUser, raw, signIn, startServer, superuser, tinyZip, user } from "./support.mjs";

const A = '{"data":{},"message":"The request requires valid record authorization token.","status":401}\n';
const B = '{"data":{},"message":"The authorized record is not allowed to perform this action.","status":403}\n';
const C = '{"data":{},"message":"Insufficient permissions to access the resource.","status":403}\n';
const notFound = '{"data":{},"message":"The requested resource wasn\'t found.","status":404}\n';
const noFile = '{"data":{},"message":"File not found.","status":404}\n';
const loading = '{"data":{},"message":"An error occurred while loading the submitted data.","status":400}\n';
const invalid = (field, code, message, params) =>
  JSON.stringify({ data: { [field]: { code, message, ...(params && { params }) } }, message: "An error occurred while validating the submitted data.", status: 400 }) + "\n";
const blankFile = invalid("file", "validation_required", "Cannot be blank.");
const badFormat = invalid("name", "validation_match_invalid", "Must be in a valid format.");
const badLength = invalid("name", "validation_length_out_of_range", "The length must be between 1 and 150.", { max: 150, min: 1 });
const nameExists = invalid("name", "validation_backup_name_exists", "The backup file name is invalid or already exists.");
const fileExists = invalid("file", "validation_backup_name_exists", "Backup file with the specified name already exists.");

let server, token, userToken, fileToken, userFileToken;

function send(method, target, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const request = http.request({ host: "127.0.0.1", port: server.port, method, path: target, agent: false,
      headers: { ...(bytes || !["GET", "HEAD"].includes(method) ? { "Content-Length": bytes?.length ?? 0 } : {}), ...headers } }, (answer) => {
      const blocks = [];
      answer.on("data", (block) => blocks.push(block));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(blocks).toString("utf8"), bytes: Buffer.concat(blocks) }));
    });
    request.on("error", reject);
    request.setTimeout(20_000, () => request.destroy(new Error("timed out")));
    if (bytes) request.write(bytes);
    request.end();
  });
}
const json = { "Content-Type": "application/json" };
const as = (who) => (who ? { Authorization: who } : {});

function form(parts, boundary = "bnd") {
  const blocks = parts.flatMap(({ head, body }) => [Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`), Buffer.from(body), Buffer.from("\r\n")]);
  return Buffer.concat([...blocks, Buffer.from(`--${boundary}--\r\n`)]);
}
const filePart = (name, body = tinyZip) => ({ head: `Content-Disposition: form-data; name="file"; filename="${name}"`, body });
const upload = (body, { type = "multipart/form-data; boundary=bnd", who = token } = {}) =>
  send("POST", "/api/backups/upload", { headers: { ...as(who), "Content-Type": type }, body });
const list = async () => JSON.parse((await send("GET", "/api/backups", { headers: as(token) })).text);
const wipe = async () => { for (const { key } of await list()) await send("DELETE", `/api/backups/${encodeURIComponent(key)}`, { headers: as(token) }); };
const create = (body, headers = json) => send("POST", "/api/backups", { headers: { ...as(token), ...headers }, body });

suite("--strict", () => {
  const ends = [];
  after(async () => { for (const work of ends.reverse()) await work(); });
  before(async () => {
    server = await startServer({ after: (work) => ends.push(work) }, { args: ["--strict"] });
    addUser(server.dir);
    token = await signIn(server);
    userToken = await signIn(server, { collection: "users", email: user.email, password: superuser.password });
    const fetchFileToken = async (who) => JSON.parse((await send("POST", "/api/files/token", { headers: as(who) })).text).token;
    fileToken = await fetchFileToken(token);
    userFileToken = await fetchFileToken(userToken);
    await create('{"name":"dl.zip"}');
  });

  test("routing", async (t) => {
    const rows = [
      ["GET", "/api/nope", 404, noFile], ["POST", "/api/nope", 404, notFound], ["PUT", "/api/backups", 404, notFound],
      ["DELETE", "/api/backups", 404, notFound], ["PATCH", "/api/backups/dl.zip", 404, notFound],
      ["GET", "/api/backups/", 404, noFile], ["POST", "/api/backups/", 404, notFound],
      ["POST", "/api/backups/dl.zip/restore/", 404, notFound], ["GET", "/api/health/", 404, noFile],
      ["POST", "/api/health", 404, notFound], ["FOO", "/api/health", 404, notFound], ["TRACE", "/api/health", 404, notFound],
      ["GET", "/api/%68ealth", 200, '{"message":"API is healthy.","code":200,"data":{}}\n'],
      ["GET", "/api%2Fhealth", 404, noFile], ["GET", "/API/health", 404, noFile], ["GET", "/", 404, noFile],
      ["GET", "/api/backups/upload", 403, C], ["POST", "/api/backups/dl.zip/download-token", 404, notFound],
      ["GET", "/api/vault/jobs", 404, noFile], ["POST", "/api/vault/undo", 404, notFound],
      ["GET", "/api/collections/_superusers/auth-with-password", 404, noFile],
    ];
    for (const [method, target, status, body] of rows) {
      await t.test(`${method} ${target}`, async () => {
        const answer = await send(method, target);
        assert.equal(answer.status, status);
        assert.equal(answer.text, body);
        assert.equal(answer.headers["content-type"], "application/json");
      });
    }
  });

  test("path cleaning redirects before anything else", async (t) => {
    for (const [target, location] of [["//api/health", "/api/health"], ["/api//health?x=1", "/api/health?x=1"], ["/api/./health", "/api/health"], ["/api/backups/../health", "/api/health"]]) {
      await t.test(target, async () => {
        const got = await send("GET", target, { headers: { Origin: "http://x" } });
        assert.equal(got.status, 307);
        assert.equal(got.headers.location, location);
        assert.equal(got.headers["content-type"], "text/html; charset=utf-8");
        assert.equal(got.text, `<a href="${location}">Temporary Redirect</a>.\n\n`);
        assert.equal(got.headers["x-frame-options"], undefined);
        assert.equal(got.headers["access-control-allow-origin"], undefined);
        const posted = await send("POST", target);
        assert.equal(posted.status, 307);
        assert.equal(posted.text, "");
        assert.equal(posted.headers["content-length"], "0");
        assert.equal(posted.headers["content-type"], undefined);
      });
    }
  });

  test("HEAD is served wherever GET is", async () => {
    const health = await send("HEAD", "/api/health");
    assert.equal(health.status, 200);
    assert.equal(health.headers["content-type"], "application/json");
    assert.equal(health.text, "");
    const missing = await send("HEAD", "/api/nope");
    assert.equal(missing.status, 404);
    assert.equal(missing.headers["content-length"], undefined);
    assert.equal((await send("HEAD", "/api/backups")).status, 401);
  });

  test("CORS", async (t) => {
    const preflight = await send("OPTIONS", "/api/whatever", { headers: { Origin: "http://a.b", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-A, authorization" } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers["access-control-allow-origin"], "*");
    assert.equal(preflight.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert.equal(preflight.headers["access-control-allow-headers"], "X-A, authorization");
    assert.equal(preflight.headers.vary, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    assert.equal(preflight.headers["x-frame-options"], undefined);
    const bare = await send("OPTIONS", "/api/backups");
    assert.equal(bare.status, 204);
    assert.equal(bare.headers.vary, "Origin");
    assert.equal(bare.headers["access-control-allow-methods"], undefined);
    const refused = await send("GET", "/api/backups", { headers: { Origin: "null" } });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers["access-control-allow-origin"], "*");
    const plain = await send("GET", "/api/health");
    assert.equal(plain.headers["access-control-allow-origin"], undefined);
    assert.equal(plain.headers.vary, "Origin");
  });

  test("who may do what", async (t) => {
    const tampered = token.replace(/\.([^.])([^.]*)$/, (_, first, rest) => `.${first === "A" ? "B" : "A"}${rest}`);
    const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${token.split(".")[1]}.`;
    const people = [
      ["guest", undefined, 401, A], ["record", userToken, 403, B], ["record's file token", userFileToken, 401, A],
      ["file token", fileToken, 401, A], ["tampered", tampered, 401, A], ["unsigned", unsigned, 401, A],
      ["Basic", "Basic abc", 401, A], ["Token", `Token ${token}`, 401, A], ["two blanks", `Bearer  ${token}`, 401, A], ["garbage", "x.y.z", 401, A],
    ];
    for (const [label, who, status, body] of people) {
      await t.test(label, async () => {
        for (const [method, target] of [["GET", "/api/backups"], ["POST", "/api/backups"], ["POST", "/api/backups/upload"], ["DELETE", "/api/backups/dl.zip"], ["POST", "/api/backups/dl.zip/restore"], ["POST", "/api/backups/missing.zip/restore"]]) {
          const answer = await send(method, target, { headers: as(who) });
          assert.equal(answer.status, status, `${method} ${target}`);
          assert.equal(answer.text, body);
        }
      });
    }
    for (const form of ["Bearer ", "bearer ", "BEARER ", ""]) {
      assert.equal((await send("GET", "/api/backups", { headers: { Authorization: form + token } })).status, 200, form);
    }
    for (const [label, query, status] of [["none", "", 403], ["empty", "?token=", 403], ["auth token", `?token=${token}`, 403], ["record's", `?token=${userFileToken}`, 403],
      ["Bearer in it", `?token=Bearer%20${fileToken}`, 403], ["upper case name", `?Token=${fileToken}`, 403], ["good", `?token=${fileToken}`, 200], ["two, good first", `?token=${fileToken}&token=x`, 200], ["two, bad first", `?token=x&token=${fileToken}`, 403]]) {
      await t.test(`download with ${label}`, async () => {
        const answer = await send("GET", `/api/backups/dl.zip${query}`);
        assert.equal(answer.status, status);
        if (status === 403) assert.equal(answer.text, C);
      });
    }
    assert.equal((await send("GET", "/api/backups/dl.zip", { headers: as(token) })).status, 403);
    assert.equal((await send("GET", `/api/backups/dl.zip?token=${fileToken}`, { headers: as("junk") })).status, 200);
    assert.equal((await send("GET", "/api/backups/missing.zip")).text, C, "names are told to no stranger");
    assert.equal((await send("POST", "/api/files/token")).text, A);
  });

  test("sign-in", async (t) => {
    const fields = (data) => JSON.stringify({ data, message: "An error occurred while validating the submitted data.", status: 400 }) + "\n";
    const required = { code: "validation_required", message: "Cannot be blank." };
    const failed = '{"data":{},"message":"Failed to authenticate.","status":400}\n';
    const target = "/api/collections/_superusers/auth-with-password";
    const rows = [
      ["empty object", json, "{}", 400, fields({ identity: required, password: required })],
      ["no password", json, '{"identity":"a@b.cc"}', 400, fields({ password: required })],
      ["null", json, "null", 400, fields({ identity: required, password: required })],
      ["no body", {}, undefined, 400, fields({ identity: required, password: required })],
      ["wrong type", json, '{"identity":5,"password":"x"}', 400, loading],
      ["malformed", json, '{"identity":', 400, loading],
      ["other content type", { "Content-Type": "text/plain" }, "x", 400, '{"data":{},"message":"Unsupported Content-Type.","status":400}\n'],
      ["too long", json, JSON.stringify({ identity: "a".repeat(256), password: "x" }), 400, fields({ identity: { code: "validation_length_out_of_range", message: "The length must be between 1 and 255.", params: { max: 255, min: 1 } } })],
      ["identityField", json, '{"identity":"a@b.cc","password":"x","identityField":"username"}', 400, fields({ identityField: { code: "validation_in_invalid", message: "Must be a valid value." } })],
      ["unknown", json, '{"identity":"no@example.com","password":"x"}', 400, failed],
      ["not an e-mail", json, '{"identity":"nobody","password":"x"}', 400, failed],
      ["other case", json, JSON.stringify({ identity: superuser.email.toUpperCase(), password: superuser.password }), 400, failed],
    ];
    for (const [label, headers, body, status, expected] of rows) {
      await t.test(label, async () => {
        const answer = await send("POST", target, { headers, body });
        assert.equal(answer.status, status);
        assert.deepEqual(JSON.parse(answer.text), JSON.parse(expected));
      });
    }
    const good = JSON.stringify({ IDENTITY: superuser.email, Password: superuser.password });
    for (const where of ["_superusers", "_SUPERUSERS", "pbc_3142635823"]) assert.equal((await send("POST", `/api/collections/${where}/auth-with-password`, { headers: json, body: good })).status, 200, where);
    const encoded = await send("POST", target, { headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: new URLSearchParams({ identity: superuser.email, password: superuser.password }).toString() });
    assert.equal(encoded.status, 200);
    const trimmed = await send("POST", `${target}?fields=token`, { headers: json, body: good });
    assert.deepEqual(Object.keys(JSON.parse(trimmed.text)), ["token"]);
    assert.equal((await send("POST", "/api/collections/nope/auth-with-password", { headers: json, body: good })).text, '{"data":{},"message":"Missing or invalid collection context.","status":404}\n');
    assert.equal((await send("POST", "/api/collections/_mfas/auth-with-password", { headers: json, body: good })).text, '{"data":{},"message":"Missing or invalid auth collection context.","status":404}\n');
    assert.equal((await send("GET", "/api/collections/_superusers/auth-methods")).text,
      '{"password":{"identityFields":["email"],"enabled":true},"oauth2":{"providers":[],"enabled":false},"mfa":{"enabled":false,"duration":0},"otp":{"enabled":false,"duration":0},"authProviders":null,"usernamePassword":false,"emailPassword":true}\n');
    const refresh = (where, who) => send("POST", `/api/collections/${where}/auth-refresh`, { headers: as(who) });
    assert.equal((await refresh("_superusers")).text, A);
    assert.equal((await refresh("_superusers", userToken)).text, '{"data":{},"message":"The request requires auth record from users collection.","status":403}\n');
    assert.equal((await refresh("nope", token)).text, '{"data":{},"message":"Missing or invalid collection context.","status":404}\n');
    assert.equal((await refresh("users", userToken)).status, 200);
  });

  test("names for create", async (t) => {
    const long = "a".repeat(146) + ".zip";
    const rows = [
      ["-.zip", 204], ["_.zip", 204], [long, 204], ["x".repeat(147) + ".zip", 400, badLength], ["é".repeat(151), 400, badLength],
      ...[".zip", "a.b.zip", "a.ZIP", "A.zip", "a b.zip", " a.zip", "a.zip ", "a.zip\n", "../a.zip", "a/b.zip", "é.zip", "@auto_x.zip", "a.zip.attrs", "manual_backup"].map((name) => [name, 400, badFormat]),
    ];
    for (const [name, status, body] of rows) {
      await t.test(JSON.stringify(name).slice(0, 40), async () => {
        const answer = await create(JSON.stringify({ name }));
        assert.equal(answer.status, status, answer.text);
        if (body) assert.equal(answer.text, body);
      });
    }
    assert.equal((await create('{"name":"-.zip"}')).text, nameExists);
  });

  test("bodies for create", async (t) => {
    const good = [
      ["JSON with a charset", { "Content-Type": "application/json; charset=utf-8" }, '{"name":"b01.zip"}'],
      ["a longer type", { "Content-Type": "application/jsonx" }, '{"name":"b02.zip"}'],
      ["key in another case", json, '{"NAME":"b03.zip"}'],
      ["the last duplicate", json, '{"name":"A","name":"b04.zip"}'],
      ["trailing garbage", json, '{"name":"b05.zip"}garbage'],
      ["form", { "Content-Type": "application/x-www-form-urlencoded" }, "name=b06.zip&x=1"],
      ["first of repeated", { "Content-Type": "application/x-www-form-urlencoded" }, "name=b07.zip&name=A"],
      ["payload over field", { "Content-Type": "application/x-www-form-urlencoded" }, "name=A&%40jsonPayload=%7B%22name%22%3A%22b08.zip%22%7D"],
      ["multipart", { "Content-Type": "multipart/form-data; boundary=bnd" }, form([{ head: 'Content-Disposition: form-data; name="name"', body: "b09.zip" }])],
      ["XML", { "Content-Type": "application/xml" }, "<x><Name>b10.zip</Name></x>"],
    ];
    for (const [label, headers, body] of good) {
      await t.test(label, async () => {
        const answer = await create(body, headers);
        assert.equal(answer.status, 204, answer.text);
        assert.equal(answer.headers["content-type"], undefined);
        assert.equal(answer.headers["content-length"], undefined);
      });
    }
    const keys = (await list()).map((b) => b.key);
    for (let i = 1; i <= 10; ++i) assert.ok(keys.includes(`b${String(i).padStart(2, "0")}.zip`), `b${i}`);
    const bad = [["number", "5"], ["string", '"x"'], ["array", "[]"], ["name a number", '{"name":5}'], ["name a bool", '{"name":true}'], ["name a list", '{"name":[]}'], ["name an object", '{"name":{}}'], ["cut off", '{"name":"a'], ["blanks", "  "], ["BOM", '\ufeff{"name":"a.zip"}']];
    for (const [label, body] of bad) await t.test(label, async () => assert.equal((await create(body)).text, loading));
    for (const type of ["text/plain", "Application/JSON", "application/octet-stream"]) await t.test(type, async () => assert.equal((await create("{}", { "Content-Type": type })).text, loading));
    assert.equal((await create("{}", {})).text, loading, "no type");
    assert.equal((await create("name=%zz", { "Content-Type": "application/x-www-form-urlencoded" })).text, loading);
    for (const body of ["null", "{}", '{"name":""}', '{"name":null}']) assert.equal((await create(body)).status, 204, body);
    assert.equal((await send("POST", "/api/backups?name=q.zip", { headers: { ...as(token) } })).status, 204);
    assert.ok(!(await list()).some((b) => b.key === "q.zip"), "the query is no body");
    assert.equal((await send("POST", "/api/backups?name=form.zip", { headers: { ...as(token), "Content-Type": "application/x-www-form-urlencoded" }, body: "x=1" })).status, 204);
    assert.ok((await list()).some((b) => b.key === "form.zip"), "of a form it is");
    const chunked = (body) => raw(server, `POST /api/backups HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    assert.match(await chunked('12\r\n{"name":"chk.zip"}\r\n0\r\n\r\n'), /^HTTP\/1\.1 204/);
    assert.match(await chunked("0\r\n\r\n"), /^HTTP\/1\.1 400 [^]*An error occurred while loading/);
  });

  test("uploads", async (t) => {
    await wipe();
    for (const name of ["UP 6 (x).ZIP", "日本.zip", "zipped.txt", "blob", ".zip", "@auto_pb_backup_x.zip", "dir/last.zip"]) {
      await t.test(name, async () => {
        assert.equal((await upload(form([filePart(name)]))).status, 204);
        const key = name.split("/").at(-1);
        assert.ok((await list()).some((b) => b.key === key && b.size === tinyZip.length), key);
        assert.equal((await upload(form([filePart(name)]))).text, fileExists);
      });
    }
    await t.test("filename*", async () => {
      assert.equal((await upload(form([{ head: "Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''star%20name.zip", body: tinyZip }]))).status, 204);
      assert.ok((await list()).some((b) => b.key === "star name.zip"));
    });
    await t.test("backslashes stay", async () => {
      assert.equal((await upload(form([{ head: 'Content-Disposition: form-data; name="file"; filename="C:\\\\dir\\\\old.zip"', body: tinyZip }]))).status, 204);
      assert.ok((await list()).some((b) => b.key === "C:\\dir\\old.zip"));
    });
    const whole = form([filePart("x.zip")]);
    const blank = [
      ["another field", form([{ head: 'Content-Disposition: form-data; name="other"', body: "x" }])],
      ["File in another case", form([{ head: 'Content-Disposition: form-data; name="File"; filename="a.zip"', body: tinyZip }])],
      ["no file name", form([{ head: 'Content-Disposition: form-data; name="file"', body: tinyZip }])],
      ["cut off", whole.subarray(0, whole.length - 10)],
    ];
    for (const [label, body] of blank) await t.test(label, async () => assert.equal((await upload(body)).text, blankFile));
    await t.test("JSON", async () => assert.equal((await upload('{"file":"x"}', { type: "application/json" })).text, blankFile));
    await t.test("a bare zip", async () => assert.equal((await upload(tinyZip, { type: "application/zip" })).text, blankFile));
    await t.test("no body", async () => assert.equal((await send("POST", "/api/backups/upload", { headers: as(token) })).text, blankFile));
    const wrongType = (pattern) => new RegExp(`^\\{"data":\\{"file":\\{"code":"validation_invalid_mime_type","message":"\\\\"${pattern}\\\\" mime type must be one of: application/zip\\."\\}\\},"message":"An error occurred while validating the submitted data\\.","status":400\\}\\n$`);
    await t.test("text", async () => assert.match((await upload(form([filePart("bad.txt", "hello")]))).text, wrongType("bad_[a-z0-9]{10}\\.txt")));
    await t.test("a jar", async () => {
      const jar = Buffer.from(tinyZip);
      const head = Buffer.concat([jar.subarray(0, 26), Buffer.from([9, 0, 0, 0]), Buffer.from("META-INF/")]);
      assert.match((await upload(form([filePart("my.jar", head)]))).text, wrongType("my_?[a-z0-9]*_[a-z0-9]{10}\\.jar"));
    });
    await t.test("bytes before the archive", async () => assert.match((await upload(form([filePart("sfx.zip", Buffer.concat([Buffer.from("MZ"), tinyZip]))]))).text, wrongType("sfx_[a-z0-9]{10}\\.zip")));
    await t.test("only the signature", async () => assert.equal((await upload(form([filePart("sig.zip", "PK\x03\x04")]))).status, 204));
    await t.test(".attrs is reserved", async () => assert.equal((await upload(form([filePart("a.zip.attrs")]))).text, fileExists));
    await t.test("dots", async () => {
      for (const name of [".", ".."]) assert.equal((await upload(form([filePart(name)]))).text, '{"data":{},"message":"Failed to upload backup.","status":400}\n', name);
    });
    await t.test("the first file counts", async () => {
      assert.equal((await upload(form([filePart("one.zip"), filePart("two.zip")]))).status, 204);
      const keys = (await list()).map((b) => b.key);
      assert.ok(keys.includes("one.zip") && !keys.includes("two.zip"));
    });
  });

  test("fields", async (t) => {
    await wipe();
    for (const name of ["Z.zip", "a.zip"]) await upload(form([filePart(name)]));
    const rows = [
      ["key", '[{"key":"Z.zip"},{"key":"a.zip"}]\n'], ["nope", "[{},{}]\n"], ["key,size", '[{"key":"Z.zip","size":113},{"key":"a.zip","size":113}]\n'],
      ["key:excerpt(2,true)", '[{"key":"Z...."},{"key":"a...."}]\n'], ["size:excerpt(1)", '[{"size":113},{"size":113}]\n'],
      [" key , ,", '[{"key":"Z.zip"},{"key":"a.zip"}]\n'], ["key.x", '[{"key":"Z.zip"},{"key":"a.zip"}]\n'], ['"key"', "[{},{}]\n"],
      ["key:excerpt", ""], ["key:excerpt(0)", ""], ["key:excerpt(a)", ""], ["key:nope(1)", ""], ["key:", ""], ["key:excerpt(1", ""], ["key'", ""], ["key:excerpt(1,2,3)", ""], ["key:excerpt(1e1)", ""],
      ["key:excerpt(5.9)", '[{"key":"Z.zip"},{"key":"a.zip"}]\n'], ["key:excerpt 1", '[{"key":"Z"},{"key":"a"}]\n'],
    ];
    for (const [expression, body] of rows) {
      await t.test(expression, async () => {
        const answer = await send("GET", `/api/backups?fields=${encodeURIComponent(expression)}`, { headers: as(token) });
        assert.equal(answer.status, 200);
        assert.equal(answer.text, body);
      });
    }
    assert.equal((await send("GET", "/api/health?fields=message,data.realIP", { headers: as(token) })).text, '{"data":{"realIP":"127.0.0.1"},"message":"API is healthy."}\n');
    assert.equal((await send("GET", "/api/backups?fields=key")).text, A, "errors are not trimmed");
  });

  test("downloads", async (t) => {
    await wipe();
    await upload(form([filePart("dl.zip")]));
    const modified = new Date("2023-11-14T22:13:20Z");
    fs.utimesSync(path.join(server.dir, "backups/dl.zip"), modified, modified);
    const date = "Tue, 14 Nov 2023 22:13:20 GMT";
    const get = (headers, method = "GET", key = "dl.zip") => send(method, `/api/backups/${key}?token=${fileToken}`, { headers });
    const whole = await get({});
    assert.equal(whole.status, 200);
    assert.deepEqual(whole.bytes, tinyZip);
    for (const [name, value] of Object.entries({
      "accept-ranges": "bytes", "cache-control": "max-age=2592000, stale-while-revalidate=86400", "content-disposition": "attachment; filename=dl.zip", "content-length": "113",
      "content-security-policy": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox", "content-type": "application/zip", "last-modified": date, "x-frame-options": "SAMEORIGIN",
    })) assert.equal(whole.headers[name], value, name);
    const rows = [
      ["bytes=0-9", 206, "bytes 0-9/113", 10], ["bytes=10-", 206, "bytes 10-112/113", 103], ["bytes=-5", 206, "bytes 108-112/113", 5], ["bytes=100-999", 206, "bytes 100-112/113", 13],
      ["bytes=-999", 206, "bytes 0-112/113", 113], ["bytes=0-100,0-100", 200, undefined, 113], ["bytes=0-9,500-", 206, "bytes 0-9/113", 10], ["bytes=", 200, undefined, 113], ["bytes=-0", 206, "bytes 113-112/113", 0],
    ];
    for (const [range, status, contentRange, length] of rows) {
      await t.test(range, async () => {
        const answer = await get({ Range: range });
        assert.equal(answer.status, status);
        assert.equal(answer.headers["content-range"], contentRange);
        assert.equal(answer.bytes.length, length);
        assert.equal(answer.headers["content-length"], String(length));
      });
    }
    await t.test("several ranges", async () => {
      const answer = await get({ Range: "bytes=4-5,0-1" });
      assert.equal(answer.status, 206);
      const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{60})$/.exec(answer.headers["content-type"])[1];
      const expected = Buffer.concat([Buffer.from(`--${boundary}\r\nContent-Range: bytes 4-5/113\r\nContent-Type: application/zip\r\n\r\n`), tinyZip.subarray(4, 6),
        Buffer.from(`\r\n--${boundary}\r\nContent-Range: bytes 0-1/113\r\nContent-Type: application/zip\r\n\r\n`), tinyZip.subarray(0, 2), Buffer.from(`\r\n--${boundary}--\r\n`)]);
      assert.deepEqual(answer.bytes, expected);
    });
    for (const [range, body, contentRange] of [["bytes=500-", "invalid range: failed to overlap\n", "bytes */113"], ["bytes=5-2", "invalid range\n"], ["bytes=abc", "invalid range\n"], ["items=0-1", "invalid range\n"], ["BYTES=0-1", "invalid range\n"]]) {
      await t.test(range, async () => {
        const answer = await get({ Range: range });
        assert.equal(answer.status, 416);
        assert.equal(answer.text, body);
        assert.equal(answer.headers["content-range"], contentRange);
        assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
        for (const gone of ["cache-control", "last-modified", "accept-ranges"]) assert.equal(answer.headers[gone], undefined, gone);
        assert.equal(answer.headers["content-disposition"], "attachment; filename=dl.zip");
      });
    }
    const conditions = [
      [{ "If-Modified-Since": date }, 304], [{ "If-None-Match": "*" }, 304], [{ "If-None-Match": '"x"' }, 200], [{ "If-Match": '"x"' }, 412], [{ "If-Match": "*" }, 200],
      [{ "If-Unmodified-Since": "Mon, 13 Nov 2023 22:13:20 GMT" }, 412], [{ "If-Range": date, Range: "bytes=0-1" }, 206], [{ "If-Range": '"x"', Range: "bytes=0-1" }, 200], [{ "If-Range": "Mon, 13 Nov 2023 22:13:20 GMT", Range: "bytes=0-1" }, 200],
    ];
    for (const [headers, status] of conditions) {
      await t.test(JSON.stringify(headers), async () => {
        const answer = await get(headers);
        assert.equal(answer.status, status);
        if (status === 304) assert.equal(answer.headers["content-type"], undefined);
        if (status >= 300) assert.equal(answer.text, "");
      });
    }
    const head = await get({ Range: "bytes=0-3" }, "HEAD");
    assert.equal(head.status, 206);
    assert.equal(head.headers["content-length"], "4");
    fs.copyFileSync(path.join(server.dir, "backups/dl.zip"), path.join(server.dir, "backups/by hand.zip"));
    const byHand = await get({}, "GET", "by%20hand.zip");
    assert.equal(byHand.headers["content-type"], "application/octet-stream");
    assert.equal(byHand.headers["content-disposition"], "attachment; filename=by hand.zip");
    for (const [key, status] of [["missing.zip", 404], ["dl.zip.attrs", 400], ["%ff.zip", 400], ["..%2Fdata.db", 404], ["%2Fetc%2Fpasswd", 404], ["%2E", 404]]) {
      await t.test(key, async () => assert.equal((await get({}, "GET", key)).status, status));
    }
  });

  test("deletes and restores of what is not there", async (t) => {
    const remove = (key) => send("DELETE", `/api/backups/${key}`, { headers: as(token) });
    const missing = await remove("nope.zip");
    assert.equal(missing.status, 400);
    assert.match(missing.text, /^\{"data":\{\},"message":"Invalid or already deleted backup file\. Raw error: \\n\[key: nope\.zip\] remove .*backups\/nope\.zip: no such file or directory\\nresource not found\.","status":400\}\n$/);
    assert.match((await remove("a.zip.attrs")).text, /Raw error: \\n\[key: a\.zip\.attrs\] file extension \\"\.attrs\\" is reserved\./);
    for (const key of ["%2E", "%2E%2E", "..%2Fdata.db", "%ff.zip"]) {
      const answer = await remove(key);
      assert.equal(answer.status, 400, key);
      assert.match(answer.text, /Invalid or already deleted backup file\. Raw error: \\n/, key);
    }
    assert.ok(fs.existsSync(path.join(server.dir, "backups")));
    for (const key of ["nope.zip", "%2E", "a.zip.attrs", "%ff.zip", "..%2Fdata.db"]) {
      const answer = await send("POST", `/api/backups/${key}/restore`, { headers: as(token) });
      assert.equal(answer.text, '{"data":{},"message":"Missing or invalid backup file.","status":400}\n', key);
    }
  });

  test("limits", async (t) => {
    const tooLarge = '{"data":{},"message":"Request entity too large.","status":413}\n';
    for (const target of ["/api/backups", "/api/nope", "/api/collections/_superusers/auth-with-password"]) {
      const answer = await raw(server, `POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 33554433\r\n\r\n`, { until: /"status":413/ });
      assert.match(answer, /^HTTP\/1\.1 413 /, target);
      assert.ok(answer.endsWith(tooLarge));
    }
    const guest = await raw(server, "POST /api/backups/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 33554433\r\n\r\n", { until: /"status":401/ });
    assert.match(guest, /^HTTP\/1\.1 401 /);
    const expecting = await raw(server, `POST /api/backups HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n`, { until: /"status":401/ });
    assert.match(expecting, /^HTTP\/1\.1 401 /, "refused without asking for the body");
  });

  test("a restore answers 204", async () => {
    assert.equal((await create('{"name":"back.zip"}')).status, 204);
    const answer = await send("POST", "/api/backups/back.zip/restore", { headers: as(token) });
    assert.equal(answer.status, 204);
    assert.equal(answer.text, "");
  });
});
