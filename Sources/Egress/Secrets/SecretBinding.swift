private import Base

/// Where a secret may be used: at one host, in one value that it fills wholly, with some methods.
package struct SecretBinding: Hashable, Sendable {
    /// How the value is made of the secret.
    package enum Template: Hashable, Sendable {
        /// `Bearer {secret}`: what stands before and behind.
        case text(before: [UInt8], after: [UInt8])
        /// `Basic` with Base64 of `user:secret` (RFC 7617).
        case basic(user: String)

        /// Nil unless the text holds `{secret}` exactly once.
        package init?(_ text: String) {
            let parts = text.split(separator: "{secret}", omittingEmptySubsequences: false)
            guard parts.count == 2, text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
                return nil
            }
            self = .text(before: Array(parts[0].utf8), after: Array(parts[1].utf8))
        }

        package static let bearer = Template.text(before: Array("Bearer ".utf8), after: [])
        /// The secret alone.
        package static let plain = Template.text(before: [], after: [])

        package func filled(with secret: [UInt8]) -> [UInt8] {
            switch self {
            case .text(let before, let after): before + secret + after
            case .basic(let user):
                Array(("Basic " + Base64.encode(Array(user.utf8) + [0x3a] + secret)).utf8)
            }
        }

        /// Whether `value` is the template filled with `secret`, and nothing besides.
        package func isFilled(_ value: ArraySlice<UInt8>, with secret: [UInt8]) -> Bool {
            switch self {
            case .text: return value.elementsEqual(filled(with: secret))
            case .basic(let user):
                // The scheme's case is the client's choice, and so is the padding.
                guard value.count > 6,
                    value.prefix(6).map({ $0 | 0x20 }).elementsEqual("basic ".utf8),
                    let text = Base64.decode(String(decoding: value.dropFirst(6), as: UTF8.self))
                else { return false }
                return text.elementsEqual(Array(user.utf8) + [0x3a] + secret)
            }
        }
    }

    package let secret: String
    /// A name and a port, which a rule of the server allows, too.
    package let rule: EgressRule
    package let place: SecretPlace
    package let template: Template
    /// Empty: all of them.
    package let methods: Set<String>

    package init(
        secret: String,
        rule: EgressRule,
        place: SecretPlace,
        template: Template,
        methods: Set<String>
    ) {
        self.secret = secret
        self.rule = rule
        self.place = place
        self.template = template
        self.methods = methods
    }

    package func permits(method: String) -> Bool { methods.isEmpty || methods.contains(method) }
}
