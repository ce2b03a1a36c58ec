"""Servers that others wrote, each in its cage, through one gateway: as root and as an ordinary user."""
import http.server
import os
import shutil
import sqlite3
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import VENV, AsAnOrdinaryUser
from test_servers import Hosting, configuration

NODE = shutil.which("node")
NODE_SERVER = """
const answer = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
require("readline").createInterface({ input: process.stdin }).on("line", line => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize")
    return answer(id, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "n", version: "1" } });
  const schema = { type: "object", properties: { text: { type: "string" } } };
  if (method === "tools/list") return answer(id, { tools: [{ name: "shout", description: "shouts", inputSchema: schema }] });
  if (method === "tools/call")
    return answer(id, { content: [{ type: "text", text: params.arguments.text.toUpperCase() }] });
  process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } }) + "\\n");
});
"""
SERVERS = """
  time:
    command: ["{venv}/sdk/bin/mcp-server-time", --local-timezone, UTC]
  git:
    command: ["{venv}/sdk/bin/mcp-server-git", --repository, /data/repo]
    # The repository belongs to another user than the server has.
    env: {{ GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: safe.directory, GIT_CONFIG_VALUE_0: /data/repo }}
    cage: {{ read: {{ /data/repo: ./repo }} }}
  web:
    command: ["{venv}/sdk/bin/mcp-server-fetch", --ignore-robots-txt, --allow-private-ips]
    cage: {{ network: host }}
  alone:
    command: ["{venv}/sdk/bin/mcp-server-fetch", --ignore-robots-txt, --allow-private-ips]
  data:
    command: ["{venv}/sdk1/bin/mcp-server-sqlite", --db-path, /data/db/test.db]
    cage: {{ write: {{ /data/db: ./db }} }}
  files:
    command: ["{venv}/quickstart/bin/filesystem-mcp", /data/docs, /data/out]
    cage: {{ read: {{ /data/docs: ./docs }}, write: {{ /data/out: ./out }} }}
"""
NODE_ENTRY = f"""
  node:
    command: ["{NODE}", ./shout.js]
"""
RULES = """
rules:
  - {{ name: nothing is dropped, tools: [data.write_query], args: {{ /query: {{ pattern: "(?i)drop|delete" }} }}, then: refuse }}
  - {{ name: one zone only, tools: [time.convert_time], args: {{ /source_timezone: {{ one_of: [America/New_York] }} }}, then: refuse }}
"""
# What is held narrower than T0.
SCOPED = {
    "web.fetch": 'T1, scope: {{ /url: {{ host: "127.0.0.1:PORT" }} }}',
    "files.write_file": 'T1, scope: {{ /path: {{ glob: "/data/**" }} }}',
    "git.git_add": "T1, scope: {{ /repo_path: {{ equals: /data/repo }} }}",
}
TOOLS = ["time.get_current_time", "time.convert_time", "git.git_status", "git.git_log", "git.git_add", "web.fetch", "alone.fetch",
         "data.create_table", "data.write_query", "data.read_query", "files.read_file", "files.write_file"]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"a page from the loopback"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Programs:
    """What holds whoever runs the gateway."""

    user = None

    @classmethod
    def setUpClass(cls):
        cls.pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=cls.pages.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.pages.server_close)
        cls.addClassCleanup(cls.pages.shutdown)
        tools = TOOLS + (["node.shout"] if NODE else [])
        names = sorted({tool.split(".")[0] for tool in tools})
        text = configuration(SERVERS + (NODE_ENTRY if NODE else "") + RULES, {tool: SCOPED.get(tool, "T0") for tool in tools})
        text = text.replace("PORT", str(cls.pages.server_port)).replace("environment: staging", "environment: staging\napprovals: {{ hold: 0s, expiry: 60s }}")
        gateway = Hosting(text, accept=names, user=cls.user)
        cls.prepare(gateway)
        cls.gateway = cls.enterClassContext(gateway)

    @classmethod
    def prepare(cls, gateway):
        repo, database = gateway.folder / "repo", gateway.folder / "db"
        database.mkdir()
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
        subprocess.run([*git, "init", "-q", repo], check=True)
        (repo / "kept.txt").write_text("kept\n")
        subprocess.run([*git, "-C", repo, "add", "."], check=True)
        subprocess.run([*git, "-C", repo, "commit", "-q", "-m", "the first commit"], check=True)
        (repo / "new.txt").write_text("not added\n")
        (gateway.folder / "shout.js").write_text(NODE_SERVER)
        for path in (database, gateway.folder / "out"):
            os.chmod(path, 0o777)
        if cls.user is not None:
            for path in (gateway.folder / "out", database):
                os.chown(path, cls.user, cls.user)

    def answer(self, server, tool, **arguments):
        result = self.gateway.call(server, tool, **arguments)
        self.assertFalse(result["isError"], result["text"])
        return result["text"]

    def page(self):
        return f"http://127.0.0.1:{self.pages.server_port}/page"

    def test_the_time_is_told(self):
        self.assertIn("Asia/Tokyo", self.answer("time", "get_current_time", timezone="Asia/Tokyo"))

    def test_a_repository_is_read_and_not_written(self):
        self.assertIn("new.txt", self.answer("git", "git_status", repo_path="/data/repo"))
        self.assertIn("the first commit", self.answer("git", "git_log", repo_path="/data/repo"))
        added = self.gateway.call("git", "git_add", repo_path="/data/repo", files=["new.txt"])
        self.assertIn("Read-only file system", added["text"])
        status = subprocess.run(["git", "-c", "safe.directory=*", "-C", self.gateway.folder / "repo", "status", "--short"],
                                capture_output=True, text=True, check=True).stdout
        self.assertIn("?? new.txt", status)

    def test_a_page_of_this_machine_is_fetched_only_with_the_machines_network(self):
        self.assertIn("a page from the loopback", self.answer("web", "fetch", url=self.page(), raw=True))
        refused = self.gateway.call("alone", "fetch", url=self.page(), raw=True)
        self.assertTrue(refused["isError"], refused["text"])
        self.assertNotIn("a page from the loopback", refused["text"])
        # It failed, and only that: it still answers.
        self.assertEqual(self.gateway.servers()["alone"]["state"], "running")

    def test_a_database_is_kept_in_its_folder(self):
        self.answer("data", "create_table", query="CREATE TABLE IF NOT EXISTS t (n INTEGER)")
        self.answer("data", "write_query", query="INSERT INTO t VALUES (42)")
        self.assertIn("42", self.answer("data", "read_query", query="SELECT n FROM t"))
        with sqlite3.connect(f"file:{self.gateway.folder}/db/test.db?mode=ro", uri=True) as database:
            self.assertEqual(database.execute("SELECT n FROM t").fetchone(), (42,))

    def test_files_are_read_here_and_written_there(self):
        self.assertIn("hello from the docs", self.answer("files", "read_file", path="/data/docs/hello.txt"))
        self.answer("files", "write_file", path="/data/out/note.txt", content="kept")
        self.assertEqual((self.gateway.folder / "out/note.txt").read_text(), "kept")
        # The scope allows this one: the cage does not.
        self.gateway.call("files", "write_file", path="/data/docs/never.txt", content="x")
        self.assertFalse((self.gateway.folder / "docs/never.txt").exists())

    def test_what_is_out_of_scope_goes_to_a_person_or_nowhere(self):
        page = self.page().replace("127.0.0.1", "localhost")
        questions = [
            ("files", "write_file", {"path": "/tmp/never.txt", "content": "x"}), ("web", "fetch", {"url": page}),
            ("git", "git_add", {"repo_path": "/data/other", "files": ["x"]}),
            ("git", "git_reset", {"repo_path": "/data/repo"})]  # accepted as proposed: it destroys
        for server, tool, arguments in questions:
            asked = self.gateway.call(server, tool, **arguments)
            self.assertIn("waiting for a person", asked["text"], tool)
        refusals = {
            "data": ("write_query", {"query": "DROP TABLE t"}, "nothing is dropped"),
            "time": ("convert_time", {"source_timezone": "America/New_York", "time": "12:00", "target_timezone": "UTC"}, "one zone only"),
            "files": ("read_file", {"path": "/data/docs/.env"}, "deny_paths")}
        for server, (tool, arguments, word) in refusals.items():
            refused = self.gateway.call(server, tool, **arguments)
            self.assertTrue(refused["isError"], server)
            self.assertIn(word, refused["text"], server)
        self.assertIn("kept", (self.gateway.folder / "repo/kept.txt").read_text())
        self.assertEqual([r for r in self.gateway.records(kind="intent") if r.get("tool") in ("git_reset", "convert_time")], [])

    @unittest.skipUnless(NODE, "node is not installed")
    def test_a_node_server_answers(self):
        self.assertEqual(self.answer("node", "shout", text="loud"), "LOUD")

    def test_each_has_its_own_cage(self):
        servers = self.gateway.servers()
        users = {name: server["cage"]["uid"] for name, server in servers.items()}
        if self.user is None and os.getuid() == 0:
            self.assertEqual(len(set(users.values())), len(users), users)
            self.assertNotIn(0, users.values())
        else:
            self.assertEqual(set(users.values()), {self.user or os.getuid()})
        for name, server in servers.items():
            self.assertEqual(server["cage"]["network"], "host" if name == "web" else "none")
            lacks = set(server["cage"]["lacks"])
            self.assertEqual(lacks - {"cgroup", "own-uid"}, set(), "what holds depends on the user and the kernel alone")

    def test_from_start_to_first_answer(self):
        calls = {"time": ("get_current_time", {"timezone": "UTC"}), "git": ("git_status", {"repo_path": "/data/repo"}),
                 "web": ("fetch", {"url": self.page(), "raw": True}), "data": ("read_query", {"query": "SELECT 1"}),
                 "files": ("read_file", {"path": "/data/docs/hello.txt"})}
        if NODE:
            calls["node"] = ("shout", {"text": "x"})
        self.gateway.stop()
        began = time.monotonic()
        self.gateway.start()

        def first(name):
            tool, arguments = calls[name]
            while self.gateway.call(name, tool, **arguments)["isError"]:
                self.assertLess(time.monotonic() - began, 60, name)
            return name, time.monotonic() - began
        with ThreadPoolExecutor(len(calls)) as pool:
            times = dict(pool.map(first, calls))
        who = f"uid {self.user}" if self.user else f"uid {os.getuid()}"
        print(f"\n{who}: from `gatehouse up` to the first answer, all {len(calls)} started at once: "
              + ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in sorted(times.items())))


class AsThisUser(Programs, unittest.TestCase):
    pass


class AsSomebodyElse(AsAnOrdinaryUser, Programs, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
