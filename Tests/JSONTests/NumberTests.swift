import JSON
import Testing

@Suite struct NumberTests {
    private func number(_ text: String) throws -> JSONNumber { try #require(JSONNumber(text)) }

    @Test(
        "is no number",
        arguments: [
            "", "-", "+1", "01", "-01", "1.", ".1", "1e", "1e+", "1.e1", "0x1", "1 ", " 1", "1_0",
            "NaN", "Infinity", "1,0", "--1", "1e1.5", "１", "1\u{0}",
        ]
    )
    func isNone(text: String) { #expect(JSONNumber(text) == nil) }

    @Test(
        "compares by value",
        arguments: [
            ("1", "<", "2"), ("-1", "<", "1"), ("-2", "<", "-1"), ("1.0", "=", "1"),
            ("-0", "=", "0"), ("0.0e-9", "=", "0"), ("1e2", "=", "100"), ("1e-2", "=", "0.01"),
            ("9007199254740992", "<", "9007199254740993"), ("0.1", "<", "0.10000000000000001"),
            ("999999999999999999", "<", "1000000000000000000"),
            ("9223372036854775807", "<", "9223372036854775808"), ("1e400", "<", "1e401"),
            ("-1e401", "<", "-1e400"), ("1e-401", "<", "1e-400"), ("0", "<", "1e-999999999"),
            ("-1e-999999999", "<", "0"), ("12", "<", "123"), ("1.2", "<", "1.23"),
            ("1e999999999999999999", "<", "1e1000000000000000000"),
            ("10e999999999999999999", "=", "1e1000000000000000000"),
            ("0.1e1000000000000000001", "=", "1e1000000000000000000"),
            ("0.1e1000000000000000000", "=", "1e999999999999999999"),
            ("1e99999999999999999999", "<", "1e100000000000000000000"),
            ("10e99999999999999999999", "=", "1e100000000000000000000"),
            ("0.01e100000000000000000001", "=", "1e99999999999999999999"),
            ("1e-100000000000000000000", "<", "1e-99999999999999999999"),
            ("1e-100000000000000000000", "=", "10e-100000000000000000001"),
            ("1e-100000000000000000000", "=", "0.1e-99999999999999999999"),
            ("1e0000000000000000000000000000000000001", "=", "10"),
            ("-1e100000000000000000000", "<", "-1e99999999999999999999"),
            ("1e-100000000000000000000", "<", "1"), ("1", "<", "1e100000000000000000000"),
        ]
    )
    func compares(left: String, sign: String, right: String) throws {
        let (left, right) = try (number(left), number(right))
        #expect((left < right) == (sign == "<"))
        #expect((left == right) == (sign == "="))
        #expect(!(right < left))
        if sign == "=" { #expect(left.hashValue == right.hashValue) }
    }

    @Test(
        "knows whole numbers and those that fit",
        arguments: [
            ("0", true, 0), ("-0", true, 0), ("1.0", true, 1), ("1.5", false, nil),
            ("1e2", true, 100), ("100e-2", true, 1), ("100e-3", false, nil), ("-12", true, -12),
            ("9223372036854775807", true, .max), ("9223372036854775808", true, nil),
            ("-9223372036854775808", true, .min), ("-9223372036854775809", true, nil),
            ("922337203685477580.7e1", true, .max), ("1e18", true, 1_000_000_000_000_000_000),
            ("1e19", true, nil), ("1e400", true, nil), ("1e-400", false, nil),
            ("1e99999999999999999999", true, nil), ("1e-99999999999999999999", false, nil),
            ("123456789012345678", true, 123_456_789_012_345_678),
        ] as [(String, Bool, Int64?)]
    )
    func whole(text: String, isInteger: Bool, value: Int64?) throws {
        #expect(try number(text).isInteger == isInteger)
        #expect(try number(text).int64 == value)
        #expect(try parse(text).root.number?.int64 == value)
    }

    @Test(
        "gives the nearest double, or none",
        arguments: [
            ("0", 0), ("1", 1), ("-1.5", -1.5), ("0.1", 0.1),
            ("9007199254740993", 9007199254740992),
            ("1e400", nil), ("-1e400", nil), ("1e-400", 0), ("5e-324", .leastNonzeroMagnitude),
            ("123456789012345678", 123_456_789_012_345_680),
        ] as [(String, Double?)]
    )
    func double(text: String, value: Double?) throws { #expect(try number(text).double == value) }

    @Test func `minus zero stays minus zero as a double`() throws {
        #expect(try number("-0").double?.sign == .minus)
        #expect(try number("-0.0").double?.sign == .minus)
        #expect(try number("0").double?.sign == .plus)
    }

    @Test(
        "is written as ECMAScript writes it",
        arguments: [
            (0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (0.5, "0.5"), (1e21, "1e+21"),
            (1e20, "100000000000000000000"), (123e-20, "1.23e-18"), (1e-6, "0.000001"),
            (1e-7, "1e-7"), (1.5e300, "1.5e+300"), (.leastNonzeroMagnitude, "5e-324"),
            (4.35, "4.35"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (9_007_199_254_740_992, "9007199254740992"),
            (295_147_905_179_352_825_856, "295147905179352830000"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] as [(Double, String)]
    )
    func writes(value: Double, expected: String) { #expect(JSONNumber(value)?.text == expected) }

    @Test func `infinities and what is no number are not written`() {
        #expect(JSONNumber(Double.infinity) == nil)
        #expect(JSONNumber(-Double.infinity) == nil)
        #expect(JSONNumber(Double.nan) == nil)
    }

    @Test(
        "is a multiple, exactly",
        arguments: [
            ("10", "2", true), ("7", "2", false), ("0", "3", true), ("4.5", "1.5", true),
            ("35", "1.5", false), ("0.0075", "0.0001", true), ("0.00751", "0.0001", false),
            ("1e308", "0.5", true), ("1e308", "0.123456789", false), ("1e400", "7", false),
            ("7e400", "7", true), ("1", "0", false), ("1", "1e-400", true), ("1e-400", "1", false),
            ("0.3", "0.1", true), ("-9", "3", true), ("9", "-3", true), ("1e5", "64", false),
            ("1e6", "64", true), ("1e1000", "1e999", true), ("1e999", "1e1000", false),
            ("9007199254740993", "2", false), ("9007199254740992", "2", true),
            ("18446744073709551616", "4294967296", true),
            ("18446744073709551615", "4294967296", false),
            ("121932631356500531347203169112635269", "123456789123456789", true),
            ("121932631356500531347203169112635270", "123456789123456789", false),
            (
                "15241578753238836750495351562536198787501905199875019052100",
                "123456789012345678901234567890", true
            ),
            (
                "15241578753238836750495351562536198787501905199875019052101",
                "123456789012345678901234567890", false
            ),
            ("1e99999999999999999999", "1e99999999999999999999", true),
            ("12e99999999999999999999", "3e99999999999999999999", true),
            ("10e99999999999999999999", "3e99999999999999999999", false),
            ("1e100000000000000000000", "1e99999999999999999999", true),
            ("1e99999999999999999999", "1e100000000000000000000", false),
            ("1e-99999999999999999999", "1e-100000000000000000000", true),
            ("1e-100000000000000000000", "1e-99999999999999999999", false),
            ("1e99999999999999999999", "5e-99999999999999999999", true),
            ("1e99999999999999999999", "3", false),
        ]
    )
    func multiple(dividend: String, divisor: String, expected: Bool) throws {
        #expect(try number(dividend).isMultiple(of: number(divisor)) == expected)
    }

    @Test func `divisors and dividends beyond their bound hold nothing`() throws {
        func nines(_ count: Int) throws -> JSONNumber {
            try number(String(repeating: "9", count: count))
        }
        #expect(try nines(200).isMultiple(of: nines(200)))
        #expect(try !nines(201).isMultiple(of: nines(201)))
        #expect(try nines(4096).isMultiple(of: number("9")))
        #expect(try !nines(4097).isMultiple(of: number("9")))
    }
}
