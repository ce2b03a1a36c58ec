"""Remote servers over HTTP and TLS: revisions, sessions, headers, credentials, and what goes wrong."""
import json
import subprocess
import unittest
from pathlib import Path

from agents import LEGACY, MODERN, WAIT, HTTPAgent, all_tools, configuration, text_of
from refusal_words import differs, missing, undecodable
from upstreams import NAMES, ProtocolGateway, absent, hosted, outcomes, placed, remote, scripted

HTTPUpstream = scripted.HTTPUpstream
KINDS = [("2025-06-18", "json"), ("2025-11-25", "json"), ("2025-11-25", "sse"), (MODERN, "json"), (MODERN, "sse")]


def certificates(folder):
    """An authority of our own and a certificate it signed for 127.0.0.1."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority", "-addext", "basicConstraints=critical,CA:true")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key",
            "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    Path(folder, "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.pem", "-days", "1", "-extfile", "names")
    return str(Path(folder, "server.pem")), str(Path(folder, "server.key"))


class Remote(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstreams = {f"h{number}": cls.enterClassContext(HTTPUpstream(revision, answers))
                         for number, (revision, answers) in enumerate(KINDS, 1)}
        for upstream in cls.upstreams.values():
            upstream.bearer = "the-upstream-credential-7731"
        servers = {name: remote(upstream, credential="key") for name, upstream in cls.upstreams.items()}
        gateway = ProtocolGateway(
            configuration(servers, placed(*servers), secrets={"key": {"file": "./key"}}), accept=servers)
        (gateway.folder / "key").write_text("the-upstream-credential-7731")
        (gateway.folder / "key").chmod(0o600)
        cls.gateway = cls.enterClassContext(gateway)

    def each(self, body):
        for name, upstream in self.upstreams.items():
            for revision in (*LEGACY, MODERN):
                with self.subTest(upstream=upstream.script.revision, answers=upstream.answers, agent=revision):
                    agent = HTTPAgent(self.gateway, revision, name)
                    body(agent, upstream)
                    agent.close()

    def test_tools_are_listed_and_results_arrive(self):
        def body(agent, upstream):
            self.assertEqual(sorted(tool["name"] for tool in all_tools(agent)[0]), sorted(NAMES))
            self.assertEqual(json.loads(text_of(agent.call("echo", text="ü"))), {"text": "ü"})
            self.assertEqual(agent.call("shape", text="")["result"]["structuredContent"], {"n": 1})
            self.assertTrue(agent.call("fail", text="")["result"]["isError"])
            self.assertIn("private ground", text_of(agent.call("refuse", text="")))
        self.each(body)

    def test_progress_of_event_streams_arrives(self):
        def body(agent, upstream):
            got = agent.request("tools/call", {"name": "steps", "arguments": {"count": 3}}, meta={"progressToken": "p"})
            wanted = [1, 2, 3] if upstream.answers == "sse" else []
            self.assertEqual([message["params"]["progress"] for message in got[:-1]], wanted)
            self.assertEqual(text_of(got[-1]), "done")
        self.each(body)

    def test_the_credential_goes_to_its_server_and_the_agents_never_does(self):
        def body(agent, upstream):
            agent.call("echo", text="x")
            for _, headers, *_ in upstream.requests:
                headers = {key.lower(): value for key, value in headers.items()}
                self.assertEqual(headers["authorization"], "Bearer the-upstream-credential-7731")
                self.assertNotIn("origin", headers)
                self.assertNotIn(self.gateway.secrets["bot"], str(headers))
        self.each(body)

    def test_mirror_headers_are_made_of_the_body_that_is_sent(self):
        arguments = [{"region": "eu", "n": 7, "flag": True}, {"region": " blank ", "flag": False}, {"region": "größe", "n": -3},
                     {"region": "=?base64?x?="}, {"n": 9007199254740991}, {"region": ""}]
        for name, upstream in self.upstreams.items():
            with self.subTest(upstream=upstream.script.revision, answers=upstream.answers):
                agent = HTTPAgent(self.gateway, "2025-11-25", name)
                for given in arguments:
                    answer = agent.call("region", **given)
                    self.assertNotIn("isError", answer["result"], answer)
                    sent = json.loads(text_of(answer))
                    if upstream.script.is_modern:
                        self.assertEqual((sent["mcp-method"], sent["mcp-name"]), ("tools/call", "region"))
                        self.assertEqual("mcp-param-n" in sent, "n" in given)
                    else:
                        self.assertFalse({"mcp-method", "mcp-name", "mcp-param-region"} & set(sent))
                        self.assertEqual(sent["mcp-protocol-version"], upstream.script.revision)
                agent.close()

    def test_an_agents_parameter_headers_must_equal_its_arguments(self):
        agent = HTTPAgent(self.gateway, MODERN, "h4")
        params = {"name": "region", "arguments": {"region": "eu", "n": 7}}
        good = {"Mcp-Param-Region": "eu", "Mcp-Param-N": "7"}
        for headers in (good, {"Mcp-Param-Region": "eu", "MCP-PARAM-N": " 7.0 "},
                        {**good, "Mcp-Param-Region": "=?base64?ZXU=?="}, {**good, "Mcp-Param-Unknown": "x"}):
            status, _, answer = agent.send(agent.message("tools/call", params), headers)
            self.assertEqual((status, "result" in answer[-1]), (200, True), headers)
        called = len(self.upstreams["h4"].calls("region"))
        for headers, words in (({}, missing("Mcp-Param-Region")), ({"Mcp-Param-Region": "eu"}, missing("Mcp-Param-N")),
                               ({**good, "mcp-param-n": "7"}, "an Mcp-Param header is repeated; send each once"),
                               ({**good, "Mcp-Param-Region": "us"}, differs("Mcp-Param-Region")),
                               ({**good, "Mcp-Param-Region": "EU"}, differs("Mcp-Param-Region")),
                               ({**good, "Mcp-Param-N": "8"}, differs("Mcp-Param-N")), ({**good, "Mcp-Param-N": "seven"}, differs("Mcp-Param-N")),
                               ({**good, "Mcp-Param-Region": "=?base64?ZXU?="}, undecodable("Mcp-Param-Region")),
                               ({**good, "Mcp-Param-Flag": "true"}, differs("Mcp-Param-Flag"))):
            status, _, answer = agent.send(agent.message("tools/call", params), headers)
            self.assertEqual((status, answer[-1]), (400, {
                "jsonrpc": "2.0", "id": agent.next, "error": {"code": -32020, "message": words}}), headers)
        # The server heard of none, and takes the next.
        self.assertEqual(len(self.upstreams["h4"].calls("region")), called)
        self.assertEqual(text_of(agent.call("echo", text="on")), '{"text":"on"}')

    def test_a_session_that_ended_is_begun_anew_and_nothing_is_repeated(self):
        for name in ("h1", "h2", "h3"):
            with self.subTest(server=name):
                upstream = self.upstreams[name]
                agent = HTTPAgent(self.gateway, MODERN, name)
                self.assertEqual(text_of(agent.call("echo", text="1")), '{"text":"1"}')
                opened = sum(m.get("method") == "initialize" for m in upstream.script.received)
                before = len(upstream.calls("echo"))
                upstream.sessions.clear()
                lost = agent.call("echo", text="2")["result"]
                self.assertTrue(lost["isError"])
                self.assertEqual(text_of(agent.call("echo", text="3")), '{"text":"3"}')
                self.assertEqual([m["params"]["arguments"]["text"] for m in upstream.calls("echo")[before:]], ["3"])
                self.assertEqual(sum(m.get("method") == "initialize" for m in upstream.script.received), opened + 1)

    def test_calling_off_reaches_the_server_as_its_revision_asks(self):
        for name, upstream in self.upstreams.items():
            with self.subTest(upstream=upstream.script.revision, answers=upstream.answers):
                upstream.closed.clear()
                before = len(upstream.calls("wait"))
                agent = HTTPAgent(self.gateway, "2025-11-25", name)
                connection = agent.start(agent.message("tools/call", {"name": "wait", "arguments": {"text": name}}, id="w"))
                self.gateway.wait_for(lambda: len(upstream.calls("wait")) > before)
                agent.notify("notifications/cancelled", {"requestId": "w"})
                agent.finish(connection)
                if upstream.script.is_modern:
                    self.assertTrue(upstream.closed.wait(WAIT))
                    self.assertEqual(upstream.script.cancelled, [])
                else:
                    id = upstream.calls("wait")[-1]["id"]
                    self.gateway.wait_for(lambda: id in upstream.script.cancelled)

    def test_an_agent_that_leaves_calls_off_in_the_modern_revision_alone(self):
        upstream = self.upstreams["h4"]
        for revision in (MODERN, "2025-11-25"):
            upstream.closed.clear()
            before = len(upstream.calls("wait"))
            agent = HTTPAgent(self.gateway, revision, "h4")
            connection = agent.start(agent.message("tools/call", {"name": "wait", "arguments": {"text": revision}}, id="w"))
            self.gateway.wait_for(lambda: len(upstream.calls("wait")) > before)
            connection.close()
            if revision == MODERN:
                self.assertTrue(upstream.closed.wait(WAIT))
            else:
                # Still running: it takes a word to end it, which finds it by its session.
                agent.request("ping")
                self.assertFalse(upstream.closed.is_set())
                agent.notify("notifications/cancelled", {"requestId": "w"})
                self.assertTrue(upstream.closed.wait(WAIT))

    def test_answers_that_are_none_are_an_unknown_outcome_and_the_next_call_works(self):
        for name, upstream in self.upstreams.items():
            with self.subTest(upstream=upstream.script.revision, answers=upstream.answers):
                agent = HTTPAgent(self.gateway, MODERN, name)
                for raw in (b"<html>", b'{"jsonrpc":"2.0","id":999999,"result":{}}', b'{"jsonrpc":"2.0","id":1,"id":2}', b"[]", b"{}"):
                    upstream.raw = raw
                    answer = agent.call("echo", text=raw.decode())["result"]
                    upstream.raw = None
                    self.assertTrue(answer["isError"], raw)
                    self.assertIn("gave no answer", answer["content"][0]["text"])
                for status in (401, 429, 500, 503):
                    upstream.status = status
                    answer = agent.call("echo", text=str(status))["result"]
                    upstream.status = None
                    self.assertTrue(answer["isError"], status)
                    self.assertNotIn("<html>", json.dumps(answer))
                self.assertEqual(text_of(agent.call("echo", text="back")), '{"text":"back"}')


class Endings(unittest.TestCase):
    def test_a_gateway_that_stops_ends_its_sessions_in_order(self):
        with HTTPUpstream("2025-06-18") as old, HTTPUpstream(MODERN) as new:
            servers = {"old": remote(old), "new": remote(new)}
            with ProtocolGateway(configuration(servers, placed(*servers)), accept=servers) as gateway:
                for name in servers:
                    self.assertEqual(text_of(HTTPAgent(gateway, MODERN, name).call("echo", text="x")), '{"text":"x"}')
                opened, = old.sessions
                gateway.stop()
            (_, headers), = [request for request in old.requests if request[0] == "DELETE"]
            headers = {key.lower(): value for key, value in headers.items()}
            self.assertEqual((headers["mcp-session-id"], headers["mcp-protocol-version"]), (opened, "2025-06-18"))
            self.assertEqual(old.sessions, set())
            self.assertEqual([request[0] for request in new.requests if request[0] != "POST"], [])


class Trust(unittest.TestCase):
    """TLS by a named authority, redirects, credentials and their one origin."""

    def test_only_the_named_authority_and_only_the_written_origin(self):
        gateway = ProtocolGateway("", accept=[])
        pair = certificates(gateway.folder)
        with HTTPUpstream(MODERN, certificate=pair) as good, HTTPUpstream(MODERN, certificate=pair) as foreign, \
                HTTPUpstream(MODERN) as thief, HTTPUpstream(MODERN) as mover, HTTPUpstream("2025-11-25", "sse") as keyless:
            good.bearer = "a-credential-of-one-origin"
            mover.location = thief.url
            keyless.bearer = "another"
            servers = {
                "good": remote(good, credential="key", ca="./ca.pem"), "foreign": remote(foreign),
                "mover": remote(mover, credential="key"), "keyless": remote(keyless), "here": hosted(MODERN),
                "nowhere": {"url": "http://127.0.0.1:9/mcp", "start_timeout": "5s"}}
            text = configuration(servers, placed("good", "here"), secrets={"key": {"file": "./key"}})
            (gateway.folder / "gatehouse.yaml").write_text(text.format(port=gateway.port))
            (gateway.folder / "key").write_text("a-credential-of-one-origin")
            (gateway.folder / "key").chmod(0o600)
            gateway.accept = ["good", "here"]
            with gateway:
                gateway.wait_for(lambda: len(absent(gateway)) == 4)
                agent = HTTPAgent(gateway, MODERN)
                tools, meta = all_tools(agent)
                self.assertEqual({tool["name"].split("__")[0] for tool in tools}, {"good", "here"})
                said = " ".join(meta["dev.gatehouse/absent"])
                for server in ("foreign", "mover", "keyless", "nowhere"):
                    self.assertIn(server, said)
                self.assertEqual(text_of(agent.call("good__echo", text="s")), '{"text":"s"}')
                self.assertEqual(text_of(agent.call("here__echo", text="s")), '{"text":"s"}')
                status = json.loads(gateway.run("status", "--json").stdout)
                reasons = {name: server.get("absent", "") for name, server in status["servers"].items()}
                self.assertIn("redirects are not followed", reasons["mover"])
                self.assertIn("does not take the credential", reasons["keyless"])
                self.assertIn("certificate", reasons["foreign"].lower())
                self.assertEqual(thief.requests, [])
                self.assertEqual(foreign.requests, [])
                self.assertTrue(mover.requests)
                # What was not reached is asked again by itself.
                keyless.bearer = None
                gateway.wait_for(lambda: "keyless" not in absent(gateway))
                # What goes away stays offered, is said to be away, and hides nobody.
                good.status = 503
                gateway.run("tools", "list", "--refresh")
                tools, meta = all_tools(agent)
                self.assertIn("good__echo", {tool["name"] for tool in tools})
                self.assertTrue(any(line.startswith("good: ") for line in meta["dev.gatehouse/absent"]))
                self.assertTrue(agent.call("good__echo", text="away")["result"]["isError"])
                self.assertEqual(text_of(agent.call("here__echo", text="on")), '{"text":"on"}')


if __name__ == "__main__":
    unittest.main()
