"""The main job, end to end: a real agent reaches a real, caged server through the gate."""
import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import threading
import unittest

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from harness import BINARY, FILES, ROOT, Gateway

MODES = ("auto", "legacy", "2026-07-28")


def text_of(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


class NarrowGate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Gateway(FILES, accept=["files"]))

    @contextlib.asynccontextmanager
    async def client(self, mode, transport="http", server="files"):
        token = self.gateway.secrets["bot"]
        if transport == "http":
            async with create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http:
                way = streamable_http_client(self.gateway.url(server), http_client=http)
                async with Client(way, mode=mode) as client:
                    yield client
            return
        arguments = ["connect"] + ([server] if server else []) + ["--token-file", str(self.gateway.folder / "bot.token")]
        way = StdioServerParameters(
            command=str(BINARY), args=arguments,
            env={"GATEHOUSE_STATE": self.gateway.environment["GATEHOUSE_STATE"]})
        async with Client(way, mode=mode) as client:
            yield client

    def each_way(self, body):
        for mode in MODES:
            for transport in ("http", "connect"):
                with self.subTest(mode=mode, transport=transport):
                    async def run():
                        async with self.client(mode, transport) as client:
                            await body(client)
                    asyncio.run(asyncio.wait_for(run(), 60))

    def test_a_read_passes_and_its_result_is_marked_as_untrusted(self):
        async def body(client):
            names = {tool.name for tool in (await client.list_tools()).tools}
            self.assertEqual(names, {"list_allowed_directories", "list_directory", "read_file", "write_file"})
            result = await client.call_tool("read_file", {"path": "/data/docs/hello.txt"})
            self.assertFalse(result.is_error)
            self.assertIn("hello from the docs", text_of(result))
            self.assertIn("[UNTRUSTED_EXTERNAL_DATA source=files.read_file", text_of(result))
        self.each_way(body)

    def test_a_write_inside_its_scope_passes(self):
        async def body(client):
            result = await client.call_tool("write_file", {"path": "/data/out/note.txt", "content": "kept"})
            self.assertFalse(result.is_error, text_of(result))
            self.assertEqual((self.gateway.folder / "out/note.txt").read_text(), "kept")
        self.each_way(body)

    def test_arguments_the_schema_does_not_name_are_refused(self):
        async def body(client):
            result = await client.call_tool("read_file", {"path": "/data/docs/hello.txt", "extra": 1})
            self.assertTrue(result.is_error)
            self.assertIn("do not fit", text_of(result))
        self.each_way(body)

    def test_a_denied_path_is_refused_whoever_allows(self):
        async def body(client):
            result = await client.call_tool("read_file", {"path": "/data/docs/.env"})
            self.assertTrue(result.is_error)
            self.assertIn("deny_paths", text_of(result))
        self.each_way(body)

    def answer(self, verb):
        """Answers the next question from a second terminal."""
        def work():
            question = self.gateway.wait_for_question()
            self.shown = self.gateway.run("approvals", "show", question["ticket"]).stdout
            self.gateway.decide("approvals", verb, question["ticket"])
        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def test_a_write_outside_its_scope_asks_and_a_person_says_yes(self):
        async def body(client):
            person = self.answer("approve")
            # Outside the scope, and outside what the cage may write: the yes lets the call through,
            # the cage still holds.
            result = await client.call_tool("write_file", {"path": "/data/docs/new.txt", "content": "x"})
            await asyncio.to_thread(person.join)
            self.assertIn("/data/docs/new.txt", self.shown)
            self.assertNotIn("refused by", text_of(result))
            self.assertFalse((self.gateway.folder / "docs/new.txt").exists())
        self.each_way(body)

    def test_a_no_is_a_no(self):
        async def run():
            async with self.client("auto") as client:
                person = self.answer("deny")
                result = await client.call_tool("write_file", {"path": "/data/docs/never.txt", "content": "x"})
                await asyncio.to_thread(person.join)
                self.assertTrue(result.is_error)
                self.assertIn("said no", text_of(result))
        asyncio.run(asyncio.wait_for(run(), 60))

    def test_the_endpoint_of_all_servers_prefixes_names(self):
        async def run():
            async with self.client("auto", server=None) as client:
                names = [tool.name for tool in (await client.list_tools()).tools]
                self.assertIn("files__read_file", names)
                result = await client.call_tool("files__read_file", {"path": "/data/docs/hello.txt"})
                self.assertIn("hello from the docs", text_of(result))
        asyncio.run(asyncio.wait_for(run(), 60))


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.enterClassContext(Gateway(FILES, accept=["files"]))

    def call(self, **arguments):
        return self.gateway.modern("tools/call", {"name": "read_file", "arguments": arguments}, path="/mcp/files")

    def test_without_a_credential_nothing_answers(self):
        status, headers, _ = self.gateway.modern("tools/list", token=None)
        self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"))

    def test_a_wrong_credential_is_refused(self):
        status, _, _ = self.gateway.modern("tools/list", headers={"Authorization": "Bearer gh_wrong"})
        self.assertEqual(status, 401)

    def test_a_foreign_host_and_origin_are_refused(self):
        self.assertEqual(self.gateway.modern("tools/list", headers={"Host": "evil.example"})[0], 421)
        self.assertEqual(self.gateway.modern("tools/list", headers={"Origin": "https://evil.example"})[0], 403)

    def test_duplicate_keys_and_broken_json_are_refused(self):
        for body in ('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', "{", "[1", '{"a":"\\ud800"}'):
            status, _, answer = self.gateway.post(body)
            self.assertEqual((status, answer["error"]["code"]), (400, -32700), body)

    def test_batches_are_refused(self):
        status, _, answer = self.gateway.post([{"jsonrpc": "2.0", "id": 1, "method": "ping"}])
        self.assertEqual((status, answer["error"]["code"]), (400, -32600))

    def test_headers_must_mirror_the_body(self):
        for headers in ({"Mcp-Method": "tools/list"}, {"Mcp-Name": "write_file"}, {"Mcp-Name": None}):
            status, _, answer = self.gateway.modern(
                "tools/call", {"name": "read_file", "arguments": {}}, path="/mcp/files", headers=headers)
            self.assertEqual((status, answer["error"]["code"]), (400, -32020), headers)

    def test_a_version_that_is_not_served_names_those_that_are(self):
        status, _, answer = self.gateway.post(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
                "io.modelcontextprotocol/protocolVersion": "2031-01-01",
                "io.modelcontextprotocol/clientCapabilities": {}}}},
            {"MCP-Protocol-Version": "2031-01-01", "Mcp-Method": "tools/list"})
        self.assertEqual((status, answer["error"]["code"]), (400, -32022))
        self.assertIn("2026-07-28", answer["error"]["data"]["supported"])

    def test_removed_and_unknown_methods_are_not_found(self):
        for method in ("ping", "resources/subscribe", "logging/setLevel", "nonsense"):
            status, _, answer = self.gateway.modern(method)
            self.assertEqual((status, answer["error"]["code"]), (404, -32601), method)

    def test_a_session_of_another_credential_does_not_exist(self):
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
        _, headers, _ = self.gateway.post(body)
        session = headers["Mcp-Session-Id"]
        self.gateway.decide("tokens", "issue", "other", "--to", str(self.gateway.folder / "other.token"))
        self.gateway.secrets["other"] = (self.gateway.folder / "other.token").read_text().strip()
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        self.assertEqual(self.gateway.post(ping, {"Mcp-Session-Id": session})[0], 200)
        self.assertEqual(self.gateway.post(ping, {"Mcp-Session-Id": session}, token="other")[0], 404)
        self.assertEqual(self.gateway.post(None, {"Mcp-Session-Id": session}, method="DELETE")[0], 204)
        self.assertEqual(self.gateway.post(ping, {"Mcp-Session-Id": session})[0], 404)

    def test_an_unknown_tool_answers_like_an_invisible_one(self):
        _, _, answer = self.gateway.modern("tools/call", {"name": "nothing", "arguments": {}}, path="/mcp/files")
        self.assertEqual(answer["error"]["code"], -32602)

    def test_a_revoked_token_ends_at_once(self):
        file = self.gateway.folder / "short.token"
        self.gateway.decide("tokens", "issue", "short", "--to", str(file))
        self.gateway.secrets["short"] = file.read_text().strip()
        self.assertEqual(self.gateway.modern("tools/list", token="short")[0], 200)
        tokens = json.loads(self.gateway.run("tokens", "list", "--json").stdout)
        token = next(t for t in tokens if t["owner"] == "short")
        self.assertEqual(self.gateway.run("tokens", "revoke", token["id"]).returncode, 0)
        self.assertEqual(self.gateway.modern("tools/list", token="short")[0], 401)

    def test_deciding_without_a_terminal_or_with_a_wrong_passphrase_fails(self):
        done = self.gateway.run("tokens", "issue", "thief")
        self.assertEqual(done.returncode, 1, done.stderr)
        status, output = self.gateway.ask(
            ["approvers", "add", "thief", "--approver", "ana"],
            [("passphrase of ana", "guess"), ("new passphrase", "long enough"), ("once more", "long enough")])
        self.assertEqual(status, 1, output)
        self.assertEqual([p["name"] for p in json.loads(self.gateway.run("approvers", "list", "--json").stdout)], ["ana"])


