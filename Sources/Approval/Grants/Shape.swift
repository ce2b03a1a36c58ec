import Base
package import JSON
import Policy

/// The calls a grant covers: the one that was shown, and those that differ from it only where it
/// says so.
///
/// INVARIANT: closed. Every argument that is not named equals the shown one, an absent key stays
/// absent, an array keeps its length.
package struct Shape: Sendable, Equatable {
    /// How many arguments may be let vary.
    package static let varyingCount = 16

    /// The call form that was shown.
    let shown: CallForm
    let varying: [JSONPointer: Latitude]

    /// - Parameter vary: an object of JSON Pointers, each with `true` or an object of demands.
    package init(shown bytes: [UInt8], vary: JSONNode) throws(ShapeError) {
        guard let document = try? JSONDocument(parsing: bytes),
            let form = try? CallForm(document.root)
        else { throw .notKept }
        guard vary.kind == .object, vary.count <= Self.varyingCount else { throw .tooMany }
        var varying: [JSONPointer: Latitude] = [:]
        for (key, value) in vary.members {
            let text = printable(key.text, limit: 200)
            guard let pointer = try? JSONPointer(key.text), pointer != .root,
                let node = pointer.resolve(form.document.root)
            else { throw .noSuchArgument(text) }
            varying[pointer] = try Latitude(value, shown: node, at: text)
        }
        shown = form
        self.varying = varying
    }

    /// Whether that call has this shape.
    package func covers(_ call: CallForm) -> Bool {
        covers(shown.document.root, call.document.root, at: .root)
    }

    private func covers(_ shown: JSONNode, _ given: JSONNode, at place: JSONPointer) -> Bool {
        if let latitude = varying[place] { return latitude.covers(given) }
        switch shown.kind {
        case .object:
            guard given.kind == .object, given.count == shown.count else { return false }
            for (key, value) in shown.members {
                guard let other = given.member(utf8: key.text.utf8),
                    covers(value, other, at: place.appending(key))
                else { return false }
            }
            return true
        case .array:
            guard given.kind == .array, given.count == shown.count else { return false }
            var index = 0
            for (value, other) in zip(shown.elements, given.elements) {
                guard covers(value, other, at: place.appending(index)) else { return false }
                index += 1
            }
            return true
        case .string: return Self.areSameText(shown, given)
        case .number, .true, .false, .null:
            // Both are call forms, in which one value has one spelling.
            return shown.kind == given.kind && shown.source.elementsEqual(given.source)
        }
    }

    /// The same bytes, or two absolute paths that lead to one place and end alike: with a slash or
    /// `/.` behind it, a link is what it points to, and for copying programs a folder its content.
    private static func areSameText(_ shown: JSONNode, _ given: JSONNode) -> Bool {
        guard let left = shown.utf8, let right = given.utf8 else { return false }
        if left == right { return true }
        guard let shown = plainPath(left), let given = plainPath(right) else { return false }
        return shown.parts == given.parts && shown.ending == given.ending
    }

    /// The components of an absolute path and what stands behind the last; nil for what not everybody
    /// reads as the same one.
    ///
    /// Two slashes at the beginning may name a host, `..` may cross a link: neither is normalised.
    private static func plainPath(
        _ bytes: [UInt8]
    ) -> (parts: [ArraySlice<UInt8>], ending: ArraySlice<UInt8>)? {
        let slash = UInt8(ascii: "/")
        guard bytes.first == slash, bytes.dropFirst().first != slash, bytes.count <= 4096,
            bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") })
        else { return nil }
        let parts = bytes.split(separator: slash).filter { $0 != [UInt8(ascii: ".")] }
        guard !parts.contains(Array("..".utf8)[...]) else { return nil }
        return (parts, bytes[(parts.last?.endIndex ?? bytes.startIndex)...])
    }

    /// The pointers and what each may be, as they were written.
    package var vary: JSONValue {
        .object(
            JSONObject(
                varying.sorted { $0.key < $1.key }.map {
                    (JSONString($0.key.description), $0.value.value)
                }
            )
        )
    }

    /// `/path a path within /data/out/**, everything else as shown`.
    package var words: String {
        guard !varying.isEmpty else { return "with exactly the arguments shown" }
        let parts = varying.sorted { $0.key < $1.key }
            .map {
                "\(printable($0.key.description, limit: 100)) \(printable($0.value.words, limit: 300))"
            }
        return "with " + parts.joined(separator: ", ") + ", and everything else as shown"
    }

    package static func == (left: Shape, right: Shape) -> Bool {
        left.shown == right.shown && left.varying == right.varying
    }
}

/// Why a shape cannot be granted; for the person who asked for it.
package enum ShapeError: Error, Equatable, Sendable, CustomStringConvertible {
    case notKept
    case tooMany
    case noSuchArgument(String)
    case notOneValue(String)
    case badDemand(String)
    case shownIsOutside(String)

    package var description: String {
        switch self {
        case .notKept: "the arguments of this question are not kept any more"
        case .tooMany: "at most \(Shape.varyingCount) arguments may vary, each named by its pointer"
        case .noSuchArgument(let pointer):
            "the shown call has no argument `\(pointer)`; name one that is shown, such as `/path`"
        case .notOneValue(let pointer):
            "`\(pointer)` holds several values; name the one that may vary"
        case .badDemand(let pointer):
            "what `\(pointer)` may be must be true, or an object of glob (an absolute path), one_of, min, max, maxLength"
        case .shownIsOutside(let pointer):
            "the shown value of `\(pointer)` is not what you would allow; check what is demanded of it"
        }
    }
}
