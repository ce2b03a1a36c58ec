import Base
import Crypto
import Egress
import HTTP
import JSON
import TestKit
import Testing

@testable import Gateway

private let value = "ghp_0123456789abcdefghijABCDEFGHIJ"

/// One secret, with a place in two headers, a query, and a form.
private struct Broker {
    let uses: [SecretBroker.Use]
    let start: SecretBroker.Start
    let shelf = SecretShelf()
    let standIn: String

    init() throws {
        let clock = ManualClock()
        let places: [SecretPlace] = [
            .header("authorization"), .header("x-key"), .query("key"), .form("secret"),
        ]
        uses = try places.map { place in
            SecretBroker.Use(
                binding: SecretBinding(
                    secret: "token",
                    rule: try EgressRule("api.example.com"),
                    place: place,
                    template: .plain,
                    methods: []
                ),
                certificateAuthority: nil
            )
        }
        var values = SecretValues()
        try values.take("token", Array(value.utf8))
        shelf.replace(values, at: clock.timestamp)
        let placeholder = SecretPlaceholder(like: Array(value.utf8), random: SystemRandom())
        standIn = String(decoding: placeholder.bytes, as: UTF8.self)
        start = SecretBroker.Start(
            placeholders: ["token": placeholder],
            authority: try CertificateAuthority(
                "test",
                for: ["api.example.com"],
                from: clock.timestamp,
                to: clock.timestamp.advanced(by: .seconds(3600))
            ),
            clock: clock
        )
    }

    func request(
        _ target: String = "/",
        _ lines: [String],
        _ body: String = ""
    ) throws -> BrokerRequest {
        let text =
            (["POST \(target) HTTP/1.1", "Host: api.example.com"] + lines + ["", ""])
            .joined(separator: "\r\n").replacing("SECRET", with: standIn)
        var scanner = HeadScanner()
        let head = try #require(try RequestHead(from: Array(text.utf8).span, scanner: &scanner))
        let body = Array(body.replacing("SECRET", with: standIn).utf8)
        return try BrokerRequest(head, body, uses: uses, start: start, shelf: shelf)
    }
}

@Suite struct BrokerRequestTests {
    private let form = "Content-Type: application/x-www-form-urlencoded"

    @Test func `each binding is used once, wherever the value stands`() throws {
        let lines = ["Authorization: SECRET", "X-Key: SECRET", "Accept: a", "Accept: b", form]
        let written = try Broker().request("/?key=SECRET", lines, "secret=SECRET")
        let places = ["header authorization", "header x-key", "query key", "form field secret"]
        #expect(written.used.map(\.place.description) == places)
        #expect(written.target.elementsEqual("/?key=\(value)".utf8))
        #expect(written.body.elementsEqual("secret=\(value)".utf8))
    }

    @Test(
        "a header that stands twice is exchanged in none, and blocks",
        arguments: [
            ["Authorization: SECRET", "Authorization: SECRET"],
            ["authorization: other", "AUTHORIZATION: SECRET"],
            ["Authorization: SECRET", "X-Key: SECRET", "Authorization: other"],
            Array(repeating: "X-Key: SECRET", count: 60),
        ]
    )
    func repeated(lines: [String]) throws {
        let broker = try Broker()
        do {
            _ = try broker.request("/", lines)
            Issue.record("it was written")
        } catch BrokerRefusal.canary(let names, let place) {
            #expect(names == ["token"])
            #expect(place.hasPrefix("header `"))
        }
    }

    @Test func `a form of too many fields is only looked through`() throws {
        let broker = try Broker()
        let pad = String(repeating: "a=&", count: Limits.secretFieldCount)
        #expect(try broker.request("/", [form], pad).used.isEmpty)
        do {
            _ = try broker.request("/", [form], pad + "secret=SECRET")
            Issue.record("it was written")
        } catch BrokerRefusal.canary(_, let place) {
            #expect(place == "body")
        }
    }

    @Test func `a listing says the header beside the place, where it is one`() throws {
        let rows = try Broker().uses.map { Gateway.row(of: $0.binding) }
        let headers = rows.map { row in row["header"] }
        #expect(headers == [JSONValue("authorization"), JSONValue("x-key"), nil, nil])
        #expect(rows.map { $0["place"] }.first == JSONValue("header authorization"))
    }
}
