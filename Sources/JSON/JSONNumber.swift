/// A number as its text says it; compared by its exact decimal value, never as a double.
///
/// `1.0`, `1` and `10e-1` are equal; 9007199254740993 and 9007199254740992 are not.
package struct JSONNumber: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The text as it was written (RFC 8259 section 6).
    package let text: String

    /// Nil unless `text` is one JSON number and nothing else.
    package init?(_ text: String) {
        guard Self.isNumber(text.utf8) else { return nil }
        self.text = text
    }

    package init(_ value: some FixedWidthInteger) { text = String(value) }

    /// Nil for infinities and NaN, which JSON cannot write; otherwise as RFC 8785 writes it.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        text = String(decoding: ECMAScriptNumber.text(of: value), as: UTF8.self)
    }

    /// For text the parser has accepted as a number.
    init(accepted text: UnsafeBufferPointer<UInt8>) {
        unsafe self.text = String(decoding: text, as: UTF8.self)
    }

    package var description: String { text }

    package static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        if let leftSmall = left.small, let rightSmall = right.small {
            return leftSmall == rightSmall
        }
        return left.decimal == right.decimal
    }

    package static func < (left: JSONNumber, right: JSONNumber) -> Bool {
        if let leftSmall = left.small, let rightSmall = right.small {
            return leftSmall < rightSmall
        }
        return left.decimal < right.decimal
    }

    package func hash(into hasher: inout Hasher) {
        if let int64 { hasher.combine(int64) } else { hasher.combine(decimal) }
    }

    /// Whether the value is whole: true for `1.0` and `1e400`.
    package var isInteger: Bool { small != nil || decimal.isInteger }

    /// The value, when it is whole and fits; `1.0` and `1e2` give 1 and 100.
    package var int64: Int64? {
        if let small { return small }
        let decimal = decimal
        guard decimal.isInteger else { return nil }
        guard case .near(let exponent) = decimal.exponent, exponent < 19 else { return nil }
        var magnitude: UInt64 = 0
        for position in 0...exponent {
            let digit = position < decimal.digits.count ? decimal.digits[position] - 0x30 : 0
            let (product, isOver) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, isOverSum) = product.addingReportingOverflow(UInt64(digit))
            guard !isOver, !isOverSum else { return nil }
            magnitude = sum
        }
        if decimal.isNegative {
            return magnitude == Int64.min.magnitude
                ? .min : Int64(exactly: magnitude).map { -$0 }
        }
        return Int64(exactly: magnitude)
    }

    /// The value, when it is whole and fits.
    package var int: Int? { int64.flatMap { Int(exactly: $0) } }

    /// The nearest double; nil when the value lies beyond the largest one.
    package var double: Double? {
        if let small, small.magnitude <= 1 << 53 {
            return small == 0 && text.utf8.first == 0x2d ? -0.0 : Double(small)
        }
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The exact value; work and space are linear in the length of the text.
    var decimal: Decimal { Decimal(text.utf8) }

    /// The value of plain digits, at most 18 of them, perhaps after a minus sign.
    private var small: Int64? {
        let utf8 = text.utf8
        guard utf8.count <= 19 else { return nil }
        var magnitude: Int64 = 0
        var digitCount = 0
        var isNegative = false
        for byte in utf8 {
            if byte == 0x2d, digitCount == 0, !isNegative {
                isNegative = true
                continue
            }
            guard byte &- 0x30 < 10, digitCount < 18 else { return nil }
            magnitude = magnitude * 10 + Int64(byte - 0x30)
            digitCount += 1
        }
        return isNegative ? -magnitude : magnitude
    }

    /// The grammar of RFC 8259 section 6.
    private static func isNumber(_ text: String.UTF8View) -> Bool {
        var rest = text[...]
        func digits() -> Int {
            let before = rest.count
            rest = rest.drop { $0 &- 0x30 < 10 }
            return before - rest.count
        }
        if rest.first == 0x2d { rest = rest.dropFirst() }
        let isZeroFirst = rest.first == 0x30
        let whole = digits()
        guard whole > 0, !isZeroFirst || whole == 1 else { return false }
        if rest.first == 0x2e {
            rest = rest.dropFirst()
            guard digits() > 0 else { return false }
        }
        if rest.first == 0x65 || rest.first == 0x45 {
            rest = rest.dropFirst()
            if rest.first == 0x2b || rest.first == 0x2d { rest = rest.dropFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}
