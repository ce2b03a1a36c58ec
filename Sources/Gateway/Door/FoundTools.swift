import Base

/// The tools of the calls of late, as the catalogue has them and their principals see them; it is
/// emptied when the catalogue changes.
///
/// A place for each of a few thousand names; two that fall on one place take turns in it. What a
/// principal sees never changes: it is of the credential and of the tool's policy.
struct FoundTools {
    private final class Found: Sendable {
        let principal: Principal
        let endpoint: Endpoint
        let spelling: String
        let server: ServerEntry
        let tool: ToolEntry

        init(_ server: ServerEntry, _ tool: ToolEntry, for call: ToolCall) {
            principal = call.principal
            endpoint = call.endpoint
            spelling = call.spelling
            self.server = server
            self.tool = tool
        }

        func isFound(by call: ToolCall) -> Bool {
            guard principal === call.principal, endpoint == call.endpoint else { return false }
            // As bytes: to `==` of strings, two spellings may be one.
            let (own, other) = (spelling.utf8.span, call.spelling.utf8.span)
            guard own.count == other.count else { return false }
            for place in own.indices where own[place] != other[place] { return false }
            return true
        }
    }

    private var places = [Found?](repeating: nil, count: 1 << 12)

    func tool(of call: ToolCall) -> (ServerEntry, ToolEntry)? {
        guard let found = places[Self.place(of: call)], found.isFound(by: call) else { return nil }
        return (found.server, found.tool)
    }

    mutating func keep(_ server: ServerEntry, _ tool: ToolEntry, for call: ToolCall) {
        places[Self.place(of: call)] = Found(server, tool, for: call)
    }

    private static func place(of call: ToolCall) -> Int {
        let spelling = call.spelling.utf8.span
        var bits = UInt64(UInt(bitPattern: ObjectIdentifier(call.principal)))
        for place in spelling.indices { bits = bits &* 31 &+ UInt64(spelling[place]) }
        return Int(truncatingIfNeeded: (bits &* 0x9e37_79b9_7f4a_7c15) >> 52)
    }
}
