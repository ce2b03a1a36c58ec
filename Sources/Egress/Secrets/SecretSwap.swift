private import JSON

/// An address or a body with the values in it that are exchanged: each is wholly a binding's template,
/// filled with what stands for the secret.
package struct SecretSwap: Sendable {
    package enum Content: Sendable {
        /// A request's target: its query is looked at.
        case address
        case form
        case json
    }

    private struct Site {
        let binding: SecretBinding
        let range: Range<Int>
    }

    private let text: [UInt8]
    private let isJSON: Bool
    /// In the order of the text, none in another.
    private let sites: [Site]

    /// - Parameter standIn: what the server holds in place of a secret.
    package init(
        _ text: [UInt8],
        as content: Content,
        _ bindings: [SecretBinding],
        standIn: (String) -> [UInt8]?
    ) {
        self.text = text
        isJSON = content == .json
        let values = Self.values(of: text, as: content, Set(bindings.map(\.place)))
        sites = values.compactMap { value in
            bindings.first { binding in
                binding.place == value.place
                    && (standIn(binding.secret)
                        .map { binding.template.isFilled(value.bytes[...], with: $0) } ?? false)
            }
            .map { Site(binding: $0, range: value.range) }
        }
    }

    package var bindings: [SecretBinding] { sites.map(\.binding) }

    /// The text without the values that are exchanged: nothing that stands for a secret may be in it.
    package var rest: [UInt8] { written { _ in [] } ?? text }

    /// Nil where a value cannot be written there: JSON holds text only.
    package func filled(with values: [String: [UInt8]]) -> [UInt8]? {
        written { site in
            guard let value = values[site.binding.secret] else { return nil }
            let bytes = site.binding.template.filled(with: value)
            guard isJSON else { return FormFields.encoded(bytes) }
            guard let string = String(validating: bytes, as: UTF8.self) else { return nil }
            return JSONValue.string(JSONString(string)).serialised()
        }
    }

    private func written(_ value: (Site) -> [UInt8]?) -> [UInt8]? {
        var result: [UInt8] = []
        var position = 0
        for site in sites {
            guard let bytes = value(site) else { return nil }
            result += text[position..<site.range.lowerBound] + bytes
            position = site.range.upperBound
        }
        return result + text[position...]
    }

    // MARK: Finding

    private struct Value {
        let place: SecretPlace
        let bytes: [UInt8]
        let range: Range<Int>
    }

    private static func values(
        of text: [UInt8],
        as content: Content,
        _ places: Set<SecretPlace>
    ) -> [Value] {
        guard places.contains(where: { isIn($0, content) }) else { return [] }
        var values: [Value] = []
        switch content {
        case .address, .form:
            let mark = content == .form ? -1 : text.firstIndex(of: UInt8(ascii: "?"))
            let written = text[((mark ?? text.count - 1) + 1)...]
            guard let fields = FormFields(written) else { return [] }
            for place in places where isIn(place, content) {
                guard let field = place.name.flatMap(fields.only) else { continue }
                values.append(Value(place: place, bytes: field.value, range: field.range))
            }
        case .json:
            // A key that stands twice is refused here, so a pointer leads to one value.
            guard let document = try? JSONDocument(parsing: text) else { return [] }
            for case .json(let pointer) in places {
                guard let node = pointer.resolve(document.root), let bytes = node.utf8 else {
                    continue
                }
                let source = node.source
                values.append(
                    Value(
                        place: .json(pointer),
                        bytes: bytes,
                        range: source.startIndex..<source.endIndex
                    )
                )
            }
        }
        return values.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }

    private static func isIn(_ place: SecretPlace, _ content: Content) -> Bool {
        switch (place, content) {
        case (.query, .address), (.form, .form), (.json, .json): true
        default: false
        }
    }
}

extension SecretPlace {
    /// Of a parameter or a form's field.
    fileprivate var name: String? {
        switch self {
        case .query(let name), .form(let name): name
        case .header, .json: nil
        }
    }
}