class Restart(unittest.TestCase):
    def test_tokens_pins_and_approvers_survive_a_kill(self):
        with Gateway(FILES, accept=["files"]) as gateway:
            self.assertEqual(gateway.modern("tools/list", path="/mcp/files")[0], 200)
            gateway.stop(signal.SIGKILL)
            gateway.start()
            gateway.wait_for_server("files")
            status, _, answer = gateway.modern(
                "tools/call", {"name": "read_file", "arguments": {"path": "/data/docs/hello.txt"}}, path="/mcp/files")
            self.assertEqual(status, 200)
            self.assertIn("hello from the docs", answer["result"]["content"][0]["text"])
            self.assertEqual([p["name"] for p in json.loads(gateway.run("approvers", "list", "--json").stdout)], ["ana"])


class Evidence(unittest.TestCase):
    """What was asked, decided and done is in the log, and the log can be checked."""

    def test_every_call_is_recorded_and_the_log_verifies(self):
        with Gateway(FILES, accept=["files"]) as gateway:
            for path in ("/data/docs/hello.txt", "/data/docs/.env"):
                gateway.modern("tools/call", {"name": "read_file", "arguments": {"path": path}}, path="/mcp/files")
            gateway.stop()
            records = [json.loads(line) for line in gateway.run("audit", "export").stdout.splitlines()]
            calls = [r for r in records if r.get("tool") == "read_file" and "call" in r]
            kinds = [r["kind"] for r in calls]
            self.assertEqual(kinds.count("intent"), 1)
            self.assertEqual(kinds.count("outcome"), 1)
            self.assertEqual(kinds.count("judged"), 1)
            self.assertNotIn(gateway.secrets["bot"], json.dumps(records))
            done = gateway.run("audit", "verify")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            key = gateway.run("audit", "key").stdout.strip()
            self.assertIn("+", key)
            # A second reader, in another language, that shares no code with the gateway.
            script = subprocess.run(
                ["/usr/bin/python3", str(ROOT / "scripts/verify-log.py"), "--key", key, str(gateway.folder / "state/log.db")],
                capture_output=True, text=True, timeout=120)
            self.assertEqual(script.returncode, 0, script.stdout + script.stderr)
            # One changed byte, and it says so.
            database = sqlite3.connect(gateway.folder / "state/log.db")
            (leaves, number) = database.execute("SELECT records, first FROM segment WHERE instr(records, 'started') ORDER BY first LIMIT 1").fetchone()
            at = bytes(leaves).index(b"started")
            changed = bytes(leaves)[:at] + b"stopped" + bytes(leaves)[at + 7:]
            database.execute("UPDATE segment SET records = ? WHERE first = ?", (changed, number))
            database.commit()
            database.close()
            self.assertEqual(gateway.run("audit", "verify").returncode, 4)


