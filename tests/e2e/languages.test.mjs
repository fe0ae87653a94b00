// The command line and the API in English and in Simplified Chinese.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, signIn, startServer, tempFolder, tinyZip, unpackFixture } from "./support.mjs";

const inChinese = { env: { POCKETVAULT_LANG: "", LC_ALL: "", LC_MESSAGES: "", LANG: "zh_CN.UTF-8" } };
const inEnglish = { env: { POCKETVAULT_LANG: "", LC_ALL: "", LC_MESSAGES: "", LANG: "" } };

// What takes two columns on a terminal, counted with another program's table.
function widths(lines) {
  const done = spawnSync("python3", ["-c", `
import sys, unicodedata
for line in sys.stdin.read().split("\\n"):
    print(sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line))`],
  { input: lines.join("\n"), encoding: "utf8", env: { ...process.env, PYTHONIOENCODING: "utf-8" } });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim().split("\n").map(Number);
}

test("the command line speaks Chinese where the environment does, and JSON stays as it is", (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  const here = ["--dir", dir];
  const chinese = (...words) => cli([...words, ...here], inChinese);
  const english = (...words) => cli([...words, ...here], inEnglish);

  const made = chinese("backup", "a.zip");
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /^已创建 a\.zip：.*，用时 .*；写入等待了 .* ms（快照）；数据库：完好\n$/);
  assert.match(english("backup", "b.zip").stdout, /^Made b\.zip: .*; writers waited .* ms \(pinned\); databases: sound\n$/);

  const list = chinese("list").stdout.trimEnd().split("\n");
  assert.match(list[0], /^名称 +大小 +距今 +修改时间 \(UTC\) +校验$/);
  assert.equal(new Set(widths(list.map((line) => line.replace(/\S+$/, "")))).size, 1, list.join("\n"));
  assert.match(english("list").stdout, /^NAME +SIZE +AGE +MODIFIED \(UTC\) +VERIFIED\n/);

  assert.match(chinese("status").stdout, /^最新备份：b\.zip，.*从未校验。\n {2}备份 /);
  assert.match(english("status").stdout, /^Newest backup: b\.zip, .*never verified\.\n {2}backups /);

  const asked = chinese("restore", "a.zip");
  assert.equal(asked.status, 9);
  assert.match(asked.stderr, /的全部数据替换为 a\.zip（.*）。\n被替换的数据会保留一段时间.*\n错误：未确认/);
  const missing = chinese("restore", "none.zip", "--yes");
  assert.equal(missing.status, 5);
  assert.match(missing.stderr, /^错误：没有备份 none\.zip，也没有这个文件\n查看有哪些备份：pocketvault list /);
  assert.match(english("restore", "none.zip", "--yes").stderr, /^Error: there is no backup none\.zip, and no such file either\n/);

  assert.match(chinese("backup", "--help").stdout, /创建备份；写入无需等待\n用法: pocketvault backup \[选项\] \[NAME\]/);
  assert.match(english("backup", "--help").stdout, /^Make a backup; writers do not wait\nUsage: pocketvault backup \[OPTIONS\] \[NAME\]/);

  for (const words of [["list", "--json"], ["show", "a.zip", "--json"], ["restore", "none.zip", "--yes", "--json"]]) {
    const [one, other] = [chinese(...words), english(...words)];
    assert.equal(one.stdout, other.stdout);
    assert.equal(one.status, other.status);
    JSON.parse(one.stdout);
  }
  assert.equal(cli(["list", ...here], { env: { ...inChinese.env, POCKETVAULT_LANG: "en" } }).stdout.slice(0, 4), "NAME");
});

