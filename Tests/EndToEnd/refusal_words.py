"""What each refusal tells its caller, word for word: what is wrong, and what would be right."""

JSON = "not strict JSON: "
TWICE = "this key stands twice in its object; keep one of them"
ID = "`id` must be a string of at most 256 bytes or a 64-bit integer"
METHOD = "`method` must be a string of 1 to 128 bytes"
EITHER = "a message has either a `method` or a `result`, not both"
ACCEPT = "Accept must name application/json and text/event-stream"
TYPE = "Content-Type must be application/json"
ORIGIN = "this Origin is not allowed; the operator names those that are"
NO_SESSION = "no session: send `initialize` first, or a request of 2026-07-28 with its _meta"
GONE = "no such session; send `initialize` again"
VERSION = "this protocol version is not served; take one of `data.supported`"
VERSIONS = "MCP-Protocol-Version and _meta name different versions; name one in both"
META = "_meta needs io.modelcontextprotocol/protocolVersion; send 2026-07-28"
CAPABILITIES = "_meta needs io.modelcontextprotocol/clientCapabilities; an empty object is fine"
BATCH = "batches are not taken; send one message per request"
CURSOR = "the cursor is unknown; list from the start"
CREDENTIAL = "the credential is not valid here; ask the operator for one"


def missing(header):
    return f"the header {header} is missing; send what the body has"


def differs(header):
    return f"the header {header} differs from the body; send what the body has"


def undecodable(header):
    return f"the header {header} is not encoded as it must be; send =?base64?…?= of its UTF-8"


def repeated(header):
    return f"the header {header} is repeated; send it once"


def unknown(method, revision):
    return f"unknown method `{method}` in {revision}; the capabilities name what is served"


# By the name of the case that breaks the rule.
WORDS = {
    "no JSON": JSON + "byte 1: the JSON text ends too early; send it whole",
    "nothing": JSON + "byte 0: the JSON text ends too early; send it whole",
    "cut short": JSON + "byte 36: the JSON text ends too early; send it whole",
    "two values": JSON + "byte 41: more bytes after the value; send one value",
    "a byte order mark": JSON + "byte 0: a byte order mark; leave it out",
    "invalid UTF-8": JSON + "byte 35: this is not UTF-8; send UTF-8",
    "a lone surrogate": JSON + "byte 34: half of a surrogate pair; write both halves",
    "a duplicate key": JSON + "byte 24: " + TWICE,
    "a duplicate key by escape": JSON + "byte 40: " + TWICE,
    "a duplicate key deep inside": JSON + "byte 62: " + TWICE,
    "too deep": JSON + "byte 116: nested deeper than 64; flatten it",
    "a batch": BATCH, "an empty batch": BATCH, "a number": "a message is a JSON object",
    "no version": "`jsonrpc` must be \"2.0\"", "JSON-RPC 1.0": "`jsonrpc` must be \"2.0\"",
    "a null id": ID, "a fraction as id": ID, "an id too long": ID, "an object as id": ID, "an id beyond 64 bits": ID,
    "params as array": "`params` must be an object", "a number as method": METHOD, "an empty method": METHOD, "a method too long": METHOD,
    "both method and result": EITHER, "both method and error": EITHER,
    "neither": "a response has either a `result` or an `error`", "both result and error": "a response has either a `result` or an `error`",
    "an error without a code": "`error` must be an object with an integer `code`",
    "nothing but a version": "a message needs a `method`, or an `id` with a `result` or an `error`",
    "a form as content": TYPE, "text as content": TYPE, "no content type": TYPE,
    "Accept without streams": ACCEPT, "Accept without JSON": ACCEPT, "no Accept": ACCEPT,
    "a foreign origin": ORIGIN, "a null origin": ORIGIN,
    "a foreign host": "this Host is not served here; use an address that the operator named",
    "no credential": "a credential is needed: Authorization: Bearer …",
    "another scheme": "one Authorization header with the scheme Bearer is expected; send it once",
    "a wrong credential": CREDENTIAL,
    "no tool": "unknown tool `nothing`", "another server's name": "unknown tool `up__echo`",
    "arguments that are no object": "`params.arguments` must be an object",
    "a cursor nobody sealed": CURSOR, "a cursor that is no text": CURSOR,
    # 2026-07-28
    "no version header": "the header MCP-Protocol-Version is missing; send it with the value of _meta",
    "another version header": VERSIONS, "versions that differ": VERSIONS, "a modern body with a session": VERSIONS,
    "no method header": missing("Mcp-Method"), "another method header": differs("Mcp-Method"),
    "the method header in capitals": differs("Mcp-Method"), "no name header": missing("Mcp-Name"),
    "another name header": differs("Mcp-Name"), "a broken name header": undecodable("Mcp-Name"),
    "a name header with bare UTF-8": undecodable("Mcp-Name"), "no tool name": differs("Mcp-Name"),
    "an argument too much in headers": missing("Mcp-Param-Region"),
    "no _meta": META, "_meta that is no object": META, "no version in _meta": META, "a version that is no text": META,
    "the version in the header alone": META, "the modern version without _meta": META,
    "no capabilities in _meta": CAPABILITIES, "capabilities that are no object": CAPABILITIES,
    "a version nobody serves": VERSION, "an old version in _meta": VERSION, "an unknown version": VERSION, "an empty version": VERSION,
    "a response": "a response is not taken here; answers come with the request sent again",
    "a prompt's name not mirrored": missing("Mcp-Name"), "another prompt's name": differs("Mcp-Name"),
    "a resource not mirrored": missing("Mcp-Name"), "another resource": differs("Mcp-Name"),
    # The revisions with sessions
    "no session": NO_SESSION, "neither session nor version": NO_SESSION, "an unknown session": GONE, "an empty session": GONE,
    "a session of other signs": GONE, "a session that is too long": GONE,
    "no tool name in a session": "`params.name` must be a string",
    "initialize without a version": "`initialize` needs `protocolVersion`",
}
# A name that would say what it says encoded, and is not.
WRONGLY_ENCODED = ("=?base64?/w==?=", "=?base64?ZW Nobw==?=", "=?base64?ZWN_bw==?=")


def told(case, revision):
    """What the caller of that revision is told."""
    kind, _, rest = case.partition(" ")
    if kind == "unknown" and case not in WORDS:
        return unknown(rest, revision)
    if case == "another revision than the session's":
        return f"MCP-Protocol-Version differs from the session's; send {revision}"
    if case.startswith("a name encoded as "):
        value = case.removeprefix("a name encoded as ")
        return (undecodable if value in WRONGLY_ENCODED else differs)("Mcp-Name")
    return WORDS[case]
