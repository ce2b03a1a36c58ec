/// A double as ECMAScript prints it, which is how RFC 8785 section 3.2.2.3 writes numbers.
enum ECMAScriptNumber {
    /// ECMA-262 Number::toString with radix 10; `value` must be finite.
    static func text(of value: Double) -> [UInt8] {
        if value == 0 { return [0x30] }
        // Swift prints the shortest digits that read back as the same double, as ECMA-262 asks;
        // only their layout differs.
        let decimal = Decimal(value.description.utf8)
        guard case .near(let exponent) = decimal.exponent else { return [0x30] }
        return text(of: decimal, exponent: exponent)
    }

    /// ECMA-262 steps 6 to 11: k digits, and n such that the value is 0.digits × 10^n.
    private static func text(of decimal: Decimal, exponent: Int) -> [UInt8] {
        let digits = decimal.digits
        let count = digits.count
        let point = exponent + 1
        var result: [UInt8] = decimal.isNegative ? [0x2d] : []
        if point > 0, point <= 21 {
            result += digits.prefix(point)
            if count <= point {
                result += repeatElement(0x30, count: point - count)
            } else {
                result.append(0x2e)
                result += digits.dropFirst(point)
            }
        } else if point > -6, point <= 0 {
            result += [0x30, 0x2e]
            result += repeatElement(0x30, count: -point)
            result += digits
        } else {
            result += digits.prefix(1)
            if count > 1 {
                result.append(0x2e)
                result += digits.dropFirst()
            }
            result += [0x65, exponent < 0 ? 0x2d : 0x2b]
            result += String(abs(exponent)).utf8
        }
        return result
    }
}
