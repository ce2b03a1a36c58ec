/// What a client of HTTP/2 begins with (RFC 9113 section 3.4).
enum HTTP2Preface {
    enum Finding { case found, absent, undecided }

    private static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    /// Whether the connection begins so; the bytes stay where they are.
    static func find(_ bytes: Span<UInt8>) -> Finding {
        text.withUTF8Buffer { expected in
            let count = min(bytes.count, expected.count)
            for index in 0..<count where unsafe bytes[index] != expected[index] { return .absent }
            return count == expected.count ? .found : .undecided
        }
    }
}
