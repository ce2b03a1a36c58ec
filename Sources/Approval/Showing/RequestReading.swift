import JSON

/// Arguments that describe an HTTP request, as it would go out.
struct RequestReading {
    private let method: String?
    private let address: WebAddress
    private let url: String
    private let headers: [(name: String, value: String)]
    private let bodyByteCount: Int?

    /// Nil where the arguments hold no URL of the web at their first level.
    init?(_ form: CallForm) {
        let members = form.document.root.members.map {
            (ArgumentWalk.plain($0.key.text), $0.value)
        }
        func value(_ keys: Set<String>) -> JSONNode? {
            members.first { keys.contains($0.0) }?.1
        }
        guard let url = value(["url", "uri", "endpoint", "href"])?.string,
            let address = WebAddress(url), ["http", "https", "ws", "wss"].contains(address.scheme)
        else { return nil }
        self.url = url
        self.address = address
        method = value(["method", "verb", "httpmethod"])?.string?.uppercased()
        headers = value(["headers", "header"]).map(Self.headers) ?? []
        bodyByteCount = value(["body", "data", "payload", "json"]).map { node in
            node.utf8?.count ?? node.source.count
        }
    }

    private static func headers(_ node: JSONNode) -> [(name: String, value: String)] {
        switch node.kind {
        case .object:
            node.members.map { ($0.key.text, $0.value.string ?? text($0.value)) }
        case .array:
            node.elements.map { entry in
                (entry["name"]?.string ?? entry["key"]?.string ?? "", entry["value"]?.string ?? "")
            }
        case .string, .number, .true, .false, .null: []
        }
    }

    private static func text(_ node: JSONNode) -> String {
        String(decoding: node.source, as: UTF8.self)
    }

    /// Names whose values are credentials.
    private static func isSecret(_ name: String) -> Bool {
        let plain = ArgumentWalk.plain(name)
        return ["authorization", "cookie", "setcookie"].contains(plain)
            || ["token", "secret", "password", "apikey", "auth", "key", "session", "signature"]
                .contains { plain.contains($0) }
    }

    var section: Card.Section {
        var lines: [Card.Line] = [
            .init(
                .plain,
                "\(method.map { Visible.spell($0) } ?? "(no method given)") \(Visible.spell(url))"
            ),
            .init(
                .plain,
                "to \(Visible.spell(address.place))"
                    + (address.port.map { " port \($0)" } ?? "")
                    + (address.scheme == "http" || address.scheme == "ws" ? ", not encrypted" : "")
            ),
        ]
        for warning in address.warnings { lines.append(.init(.alarm, warning)) }
        for header in headers.prefix(50) {
            let value =
                Self.isSecret(header.name)
                ? "(a secret of \(header.value.utf8.count) bytes)" : Visible.spell(header.value)
            lines.append(.init(.plain, "\(Visible.spell(header.name)): \(value)"))
        }
        if headers.count > 50 {
            lines.append(.init(.folded, "\(headers.count - 50) headers more: see the arguments"))
        }
        if let bodyByteCount { lines.append(.init(.plain, "a body of \(bodyByteCount) bytes")) }
        return Card.Section(.request, "Request", lines)
    }
}
