private import Base
internal import JSON

/// Every schema that can be reached, by place and by name, before anything is compiled.
///
/// Documents come from memory only: the schema itself, the two drafts' metaschemas, and what the
/// caller handed over as `remotes`.
struct SchemaLibrary {
    /// One schema, object or boolean, at one place of one document.
    struct Entry {
        var node: JSONNode
        var document: Int
        var dialect: Dialect
        var depth: Int
    }

    /// A schema with an identifier of its own (2020-12 core 4.3.5).
    struct Resource {
        var base: URIReference
        var root: Int32
    }

    /// What a subschema takes over from the one around it.
    struct Context {
        var document: Int
        var resource: Int32
        var dialect: Dialect
        var depth: Int
    }

    struct Location: Hashable {
        var document: Int
        var node: JSONPlace
    }

    private struct Pointer: Hashable {
        var document: Int
        var text: JSONString
    }

    struct Anchor: Hashable {
        var resource: Int32
        var name: JSONString
    }

    private(set) var entries: [Entry] = []
    private(set) var places: [Place] = []
    private(set) var resources: [Resource] = []
    private(set) var anchors: [Anchor: Int32] = [:]
    private(set) var dynamicAnchors: [Anchor: Int32] = [:]
    private var found: [Location: Int32] = [:]
    private var resourcesByName: [JSONString: Int32] = [:]
    /// Every known schema by its pointer inside its document, so that a reference costs one look-up.
    private var pointers: [Pointer: Int32] = [:]
    private var walked = 0
    private var documentCount = 0
    private let remotes: [JSONString: JSONDocument]
    private let limits: SchemaLimits
    private let dialect: Dialect

    /// The base of a schema that has none of its own (RFC 3986 5.1.4).
    static let defaultBase = URIReference("json-schema:///")

    /// Reads the schema whose root is `root`; it becomes entry 0.
    init(
        _ root: JSONNode,
        draft: SchemaDraft,
        remotes: [JSONString: JSONDocument],
        limits: SchemaLimits
    ) throws(SchemaError) {
        self.remotes = remotes
        self.limits = limits
        dialect = Dialect(draft)
        _ = try add(document: root, at: Self.defaultBase)
    }

    // MARK: finding

    func number(of node: JSONNode, in document: Int) -> Int32? {
        found[Location(document: document, node: node.place)]
    }

    /// The pointer of that entry inside its document.
    func pointer(of number: Int32) -> String {
        var segments: [String] = []
        var current = number
        while current >= 0 {
            let place = places[Int(current)]
            if !place.segment.isEmpty { segments.append(place.segment) }
            current = place.parent
        }
        return segments.reversed().map { "/" + $0 }.joined()
    }

    /// The schema `reference` names when it stands in entry `number`.
    ///
    /// `anchor` is its fragment when that is a plain name.
    mutating func resolve(
        _ reference: String,
        from number: Int32
    ) throws(SchemaError) -> (target: Int32, anchor: JSONString?) {
        let base = resources[Int(places[Int(number)].resource)].base
        let uri = URIReference(reference).resolved(against: base)
        guard let resource = try resource(named: uri),
            let fragment = percentDecoded(uri.fragment ?? "")
        else { throw unresolved(reference, at: number) }
        let root = resources[Int(resource)].root
        if fragment.isEmpty { return (root, nil) }
        if fragment.utf8.first == UInt8(ascii: "/") {
            guard let pointer = try? JSONPointer(fragment),
                let target = try follow(pointer, from: root)
            else { throw unresolved(reference, at: number) }
            return (target, nil)
        }
        let name = JSONString(fragment)
        guard let target = anchors[Anchor(resource: resource, name: name)] else {
            throw unresolved(reference, at: number)
        }
        return (target, name)
    }

    private func unresolved(_ reference: String, at number: Int32) -> SchemaError {
        SchemaError(pointer: pointer(of: number), reason: .unresolvedReference(reference))
    }

    private mutating func resource(named uri: URIReference) throws(SchemaError) -> Int32? {
        let name = JSONString(uri.resource)
        if let known = resourcesByName[name] { return known }
        guard let document = remotes[name] ?? Metaschemas.document(name.text) else { return nil }
        var base = uri
        base.fragment = nil
        _ = try add(document: document.root, at: base)
        return resourcesByName[name]
    }

