/// Text that compares as bytes.
///
/// Swift's `String` compares by canonical equivalence, under which two different keys of an object
/// can be equal; this type holds a `String` and compares its UTF-8.
package struct JSONString: Hashable, Sendable, Comparable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    package let text: String

    package init(_ text: String) { self.text = text }

    package init(stringLiteral text: String) { self.text = text }

    package var description: String { text }

    package static func == (left: JSONString, right: JSONString) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package static func < (left: JSONString, right: JSONString) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(UInt8(0xff))
    }
}
