import Base
import Egress
import Testing

/// The same bytes again and again, so that a test knows what comes.
private struct Repeating: RandomSource {
    let block: [UInt8]
    func bytes(count: Int) -> [UInt8] { (0..<count).map { block[$0 % block.count] } }
}

private func placeholder(_ value: String, _ block: [UInt8] = Array(0...250)) -> String {
    let made = SecretPlaceholder(like: Array(value.utf8), random: Repeating(block: block))
    return String(decoding: made.bytes, as: UTF8.self)
}

@Suite struct SecretPlaceholderTests {
    @Test(
        "has the shape of the value",
        arguments: [
            "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g", "sk-ant-api03-AbC_dEf-0123456789abcdefghij",
            "xoxb-123456789012-AbCdEfGhIjKlMnOpQrSt", "0123456789abcdef0123456789abcdef01234567",
        ]
    )
    func shape(value: String) {
        let made = placeholder(value)
        #expect(made != value && made.utf8.count == value.utf8.count)
        for (old, new) in zip(value.utf8, made.utf8) {
            #expect((0x30...0x39).contains(old) == (0x30...0x39).contains(new))
            #expect((0x41...0x5a).contains(old) == (0x41...0x5a).contains(new))
            #expect((0x61...0x7a).contains(old) == (0x61...0x7a).contains(new))
        }
    }

    @Test func `keeps the prefix programs look for`() {
        #expect(placeholder("ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g").hasPrefix("ghp_"))
        #expect(placeholder("sk-ant-api03-0123456789abcdefghijABCDEFGHIJ").hasPrefix("sk-ant-"))
        // Nothing of a value that is all one word.
        #expect(!placeholder("abcdefghijklmnopqrstuvwxyzabcd").hasPrefix("abcd"))
        // What is left behind the prefix would be too little to be random.
        #expect(!placeholder("abcdefgh-abcd").hasPrefix("abcdefgh-"))
    }

    @Test(
        "gives nothing of a value away",
        arguments: [
            "пароль-от-склада", "correct-horse-battery-staple", "!@#$%^&*()[]{}", "a!b?c*d",
            "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "my_bank_account", "------------------------",
            "-.-.-.-.-.-.-.-.-", "p\u{e4}ssw\u{f6}rd", "密码密码密码",
        ]
    )
    func hides(value: String) {
        let made = placeholder(value)
        #expect(!made.contains(value))
        #expect(made.utf8.allSatisfy { $0 < 0x80 })
        // No run of it stands where it stood, beyond what chance and separators give.
        let same = zip(value.utf8, made.utf8).prefix(12).count { $0 == $1 && $0 != 0x2d }
        #expect(same < 4, "\(made)")
    }

    @Test(arguments: ["", "a", "short-1", "------------------------"])
    func `a short value still gets one nobody can guess`(value: String) {
        #expect(placeholder(value).utf8.count >= 22)
    }

    @Test func `is another for other random bytes`() {
        let value = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g"
        #expect(placeholder(value) != placeholder(value, Array((0...250).reversed())))
    }
}

@Suite struct SecretTemplateTests {
    private let secret = Array("s3cret-value".utf8)

    private func isFilled(_ template: SecretBinding.Template, _ value: String) -> Bool {
        template.isFilled(Array(value.utf8)[...], with: secret)
    }

    @Test func `is filled by the whole value and nothing else`() throws {
        let bearer = try #require(SecretBinding.Template("Bearer {secret}"))
        #expect(bearer == .bearer && isFilled(bearer, "Bearer s3cret-value"))
        for value in [
            "bearer s3cret-value", "Bearer  s3cret-value", "Bearer s3cret-value ",
            "Bearer s3cret-valu",
            "Bearer s3cret-value, x", "x Bearer s3cret-value", "s3cret-value", "",
        ] { #expect(!isFilled(bearer, value), "\(value)") }
        #expect(
            String(decoding: bearer.filled(with: secret), as: UTF8.self) == "Bearer s3cret-value"
        )
    }

    @Test func `basic is read as its user and password`() {
        let basic = SecretBinding.Template.basic(user: "git")
        let good = Base64.encode(Array("git:s3cret-value".utf8))
        #expect(isFilled(basic, "Basic \(good)") && isFilled(basic, "basic \(good)"))
        #expect(!isFilled(basic, "Basic \(Base64.encode(Array("bot:s3cret-value".utf8)))"))
        #expect(!isFilled(basic, "Basic s3cret-value") && !isFilled(basic, "Basic "))
    }

    @Test(arguments: [
        "", "Bearer", "{secret}{secret}", "a {Secret}", "x\u{7f}{secret}", "é {secret}",
    ])
    func `a text without exactly one place is none`(text: String) {
        #expect(SecretBinding.Template(text) == nil)
    }
}
