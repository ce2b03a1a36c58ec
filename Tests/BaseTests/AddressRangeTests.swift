import Base
import Testing

@Suite
struct AddressRangeTests {
    @Test(
        arguments: [
            ("10.1.0.0/16", "10.1.255.255", true), ("10.1.0.0/16", "10.2.0.0", false),
            ("10.0.0.7", "10.0.0.7", true), ("10.0.0.7", "10.0.0.8", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false),
            ("10.1.0.0/16", "::ffff:10.1.2.3", false), ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false), ("2001:db8::/65", "2001:db8::7fff:0:0:0", true),
            ("2001:db8::/65", "2001:db8::8000:0:0:0", false), ("::/0", "10.0.0.1", false),
        ]
    )
    func `a range holds the addresses with its beginning`(
        range: String,
        address: String,
        isInside: Bool
    ) throws {
        let range = try #require(AddressRange(range))
        #expect(range.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(
        arguments: [
            "", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/-1", "host",
            "10.0.0.0/8/8", "fd00::/129", "fd00::1/8", "10.1/16",
        ]
    )
    func `any other spelling is refused`(spelling: String) {
        #expect(AddressRange(spelling) == nil)
    }
}