    /// Walks a pointer from a resource's root; what lies where no keyword puts a schema becomes one
    /// when it is referred to.
    private mutating func follow(
        _ pointer: JSONPointer,
        from root: Int32
    ) throws(SchemaError) -> Int32? {
        let document = entries[Int(root)].document
        let whole = self.pointer(of: root) + pointer.description
        if let known = pointers[Pointer(document: document, text: JSONString(whole))] {
            return known
        }
        var nearest = root
        var way: [JSONString] = []
        var node = entries[Int(root)].node
        for token in pointer.tokens {
            walked += node.count
            guard walked <= limits.work else {
                throw error(.tooMuchWork(limit: limits.work), at: root)
            }
            guard let next = JSONPointer(tokens: [token]).resolve(node) else { return nil }
            node = next
            way.append(token)
            if let known = number(of: node, in: document) {
                nearest = known
                way = []
            }
        }
        guard !way.isEmpty else { return nearest }
        let entry = entries[Int(nearest)]
        return try add(
            node,
            parent: nearest,
            segment: String(JSONPointer(tokens: way).description.dropFirst()),
            in: Context(
                document: document,
                resource: places[Int(nearest)].resource,
                dialect: entry.dialect,
                depth: entry.depth + 1
            )
        )
    }

    // MARK: adding

    private mutating func add(
        document root: JSONNode,
        at base: URIReference
    ) throws(SchemaError) -> Int32 {
        let resource = Int32(truncatingIfNeeded: resources.count)
        let number = Int32(truncatingIfNeeded: entries.count)
        resources.append(Resource(base: base, root: number))
        resourcesByName[JSONString(base.resource)] = resource
        documentCount += 1
        let context = Context(
            document: documentCount - 1,
            resource: resource,
            dialect: dialect,
            depth: 0
        )
        return try add(root, parent: -1, segment: "", in: context)
    }

    @discardableResult
    private mutating func add(
        _ node: JSONNode,
        parent: Int32,
        segment: String,
        in outer: Context
    ) throws(SchemaError) -> Int32 {
        let number = Int32(truncatingIfNeeded: entries.count)
        places.append(Place(parent: parent, segment: segment, resource: outer.resource))
        entries.append(
            Entry(
                node: node,
                document: outer.document,
                dialect: outer.dialect,
                depth: outer.depth
            )
        )
        found[Location(document: outer.document, node: node.place)] = number
        let text = JSONString(pointer(of: number))
        pointers[Pointer(document: outer.document, text: text)] = number
        guard entries.count <= limits.schemaCount else {
            throw error(.tooManySchemas(limit: limits.schemaCount), at: number)
        }
        guard outer.depth <= limits.depth else {
            throw error(.tooDeep(limit: limits.depth), at: number)
        }
        guard node.kind == .object else {
            guard node.bool != nil else { throw error(.notASchema, at: number) }
            return number
        }
        var context = outer
        try identify(node, number, isDocument: parent < 0, &context)
        places[Int(number)].resource = context.resource
        entries[Int(number)].dialect = context.dialect
        context.depth += 1
        try addChildren(of: node, number, in: context)
        return number
    }

    private mutating func addChildren(
        of node: JSONNode,
        _ number: Int32,
        in context: Context
    ) throws(SchemaError) {
        // draft-07 core 8.3: beside `$ref` every other keyword is ignored; definitions can still be
        // pointed at.
        let isReference = context.dialect.draft == .draft7 && node["$ref"] != nil
        for (key, value) in node.members {
            guard let shape = SubschemaShape(of: key.text, in: context.dialect) else { continue }
            guard !isReference || shape == .definitions else { continue }
            let segment = pointerToken(key.text)
            switch (shape, value.kind) {
            case (.one, _), (.oneOrList, .object), (.oneOrList, .true), (.oneOrList, .false):
                try add(value, parent: number, segment: segment, in: context)
            case (.list, .array), (.oneOrList, .array):
                for (place, element) in value.elements.enumerated() {
                    try add(element, parent: number, segment: "\(segment)/\(place)", in: context)
                }
            case (.map, .object), (.definitions, .object), (.dependencies, .object):
                for (name, child) in value.members {
                    if shape == .dependencies, child.kind == .array { continue }
                    let segment = segment + "/" + pointerToken(name.text)
                    try add(child, parent: number, segment: segment, in: context)
                }
            default:
                throw SchemaError(
                    pointer: pointer(of: number) + "/" + segment,
                    reason: .wrongValue(expected: shape.words)
                )
            }
        }
    }

    // MARK: identifiers

