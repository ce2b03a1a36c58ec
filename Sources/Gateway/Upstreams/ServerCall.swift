import JSON

/// What one judged call is towards its server: a method and the members of its parameters.
package struct ServerCall: Sendable {
    package let method: String
    /// The value of `Mcp-Name`.
    package let name: String?
    /// `Mcp-Param-*` headers, already encoded.
    package let mirrored: [(name: String, value: String)]
    /// The request's text from behind its id to `tail`.
    private let opening: [UInt8]
    /// The value that ends the members, mostly the arguments as they were judged.
    private let tail: [UInt8]
    /// Members that were added, each behind a comma.
    private var added: [UInt8] = []
    private var isEmpty: Bool

    /// - Parameter opening: what `opening` wrote for that method.
    init(
        _ method: String,
        name: String,
        _ opening: [UInt8],
        _ arguments: [UInt8],
        mirrored: [(name: String, value: String)]
    ) {
        self.method = method
        self.name = name
        self.mirrored = mirrored
        self.opening = opening
        tail = arguments
        isEmpty = false
    }

    /// - Parameter members: JSON text by name.
    package init(
        method: String,
        name: String?,
        members: [(name: String, value: [UInt8])],
        mirrored: [(name: String, value: String)]
    ) {
        self.method = method
        self.name = name
        self.mirrored = mirrored
        opening = Self.opening(method)
        tail = Self.text(of: members)
        isEmpty = members.isEmpty
    }

    /// What begins every call of what has that name, up to its arguments.
    static func opening(_ method: String, name: String) -> [UInt8] {
        var members = text(of: [("name", JSONValue(name).serialised()), ("arguments", [])])
        members.insert(contentsOf: opening(method), at: 0)
        return members
    }

    private static func opening(_ method: String) -> [UInt8] {
        Array(#","method":"#.utf8) + JSONValue(method).serialised() + Array(#","params":{"#.utf8)
    }

    /// Members as they stand between the brackets of an object.
    private static func text(of members: [(name: String, value: [UInt8])]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in members {
            writer.key(name)
            writer.raw(value)
        }
        return Array(writer.bytes.dropFirst())
    }

    /// The same call once more, with what its server wanted to know.
    func answering(_ responses: [UInt8]?, _ state: String?) -> ServerCall {
        var members: [(name: String, value: [UInt8])] = []
        if let responses { members.append(("inputResponses", responses)) }
        if let state { members.append(("requestState", JSONValue(state).serialised())) }
        guard !members.isEmpty else { return self }
        var call = self
        if !call.isEmpty { call.added.append(0x2c) }
        call.added += Self.text(of: members)
        call.isEmpty = false
        return call
    }

    /// The whole request in one buffer, the arguments with the bytes that were judged.
    ///
    /// - Parameter meta: the text of `_meta`; empty for none.
    func request(_ id: Int64, meta: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(opening.count + tail.count + added.count + meta.count + 64)
        bytes += Self.start
        Self.append(id.magnitude, to: &bytes)
        bytes += opening
        bytes += tail
        bytes += added
        if !meta.isEmpty {
            if !isEmpty { bytes.append(0x2c) }
            bytes += Self.metaKey
            bytes += meta
        }
        bytes.append(0x7d)
        bytes.append(0x7d)
        return bytes
    }

    private static let start = Array(#"{"jsonrpc":"2.0","id":"#.utf8)
    private static let metaKey = Array(#""_meta":"#.utf8)

    /// In decimal, without a text in between.
    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &bytes) }
        bytes.append(0x30 + UInt8(truncatingIfNeeded: number % 10))
    }
}
