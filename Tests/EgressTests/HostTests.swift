import Base
import Egress
import JSON
import TestKit
import Testing

@Suite struct AddressReachTests {
    @Test(
        "knows where it leads",
        arguments: [
            ("8.8.8.8", AddressReach.isPublic), ("2606:4700::1111", .isPublic),
            ("127.0.0.1", .loopback), ("127.255.255.255", .loopback), ("128.0.0.1", .isPublic),
            ("0.0.0.0", .unspecified), ("0.1.2.3", .unspecified), ("10.0.0.0", .isPrivate),
            ("11.0.0.0", .isPublic), ("172.15.255.255", .isPublic), ("172.16.0.0", .isPrivate),
            ("172.31.255.255", .isPrivate), ("172.32.0.0", .isPublic), ("192.168.1.1", .isPrivate),
            ("169.254.169.254", .linkLocal), ("100.100.100.200", .shared),
            ("100.128.0.0", .isPublic), ("192.0.0.192", .reserved), ("192.0.2.1", .reserved),
            ("198.18.0.1", .reserved), ("198.20.0.0", .isPublic), ("203.0.113.9", .reserved),
            ("224.0.0.1", .multicast), ("255.255.255.255", .reserved), ("::1", .loopback),
            ("::", .unspecified), ("::ffff:127.0.0.1", .loopback), ("::ffff:8.8.8.8", .isPublic),
            ("::10.0.0.1", .isPrivate), ("64:ff9b::7f00:1", .loopback),
            ("64:ff9b::808:808", .isPublic), ("64:ff9b:1::808:808", .reserved),
            ("2002:7f00:1::", .reserved), ("2001::1", .reserved), ("2001:db8::1", .reserved),
            ("2001:200::1", .isPublic), ("3fff::1", .reserved), ("3fff:1000::1", .isPublic),
            ("fd00:ec2::254", .isPrivate), ("fe80::1", .linkLocal), ("ff02::1", .multicast),
            ("100::1", .reserved), ("4000::1", .reserved),
        ]
    )
    func reach(text: String, reach: AddressReach) throws {
        #expect(AddressReach(try #require(IPAddress(text))) == reach)
    }
}

@Suite struct WebHostTests {
    private func host(_ text: String) -> WebHost? { try? WebHost(parsing: Array(text.utf8)[...]) }

    @Test(
        "reads an address in every spelling that fetching clients do",
        arguments: [
            "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0x7f000001", "017700000001",
            "0177.0.0.1",
            "127.0.0.1.", "%31%32%37.0.0.1", "127.0.1", "0X7F.0.0x1",
        ]
    )
    func loopback(text: String) { #expect(host(text) == .address(.loopback)) }

    @Test(
        "takes no host that ends in a number and is no address",
        arguments: [
            "256.1.1.1", "1.2.3.4.5", "foo.0x4", "a.1", "1.2.3.08", "4294967296", "0x100000000",
            "425.510.425.510", "1..1",
        ]
    )
    func badNumbers(text: String) { #expect(host(text) == nil) }

    @Test(
        "takes nothing a host may not hold",
        arguments: [
            "", "a b", "a/b", "a@b", "a%00b", "a%2fb", "a:b", "[::1", "[]", "[::1%25lo]", "a\u{7f}",
            "é", "a%C3%A9", "①⑥⑨.254.169.254", "a|b", "a^b",
        ]
    )
    func forbidden(text: String) { #expect(host(text) == nil) }

    @Test func `a name is lower case and otherwise as written`() {
        #expect(host("API.Example.COM.") == .name("api.example.com."))
        #expect(host("a_b-c.x") == .name("a_b-c.x"))
        #expect(host("ex%41mple") == .name("example"))
    }
}

/// Every URL of the standard's tests, as it reaches a proxy.
///
/// The client has parsed it, and sends the result. The guard must see the host the client saw, and
/// none where the client saw none.
@Suite(.enabled(if: Corpus.has("wpt-url"), "corpus wpt-url is not here"))
struct URLStandardTests {
    private static let web: Set<String> = ["http:", "https:", "ws:", "wss:", "ftp:"]

    private static func cases() throws -> [JSONNode] {
        let bytes = try #require(
            Corpus.folder("wpt-url").flatMap { Corpus.bytes($0 + "/urltestdata.json") }
        )
        return try JSONDocument(parsing: bytes, limits: .result).root.elements
            .filter { $0.kind == .object }
    }

    /// The authority of a URL that begins with a scheme of the web and two slashes.
    private func authority(_ url: String) -> String? {
        guard let start = url.firstRange(of: "://")?.upperBound,
            Self.web.contains(url[..<start].dropLast(2).lowercased())
        else { return nil }
        let rest = url[start...].prefix { !"/?#\\".contains($0) }
        return String(rest.split(separator: "@", omittingEmptySubsequences: false).last ?? "")
    }

    private func seen(_ authority: String) -> String? {
        let bytes = Array(authority.utf8)
        let text =
            authority.hasSuffix("]")
            ? bytes[...] : bytes.prefix(upTo: bytes.lastIndex(of: 0x3a) ?? bytes.count)
        return (try? WebHost(parsing: text))?.description
    }

    @Test func `sees the host the client saw`() throws {
        var count = 0
        var others = 0
        for entry in try Self.cases() {
            guard entry["failure"] == nil, let href = entry["href"]?.string,
                Self.web.contains(entry["protocol"]?.string ?? "")
            else {
                others += 1
                continue
            }
            let expected = try #require(entry["hostname"]?.string)
            #expect(seen(try #require(authority(href))) == expected, "\(href)")
            count += 1
        }
        print("URL standard: \(count) hosts as the client saw them, \(others) that reach no proxy")
        #expect(count + others == 891)
    }

    @Test func `sees the same host in the raw text, or none`() throws {
        var same = 0
        var refused = 0
        for entry in try Self.cases() {
            guard let input = entry["input"]?.string, let raw = authority(input),
                // Tabs and line ends are taken out of a URL before it is parsed.
                !input.unicodeScalars.contains(where: { $0.value < 0x21 })
            else { continue }
            guard let host = seen(raw) else {
                refused += 1
                continue
            }
            if entry["failure"] != nil {
                // Only a bad port fails a URL whose host is sound.
                let port = raw.split(separator: ":").last.map(String.init) ?? ""
                #expect(raw.contains(":") && (UInt16(port) == nil), "\(input) -> \(host)")
            } else {
                #expect(host == entry["hostname"]?.string, "\(input)")
                same += 1
            }
        }
        print("URL standard: \(same) raw texts with the same host, \(refused) refused")
        #expect(same > 80)
    }
}