    private mutating func identify(
        _ node: JSONNode,
        _ number: Int32,
        isDocument: Bool,
        _ context: inout Context
    ) throws(SchemaError) {
        if context.dialect.draft == .draft7, node["$ref"] != nil, !isDocument { return }
        let id = try text("$id", of: node, number)
        // 2020-12 core 8.1.1: `$schema` stands at the root of a resource.
        if let name = try text("$schema", of: node, number) {
            let declared = try dialect(named: name, at: number)
            guard isDocument || id != nil || declared == context.dialect else {
                throw error(.badIdentifier(name), at: number)
            }
            context.dialect = declared
        }
        if let id, !(context.dialect.draft == .draft7 && node["$ref"] != nil) {
            try name(id, number, isDocument: isDocument, &context)
        }
        guard context.dialect.draft == .draft2020 else { return }
        if let name = try text("$anchor", of: node, number) {
            try add(anchor: name, number, context)
        }
        if let name = try text("$dynamicAnchor", of: node, number) {
            try add(anchor: name, number, context)
            let anchor = Anchor(resource: context.resource, name: JSONString(name))
            dynamicAnchors[anchor] = number
        }
    }

    private mutating func name(
        _ id: String,
        _ number: Int32,
        isDocument: Bool,
        _ context: inout Context
    ) throws(SchemaError) {
        let outer = resources[Int(context.resource)].base
        var uri = URIReference(id).resolved(against: outer)
        let fragment = uri.fragment ?? ""
        uri.fragment = nil
        if !id.utf8.starts(with: "#".utf8) {
            let name = JSONString(uri.resource)
            if isDocument {
                // The document answers to the name it was found under as well.
                resources[Int(context.resource)].base = uri
            } else {
                context.resource = Int32(truncatingIfNeeded: resources.count)
                resources.append(Resource(base: uri, root: number))
            }
            guard resourcesByName[name].map({ $0 == context.resource }) ?? true else {
                throw error(.duplicateIdentifier(id), at: number)
            }
            resourcesByName[name] = context.resource
        }
        guard !fragment.isEmpty else { return }
        // draft-07 core 8.2.3: a fragment names a place; 2020-12 core 8.2.1 forbids it.
        guard context.dialect.draft == .draft7, let name = percentDecoded(fragment) else {
            throw error(.badIdentifier(id), at: number)
        }
        try add(anchor: name, number, context)
    }

    private mutating func add(
        anchor name: String,
        _ number: Int32,
        _ context: Context
    ) throws(SchemaError) {
        guard URIReference.isPlainName(name) else { throw error(.badIdentifier(name), at: number) }
        let anchor = Anchor(resource: context.resource, name: JSONString(name))
        guard anchors[anchor].map({ $0 == number }) ?? true else {
            throw error(.duplicateIdentifier(name), at: number)
        }
        anchors[anchor] = number
    }

    // MARK: dialects

    private func dialect(named name: String, at number: Int32) throws(SchemaError) -> Dialect {
        let uri = URIReference(name)
        guard uri.fragment.map({ $0.isEmpty }) ?? true else {
            throw error(.unknownDialect(name), at: number)
        }
        if let draft = SchemaDraft(rawValue: uri.resource) { return Dialect(draft) }
        guard let root = remotes[JSONString(uri.resource)]?.root,
            let parent = root["$schema"]?.string.map({ URIReference($0).resource }),
            let draft = SchemaDraft(rawValue: parent)
        else { throw error(.unknownDialect(name), at: number) }
        var dialect = Dialect(draft)
        guard draft == .draft2020, let vocabularies = root["$vocabulary"] else { return dialect }
        // 2020-12 core 8.1.2: an unknown vocabulary that is required forbids the schema.
        var used: Set<String> = []
        for (key, isRequired) in vocabularies.members {
            if Vocabulary.known.contains(key.text) {
                used.insert(key.text)
            } else if isRequired.bool != false {
                throw error(.unknownVocabulary(key.text), at: number)
            }
        }
        dialect.hasApplicators = used.contains(Vocabulary.applicator)
        dialect.hasUnevaluated = used.contains(Vocabulary.unevaluated)
        dialect.hasValidation = used.contains(Vocabulary.validation)
        return dialect
    }

    /// The text of a naming keyword, or nil when it is absent.
    private func text(
        _ keyword: StaticString,
        of node: JSONNode,
        _ number: Int32
    ) throws(SchemaError) -> String? {
        guard let value = node[keyword] else { return nil }
        let pointer = pointer(of: number) + "/\(keyword)"
        guard let text = value.string else {
            throw SchemaError(pointer: pointer, reason: .wrongValue(expected: "a string"))
        }
        guard text.utf8.count <= limits.textByteCount else {
            throw SchemaError(pointer: pointer, reason: .tooLong(limit: limits.textByteCount))
        }
        return text
    }

    private func error(_ reason: SchemaError.Reason, at number: Int32) -> SchemaError {
        SchemaError(pointer: pointer(of: number), reason: reason)
    }
}
