"""Every verb that decides: what it is called on the control socket, and the commands that say it."""
import base64
import json

from harness import PASSPHRASE, ROOT

# The product's own list; a unit test holds it against the table of commands.
COMMANDS = ROOT / "Tests/Golden/control/commands.txt"
LEVELS = {"decide", "administer", "review"}


def methods():
    """The methods that need a person, as the product has them."""
    rows = (line.split() for line in COMMANDS.read_text().splitlines())
    return {method for method, level in rows if level in LEVELS}


def verbs(shop, ticket, token, digest):
    """Each of them with parameters as they would be right, and its commands.

    `shop` has the servers `shop` and `desk`, the question `ticket`, the token `token` and a waiting
    configuration `digest`."""
    changes = json.loads(shop.run("servers", "changes", "desk", "--json").stdout or "[]")
    digests = [folder["digest"] for folder in changes]
    value = base64.b64encode(b"a secret of some length").decode()
    every = {
        "approvals.edit": ({"ticket": ticket, "revision": 1, "arguments": {"name": "other"}}, [
            ["approvals", "edit", ticket, '{"name": "other"}']]),
        "approvals.vote": ({"ticket": ticket, "revision": 1, "yes": True}, [
            ["approvals", "approve", ticket], ["approvals", "deny", ticket],
            ["approvals", "grant", ticket, "--vary", "/name", "--uses", "2"]]),
        "approvers.add": ({"name": "mallory", "passphrase": PASSPHRASE}, [["approvers", "add", "mallory"]]),
        "approvers.remove": ({"name": "ana"}, [["approvers", "remove", "ana"]]),
        "breakglass.open": ({"reason": "fire", "seconds": 60}, [
            ["break-glass", "open", "--reason", "fire", "--to", str(shop.folder / "glass.token")]]),
        "breakglass.review": ({"id": "bg-000000000000", "comment": "fine"}, [
            ["break-glass", "review", "bg-000000000000", "--comment", "fine"]]),
        "configuration.accept": ({"digest": digest}, [["check", "--accept"]]),
        "egress.allow": ({"server": "shop", "host": "example.com"}, [["egress", "allow", "shop", "example.com"]]),
        "lockdown.lift": ({"target": "tool:shop.put"}, [["lockdown", "tool:shop.put", "--lift"]]),
        "secrets.remove": ({"name": "spare"}, [["secrets", "remove", "spare"]]),
        "secrets.rotate": ({"name": "spare"}, [["secrets", "rotate", "spare"]]),
        "secrets.set": ({"name": "spare", "value": value}, [
            ["secrets", "set", "spare", "--from", str(shop.folder / "bot.token")]]),
        # With no overlays on this machine no folder is a copy, and the command has nothing to ask for.
        "servers.commit": ({"server": "desk", "digests": digests}, [["servers", "changes", "desk", "--commit"]] if digests else []),
        "servers.drop": ({"server": "desk"}, [["servers", "changes", "desk", "--drop"]] if digests else []),
        "tokens.issue": ({"owner": "mallory"}, [["tokens", "issue", "mallory"]]),
        "tokens.rotate": ({"id": token}, [["rotate", f"token:{token}"]]),
        "tools.approve": ({"server": "shop", "pins": {}}, [["tools", "approve", "shop"]]),
    }
    assert set(every) == methods(), set(every) ^ methods()
    return every
