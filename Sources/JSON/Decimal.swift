/// The exact value of a number text: sign × d.ddd × 10^exponent, in one form for each value.
struct Decimal: Hashable, Sendable {
    /// False for zero, so that -0 equals 0 (RFC 8259 has no opinion; the values are equal).
    let isNegative: Bool
    /// ASCII digits, the first and the last of them not 0; empty for zero.
    let digits: [UInt8]
    let exponent: Exponent

    /// `text` must follow RFC 8259 section 6.
    init(_ text: some Sequence<UInt8>) {
        var isNegative = false
        var digits: [UInt8] = []
        var exponentDigits: [UInt8] = []
        var isExponentNegative = false
        var pointShift = 0  // digits before the point, less zeros before the first digit
        var isAfterPoint = false
        var isInExponent = false
        for byte in text {
            switch byte {
            case 0x2d where isInExponent: isExponentNegative = true
            case 0x2d: isNegative = true
            case 0x2b: break
            case 0x2e: isAfterPoint = true
            case 0x45, 0x65: isInExponent = true
            case _ where isInExponent:
                if byte != 0x30 || !exponentDigits.isEmpty { exponentDigits.append(byte) }
            default:
                let isLeadingZero = byte == 0x30 && digits.isEmpty
                if isAfterPoint {
                    if isLeadingZero { pointShift -= 1 }
                } else if !isLeadingZero {
                    pointShift += 1
                }
                if !isLeadingZero { digits.append(byte) }
            }
        }
        while digits.last == 0x30 { digits.removeLast() }
        self.isNegative = isNegative && !digits.isEmpty
        self.digits = digits
        exponent =
            digits.isEmpty
            ? .zero
            : Exponent(exponentDigits, isNegative: isExponentNegative, adding: pointShift - 1)
    }

    var isZero: Bool { digits.isEmpty }

    /// Whether the value is a whole number; decided by the value, so `1.0` and `1e2` are.
    var isInteger: Bool {
        guard !isZero else { return true }
        switch exponent {
        case .near(let exponent): return exponent >= digits.count - 1
        case .far(let isNegative, _): return !isNegative
        }
    }

    static func < (left: Decimal, right: Decimal) -> Bool { left.compare(right) < 0 }

    /// Negative, zero or positive, as this is less than, equal to or greater than `other`.
    func compare(_ other: Decimal) -> Int {
        let sign = isZero ? 0 : (isNegative ? -1 : 1)
        let otherSign = other.isZero ? 0 : (other.isNegative ? -1 : 1)
        guard sign == otherSign, sign != 0 else { return sign - otherSign }
        if exponent != other.exponent { return exponent < other.exponent ? -sign : sign }
        if digits == other.digits { return 0 }
        return digits.lexicographicallyPrecedes(other.digits) ? -sign : sign
    }

    /// A power of ten; a text may write any number of digits there.
    enum Exponent: Hashable, Sendable, Comparable {
        /// Within ±(10^18 − 1).
        case near(Int)
        /// Beyond it: at least 19 ASCII digits without leading zeros.
        case far(isNegative: Bool, digits: [UInt8])

        static let zero = Exponent.near(0)
        private static let bound = 1_000_000_000_000_000_000

        /// `shift` is small: no text is longer than 2^30 bytes.
        init(_ digits: [UInt8], isNegative: Bool, adding shift: Int) {
            if digits.count <= 18 {
                let magnitude = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
                let sum = (isNegative ? -magnitude : magnitude) + shift
                guard abs(sum) >= Self.bound else {
                    self = .near(sum)
                    return
                }
                self = .far(isNegative: sum < 0, digits: Array(String(abs(sum)).utf8))
                return
            }
            let sum = Self.add(isNegative ? -shift : shift, to: digits)
            if sum.count <= 18 {
                let magnitude = sum.reduce(0) { $0 * 10 + Int($1 - 0x30) }
                self = .near(isNegative ? -magnitude : magnitude)
            } else {
                self = .far(isNegative: isNegative, digits: sum)
            }
        }

        /// Digits of a number of at least 10^18, plus a small one of either sign.
        private static func add(_ shift: Int, to digits: [UInt8]) -> [UInt8] {
            var result = digits
            var carry = shift
            var position = result.count - 1
            while carry != 0, position >= 0 {
                let sum = Int(result[position] - 0x30) + carry
                let digit = ((sum % 10) + 10) % 10
                result[position] = UInt8(truncatingIfNeeded: digit + 0x30)
                carry = (sum - digit) / 10
                position -= 1
            }
            if carry > 0 { result.insert(contentsOf: Array(String(carry).utf8), at: 0) }
            return Array(result.drop { $0 == 0x30 })
        }

        static func < (left: Exponent, right: Exponent) -> Bool {
            switch (left, right) {
            case (.near(let left), .near(let right)): return left < right
            case (.near, .far(let isNegative, _)): return !isNegative
            case (.far(let isNegative, _), .near): return isNegative
            case (.far(let leftNegative, let left), .far(let rightNegative, let right)):
                if leftNegative != rightNegative { return leftNegative }
                let isShorter =
                    left.count != right.count
                    ? left.count < right.count : left.lexicographicallyPrecedes(right)
                return leftNegative ? !isShorter && left != right : isShorter
            }
        }
    }
}
