"""Who may call what: tokens, tenants, listeners, and the limits of each; every allow has its deny."""
import contextlib
import http.client
import json
import socket
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import BINARY, WORKSHOP, free_port
from test_approvals import Shop, text_of

TENANTS = WORKSHOP.replace("hold: 20s, expiry: 30s", "hold: 200ms, expiry: 30s") + """
rules:
  - {{ name: nobody says badword, tools: ["*.peek"], args: {{ /key: {{ equals: badword }} }}, then: refuse }}
limits:
  - {{ per: agent+tool, tools: ["*.peek"], args: {{ /key: {{ equals: rare }} }}, calls: 2/h }}
  - {{ per: agent, tools: ["*.peek"], args: {{ /key: {{ pattern: "often.*" }} }}, calls: 3/h }}
  - {{ per: agent, tools: ["*.peek"], args: {{ /key: {{ glob: "again*" }} }}, identical: 2/min }}
  - {{ per: tenant+server, tools: ["*.wait"], concurrent: 2 }}
tenants:
  acme:
    servers:
      acmeshop:
        command: [/usr/bin/python3, "{servers}/workshop.py"]
        cage:
          read: {{ /data/docs: ./docs }}
          write: {{ /data/out: ./out }}
          minimum: [namespaces, mounts, no-new-privs, seccomp, rlimits]
    tools:
      acmeshop.peek: {{ tier: T0 }}
      acmeshop.destroy: {{ tier: T2 }}
    rules:
      - {{ name: acme reads no plans, tools: [acmeshop.peek], args: {{ /key: {{ equals: plans }} }}, then: refuse }}
"""


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = cls.enterClassContext(Shop(TENANTS, accept=["shop"], tokens=("bot", "other")))
        cls.shop.wait_for(lambda: any(t["server"] == "acmeshop" and t["state"] == "hidden"
                                      for t in json.loads(cls.shop.run("tools", "list", "--json").stdout)))
        cls.shop.decide("tools", "approve", "acmeshop", "--tenant", "acme")
        cls.shop.issue("bot", "--tenant", "acme", name="acme")

    def peek(self, key="x", token="bot", server="shop"):
        return self.shop.call("peek", {"key": key}, token, server)

    def names(self, token, path="/mcp/shop"):
        status, _, answer = self.shop.modern("tools/list", path=path, token=token)
        return (status, sorted(t["name"] for t in answer["result"]["tools"]) if status == 200 and "result" in answer else answer)

    def test_a_token_of_one_tool_sees_and_calls_that_tool_alone(self):
        self.shop.issue("narrow", "--tool", "shop.pe*")
        self.assertEqual(self.names("narrow"), (200, ["peek"]))
        self.assertIn("x", text_of(self.peek(token="narrow")))
        hidden = self.shop.call("put", {"path": "/data/out/x"}, "narrow")
        self.assertEqual(hidden["error"], self.shop.call("nothing", {}, "narrow")["error"] |
                         {"message": hidden["error"]["message"]})
        self.assertIn("unknown tool `put`", hidden["error"]["message"])

    def test_a_token_of_one_server_does_not_reach_another(self):
        self.shop.issue("elsewhere", "--server", "nosuch")
        self.assertNotEqual(self.names("elsewhere")[0], 200)
        self.assertEqual(self.names("elsewhere", "/mcp")[1], [])
        self.shop.issue("here", "--server", "shop")
        self.assertIn("peek", self.names("here")[1])

    def test_a_token_reaches_up_to_its_tier(self):
        self.shop.issue("reader", "--tier", "T0")
        self.assertEqual(self.names("reader"), (200, ["peek", "wait"]))
        self.assertFalse(self.peek(token="reader").get("isError", False))
        self.assertIn("unknown tool", self.shop.destroy("x", "reader")["error"]["message"])

    def test_a_token_comes_from_where_it_may(self):
        self.shop.issue("near", "--allow-from", "127.0.0.0/8")
        self.assertEqual(self.names("near")[0], 200)
        self.shop.issue("far", "--allow-from", "192.0.2.7")
        self.assertEqual(self.names("far")[0], 401)
        status, output = self.shop.ask(["tokens", "issue", "wrong", "--allow-from", "home", "--approver", "ana"],
                                       [("passphrase of ana", "correct horse battery")])
        self.assertEqual((status, "no address" in output), (2, True), output)

    def test_a_token_ends_when_it_expires(self):
        def is_good_at_first():
            self.shop.issue("brief", "--expires", "2s")
            return self.names("brief")[0] == 200
        # A machine that is slow may need a second try to use it in its time.
        self.shop.wait_for(is_good_at_first)
        # It also ends for a call that waits meanwhile.
        self.shop.destroy("patient", "brief")
        self.shop.wait_for(lambda: self.names("brief")[0] == 401)
        for text in ("0d", "4000d", "soon", "-1"):
            self.assertEqual(self.shop.run("tokens", "issue", "wrong", f"--expires={text}").returncode, 2, text)

    def test_a_kept_connection_lets_nobody_in_who_is_not_let_in_now(self):
        # Each request has the same head: what the gateway knows of it must not outlast what it came from.
        kept = http.client.HTTPConnection("127.0.0.1", self.shop.port, timeout=60)
        self.addCleanup(kept.close)

        def post(method, params, token, session=None, over=kept, verb="POST"):
            body = None if verb == "DELETE" else json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                      "MCP-Protocol-Version": "2025-11-25", "Authorization": f"Bearer {self.shop.secrets[token]}"}
            over.request(verb, "/mcp/shop", body, fields | ({"Mcp-Session-Id": session} if session else {}))
            response = over.getresponse()
            response.read()
            return response.status, response.headers.get("Mcp-Session-Id")

        def begin(token):
            status, session = post("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                                  "clientInfo": {"name": "kept", "version": "1"}}, token)
            self.assertEqual(status, 200)
            for text in ("a", "longer", "b"):
                self.assertEqual(post("ping", {"text": text}, token, session)[0], 200)
            return session

        number = self.shop.issue("keeper")
        session = begin("keeper")
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.shop.port, timeout=60)) as other:
            self.assertEqual(post(None, None, "keeper", session, other, "DELETE")[0], 204)
        self.assertEqual(post("ping", {}, "keeper", session)[0], 404)
        session = begin("keeper")
        self.assertEqual(self.shop.run("tokens", "revoke", number).returncode, 0)
        self.assertEqual(post("ping", {}, "keeper", session)[0], 401)

        def is_good_at_first():
            self.shop.issue("fading", "--expires", "2s")
            return post("ping", {}, "fading")[0] != 401
        # A machine that is slow may need a second try to use it in its time.
        self.shop.wait_for(is_good_at_first)
        self.shop.wait_for(lambda: post("ping", {}, "fading")[0] == 401)

    def test_tenants_inherit_rules_and_limits_and_neither_servers_nor_tools(self):
        self.assertEqual(self.names("acme", "/mcp/acmeshop")[0], 200)
        # The other tenant's server is not there, from either side.
        self.assertNotEqual(self.names("acme", "/mcp/shop")[0], 200)
        self.assertNotEqual(self.names("bot", "/mcp/acmeshop")[0], 200)
        self.assertTrue(all(n.startswith("acmeshop__") for n in self.names("acme", "/mcp")[1]))
        self.assertTrue(all(n.startswith("shop__") for n in self.names("bot", "/mcp")[1]))
        # A rule of the top holds below, one of the tenant holds there alone.
        for token, server in (("bot", "shop"), ("acme", "acmeshop")):
            self.assertIn("rule nobody says badword", text_of(self.peek("badword", token, server)))
        self.assertIn("rule acme reads no plans", text_of(self.peek("plans", "acme", "acmeshop")))
        self.assertFalse(self.peek("plans").get("isError", False))

    def test_sessions_tickets_and_counts_of_a_tenant_are_its_own(self):
        # The same owner name in two tenants is two principals.
        for _ in range(2):
            self.assertFalse(self.peek("rare").get("isError", False))
        self.assertTrue(self.peek("rare")["isError"])
        self.assertFalse(self.peek("rare", "acme", "acmeshop").get("isError", False))
        main = self.shop.ticket(self.shop.destroy("shared"))
        acme = self.shop.ticket(self.shop.call("destroy", {"name": "shared"}, "acme", "acmeshop"))
        self.assertNotEqual(main, acme)
        self.shop.vote(main)
        self.shop.ticket(self.shop.call("destroy", {"name": "shared"}, "acme", "acmeshop"))
        self.assertFalse(self.shop.destroy("shared").get("isError", False))
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
        session = self.shop.post(body)[1]["Mcp-Session-Id"]
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        self.assertEqual(self.shop.post(ping, {"Mcp-Session-Id": session}, token="acme")[0], 404)
        self.assertEqual(self.shop.post(ping, {"Mcp-Session-Id": session})[0], 200)

    # Limits

    def test_a_rate_per_agent_counts_by_arguments_and_says_when_to_come_back(self):
        for n in range(3):
            self.assertFalse(self.peek(f"often{n}", "other").get("isError", False))
        refusal = text_of(self.peek("often4", "other"))
        self.assertRegex(refusal, r"refused by limit 3/h calls per agent: too many calls; try again in \d+ s")
        self.assertFalse(self.peek("seldom", "other").get("isError", False))

    def test_the_same_call_over_and_over_is_stopped(self):
        for _ in range(2):
            self.assertFalse(self.peek("again", "other").get("isError", False))
        self.assertRegex(text_of(self.peek("again", "other")), r"the same call was sent too often; try again in \d+ s")
        self.assertFalse(self.peek("again, but differently", "other").get("isError", False))

    def test_a_server_runs_so_many_calls_at_once(self):
        with ThreadPoolExecutor(2) as pool:
            running = [pool.submit(self.shop.call, "wait", {"name": "gate"}, token) for token in ("bot", "other")]
            self.shop.wait_for(lambda: self.shop.done().count("wait gate") == 2)
            refusal = text_of(self.shop.call("wait", {"name": "gate"}))
            self.assertIn("2 at once per tenant+server", refusal)
            self.assertIn("when a running call has ended", refusal)
            (self.shop.folder / "out/gate.go").touch()
            self.assertFalse(any(r.result().get("isError", False) for r in running))
        self.assertFalse(self.shop.call("wait", {"name": "gate"}).get("isError", False))

    # Policy, explained

    def explain(self, *arguments):
        done = self.shop.run("policy", "explain", *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_policy_explain_says_what_the_gate_would(self):
        allowed = self.explain("shop.put", '{"path": "/data/out/a.txt"}')
        self.assertEqual((allowed["answer"], allowed["tier"], allowed["stated"]["by"]), ("allow", "T1", "configuration"))
        self.assertIn("rule nobody says badword", allowed["others"])
        outside = self.explain("shop.put", '{"path": "/data/docs/a.txt"}')
        self.assertEqual(outside["answer"], "ask")
        scope = next(p for p in outside["parts"] if p["kind"] == "scope")
        self.assertEqual((scope["applies"], scope["findings"][0]["truth"]), (False, "fails"))
        self.assertIn("/data/out/**", outside["reasons"][0]["allowed"])
        refused = self.explain("shop.peek", '{"key": "badword"}')
        rule = next(p for p in refused["parts"] if p["kind"] == "rule")
        self.assertEqual((refused["answer"], rule["name"], rule["applies"]), ("refuse", "nobody says badword", True))
        # The agent hears the very same sentence.
        self.assertEqual(text_of(self.peek("badword")).split(" (verdict")[0], refused["text"])
        denied = self.explain("shop.peek", '{"key": "/home/x/.env"}')
        self.assertEqual((denied["answer"], denied["denied_path"]), ("refuse", ".env"))
        self.assertEqual(self.explain("shop.peek", '{"nokey": 1}')["refused_by"], "inputSchema")
        self.assertIn("limit 2 at once per tenant+server", self.explain("shop.peek", '{"key": "x"}')["others"])
        # As a credential: what it does not see, and in its tenant.
        reader = self.shop.issue("explained", "--tier", "T0")
        self.assertEqual(self.explain("shop.destroy", '{"name": "x"}', "--token", reader)["answer"], "unknown tool")
        self.assertEqual(self.explain("acmeshop.peek", '{"key": "plans"}', "--tenant", "acme")["answer"], "refuse")
        self.assertEqual(self.shop.run("policy", "explain", "acmeshop.peek").returncode, 1)
        # Asking counts nothing, and writes nothing.
        for _ in range(5):
            self.explain("shop.peek", '{"key": "rarest"}')
        known = self.shop.known_calls()
        self.peek("after")
        self.shop.wait_for(lambda: "outcome" in [r["kind"] for r in self.shop.records_besides(known, "peek")])
        self.assertNotIn("rarest", json.dumps(self.shop.records()))
        # Files alone say the same of what they know.
        offline = self.explain("shop.put", '{"path": "/data/docs/a.txt"}', "--config", "gatehouse.yaml")
        self.assertEqual((offline["answer"], offline["policy"], offline["live"]), ("ask", outside["policy"], False))

    def test_policy_explain_of_a_recorded_call(self):
        self.peek("badword")

        def records():
            return [r for r in self.shop.records() if r["kind"] == "judged" and r.get("tool") == "peek"
                    and "badword" in r["detail"]["arguments"]]
        self.shop.wait_for(records)
        judged = records()[-1]
        answer = self.explain(judged["call"])
        self.assertEqual((answer["then"]["verdict"], answer["now"]["answer"]), ("refuse", "refuse"))
        self.assertEqual(answer["then"]["policy"], answer["now"]["policy"])
        shown = self.shop.run("policy", "explain", judged["call"]).stdout
        self.assertIn("now, under the same policy:", shown)
        self.assertIn("rule nobody says badword: refuse", shown)
        self.assertEqual(self.shop.run("policy", "explain", "0123456789abcdef").returncode, 1)

    def test_policy_lists_what_holds(self):
        listing = json.loads(self.shop.run("policy", "--json").stdout)
        tenants = {t["tenant"]: t for t in listing["tenants"]}
        self.assertEqual([(r["statement"]["name"], r["inherited"]) for r in tenants["acme"]["rules"]],
                         [("nobody says badword", True), ("acme reads no plans", False)])
        self.assertEqual({t["tool"]: t["stated"]["by"] for t in tenants["acme"]["tools"]},
                         {"acmeshop.peek": "configuration", "acmeshop.destroy": "configuration", "acmeshop.put": "lock",
                          "acmeshop.wait": "lock", "acmeshop.execute": "lock"})
        self.assertIn("deny_paths: .env", self.shop.run("policy").stdout)
        self.assertRegex(listing["digest"], "^[0-9a-f]{64}$")


class Listeners(unittest.TestCase):
    """Where the gateway may be reached without TLS, and without a credential."""

    def up(self, listen, *options):
        shop = Shop(WORKSHOP.replace('listen: {{ mcp: "127.0.0.1:{port}" }}', listen))
        self.addCleanup(shop.__exit__)
        return shop, subprocess.run([BINARY, "up", *options], cwd=shop.folder, env=shop.environment, timeout=60,
                                    capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def test_a_listener_for_others_needs_tls_and_credentials(self):
        for listen, words in (
                ('listen: {{ mcp: "0.0.0.0:{port}" }}', "is not a loopback address and has no TLS"),
                ('listen: {{ mcp: "[::]:{port}" }}', "is not a loopback address and has no TLS"),
                ('listen: {{ mcp: "0.0.0.0:{port}", open: true, tls: {{ terminated_by: ["127.0.0.1"] }} }}',
                 "`open: true` is for loopback addresses only"),
                ('listen: {{ mcp: "0.0.0.0:{port}", tls: {{ terminated_by: ["my-proxy"] }} }}', "`my-proxy` is no address")):
            with self.subTest(listen):
                _, done = self.up(listen)
                self.assertEqual(done.returncode, 2)
                self.assertRegex(done.stderr, r"gatehouse\.yaml:4:\d+: ")
                self.assertIn(words, done.stderr)

    def test_the_command_line_opens_no_more_than_the_file(self):
        _, done = self.up('listen: {{ mcp: "127.0.0.1:{port}" }}', "--listen", f"0.0.0.0:{free_port()}")
        self.assertEqual((done.returncode, "has no TLS" in done.stderr), (2, True), done.stderr)

    def test_an_address_that_another_program_has_is_named_with_what_to_do(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            _, done = self.up('listen: {{ mcp: "127.0.0.1:{port}" }}', "--listen", address)
        self.assertEqual(done.returncode, 2)
        self.assertIn(address, done.stderr)
        self.assertIn("hint: another program listens there", done.stderr)

    def test_behind_a_named_peer_only_that_peer_is_heard(self):
        for peer, expected in (("127.0.0.1", 200), ("192.0.2.1", 403)):
            with self.subTest(peer):
                listen = f'listen: {{{{ mcp: "0.0.0.0:{{port}}", hosts: ["127.0.0.1"], tls: {{{{ terminated_by: ["{peer}"] }}}} }}}}'
                with Shop(WORKSHOP.replace('listen: {{ mcp: "127.0.0.1:{port}" }}', listen)) as shop:
                    self.assertEqual(shop.modern("tools/list")[0], expected)
                    self.assertEqual(shop.modern("tools/list", token=None)[0], 401 if expected == 200 else 403)

    def test_open_on_loopback_needs_no_credential_and_takes_no_wrong_one(self):
        listen = 'listen: {{ mcp: "127.0.0.1:{port}", open: true }}'
        with Shop(WORKSHOP.replace('listen: {{ mcp: "127.0.0.1:{port}" }}', listen), accept=["shop"]) as shop:
            self.assertIn("hello", text_of(shop.call("peek", {"key": "hello"}, token=None)))
            status, _, _ = shop.modern("tools/list", token=None, headers={"Authorization": "Bearer gh_wrong"})
            self.assertEqual(status, 401)
            self.assertIn("every process on this machine is the same agent", shop.run("status").stdout)


if __name__ == "__main__":
    unittest.main()
