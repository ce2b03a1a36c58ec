import Base
import Egress
import HTTP
import JSON

/// What a cage says to its way out: a TLS greeting, a host and a place, a request to a proxy, a
/// question for a name.
enum EgressFuzz {
    // MARK: A greeting

    /// What was read is read again from exactly its bytes, whatever follows, and from none fewer.
    static func greeting(_ bytes: [UInt8]) {
        guard let whole = try? ClientHello.read(bytes) else { return }
        expect(whole.byteCount <= bytes.count, "a greeting is no longer than what came")
        let own = Array(bytes.prefix(whole.byteCount))
        expect((try? ClientHello.read(own)) == whole, "a greeting is read from its own bytes")
        expect((try? ClientHello.read(own + [0])) == whole, "what follows changes nothing")
        for count in [0, 1, own.count / 2, own.count - 1] {
            let part = try? ClientHello.read(Array(own.prefix(count)))
            expect(part == nil, "\(count) of \(own.count) bytes are no greeting")
        }
        guard let name = whole.serverName else { return }
        expect((1...253).contains(name.utf8.count) && isOneLine(name), "a name is one line")
    }

    // MARK: A host

    /// What was read as a host, a place or a rule says itself in a spelling that is read the same.
    static func host(_ bytes: [UInt8]) {
        if let host = try? WebHost(parsing: bytes[...]) {
            let spelling = Array(host.description.utf8)
            expect((try? WebHost(parsing: spelling[...])) == host, "`\(host)` is read as itself")
            if case .address(let address) = host {
                expect(IPAddress("\(address)") == address, "`\(address)` is read as itself")
            }
        }
        if let target = try? EgressTarget(authority: bytes[...]) {
            let again = try? EgressTarget(authority: Array("\(target)".utf8)[...])
            expect(again == target, "`\(target)` is read as itself")
            decide(target)
        }
        if let (target, path) = try? EgressTarget.absolute(bytes[...]) {
            expect(path.first == UInt8(ascii: "/"), "a path begins at the root")
            let url = Array("http://\(target)".utf8) + path
            let again = try? EgressTarget.absolute(url[...])
            expect(again?.target == target && again?.path == path, "a URL is read as itself")
        }
        if let rule = try? EgressRule(text(bytes)) {
            expect((try? EgressRule("\(rule)"))?.description == "\(rule)", "`\(rule)` is itself")
        }
        if let block = AddressRange(text(bytes)) {
            expect(AddressRange("\(block)") == block, "`\(block)` is read as itself")
        }
    }

    /// No rule but its own lets a place through, and no address that is not public by a name.
    private static func decide(_ target: EgressTarget) {
        expect((try? EgressPolicy().allow(target)) == nil, "nothing is allowed without a rule")
        guard let rule = try? EgressRule("*.example.com:\(target.port)"),
            let allowed = try? EgressPolicy(rules: [rule]).allow(target)
        else { return }
        expect("\(target.host)".contains(".example.com"), "`\(target)` is below example.com")
        let inside = IPAddress.v4(0x0a00_0001)
        expect((try? allowed.pin([inside])) == nil, "a private address is refused")
        expect((try? allowed.pin([.v4(0x5db8_d822), inside])) == nil, "one is enough")
    }

    // MARK: A request

    private struct Request: Equatable {
        let method: [UInt8]
        let target: [UInt8]
        let byteCount: Int

        init(_ head: ProxyRequestHead) {
            (method, target) = (Array(head.method), Array(head.target))
            byteCount = head.consumedCount
        }
    }

    /// Pieces read like the whole; what goes on is one request, for the host that was decided on.
    static func request(_ bytes: [UInt8]) {
        var scanner = HeadScanner()
        guard let head = try? ProxyRequestHead(from: bytes.span, scanner: &scanner) else { return }
        var derived = Derived(from: bytes)
        var pieces = HeadScanner()
        var found: Request?
        for end in derived.ends(of: bytes.count) where found == nil {
            let part = bytes.span.extracting(0..<end)
            found = (try? ProxyRequestHead(from: part, scanner: &pieces)).map { Request($0) }
        }
        expect(found == Request(head), "a request in pieces reads like the whole")
        let written = head.forwarded(path: [UInt8(ascii: "/")], authority: "decided.example:81")
        var again = HeadScanner()
        guard let next = try? ProxyRequestHead(from: written.span, scanner: &again) else {
            // What is legal to us may be too long by the Host that is put in front.
            return expect(written.count > bytes.count, "what goes on is a request")
        }
        expect(next.consumedCount == written.count, "one request goes on")
        expect(
            next.fields[.host]?.elementsEqual("decided.example:81".utf8) == true,
            "its Host is ours"
        )
        expect(!next.fields.isRepeated(.host), "it has one Host")
        expect(next.method.elementsEqual(head.method), "its method stays")
        expect(next.body == head.body, "its body is framed the same")
    }

    // MARK: A question

    /// What was read is in its answer, which fits a datagram; put as a question it is the same one.
    static func name(_ bytes: [UInt8]) {
        let query: NameQuery
        do throws(NameQuery.Problem) {
            query = try NameQuery(bytes)
        } catch {
            guard let response = NameQuery.response(error) else { return }
            expect(response.count == 12 && response.prefix(2) == bytes.prefix(2), "it names the id")
            return
        }
        expect(isOneLine(query.name) && query.name.utf8.count <= 254, "a name is one line")
        for answer in [
            NameQuery.Answer.nothing, .noSuchName, .failed, .refused,
            .addresses([IPAddress](repeating: .v4(7), count: 20)),
            .addresses([IPAddress](repeating: .v6(high: 1 << 61, low: 7), count: 20)),
        ] {
            let response = query.response(answer)
            expect(response.count <= NameQuery.byteCountLimit, "an answer fits a datagram")
            expect((try? NameQuery(response)) == nil, "an answer is no question")
        }
        var echo = query.response(.nothing)
        (echo[2], echo[3]) = (bytes[2], bytes[3])
        expect((try? NameQuery(echo)) == query, "an answer repeats its question")
    }

    // MARK: A secret's place

    private static let standIn = Array("ghp_0123456789".utf8)

    /// An address or a body, by its first byte: what is exchanged is all that changes, and what goes
    /// out is read with the value in the same places.
    static func exchange(_ bytes: [UInt8]) {
        guard let kind = bytes.first, let rule = try? EgressRule("a.example"),
            let pointer = try? JSONPointer("/k/0")
        else { return }
        let content: SecretSwap.Content = kind % 3 == 0 ? .address : kind % 3 == 1 ? .form : .json
        let bindings = [SecretPlace.query("k"), .form("k"), .json(pointer), .header("k")].map {
            SecretBinding(secret: "s", rule: rule, place: $0, template: .plain, methods: [])
        }
        let text = Array(bytes.dropFirst())
        let swap = SecretSwap(text, as: content, bindings) { _ in standIn }
        guard !swap.bindings.isEmpty else {
            return expect(swap.rest == text, "what holds nothing stays as it is")
        }
        expect(swap.rest.count < text.count, "a value is taken out of the rest")
        let real = Array("/&=%\"\\ \u{e4}".utf8)
        guard let sent = swap.filled(with: ["s": real]) else {
            return expect(false, "text is written anywhere")
        }
        let again = SecretSwap(sent, as: content, bindings) { _ in real }
        expect(again.bindings == swap.bindings, "the value stands where the other one stood")
        expect(again.rest == swap.rest, "nothing else changed")
    }
}
