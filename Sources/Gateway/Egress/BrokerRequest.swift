import Base
import Egress
import HTTP
import Screening

/// Writes one request of a server anew, with values where placeholders stood in their places.
struct BrokerRequest {
    let uses: [SecretBroker.Use]
    let start: SecretBroker.Start
    let shelf: SecretShelf
    let method: String

    private(set) var target: [UInt8] = []
    private(set) var fields = FieldBlock()
    private(set) var body: [UInt8] = []
    /// The bindings that were used, each once, in the order of the request.
    private(set) var used: [SecretBinding] = []

    /// Throws where a placeholder stands in any other place.
    init(
        _ head: RequestHead,
        _ body: [UInt8],
        uses: [SecretBroker.Use],
        start: SecretBroker.Start,
        shelf: SecretShelf
    ) throws(BrokerRefusal) {
        self.uses = uses
        self.start = start
        self.shelf = shelf
        method = head.methodBytes.text
        try write(head.fields)
        target = try exchanged(Array(head.target), .address, "address")
        self.body = try exchanged(body, Self.content(of: head, body), "body")
    }

    /// What belongs to the connection with us, and what we write ourselves.
    private static let ownFields: Set<String> = [
        "host", "connection", "proxy-connection", "keep-alive", "proxy-authorization", "te",
        "trailer", "transfer-encoding", "content-length", "expect", "accept-encoding", "upgrade",
    ]

    // MARK: Headers

    private mutating func write(_ given: HeaderFields) throws(BrokerRefusal) {
        // What comes back is looked through, so it must not be packed.
        fields.add("accept-encoding", literal: "identity")
        let names = given.map { $0.name.text.lowercased() }
        let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        for (lower, (name, value)) in zip(names, given) {
            guard !Self.ownFields.contains(lower), let token = FieldToken(lower) else { continue }
            var bytes = Array(value)
            // Like a parameter's, the name must stand once: so each binding is used once at most.
            if counts[lower] == 1,
                let binding = uses.first(where: { isFilled($0.binding, lower, value) })?.binding
            {
                bytes = binding.template.filled(with: try real(binding))
            } else {
                try check(Array(name) + [0x3a] + bytes, "header `\(lower)`")
            }
            guard let value = FieldValue(bytes: bytes) else { throw .notCarried("a field's value") }
            fields.add(token, value)
        }
    }

    private func isFilled(
        _ binding: SecretBinding,
        _ name: String,
        _ value: ArraySlice<UInt8>
    ) -> Bool {
        guard binding.place == .header(name), let placeholder = start.placeholders[binding.secret]
        else { return false }
        return binding.template.isFilled(value, with: placeholder.bytes)
    }

    // MARK: Address and body

    /// Nil for what cannot be taken apart: nothing is exchanged in it.
    private static func content(of head: RequestHead, _ body: [UInt8]) -> SecretSwap.Content? {
        guard body.count <= Limits.secretBodyByteCount, head.first("content-encoding") == nil,
            !head.isRepeated(.contentType), let type = head[.contentType]
        else { return nil }
        let parts = type.text.lowercased().split(separator: ";")
            .map { $0.filter { $0 != " " && $0 != "\t" } }
        guard let media = parts.first,
            parts.dropFirst().allSatisfy({ $0 == "charset=utf-8" || $0 == "charset=\"utf-8\"" })
        else { return nil }
        switch media {
        case "application/x-www-form-urlencoded": return .form
        case "application/json": return .json
        default: return media.hasPrefix("application/") && media.hasSuffix("+json") ? .json : nil
        }
    }

    private mutating func exchanged(
        _ text: [UInt8],
        _ content: SecretSwap.Content?,
        _ place: String
    ) throws(BrokerRefusal) -> [UInt8] {
        guard let content else {
            try check(text, place)
            return text
        }
        let swap = SecretSwap(text, as: content, uses.map(\.binding)) {
            start.placeholders[$0]?.bytes
        }
        try check(swap.rest, place)
        guard !swap.bindings.isEmpty else { return text }
        var values: [String: [UInt8]] = [:]
        for binding in swap.bindings { values[binding.secret] = try real(binding) }
        guard let filled = swap.filled(with: values) else {
            throw .notCarried("a secret that is no text")
        }
        return filled
    }

    private mutating func real(_ binding: SecretBinding) throws(BrokerRefusal) -> [UInt8] {
        guard binding.permits(method: method) else {
            throw .method(method, secret: binding.secret)
        }
        guard let value = shelf[binding.secret] else { throw .noValue(binding.secret) }
        used.append(binding)
        return value
    }

    private func check(_ bytes: [UInt8], _ place: String) throws(BrokerRefusal) {
        let found: Set<String>
        do throws(ScreeningFailure) {
            found = try start.canaries.names(in: bytes)
        } catch { throw .notScreened("\(error)") }
        guard found.isEmpty else { throw .canary(found, place: place) }
    }
}
