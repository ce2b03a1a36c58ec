extension JSONNumber {
    /// The longest divisor, in significant digits, that `isMultiple(of:)` takes.
    package static let divisorDigitCount = 200
    /// The longest number, in significant digits, that is tested against a divisor.
    package static let dividendDigitCount = 4096

    /// Whether this is a whole multiple of `divisor`, exactly (JSON Schema `multipleOf`).
    ///
    /// False for a divisor of zero, and beyond the two digit counts above, so that what cannot be
    /// decided with bounded work does not hold.
    package func isMultiple(of divisor: JSONNumber) -> Bool {
        let dividend = decimal
        let divisor = divisor.decimal
        guard !divisor.isZero else { return false }
        guard !dividend.isZero else { return true }
        guard divisor.digits.count <= Self.divisorDigitCount,
            dividend.digits.count <= Self.dividendDigitCount
        else { return false }
        // As whole numbers: X·10^x over Y·10^y, neither X nor Y divisible by ten.
        guard let shift = Self.shift(from: dividend, to: divisor), shift >= 0 else { return false }
        // Y holds fewer than 4 twos or fives per digit; more factors of ten change nothing.
        let zeros = min(shift, divisor.digits.count * 4)
        return Self.remainderIsZero(dividend.digits, zeros: zeros, by: divisor.digits)
    }

    /// x − y of the comment above, held to a range that decides; nil stands for "negative".
    private static func shift(from dividend: Decimal, to divisor: Decimal) -> Int? {
        switch (dividend.exponent, divisor.exponent) {
        case (.near(let left), .near(let right)):
            return (left - dividend.digits.count) - (right - divisor.digits.count)
        case (let left, let right) where left == right:
            return divisor.digits.count - dividend.digits.count
        case (.far(let isNegative, let left), .far(let otherNegative, let right))
        where isNegative == otherNegative && abs(left.count - right.count) <= 1:
            // Both vast and close together: the difference of the last digits decides.
            return difference(left, right).map { isNegative ? -$0 : $0 }.map {
                $0 - dividend.digits.count + divisor.digits.count
            } ?? (dividend.exponent < divisor.exponent ? nil : .max / 2)
        default: return dividend.exponent < divisor.exponent ? nil : .max / 2
        }
    }

    /// left − right when it is small enough to matter, else nil.
    private static func difference(_ left: [UInt8], _ right: [UInt8]) -> Int? {
        let width = max(left.count, right.count)
        func digit(_ number: [UInt8], _ position: Int) -> Int {
            let index = position - (width - number.count)
            return index < 0 ? 0 : Int(number[index] - 0x30)
        }
        var result = 0
        for position in 0..<width {
            result = result * 10 + digit(left, position) - digit(right, position)
            if abs(result) > 1 << 40 { return nil }
        }
        return result
    }

    /// Long division in base 10^9 limbs of the divisor, one digit of the dividend at a time.
    private static func remainderIsZero(_ digits: [UInt8], zeros: Int, by divisor: [UInt8]) -> Bool
    {
        if divisor.count <= 18 {
            let modulus = divisor.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - 0x30) }
            var rest: UInt64 = 0
            func push(_ digit: UInt64) {
                let wide = rest.multipliedFullWidth(by: 10)
                let (low, carry) = wide.low.addingReportingOverflow(digit)
                rest = modulus.dividingFullWidth((wide.high + (carry ? 1 : 0), low)).remainder
            }
            for digit in digits { push(UInt64(digit - 0x30)) }
            for _ in 0..<zeros { push(0) }
            return rest == 0
        }
        var rest = DigitRemainder(modulus: divisor)
        for digit in digits { rest.push(digit - 0x30) }
        for _ in 0..<zeros { rest.push(0) }
        return rest.isZero
    }
}

/// The remainder of a growing number by a modulus of many digits.
private struct DigitRemainder {
    private static let base: Int64 = 1_000_000_000
    private let modulus: [Int64]  // little end first
    private var rest: [Int64]

    init(modulus digits: [UInt8]) {
        var limbs: [Int64] = []
        var end = digits.count
        while end > 0 {
            let start = max(0, end - 9)
            limbs.append(digits[start..<end].reduce(0) { $0 * 10 + Int64($1 - 0x30) })
            end = start
        }
        limbs.append(0)  // room for the factor of ten
        modulus = limbs
        rest = Array(repeating: 0, count: limbs.count)
    }

    var isZero: Bool { rest.allSatisfy { $0 == 0 } }

    mutating func push(_ digit: UInt8) {
        var carry = Int64(digit)
        for index in rest.indices {
            let value = rest[index] * 10 + carry
            rest[index] = value % Self.base
            carry = value / Self.base
        }
        while !isBelowModulus { subtract() }  // at most nine times
    }

    private var isBelowModulus: Bool {
        for index in rest.indices.reversed() where rest[index] != modulus[index] {
            return rest[index] < modulus[index]
        }
        return false
    }

    private mutating func subtract() {
        var borrow: Int64 = 0
        for index in rest.indices {
            var value = rest[index] - modulus[index] - borrow
            borrow = value < 0 ? 1 : 0
            if value < 0 { value += Self.base }
            rest[index] = value
        }
    }
}