class Stop(unittest.TestCase):
    def test_a_lockdown_stops_at_once_survives_a_restart_and_is_lifted_by_a_person(self):
        with Gateway(FILES, accept=["files"]) as gateway:
            def read():
                return gateway.modern("tools/call", {"name": "read_file", "arguments": {
                    "path": "/data/docs/hello.txt"}}, path="/mcp/files")[2]["result"].get("isError", False)
            self.assertFalse(read())
            self.assertEqual(gateway.run("lockdown", "server:files", "--reason", "a test").returncode, 0)
            self.assertTrue(read())
            self.assertEqual(gateway.run("lockdown", "server:files", "--lift").returncode, 1)
            gateway.stop(signal.SIGKILL)
            gateway.start()
            gateway.wait_for_server("files")
            self.assertTrue(read())
            gateway.decide("lockdown", "server:files", "--lift")
            self.assertFalse(read())


class Loosening(unittest.TestCase):
    """A looser configuration waits for an approver, however it arrives."""

    def write(self, gateway):
        return gateway.modern("tools/call", {"name": "write_file", "arguments": {
            "path": "/data/out/loose.txt", "content": "x"}}, path="/mcp/files")[2]["result"]

    def test_neither_reload_nor_restart_loosens_without_an_approver(self):
        tight = FILES.replace("T1, scope: {{ /path: {{ glob: \"/data/out/**\" }} }}", "T2")
        self.assertNotEqual(tight, FILES)
        with Gateway(tight.replace("hold: 20s", "hold: 1s"), accept=["files"]) as gateway:
            self.assertTrue(self.write(gateway).get("isError"))
            file = gateway.folder / "gatehouse.yaml"
            file.write_text(file.read_text().replace("tier: T2", "tier: T0"))
            gateway.process.send_signal(signal.SIGHUP)
            gateway.wait_for(lambda: "waits for an approver" in gateway.run("status").stdout)
            self.assertTrue(self.write(gateway).get("isError"))
            gateway.stop()
            gateway.start()
            gateway.wait_for_server("files")
            self.assertIn("waits for an approver", gateway.run("status").stdout)
            self.assertTrue(self.write(gateway).get("isError"))
            self.assertIn("accepted", gateway.decide("check", "--accept"))
            self.assertFalse(self.write(gateway).get("isError"))

    def test_a_broken_configuration_is_refused_with_its_place(self):
        with Gateway(FILES) as gateway:
            file = gateway.folder / "broken.yaml"
            file.write_text("gatehouse: 1\nservers:\n  a:\n    comand: [x]\n")
            done = gateway.run("check", "--config", str(file))
            self.assertEqual(done.returncode, 2)
            self.assertIn("broken.yaml:4:", done.stderr)
            self.assertIn("unknown key `comand`", done.stderr)


if __name__ == "__main__":
    unittest.main()
