import HTTP

/// Bytes as the head of a request, as the head of a response, as a chunked body and as a URL.
///
/// Pieces read like the whole; what was taken is read the same by a reader of a few lines that
/// splits at CR LF; a head written again is the same head.
enum HTTPFuzz {
    static func check(_ bytes: [UInt8]) {
        head(bytes, isRequest: true)
        head(bytes, isRequest: false)
        chunks(bytes)
        url(bytes)
    }

    // MARK: heads

    private struct Head: Equatable {
        let line: [UInt8]
        let fields: [[UInt8]]
        let body: BodyFraming
        let keepsAlive: Bool
        let byteCount: Int
    }

    private enum Outcome: Equatable {
        case head(Head)
        case refused(FramingError)
        case incomplete
    }

    private static func head(_ bytes: [UInt8], isRequest: Bool) {
        let whole = read(bytes, ends: [bytes.count], isRequest)
        var derived = Derived(from: bytes)
        let pieces = read(bytes, ends: derived.ends(of: bytes.count), isRequest)
        expect(whole == pieces, "a head in pieces reads like the whole")
        guard case .head(let head) = whole else { return }
        expect(head == naive(bytes, isRequest), "a reader that splits lines reads the same head")
        let written = head.line + [13, 10] + head.fields.flatMap { $0 + [13, 10] } + [13, 10]
        guard case .head(let again) = read(written, ends: [written.count], isRequest) else {
            return expect(false, "a head written again is a head")
        }
        expect(
            again.fields == head.fields && again.line == head.line && again.body == head.body,
            "a head written again is the same"
        )
    }

    private static func read(_ bytes: [UInt8], ends: [Int], _ isRequest: Bool) -> Outcome {
        var scanner = HeadScanner()
        for end in ends {
            do throws(FramingError) {
                let part = bytes.span.extracting(0..<end)
                if isRequest {
                    guard let head = try RequestHead(from: part, scanner: &scanner) else {
                        continue
                    }
                    return .head(request(head))
                }
                guard let head = try ResponseHead(from: part, scanner: &scanner) else { continue }
                return .head(response(head, bytes))
            } catch { return .refused(error) }
        }
        return .incomplete
    }

    private static func request(_ head: RequestHead) -> Head {
        expect(head.target.starts(with: head.path), "a target begins with its path")
        let version = head.isVersion11 ? " HTTP/1.1" : " HTTP/1.0"
        return Head(
            line: Array(head.methodBytes) + [0x20] + Array(head.target) + Array(version.utf8),
            fields: head.fields.map { Array($0.name) + [0x3a] + Array($0.value) },
            body: head.body,
            keepsAlive: head.keepsAlive,
            byteCount: head.consumedCount
        )
    }

    private static func response(_ head: ResponseHead, _ bytes: [UInt8]) -> Head {
        // The reason is not kept; the first line is taken as it came.
        Head(
            line: Array(bytes.prefix { $0 != 13 }),
            fields: head.fields.map { Array($0.name) + [0x3a] + Array($0.value) },
            body: head.body,
            keepsAlive: head.keepsAlive,
            byteCount: head.consumedCount
        )
    }

    /// The same head by splitting; only what was taken is given to it.
    private static func naive(_ bytes: [UInt8], _ isRequest: Bool) -> Head? {
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 13) {
            lines.append(Array(rest[..<end]))
            rest = rest[end...].dropFirst(2)
            if lines.last?.isEmpty == true { break }
        }
        guard lines.count > 1, lines.popLast() == [], let line = lines.first else { return nil }
        let fields = lines.dropFirst().compactMap { line -> (name: String, value: [UInt8])? in
            guard let colon = line.firstIndex(of: 0x3a) else { return nil }
            var value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 9 }
            while let last = value.last, last == 0x20 || last == 9 { value = value.dropLast() }
            return (text(line[..<colon]), Array(value))
        }
        guard fields.count == lines.count - 1 else { return nil }
        func values(_ name: String) -> [String] {
            fields.filter { $0.name.lowercased() == name }.map { text($0.value).lowercased() }
        }
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        let isVersion11 = (isRequest ? words.last : words.first) == Array("HTTP/1.1".utf8)[...]
        guard !isRequest || (words.count == 3 && values("host").count <= 1),
            !isRequest || !isVersion11 || values("host").count == 1,
            values("content-length").count + values("transfer-encoding").count <= 1
        else { return nil }
        let closes = values("connection").contains { list in
            list.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }).contains("close")
        }
        let body = framing(
            values("transfer-encoding").first,
            values("content-length").first.flatMap { Int($0) },
            isRequest ? nil : text(words.dropFirst().first ?? [])
        )
        return Head(
            line: line,
            fields: fields.map { Array($0.name.utf8) + [0x3a] + $0.value },
            body: body,
            keepsAlive: isVersion11 && !closes && body != .untilClose,
            byteCount: bytes.count - rest.count
        )
    }

    private static func framing(_ coding: String?, _ length: Int?, _ status: String?) -> BodyFraming
    {
        if let status, status.hasPrefix("1") || status == "204" || status == "304" { return .none }
        if coding != nil { return .chunked }
        if let length { return length == 0 ? .none : .length(length) }
        return status == nil ? .none : .untilClose
    }

    // MARK: bodies

    private struct Body: Equatable {
        var bytes: [UInt8] = []
        var end: Int?
        var isRefused = false
    }

    private static let bodyLimit = 1 << 14

    private static func chunks(_ bytes: [UInt8]) {
        let whole = decode(bytes, ends: [bytes.count])
        var derived = Derived(from: bytes)
        let pieces = decode(bytes, ends: derived.ends(of: bytes.count))
        expect(whole == pieces, "a chunked body in pieces reads like the whole")
        expect(whole.bytes.count <= bodyLimit, "a body stays below its limit")
        guard whole.end != nil else { return }
        var written: [UInt8] = []
        for start in stride(from: 0, to: whole.bytes.count, by: 1000) {
            let part = whole.bytes[start..<min(start + 1000, whole.bytes.count)]
            written += Array(String(part.count, radix: 16).utf8) + [13, 10] + part + [13, 10]
        }
        written += Array("0\r\n\r\n".utf8)
        let again = decode(written, ends: [written.count])
        expect(
            again.bytes == whole.bytes && again.end == written.count,
            "a body written in chunks again is the same"
        )
    }

    private static func decode(_ bytes: [UInt8], ends: [Int]) -> Body {
        var decoder = ChunkedDecoder(limit: bodyLimit)
        var body = Body()
        var index = 0
        for end in ends {
            let part = bytes.span.extracting(0..<end)
            do throws(FramingError) {
                read: while true {
                    switch try decoder.next(in: part, from: &index) {
                    case .data(let range):
                        expect(range.upperBound <= end, "data lies in what was given")
                        body.bytes += bytes[range]
                    case .needsMore: break read
                    case .end(let end):
                        body.end = end
                        return body
                    }
                }
            } catch {
                body.isRefused = true
                return body
            }
        }
        return body
    }

    private static func url(_ bytes: [UInt8]) {
        guard let url = try? HTTPURL(parsing: text(bytes.prefix(512))) else { return }
        expect((try? HTTPURL(parsing: url.description)) == url, "a URL written is itself")
        expect(isOneLine(url.description), "a URL is one line")
    }
}
