@testable import HTTP

/// What one request or response says, for comparison.
struct SampleMessage: Equatable {
    var start: String
    var fields: [String]
    var body: String
}

/// Reads all messages in `bytes`, given in pieces, the way a connection does.
struct SampleReader {
    private(set) var messages: [SampleMessage] = []
    private(set) var error: FramingError.Reason?
    private let readsResponses: Bool
    private let bodyLimit: Int
    private var buffer: [UInt8] = []
    private var scanner = HeadScanner()
    private var current: SampleMessage?
    private var left = 0
    private var decoder: ChunkedDecoder?
    private var isUntilClose = false
    private var isClosed = false

    init(readsResponses: Bool = false, bodyLimit: Int = 1 << 20) {
        self.readsResponses = readsResponses
        self.bodyLimit = bodyLimit
    }

    static func read(
        _ bytes: [UInt8],
        piece: Int = .max,
        readsResponses: Bool = false
    ) -> SampleReader {
        var reader = SampleReader(readsResponses: readsResponses)
        var index = 0
        while index < bytes.count {
            let end = piece >= bytes.count - index ? bytes.count : index + piece
            reader.receive(bytes[index..<end])
            index = end
        }
        return reader
    }

    mutating func receive(_ bytes: ArraySlice<UInt8>) {
        guard error == nil else { return }
        buffer += bytes
        do throws(FramingError) {
            while try step() {}
        } catch { self.error = error.reason }
    }

    /// The peer closed.
    mutating func finish() {
        if isUntilClose { complete() }
    }

    private mutating func step() throws(FramingError) -> Bool {
        guard !buffer.isEmpty else { return false }
        if isClosed { throw FramingError(.badMethod, at: 0) }
        if current == nil { return try readHead() }
        if isUntilClose {
            let part = take(buffer.count)
            current?.body += part
            return false
        }
        if decoder != nil { return try readChunks() }
        let count = min(left, buffer.count)
        let part = take(count)
        current?.body += part
        left -= count
        if left == 0 { complete() }
        return true
    }

    private mutating func readHead() throws(FramingError) -> Bool {
        if readsResponses {
            let bytes = buffer
            guard let head = try ResponseHead(from: bytes.span, scanner: &scanner) else {
                return false
            }
            begin(start: String(head.status.code), head.fields, head.body, head.keepsAlive)
        } else {
            let bytes = buffer
            guard let head = try RequestHead(from: bytes.span, scanner: &scanner) else {
                return false
            }
            let start = head.methodBytes.text + " " + head.target.text
            begin(start: start, head.fields, head.body, head.keepsAlive)
        }
        return true
    }

    private mutating func begin(
        start: String,
        _ fields: HeaderFields,
        _ body: BodyFraming,
        _ keepsAlive: Bool
    ) {
        _ = take(fields.bytes.count)
        scanner = HeadScanner()
        current = SampleMessage(
            start: start,
            fields: fields.map { $0.name.text + ": " + $0.value.text },
            body: ""
        )
        willClose = !keepsAlive
        switch body {
        case .none: complete()
        case .length(let count): left = count
        case .chunked: decoder = ChunkedDecoder(limit: bodyLimit)
        case .untilClose: isUntilClose = true
        }
    }

    private var willClose = false

    private mutating func readChunks() throws(FramingError) -> Bool {
        guard var decoder else { return false }
        defer { if self.decoder != nil { self.decoder = decoder } }
        var index = 0
        while true {
            switch try decoder.next(in: buffer.span, from: &index) {
            case .data(let range):
                current?.body += String(decoding: buffer[range], as: UTF8.self)
            case .needsMore:
                _ = take(index)
                return false
            case .end(let end):
                _ = take(end)
                self.decoder = nil
                complete()
                return true
            }
        }
    }

    private mutating func complete() {
        if let current { messages.append(current) }
        current = nil
        isClosed = willClose
        isUntilClose = false
    }

    private mutating func take(_ count: Int) -> String {
        defer { buffer.removeFirst(count) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}

extension String {
    var bytes: [UInt8] { Array(utf8) }
}
