import JSON

/// What the JSON parser takes can be written again, in three ways, and stays the same value.
func fuzzJSON(_ bytes: [UInt8]) {
    numberAndPointer(bytes)
    let limits = JSONLimits(byteCount: 1 << 20, depth: 32, nodeCount: 1 << 16)
    guard let document = try? JSONDocument(parsing: bytes, limits: limits) else { return }
    let root = document.root
    let inside = try? JSONDocument(parsing: ([0x20, 0x22] + bytes + [0x22])[2..<bytes.count + 2])
    expect(inside.map { $0.root.value == root.value } ?? true, "a slice reads like the whole")
    walk(root)

    let value = root.value
    let again = try? JSONDocument(parsing: value.serialised(), limits: .result)
    expect(again?.root.value == value, "a value written again is the same value")

    guard let form = try? CallForm(root, limits: .result) else { return }
    expect(form.document.root.value == value, "a call form says the same value")
    let second = try? CallForm(form.document.root, limits: .result)
    expect(second == form, "the form of a form is itself")
    if let canonical = try? RFC8785.canonical(root),
        let document = try? JSONDocument(parsing: canonical, limits: .result)
    {
        let second = try? RFC8785.canonical(document.root)
        expect(second == canonical, "canonical bytes are canonical")
    }
}

/// Every member is found by its key and every element by its place.
private func walk(_ root: JSONNode) {
    var open = [root]
    while let node = open.popLast() {
        for (key, value) in node.members {
            expect(
                node.member(key.text)?.source == value.source,
                "a member is found by its key"
            )
            open.append(value)
        }
        for element in node.elements { open.append(element) }
        if let number = node.number {
            expect(number == number && !(number < number), "a number equals itself")
            expect(number.callForm.map { JSONNumber(decoding: $0) == number } ?? true, "exact")
            _ = number.int64
            _ = number.double
            _ = number.isMultiple(of: JSONNumber(7))
        }
        _ = node.scalarCount
        _ = node.string
    }
}

/// The same bytes as a number text and as a pointer.
private func numberAndPointer(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    if let number = JSONNumber(text) {
        let document = try? JSONDocument(parsing: Array(text.utf8), limits: .result)
        expect(document?.root.number == number, "both number readers agree")
    }
    if let pointer = try? JSONPointer(text) {
        expect((try? JSONPointer(pointer.description)) == pointer, "a pointer written is itself")
    }
}

extension JSONNumber {
    fileprivate init?(decoding bytes: [UInt8]) { self.init(String(decoding: bytes, as: UTF8.self)) }
}
