import JSON
import Testing

@testable import MCP

/// The table of 2026-07-28, basic/versioning, as a gateway for both eras lives it.
@Suite("Negotiation over HTTP")
struct NegotiationTests {
    static let version = #""io.modelcontextprotocol/protocolVersion":"#
    static let capabilities = #""io.modelcontextprotocol/clientCapabilities":{}"#
    static let modern = #"{\#(version)"2026-07-28",\#(capabilities)}"#

    private func era(
        _ method: String,
        meta: String? = nil,
        header: String? = nil,
        session: String? = nil,
        id: Int? = 1
    ) throws -> MessageEra {
        let params = meta.map { #","params":{"_meta":\#($0)}"# } ?? ""
        let number = id.map { #""id":\#($0),"# } ?? ""
        let message = try message(#"{"jsonrpc":"2.0",\#(number)"method":"\#(method)"\#(params)}"#)
        let found: JSONNode? =
            switch message {
            case .request(let request): request.params
            case .notification(let notification): notification.params
            case .response: nil
            }
        return try Negotiation.era(
            of: message,
            meta: RequestMeta(of: found),
            Negotiation.Signals(
                version: header.map { NamedRevision($0) },
                hasSession: session != nil
            )
        )
    }

    private func refusal(_ body: () throws -> MessageEra) -> ProtocolError? {
        do {
            _ = try body()
            return nil
        } catch { return error as? ProtocolError }
    }

    @Test func `initialize opens a session`() throws {
        #expect(try era("initialize") == .opening)
        #expect(try era("initialize", header: "2025-11-25") == .opening)
        #expect(try era("initialize", header: "1999-01-01") == .opening)
        // Of a client that tried the newest revision first.
        #expect(try era("initialize", header: "2026-07-28") == .opening)
    }

    @Test func `equal versions in header and body are self-contained, whatever session is named`()
        throws
    {
        #expect(try era("tools/list", meta: Self.modern, header: "2026-07-28") == .modern)
        #expect(
            try era("tools/list", meta: Self.modern, header: "2026-07-28", session: "s") == .modern
        )
        #expect(try era("initialize", meta: Self.modern, header: "2026-07-28") == .modern)
        #expect(try era("notifications/cancelled", header: "2026-07-28", id: nil) == .modern)
    }

    @Test func `a session's message may leave the header out`() throws {
        #expect(try era("ping", session: "s") == .session(version: nil))
        #expect(
            try era("ping", header: "2025-06-18", session: "s")
                == .session(version: .r2025_06_18)
        )
    }

    @Test(
        "refuses every mixed or missing signal",
        arguments: [
            (modern, nil, ErrorCode.headerMismatch),
            (modern, "2025-11-25", .headerMismatch),
            (modern, " 2026-07-28", .headerMismatch),
            (#"{\#(version)"2026-07-28"}"#, "2026-07-28", .invalidParams),
            (
                #"{\#(version)"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}"#,
                "2026-07-28", .invalidParams
            ),
            ("{\(capabilities)}", "2026-07-28", .invalidParams),
            ("{}", "2026-07-28", .invalidParams),
            (nil, "2026-07-28", .invalidParams),
            (#"{\#(version)"2031-01-01",\#(capabilities)}"#, "2031-01-01", .unsupportedVersion),
            (#"{\#(version)"2025-11-25",\#(capabilities)}"#, "2025-11-25", .unsupportedVersion),
            (nil, "1999-01-01", .unsupportedVersion),
            (nil, "2025-11-25", .invalidRequest),
            (nil, nil, .invalidRequest),
        ] as [(String?, String?, ErrorCode)]
    )
    func refuses(meta: String?, header: String?, code: ErrorCode) {
        let found = refusal { try era("tools/list", meta: meta, header: header) }
        #expect(found?.code == code)
        #expect(found?.status == 400)
    }

    @Test func `a version that is not served is told which are`() throws {
        let error = Negotiation.unsupported(requested: "2031-01-01")
        let data = try JSONDocument(parsing: error.data ?? []).root
        #expect(
            data["supported"]?.elements.map(\.string) == Revision.allCases.map(\.rawValue)
        )
        #expect(data["requested"]?.string == "2031-01-01")
    }

    @Test func `a version too long to repeat is not repeated`() throws {
        let error = Negotiation.unsupported(requested: String(repeating: "9", count: 65))
        #expect(try JSONDocument(parsing: error.data ?? []).root["requested"]?.string == "")
    }

    @Test(
        "initialize is granted what it asks for where we serve it, else our newest with handshake",
        arguments: [
            ("2025-06-18", Revision.r2025_06_18), ("2025-11-25", .r2025_11_25),
            ("2024-11-05", .r2024_11_05), ("2025-03-26", .r2025_03_26),
            ("2026-07-28", .r2025_11_25), ("", .r2025_11_25), ("2031-01-01", .r2025_11_25),
        ]
    )
    func grants(asked: String, granted: Revision) {
        #expect(Negotiation.answer(toInitializeWith: asked) == granted)
    }
}
