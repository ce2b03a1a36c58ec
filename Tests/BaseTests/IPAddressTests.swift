import Base
import Testing

@Suite struct IPAddressTests {
    @Test(
        "has one spelling",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
            ("::1", "::1"), ("1::", "1::"), ("fe80::0:1", "fe80::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::ffff:10.0.0.1", "::ffff:a00:1"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ]
    )
    func spelling(text: String, shown: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == shown)
        #expect(IPAddress(shown) == address)
    }

    @Test(
        "takes no other",
        arguments: [
            "", "1", "127.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "0x7f.0.0.1", "1.2.3.",
            ":", ":::", "1:2", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::1%lo", "[::1]",
            "::1.2.3", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::ffff:1.2.3.4:5",
            "1:2:3:4:5:6:7:1.2.3.4",
        ]
    )
    func refuses(text: String) { #expect(IPAddress(text) == nil) }

    @Test(
        "is the IPv4 address that stands in it",
        arguments: [
            ("::ffff:10.0.0.1", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("::10.0.0.1", "::a00:1"),
            ("64:ff9b::a00:1", "64:ff9b::a00:1"),
        ]
    )
    func unmapped(text: String, shown: String) throws {
        #expect(try #require(IPAddress(text)).unmapped.description == shown)
    }

    @Test(
        "knows loopback in every family",
        arguments: [
            ("127.0.0.1", true), ("127.255.255.254", true), ("128.0.0.1", false), ("::1", true),
            ("::2", false), ("::ffff:127.0.0.1", true), ("::ffff:10.0.0.1", false),
            ("0.0.0.0", false), ("::", false),
        ]
    )
    func loopback(literal: String, isLoopback: Bool) throws {
        #expect(try #require(IPAddress(literal)).isLoopback == isLoopback)
    }
}