test("the API answers an error in the language that is asked for, and the command line says a server's in its own", async (t) => {
  const server = await startServer(t);
  const env = { ...inChinese.env, XDG_CONFIG_HOME: path.join(tempFolder(t), "none") };
  const unknown = cli(["list", "--url", server.url], { env });
  assert.equal(unknown.status, 4);
  assert.match(unknown.stderr, /^错误：没有 http:.* 的令牌\n请登录：pocketvault login --url /);
  const refused = cli(["list", "--url", server.url, "--token", "no"], { env });
  assert.equal(refused.status, 4);
  assert.match(refused.stderr, /^错误：服务器回答 401：请求需要有效的记录授权令牌。\n/);
  const token = await signIn(server);
  const message = async (languages, place = "/api/vault/backups/none.zip/verify") => {
    const answer = await fetch(server.url + place, {
      method: "POST", headers: { Authorization: token, ...(languages && { "Accept-Language": languages }) },
    });
    assert.equal(answer.status, 404);
    return (await answer.json()).message;
  };
  assert.equal(await message("zh-CN,zh;q=0.9,en;q=0.8"), "未找到请求的资源。");
  assert.equal(await message("zh-CN", "/api/backups/none.zip/restore"), "未找到请求的资源。", "a route of PocketBase");
  assert.equal(await message("en-GB"), "The requested resource wasn't found.");
  assert.equal(await message(), "The requested resource wasn't found.");
});

// Two English words side by side, but for commands, options and names in quotes; and the app's name.
function english(text) {
  const rest = text.replaceAll(/`[^`]*`|"[^"]*"|“[^”]*”|pocketvault [a-z]+( -.*)?|--[a-z-]+ \S+/g, "");
  return rest.match(/[A-Za-z']{2,},? [a-z]{2,}/g) ?? [];
}

test("commands and routes say nothing in English to who reads Chinese, here and through a server", async (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.symlinkSync("/nowhere", path.join(dir, "storage", "dangling"));
  fs.writeFileSync(path.join(dir, "backups", "bad.zip"), tinyZip);
  const say = (place, words, status) => {
    const done = cli([...words, ...place], inChinese);
    const all = done.stdout + done.stderr;
    assert.equal(done.status, status, `${words.join(" ")}: ${all}`);
    assert.match(all, /[\u4e00-\u9fff]/, words.join(" "));
    assert.deepEqual(english(all), [], `${words.join(" ")}: ${all}`);
    return all;
  };
  const both = (place) => {
    say(place, ["show", "bad.zip"], 0);
    say(place, ["alerts"], 0);
    say(place, ["prune", "--dry-run", "--keep-daily", "1"], 0);
    say(place, ["prune", "--dry-run", "--keep-daily", "99999"], 2);
    say(place, ["restore", "a.zip", "--dry-run", "--only", "data.db"], 0);
    say(place, ["restore", "a.zip", "--dry-run", "--only", "nix"], 5);
    say(place, ["restore", "bad.zip", "--dry-run"], 7);
    say(place, ["delete", "a.zip", "--yes"], 2);
    say(place, ["alerts", "test", "Team"], 5);
    say(place, ["replaced"], 0);
  };
  const here = ["--dir", dir];
  assert.match(say(here, ["backup", "a.zip", "--exclude", "nothing.*"], 3), /“?nothing\.\*.* 没有略去任何内容/);
  say(here, ["verify", "bad.zip"], 7);
  say(here, ["pin", "a.zip"], 0);
  say(here, ["restore", "a.zip", "--yes"], 0);
  say(here, ["undo", "--yes"], 0);
  both(here);

  const server = await startServer(t, { dir });
  const token = await signIn(server);
  both(["--url", server.url, "--token", token]);
  for (const route of ["jobs", "history", "alerts", "status", "backups/bad.zip", "retention/preview?keepDaily=1"]) {
    const answer = await fetch(`${server.url}/api/vault/${route}`, { headers: { Authorization: token, "Accept-Language": "zh-CN" } });
    assert.equal(answer.headers.get("content-language"), "zh-Hans", route);
    const text = await answer.text();
    assert.match(text, /[\u4e00-\u9fff]/, route);
    const said = JSON.stringify(JSON.parse(text), (key, value) => typeof value === "string" && (key === "from" || english(value).length === 0) ? undefined : value);
    assert.doesNotMatch(said, /":"/, `${route}: ${said}`);
  }
});
