// Every call of the Backups API in the official SDKs, against a real server.
import assert from "node:assert/strict";
import { test } from "node:test";
import BosBase from "bosbase";
import PocketBase from "pocketbase";
import { addUser, signIn, startServer, superuser, tinyZip, user } from "./support.mjs";

const status = (expected) => (error) => {
  assert.equal(error.status, expected, JSON.stringify(error.response));
  return true;
};

for (const [sdk, Client] of [["pocketbase", PocketBase], ["bosbase", BosBase]]) {
  test(`${sdk} SDK`, async (t) => {
    const server = await startServer(t);
    addUser(server.dir);
    const pb = new Client(server.url);
    pb.autoCancellation(false);

    await t.test("a superuser signs in and stays signed in", async () => {
      const auth = await pb.collection("_superusers").authWithPassword(superuser.email, superuser.password);
      assert.equal(auth.record.email, superuser.email);
      assert.equal(pb.authStore.isSuperuser, true);
      assert.equal(pb.authStore.isValid, true);
      const refreshed = await pb.collection("_superusers").authRefresh();
      assert.equal(refreshed.record.id, auth.record.id);
    });

    await t.test("health tells a superuser that a backup can be made", async () => {
      const health = await pb.health.check();
      assert.equal(health.code, 200);
      assert.equal(health.data.canBackup, true);
    });

    await t.test("an empty list", async () => {
      assert.deepEqual(await pb.backups.getFullList(), []);
    });

    await t.test("create with a name, then it is listed with its size and date", async () => {
      assert.equal(await pb.backups.create("my_backup.zip"), true);
      const [backup] = await pb.backups.getFullList();
      assert.equal(backup.key, "my_backup.zip");
      assert.ok(backup.size > 1000);
      assert.match(backup.modified, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/);
    });

    await t.test("create with and without a name", async () => {
      assert.equal(await pb.backups.create(""), true);
      assert.equal(await pb.backups.create(), true);
      const automatic = (await pb.backups.getFullList()).filter((b) => /^pb_backup_acme_\d{14}(_02)?\.zip$/.test(b.key));
      assert.equal(automatic.length, 2, "two automatic names within a second do not collide");
    });

    await t.test("only the fields asked for", async () => {
      const list = await pb.backups.getFullList({ fields: "key" });
      assert.deepEqual(Object.keys(list[0]), ["key"]);
    });

    await t.test("a second backup of the same name is refused, with the field that is wrong", async () => {
      await assert.rejects(pb.backups.create("my_backup.zip"), (error) => {
        assert.equal(error.status, 400);
        assert.equal(error.response.data.name.code, "validation_backup_name_exists");
        return true;
      });
      await assert.rejects(pb.backups.create("My_Backup.zip"), (error) => {
        assert.equal(error.response.data.name.code, "validation_match_invalid");
        return true;
      });
    });

    let bytes;
    await t.test("download by a file token", async () => {
      const token = await pb.files.getToken();
      const url = pb.backups.getDownloadURL(token, "my_backup.zip");
      const answer = await fetch(url);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-type"), "application/zip");
      bytes = Buffer.from(await answer.arrayBuffer());
      assert.equal(bytes.length, (await pb.backups.getFullList()).find((b) => b.key === "my_backup.zip").size);
      assert.equal(bytes.subarray(0, 2).toString(), "PK");
    });

    await t.test("upload from a File, a Blob and a FormData", async () => {
      assert.equal(await pb.backups.upload({ file: new File([bytes], "from_file.zip") }), true);
      assert.equal(await pb.backups.upload({ file: new Blob([tinyZip]) }), true);
      const form = new FormData();
      form.append("file", new Blob([bytes]), "from form (1).zip");
      assert.equal(await pb.backups.upload(form), true);
      const keys = (await pb.backups.getFullList()).map((b) => b.key);
      for (const key of ["from_file.zip", "blob", "from form (1).zip"]) assert.ok(keys.includes(key), key);
      const token = await pb.files.getToken();
      const back = await fetch(pb.backups.getDownloadURL(token, "from form (1).zip"));
      assert.deepEqual(Buffer.from(await back.arrayBuffer()), bytes);
    });

    await t.test("upload refuses what is no zip, what exists, and what has no file", async () => {
      await assert.rejects(pb.backups.upload({ file: new File(["hello"], "a.zip") }), (error) => {
        assert.equal(error.status, 400);
        assert.equal(error.response.data.file.code, "validation_invalid_mime_type");
        return true;
      });
      await assert.rejects(pb.backups.upload({ file: new File([tinyZip], "from_file.zip") }), (error) => {
        assert.equal(error.response.data.file.code, "validation_backup_name_exists");
        return true;
      });
      await assert.rejects(pb.backups.upload({ name: "x" }), (error) => {
        assert.equal(error.response.data.file.code, "validation_required");
        return true;
      });
    });

    await t.test("restore brings the data of the backup back, on the same port, session intact", async () => {
      const before = (await pb.backups.getFullList()).length;
      await pb.backups.create("before.zip");
      const other = new Client(server.url);
      await other.collection("users").authWithPassword(user.email, superuser.password);
      const { cli } = await import("./support.mjs");
      assert.equal(cli(["superuser", "upsert", "late@example.com", "--dir", server.dir], { input: "late password" }).status, 0);
      await signIn(server, { email: "late@example.com", password: "late password" });
      assert.equal(await pb.backups.restore("before.zip"), true);
      await assert.rejects(signIn(server, { email: "late@example.com", password: "late password" }), /400/);
      assert.equal((await pb.backups.getFullList()).length, before + 1, "backups stay where they are");
      await pb.collection("_superusers").authRefresh();
    });

    await t.test("errors by who asks: 401, 403, 404, 400", async () => {
      const guest = new Client(server.url);
      await assert.rejects(guest.backups.getFullList(), status(401));
      await assert.rejects(guest.backups.create("x.zip"), status(401));
      const record = new Client(server.url);
      await record.collection("users").authWithPassword(user.email, superuser.password);
      await assert.rejects(record.backups.getFullList(), status(403));
      await assert.rejects(pb.backups.delete("missing.zip"), status(404));
      await assert.rejects(pb.backups.restore("missing.zip"), status(404));
      await assert.rejects(new Client(server.url).collection("_superusers").authWithPassword(superuser.email, "wrong"), status(400));
    });

    await t.test("delete", async () => {
      for (const backup of await pb.backups.getFullList()) assert.equal(await pb.backups.delete(backup.key), true);
      assert.deepEqual(await pb.backups.getFullList(), []);
    });
  });
}
