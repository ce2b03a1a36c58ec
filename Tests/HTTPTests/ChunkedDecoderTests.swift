import Base
import Testing

@testable import HTTP

struct ChunkedDecoderTests {
    /// The decoded body and how much was left over, in pieces of that size.
    private static func decode(
        _ text: String,
        piece: Int = .max,
        limit: Int = 100
    ) throws(FramingError) -> (body: String, rest: String, isEnded: Bool) {
        var decoder = ChunkedDecoder(limit: limit)
        var body: [UInt8] = []
        let bytes = text.bytes
        var start = 0
        while start < bytes.count {
            let end = piece >= bytes.count - start ? bytes.count : start + piece
            let part = Array(bytes[start..<end])
            var index = 0
            reading: while true {
                switch try decoder.next(in: part.span, from: &index) {
                case .data(let range): body += part[range]
                case .needsMore: break reading
                case .end(let end):
                    let rest = String(decoding: bytes[(start + end)...], as: UTF8.self)
                    return (String(decoding: body, as: UTF8.self), rest, true)
                }
            }
            start = end
        }
        return (String(decoding: body, as: UTF8.self), "", false)
    }

    @Test(
        "chunks are joined, whatever pieces they come in",
        arguments: [
            ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"),
            ("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789"),
            ("003\r\nabc\r\n00\r\n\r\n", "abc"),
            ("1\r\n\r\r\n1\r\n\n\r\n0\r\nX: y\r\nZ:\r\n\r\n", "\r\n"),
            ("9\r\n0\r\n\r\n0\r\n1\r\n0\r\n\r\n", "0\r\n\r\n0\r\n1"),
        ]
    )
    func joins(text: String, body: String) throws {
        for piece in [1, 2, 3, 5, .max] {
            let decoded = try Self.decode(text + "NEXT", piece: piece)
            #expect(decoded == (body, "NEXT", true), "pieces of \(piece)")
        }
    }

    @Test func `cut anywhere it is unfinished`() throws {
        let text = "3\r\nabc\r\n0\r\nX: y\r\n\r\n"
        for count in 0..<text.utf8.count {
            let part = String(decoding: text.bytes[..<count], as: UTF8.self)
            #expect(try !Self.decode(part).isEnded)
        }
    }

    @Test(
        "refuses every other spelling",
        arguments: [
            ("\r\n", FramingError.Reason.badChunkSize), ("g\r\n", .badChunkSize),
            ("0x3\r\n", .badChunkSize), ("+3\r\n", .badChunkSize), ("-3\r\n", .badChunkSize),
            (" 3\r\n", .badChunkSize), ("3 \r\n", .badChunkSize), ("3\n", .badChunkSize),
            ("3\rX", .badChunkSize), ("3;a=b\r\n", .chunkExtension),
            ("0;\r\n\r\n", .chunkExtension),
            ("3\r\nabcd", .badChunkEnd), ("3\r\nabc\n", .badChunkEnd),
            ("3\r\nabc\rX", .badChunkEnd),
            ("3\r\nabc0\r\n\r\n", .badChunkEnd),
            ("0\r\nbad trailer\r\n\r\n", .badTrailer), ("0\r\n: x\r\n\r\n", .badTrailer),
            ("0\r\n x: y\r\n\r\n", .badTrailer), ("0\r\nx: \u{0}\r\n\r\n", .badTrailer),
            ("0\r\n\n", .badTrailer), ("0\r\nx: y\n\r\n", .badTrailer), ("0\r\n\rX", .badTrailer),
            ("65\r\n", .bodyTooLarge(limit: 100)),
            ("FFFFFFFFFFFFFFFF\r\n", .bodyTooLarge(limit: 100)),
            ("10000000000000000\r\n", .bodyTooLarge(limit: 100)),
            ("8000000000000000\r\n", .bodyTooLarge(limit: 100)),
        ]
    )
    func refuses(text: String, reason: FramingError.Reason) {
        for piece in [1, .max] {
            let error = #expect(throws: FramingError.self) {
                try Self.decode(text, piece: piece)
            }
            #expect(error?.reason == reason)
        }
    }

    @Test func `chunks together may reach the limit and not pass it`() throws {
        #expect(
            try Self.decode("32\r\n" + String(repeating: "x", count: 50) + "\r\n32\r\n").body != ""
        )
        #expect(throws: FramingError.self) {
            try Self.decode("32\r\n" + String(repeating: "x", count: 50) + "\r\n33\r\n")
        }
    }

    @Test func `a size may have its limit of digits and trailers their limit of bytes`() {
        let zeros = String(repeating: "0", count: Limits.chunkLineByteCount)
        #expect(throws: Never.self) { try Self.decode(zeros + "\r\n\r\n") }
        #expect(throws: FramingError.self) { try Self.decode("0" + zeros + "\r\n\r\n") }
        // The empty line and the field's own frame are counted with its value.
        let value = String(repeating: "v", count: Limits.trailerByteCount - 7)
        #expect(throws: Never.self) { try Self.decode("0\r\nX: \(value)\r\n\r\n") }
        #expect(throws: FramingError.self) { try Self.decode("0\r\nX: v\(value)\r\n\r\n") }
    }
}
