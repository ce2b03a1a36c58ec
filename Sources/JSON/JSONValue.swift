/// A JSON value of its own, built in code or copied out of a document.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(JSONString)
    case array([JSONValue])
    case object(JSONObject)

    package init(_ value: some FixedWidthInteger) { self = .number(JSONNumber(value)) }
    package init(_ value: Bool) { self = .bool(value) }
    package init(_ value: String) { self = .string(JSONString(value)) }

    /// As JSON text, compact, members in their order.
    package func serialised() -> [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// The value of that member; nil when this is no object or has no such key.
    package subscript(key: JSONString) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self.init(value) }
    package init(integerLiteral value: Int) { self.init(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(nilLiteral: ()) { self = .null }

    package init(dictionaryLiteral elements: (JSONString, JSONValue)...) {
        self = .object(JSONObject(elements))
    }
}

/// The members of an object, each key once, in the order they were added.
///
/// Equal when both hold the same keys with equal values, in any order.
package struct JSONObject: Equatable, Sendable, ExpressibleByDictionaryLiteral {
    package typealias Member = (key: JSONString, value: JSONValue)

    package private(set) var members: [Member] = []

    package init() {}

    /// A key that comes again replaces the value it had.
    package init(_ members: [(JSONString, JSONValue)]) {
        for (key, value) in members { self[key] = value }
    }

    package init(dictionaryLiteral elements: (JSONString, JSONValue)...) { self.init(elements) }

    /// For members a parser has found to be distinct.
    init(distinct members: [Member]) { self.members = members }

    package var count: Int { members.count }

    /// Setting keeps a known key's place, appends a new one, and removes with nil; linear.
    package subscript(key: JSONString) -> JSONValue? {
        get { members.first { $0.key == key }?.value }
        set {
            let place = members.firstIndex { $0.key == key }
            switch (place, newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil): members.remove(at: place)
            case (nil, let value?): members.append((key, value))
            case (nil, nil): break
            }
        }
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        let left = left.members.sorted { $0.key < $1.key }
        let right = right.members.sorted { $0.key < $1.key }
        return zip(left, right).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }
}

extension JSONNode {
    /// The value copied out, so that the document can go; depth was limited by the parser.
    package var value: JSONValue {
        switch kind {
        case .null: return .null
        case .true: return .bool(true)
        case .false: return .bool(false)
        case .number: return number.map { .number($0) } ?? .null
        case .string: return .string(JSONString(string ?? ""))
        case .array: return .array(elements.map { $0.value })
        case .object: return .object(JSONObject(distinct: members.map { ($0.key, $0.value.value) }))
        }
    }
}
