/// Why a value has no call form or canonical form.
package enum CallFormError: Error, Equatable, Sendable, CustomStringConvertible {
    /// RFC 8785 only: the number is beyond the largest double.
    case numberOutOfRange(offset: Int)
    /// The number's power of ten is beyond ±100,000.
    case exponentOutOfRange(offset: Int)
    /// The form is longer than the limit, because numbers or escapes grew.
    case unreadable(JSONError)

    package var description: String {
        switch self {
        case .numberOutOfRange(let offset):
            "byte \(offset): number beyond the range of a double; write a smaller one"
        case .exponentOutOfRange(let offset):
            "byte \(offset): exponent beyond ±100000; write a number with a smaller one"
        case .unreadable(let error): "the call form is not taken: \(error)"
        }
    }
}

/// The one byte string of a call: what is checked, judged, digested, shown and sent (law 2).
///
/// Key order and escaping as RFC 8785. A number is written as RFC 8785 writes it when that text has
/// exactly its value; otherwise exactly and in one spelling: a whole number of at most 40 digits as
/// its digits, anything else as `d.ddde±n` without trailing zeros, `+` or leading zeros, the
/// exponent always there. So two values share their bytes exactly when they are equal.
package struct CallForm: Sendable, Equatable {
    package let bytes: [UInt8]
    /// The form read again by the one parser, for everyone who looks at arguments.
    package let document: JSONDocument

    package init(
        _ node: JSONNode,
        limits: JSONLimits = .message
    ) throws(CallFormError) {
        if let copy = node.canonicalCopy(limits) {
            document = copy
            bytes = copy.bytes
            return
        }
        bytes = try Canonicaliser.bytes(of: node, .exact)
        do throws(JSONError) {
            document = try JSONDocument(parsing: bytes, limits: limits)
        } catch {
            throw .unreadable(error)
        }
    }

    package static func == (left: CallForm, right: CallForm) -> Bool { left.bytes == right.bytes }
}

extension JSONNumber {
    /// Powers of ten beyond this, either way, have no call form.
    package static let callFormExponent = 100_000
    /// Whole numbers of up to so many digits are written as digits.
    package static let callFormDigitCount = 40

    /// The one spelling of this value in a call form; nil when its exponent is out of range.
    package var callForm: [UInt8]? { try? callForm(offset: 0) }

    func callForm(offset: Int) throws(CallFormError) -> [UInt8] {
        let utf8 = text.utf8
        // Plain digits that a double surely holds are spelled alike everywhere.
        if utf8.count <= 15, utf8.first != 0x2d, utf8.allSatisfy({ $0 &- 0x30 < 10 }) {
            return Array(utf8)
        }
        let decimal = decimal
        guard case .near(let exponent) = decimal.exponent,
            abs(exponent) <= Self.callFormExponent
        else { throw .exponentOutOfRange(offset: offset) }
        // 17 significant digits are the most a double's shortest text has.
        if decimal.digits.count <= 17, let double {
            let spelling = ECMAScriptNumber.text(of: double)
            if Decimal(spelling) == decimal { return spelling }
        }
        return Self.exact(decimal, exponent: exponent)
    }

    private static func exact(_ decimal: Decimal, exponent: Int) -> [UInt8] {
        var result: [UInt8] = decimal.isNegative ? [0x2d] : []
        let digits = decimal.digits
        if decimal.isInteger, exponent < callFormDigitCount {
            result += digits
            result += repeatElement(0x30, count: exponent + 1 - digits.count)
            return result
        }
        result += digits.prefix(1)
        if digits.count > 1 {
            result.append(0x2e)
            result += digits.dropFirst()
        }
        result.append(0x65)
        result += String(exponent).utf8
        return result
    }
}
