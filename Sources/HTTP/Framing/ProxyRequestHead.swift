/// The head of a request to a proxy: its target is an authority (CONNECT) or an absolute URL.
///
/// The fields are checked like those of every request; what the target means is not decided here.
package struct ProxyRequestHead: Sendable {
    package let fields: HeaderFields
    package let body: BodyFraming
    package let isVersion11: Bool
    private let methodCount: Int
    private let targetEnd: Int

    package var method: ArraySlice<UInt8> { fields.bytes[0..<methodCount] }
    package var target: ArraySlice<UInt8> { fields.bytes[methodCount + 1..<targetEnd] }
    package var isConnect: Bool { method.equals("CONNECT") }
    package var consumedCount: Int { fields.bytes.count }

    /// Reads a head from the front of `bytes`; nil when it has not all arrived.
    package init?(
        from bytes: Span<UInt8>,
        scanner: inout HeadScanner
    ) throws(FramingError) {
        guard let count = try scanner.scan(bytes) else { return nil }
        let owned = [UInt8](capacity: count) { target in
            for index in 0..<count { target.append(bytes[index]) }
        }
        let span = owned.span
        var index = 0
        while index < span.count, Bytes.isToken(span[index]) { index += 1 }
        guard index > 0, index < span.count, span[index] == Bytes.space else {
            throw FramingError(.badMethod, at: index)
        }
        methodCount = index
        index += 1
        while index < span.count, span[index] > Bytes.space, span[index] < 0x7f { index += 1 }
        guard index > methodCount + 1, index < span.count, span[index] == Bytes.space else {
            throw FramingError(.badTarget, at: index)
        }
        targetEnd = index
        isVersion11 = try HTTPVersion.isVersion11(in: span, at: index + 1)
        index += 1 + HTTPVersion.count
        guard index + 1 < span.count, span[index] == Bytes.carriageReturn,
            span[index + 1] == Bytes.lineFeed
        else { throw FramingError(.badVersion, at: index) }
        let fields = try HeaderFields(bytes: owned, from: index + 2)
        let framing = try fields.framing.checked()
        if framing.isChunked {
            guard isVersion11 else {
                throw FramingError(.transferEncodingInOldVersion, at: framing.offset)
            }
            body = .chunked
        } else {
            body = framing.contentLength.map { $0 == 0 ? .none : .length($0) } ?? .none
        }
        self.fields = fields
    }

    /// The request as it goes on, written anew: the origin form, the Host that was decided on, no
    /// field that is for one connection only (RFC 9110 section 7.6.1), and no other request after it.
    package func forwarded(path: [UInt8], authority: String) -> [UInt8] {
        var output = Array(method)
        output.append(Bytes.space)
        output += path
        output += " HTTP/1.1\r\nHost: \(authority)\r\n".utf8
        let named = connectionOptions
        for (name, value) in fields {
            let lower = name.map(Bytes.lowercased)
            let isForOneHop = Self.hopFields.contains { lower.elementsEqual($0.utf8) }
            guard !isForOneHop, !named.contains(lower) else { continue }
            output += name
            output.append(": ")
            output += value
            output.append("\r\n")
        }
        output.append("Connection: close\r\n\r\n")
        return output
    }

    private static let hopFields = [
        "host", "connection", "proxy-connection", "keep-alive", "proxy-authorization",
        "proxy-authenticate", "te", "trailer", "upgrade", "http2-settings",
    ]

    private var connectionOptions: Set<[UInt8]> {
        Set(
            fields.joined("connection").split(separator: 0x2c).map { token in
                token.filter { !Bytes.isBlank($0) }.map(Bytes.lowercased)
            }
            // The framing of the body is not for the client to take away.
            .filter { $0 != Array("content-length".utf8) && $0 != Array("transfer-encoding".utf8) }
        )
    }
}
