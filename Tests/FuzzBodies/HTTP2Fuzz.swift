import Base
import HTTP

/// Bytes as what a client of HTTP/2 sends behind its preface, and as what a server sends.
///
/// A head that is taken holds nothing that could end a line, has no more fields than one of
/// HTTP/1.1 may have, and what comes out in answer is bounded by what came in.
enum HTTP2Fuzz {
    static func check(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        feed(Array(bytes.dropFirst()), asServer: first & 1 == 0, isOpen: first & 2 != 0)
    }

    private final class Bodies: HTTP2BodySource {
        func nextBytes(
            of stream: Int32,
            atMost room: Int
        ) -> (bytes: ArraySlice<UInt8>, isLast: Bool) {
            (Array(repeating: 0x61, count: min(room, 10))[...], true)
        }
    }

    /// What both sides begin with: the preface of a client, and settings.
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

    private static func feed(_ bytes: [UInt8], asServer: Bool, isOpen: Bool) {
        let bodies = Bodies()
        guard let session = HTTP2Session(asServer: asServer, HTTP2SessionLimits(), source: bodies)
        else { return }
        let input = (asServer ? preface : []) + (isOpen ? settings : []) + bytes
        var output: [UInt8] = []
        // Two pieces, as a network cuts them.
        for piece in [input.prefix(input.count / 2), input.dropFirst(input.count / 2)] {
            let isWell = session.receive(Array(piece).span, at: Instant(nanoseconds: 1))
            for event in session.takeEvents() { answer(event, session, asServer: asServer) }
            _ = session.write(to: &output, limit: 1 << 20)
            _ = session.takeEvents()
            guard isWell else { break }
        }
        expect(output.count < 1024 + 256 * input.count, "an answer is bounded by what it answers")
    }

    private static func answer(_ event: HTTP2Session.Event, _ session: HTTP2Session, asServer: Bool)
    {
        switch event {
        case .head(let id, let fields, _):
            guard asServer else {
                if let head = try? fields.responseHead() { look(head.fields) }
                return
            }
            if let head = try? fields.requestHead() {
                look(head.fields)
                expect(head.path.first == 0x2F, "a path begins with a slash")
            }
            _ = session.respond(id, HTTP2FieldList(status: 200), hasBody: true)
        case .data(let id, let bytes): session.consume(id, bytes.count)
        default: break
        }
    }

    private static func look(_ fields: HeaderFields) {
        expect(fields.count <= Limits.headerCount, "fields have a limit")
        for (name, value) in fields {
            expect(!name.isEmpty, "each field has a name")
            expect(
                (name + value).allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 },
                "nothing in a field ends its line"
            )
        }
    }
}
