"""Lists: definitions byte for byte, pages under sealed cursors, hints that keep caches apart."""
import json
import unittest

from agents import LEGACY, MODERN, HTTPAgent, all_tools, configuration, text_of
from upstreams import NAMES, ProtocolGateway, hosted, placed, scripted

TEXTS = {json.loads(text)["name"]: text for text in scripted.TOOLS}


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        servers = {"many": hosted("2025-11-25", "many"), "few": hosted(MODERN), "iced": hosted(MODERN, "icons")}
        cls.gateway = cls.enterClassContext(ProtocolGateway(
            configuration(servers, placed(*servers) + placed("iced", names=["listing", "wordless"])), accept=servers, tokens=("bot", "other")))
        cls.gateway.decide("tokens", "issue", "narrow", "--to", str(cls.gateway.folder / "narrow.token"),
                           "--server", "few", "--tool", "few.echo")
        cls.gateway.secrets["narrow"] = (cls.gateway.folder / "narrow.token").read_text().strip()

    def raw(self, agent, **params):
        """A list as the bytes that came."""
        connection = agent.start(agent.message("tools/list", params))
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def test_definitions_are_the_servers_bytes_under_every_name(self):
        for revision in (*LEGACY, MODERN):
            alone = self.raw(HTTPAgent(self.gateway, revision, "few"))
            merged = self.raw(HTTPAgent(self.gateway, revision))
            for name, text in TEXTS.items():
                self.assertIn(text, alone)
                # With a prefix only the name changes: every other member keeps its bytes.
                for member in ("description", "inputSchema", "annotations"):
                    if member in json.loads(text):
                        self.assertIn(self.member(text, member), merged)
                self.assertIn(f'"few__{name}"', merged)

    @staticmethod
    def member(text, name):
        """The source of one member's value."""
        at = text.index(f'"{name}"') + len(name) + 2
        at = text.index(":", at) + 1
        while text[at] == " ":
            at += 1
        _, length = json.JSONDecoder().raw_decode(text[at:])
        return text[at:at + length]

    def test_older_agents_are_shown_what_their_revision_has(self):
        for revision, kept in (("2025-06-18", {"title"}), ("2025-11-25", {"title", "icons"}), (MODERN, {"title", "icons", "outputSchema"})):
            tool, = [tool for tool in all_tools(HTTPAgent(self.gateway, revision, "iced"))[0] if tool["name"] == "listing"]
            self.assertEqual(set(tool) - {"name", "description", "inputSchema"}, kept, revision)

    def test_a_value_that_is_no_object_reaches_older_agents_as_text(self):
        for name in ("listing", "wordless"):
            for revision in (*LEGACY, MODERN):
                with self.subTest(tool=name, agent=revision):
                    result = HTTPAgent(self.gateway, revision, "iced").call(name, text="")["result"]
                    self.assertFalse(result.get("isError", False), result)
                    if revision == MODERN:
                        self.assertEqual(result["structuredContent"], [1, "two"])
                    else:
                        self.assertNotIn("structuredContent", result)
                        text = "\n".join(block["text"] for block in result["content"])
                        self.assertEqual(json.loads(text), [1, "two"])

    def test_the_order_is_fixed_and_pages_hold_each_tool_once(self):
        agent = HTTPAgent(self.gateway, MODERN)
        names = [tool["name"] for tool in all_tools(agent)[0]]
        self.assertEqual(names, [tool["name"] for tool in all_tools(HTTPAgent(self.gateway, "2025-06-18"))[0]])
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(names, sorted(names, key=lambda name: name.encode()))

    def test_hints_keep_lists_private(self):
        agent = HTTPAgent(self.gateway, MODERN)
        first = agent.request("tools/list")[-1]["result"]
        second = agent.request("tools/list", {"cursor": first["nextCursor"]})[-1]["result"]
        discovered = agent.request("server/discover")[-1]["result"]
        for result in (first, second, discovered):
            self.assertEqual((result["resultType"], result["ttlMs"], result["cacheScope"]), ("complete", 0, "private"))
            self.assertEqual(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "gatehouse")
        self.assertEqual(discovered["supportedVersions"], [MODERN])
        self.assertEqual(discovered["capabilities"], {"tools": {"listChanged": True}})
        old = HTTPAgent(self.gateway, "2025-11-25").request("tools/list")[-1]["result"]
        self.assertEqual(set(old), {"tools", "nextCursor"})

    def test_a_cursor_is_its_principals_its_endpoints_and_its_lists_alone(self):
        agent = HTTPAgent(self.gateway, MODERN, "many")
        cursor = agent.request("tools/list")[-1]["result"]["nextCursor"]
        for other in (HTTPAgent(self.gateway, MODERN, "many", token="other"), HTTPAgent(self.gateway, MODERN),
                      HTTPAgent(self.gateway, "2025-11-25", "few")):
            self.assertEqual(other.request("tools/list", {"cursor": cursor})[-1]["error"]["code"], -32602)
        # Of one principal it is good in every revision.
        self.assertIn("tools", HTTPAgent(self.gateway, "2025-06-18", "many").request("tools/list", {"cursor": cursor})[-1]["result"])
        for at in range(0, len(cursor), 5):
            changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1:]
            self.assertEqual(agent.request("tools/list", {"cursor": changed})[-1]["error"]["code"], -32602, at)
        for changed in ("", cursor[:-1], cursor + "A", cursor * 4, "x" * 100_000, None, {}, 0):
            self.assertEqual(agent.request("tools/list", {"cursor": changed})[-1]["error"]["code"], -32602, changed)
        self.assertIn("tools", agent.request("tools/list", {"cursor": cursor})[-1]["result"])

    def test_what_a_credential_may_not_use_is_as_if_it_were_not_there(self):
        agent = HTTPAgent(self.gateway, MODERN, token="narrow")
        tools, meta = all_tools(agent)
        self.assertEqual([tool["name"] for tool in tools], ["few__echo"])
        self.assertNotIn("dev.gatehouse/absent", meta)
        self.assertEqual(text_of(agent.call("few__echo", text="x")), '{"text":"x"}')
        unknown, invisible = agent.call("few__nothing", text="x")["error"], agent.call("few__fail", text="x")["error"]
        self.assertEqual({**unknown, "message": unknown["message"].replace("nothing", "fail")}, invisible)
        agent.path = "/mcp/many"
        self.assertEqual(agent.send(agent.message("tools/list"))[0], 404)

    def test_prefixed_names_are_split_one_way_only(self):
        agent = HTTPAgent(self.gateway, MODERN)
        for name in ("echo", "few_echo", "few___echo", "__echo", "few__", "few__few__echo", "FEW__echo", "few.echo"):
            self.assertEqual(agent.call(name, text="x")["error"]["code"], -32602, name)

    def test_names_that_would_collide_are_no_configuration(self):
        for servers in ({"a__b": hosted(MODERN)}, {"a_": hosted(MODERN)}, {"_a": hosted(MODERN)}):
            file = self.gateway.folder / "collides.yaml"
            file.write_text(configuration(servers).format(port=1))
            done = self.gateway.run("check", "--config", str(file))
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn("collides.yaml:1:", done.stderr)


if __name__ == "__main__":
    unittest.main()
