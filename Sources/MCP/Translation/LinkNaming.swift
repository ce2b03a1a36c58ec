package import JSON

/// Puts other names for the URIs of resources into a result, where it names any.
///
/// At the endpoint of all servers a URI alone says nothing of whose it is. What is renamed are
/// links and embedded resources: the places where a client looks for a URI to read.
package enum LinkNaming {
    /// The result as JSON text with every URI renamed; nil where it names none.
    package static func renamed(
        _ result: JSONNode,
        of kind: OfferKind,
        by name: (String) -> String
    ) -> [UInt8]? {
        let tokens = uris(in: result, of: kind)
        guard !tokens.isEmpty else { return nil }
        let source = result.source
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count + tokens.count * 32)
        var position = source.startIndex
        for token in tokens {
            let place = token.source
            guard let uri = token.string, place.startIndex >= position else { continue }
            bytes += source[position..<place.startIndex]
            bytes += JSONValue(name(uri)).serialised()
            position = place.endIndex
        }
        bytes += source[position...]
        return bytes
    }

    /// In the order they stand in.
    private static func uris(in result: JSONNode, of kind: OfferKind) -> [JSONNode] {
        switch kind {
        case .tool: result["content"]?.elements.flatMap(uris(inBlock:)) ?? []
        case .prompt:
            result["messages"]?.elements.flatMap { $0["content"].map(uris(inBlock:)) ?? [] } ?? []
        case .reading:
            result["contents"]?.elements.compactMap { text($0["uri"]) } ?? []
        case .completion, .resource, .template, .sampling, .roots: []
        }
    }

    private static func uris(inBlock block: JSONNode) -> [JSONNode] {
        if block["type"]?.isString("resource_link") == true {
            return text(block["uri"]).map { [$0] } ?? []
        }
        guard block["type"]?.isString("resource") == true else { return [] }
        return text(block["resource"]?["uri"]).map { [$0] } ?? []
    }

    private static func text(_ node: JSONNode?) -> JSONNode? {
        node?.kind == .string ? node : nil
    }
}
