import JSON
import TestKit
import Testing

/// Two texts share a call form exactly when they say the same value: 10,000 texts, of which many
/// spell one value in several ways, beside an oracle that works by shifting digits in a row.
@Suite struct RandomNumberTests {
    /// The value as a row of digits with the point at a fixed place; equal rows, equal values.
    private func oracle(_ text: String) -> String {
        let isNegative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" }.split { $0 == "e" || $0 == "E" }
        let mantissa = parts[0].split(separator: ".")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let whole = Array(String(mantissa[0]).utf8)
        let digits = whole + (mantissa.count > 1 ? Array(String(mantissa[1]).utf8) : [])
        var row = [UInt8](repeating: 0x30, count: 2400)
        for (index, digit) in digits.enumerated() {
            row[1200 - whole.count - exponent + index] = digit
        }
        let isZero = row.allSatisfy { $0 == 0x30 }
        return (isNegative && !isZero ? "-" : "+") + String(decoding: row, as: UTF8.self)
    }

    /// A way to write digits × 10^exponent: point moved, zeros added, exponent shifted.
    private func spelling(_ digits: String, _ exponent: Int, _ random: inout Seeded) -> String {
        var digits = digits
        var exponent = exponent
        for _ in 0..<Int.random(in: 0...3, using: &random) where digits != "0" {
            digits += "0"
            exponent -= 1
        }
        let point = Int.random(in: 0...digits.utf8.count, using: &random)
        let shift = digits.utf8.count - point
        var text = point == 0 ? "0" : String(digits.prefix(point))
        if text.hasPrefix("0"), text != "0" { text = "0" }
        if shift > 0 { text += "." + digits.suffix(shift) }
        exponent += shift
        let isPlain = exponent == 0 && Bool.random(using: &random)
        if !isPlain {
            text += Bool.random(using: &random) ? "e" : "E"
            if exponent < 0 { text += "-" } else if Bool.random(using: &random) { text += "+" }
            text += String(repeating: "0", count: Int.random(in: 0...2, using: &random))
            text += "\(abs(exponent))"
        }
        return (Bool.random(using: &random) ? "-" : "") + text
    }

    private func digits(_ random: inout Seeded) -> String {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return "\(Int.random(in: 0...30, using: &random))"
        case 1: return "\((1 << 53) + Int.random(in: -9...9, using: &random))"
        case 2: return "\(UInt64.random(in: 1 << 60 ... .max, using: &random))"
        case 3:
            let double = Double(bitPattern: random.next() >> 2)
            return String(JSONNumber(double)?.text.filter(\.isNumber).drop { $0 == "0" } ?? "7")
        default:
            let first = Int.random(in: 1...9, using: &random)
            let count = Int.random(in: 0...45, using: &random)
            return "\(first)"
                + (0..<count).map { _ in "\(Int.random(in: 0...9, using: &random))" }.joined()
        }
    }

    @Test func `equal forms exactly for equal values`() throws {
        var random = Seeded(8785)
        var texts: [String] = []
        while texts.count < 10_000 {
            let digits = digits(&random)
            let exponent =
                Bool.random(using: &random)
                ? Int.random(in: -30...30, using: &random)
                : Int.random(in: -700...700, using: &random)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                texts.append(spelling(digits.isEmpty ? "0" : digits, exponent, &random))
            }
        }
        var formOfValue: [String: String] = [:]
        var valueOfForm: [String: String] = [:]
        for source in texts {
            let number = try #require(JSONNumber(source), "\(source)")
            let value = oracle(source)
            let written = try form(source)
            #expect(formOfValue[value, default: written] == written, "\(source)")
            #expect(valueOfForm[written, default: value] == value, "\(source)")
            formOfValue[value] = written
            valueOfForm[written] = value
            #expect(oracle(written) == value, "\(source) became \(written)")
            #expect(JSONNumber(written) == number)
            #expect(JSONNumber(written)?.hashValue == number.hashValue)
        }
        #expect(formOfValue.count > 3_000 && formOfValue.count < 9_000)
    }

    @Test func `order is that of the values`() throws {
        var random = Seeded(6901)
        let texts = (0..<3_000).map { _ in
            spelling(digits(&random), Int.random(in: -40...40, using: &random), &random)
        }
        for (left, right) in zip(texts, texts.dropFirst()) {
            let (leftValue, rightValue) = (oracle(left), oracle(right))
            let isLess: Bool
            switch (leftValue.first, rightValue.first) {
            case ("-", "+"): isLess = true
            case ("+", "-"): isLess = false
            case ("-", _): isLess = rightValue < leftValue
            default: isLess = leftValue < rightValue
            }
            let (first, second) = try (#require(JSONNumber(left)), #require(JSONNumber(right)))
            #expect((first < second) == isLess, "\(left) < \(right)")
            #expect((first == second) == (leftValue == rightValue), "\(left) == \(right)")
        }
    }
}
