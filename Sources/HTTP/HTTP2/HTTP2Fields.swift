import Base

/// The fields of a head of HTTP/2 as they arrive, and the head of HTTP/1.1 they make.
///
/// One set of rules for both: the fields are written as the lines HTTP/1.1 would have, and read by
/// its parser, which refuses what it refuses there. What could break out of a line is refused
/// before.
package struct HTTP2Fields: Sendable {
    private let byteLimit: Int
    private let countLimit: Int
    /// Field lines, each with its CR LF.
    private var lines: [UInt8] = []
    private var pseudo = PseudoFields()
    private var cookie: [UInt8] = []
    private var host: [UInt8]?
    private var count = 0
    private var byteCount = 0
    private var problem: FramingError.Reason?

    /// What a head says besides its fields (RFC 9113 section 8.3).
    private struct PseudoFields {
        var method: [UInt8]?
        var path: [UInt8]?
        var authority: [UInt8]?
        var scheme: [UInt8]?
        var status: [UInt8]?

        /// Whether nothing of a request was said.
        var isResponse: Bool {
            method == nil && path == nil && authority == nil && scheme == nil
        }
    }

    /// As much as the fields of a usual head take.
    private static let usualByteCount = 512

    init(byteLimit: Int, countLimit: Int) {
        self.byteLimit = byteLimit
        self.countLimit = countLimit
    }

    /// Whether anything is wrong with it, beyond what the parser will find.
    var error: FramingError? { problem.map { FramingError($0, at: 0) } }

    /// Takes one field; false when the list expands far beyond any limit, which is an attack on
    /// whoever unpacks it (a bomb).
    mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>, isBad: Bool) -> Bool {
        count += 1
        byteCount += name.count + value.count + 4
        // Unpacked, counted, and not kept: the stream gets its answer, the connection lives on.
        if count > countLimit + 5 { problem = problem ?? .tooManyFields(limit: countLimit) }
        if byteCount > byteLimit { problem = problem ?? .headTooLarge(limit: byteLimit) }
        guard problem == nil else {
            return byteCount <= byteLimit * 16 && count <= countLimit * 16
        }
        if isBad || !Self.isValue(value) { problem = .badFieldLine }
        if name.count > 0, name[0] == 0x3A {
            takePseudo(name, value)
        } else if Self.isName(name) {
            take(name, value)
        } else {
            problem = .badFieldName
        }
        return true
    }

    private mutating func takePseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        func isNamed(_ text: StaticString) -> Bool {
            Bytes.equal(name, 0, name.count, ignoringCaseOf: text)
        }
        let isNew =
            if isNamed(":method") {
                Self.set(&pseudo.method, value)
            } else if isNamed(":path") {
                Self.set(&pseudo.path, value)
            } else if isNamed(":authority") {
                Self.set(&pseudo.authority, value)
            } else if isNamed(":scheme") {
                Self.set(&pseudo.scheme, value)
            } else if isNamed(":status") {
                Self.set(&pseudo.status, value)
            } else {
                false
            }
        guard isNew else {
            problem = .badFieldName
            return
        }
        for index in 0..<value.count where value[index] <= Bytes.space {
            problem = .badFieldLine
            return
        }
    }

    /// False where it was said before.
    private static func set(_ field: inout [UInt8]?, _ value: Span<UInt8>) -> Bool {
        guard field == nil else { return false }
        field = array(value)
        return true
    }

    private mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        func isNamed(_ text: StaticString) -> Bool {
            Bytes.equal(name, 0, name.count, ignoringCaseOf: text)
        }
        // RFC 9113 section 8.2.2: what is said of a connection of HTTP/1.1 has no place here.
        if isNamed("connection") || isNamed("transfer-encoding") || isNamed("keep-alive")
            || isNamed("proxy-connection") || isNamed("upgrade")
        {
            problem = .connectionField
        } else if isNamed("te"), !Bytes.equal(value, 0, value.count, ignoringCaseOf: "trailers") {
            problem = .connectionField
        } else if isNamed("cookie") {
            // RFC 9113 section 8.2.3: crumbs are one cookie.
            if !cookie.isEmpty { cookie.append("; ") }
            cookie += Self.array(value)
        } else if isNamed("host") {
            if host != nil { problem = .repeatedHost }
            host = Self.array(value)
        } else {
            appendLine(name, value)
        }
    }

    private mutating func appendLine(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        if lines.isEmpty { lines.reserveCapacity(Self.usualByteCount) }
        unsafe name.withUnsafeBufferPointer { unsafe lines.append(contentsOf: $0) }
        lines.append(": ")
        unsafe value.withUnsafeBufferPointer { unsafe lines.append(contentsOf: $0) }
        lines.append("\r\n")
    }

    /// The head of the request.
    package func requestHead() throws(FramingError) -> RequestHead {
        if let error { throw error }
        guard let method = pseudo.method else { throw FramingError(.badMethod, at: 0) }
        guard let path = pseudo.path, pseudo.status == nil else {
            throw FramingError(.badTarget, at: 0)
        }
        if let scheme = pseudo.scheme?[...],
            !scheme.equalsIgnoringCase("https"), !scheme.equalsIgnoringCase("http")
        {
            throw FramingError(.badTarget, at: 0)
        }
        // RFC 9113 section 8.3.1: two authorities are two opinions.
        if let host, let authority = pseudo.authority, host != authority {
            throw FramingError(.repeatedHost, at: 0)
        }
        var head: [UInt8] = []
        head.reserveCapacity(byteCount + 64)
        head += method
        head.append(Bytes.space)
        head += path
        head.append(" HTTP/1.1\r\n")
        if let authority = pseudo.authority ?? host {
            head.append("host: ")
            head += authority
            head.append("\r\n")
        }
        finish(&head)
        return try Self.limited(head) { bytes throws(FramingError) in
            try RequestHead(whole: bytes)
        }
    }

    /// The head of the response, interim ones included.
    package func responseHead() throws(FramingError) -> ResponseHead {
        if let error { throw error }
        guard let status = pseudo.status, pseudo.isResponse else {
            throw FramingError(.badStatusLine, at: 0)
        }
        var head: [UInt8] = []
        head.reserveCapacity(byteCount + 64)
        head.append("HTTP/1.1 ")
        head += status
        head.append(" \r\n")
        finish(&head)
        return try Self.limited(head) { bytes throws(FramingError) in
            try ResponseHead(whole: bytes)
        }
    }

    private func finish(_ head: inout [UInt8]) {
        head += lines
        if !cookie.isEmpty {
            head.append("cookie: ")
            head += cookie
            head.append("\r\n")
        }
        head.append("\r\n")
    }

    /// Offsets into a head are sixteen bits wide.
    private static func limited<Head>(
        _ bytes: [UInt8],
        _ read: ([UInt8]) throws(FramingError) -> Head
    ) throws(FramingError) -> Head {
        guard bytes.count <= Int(UInt16.max) else {
            throw FramingError(.headTooLarge(limit: Int(UInt16.max)), at: 0)
        }
        return try read(bytes)
    }

    // RFC 9113 section 8.2.1: names are tokens in lower case.
    private static func isName(_ name: Span<UInt8>) -> Bool {
        for index in 0..<name.count {
            let byte = name[index]
            guard Bytes.isToken(byte), Bytes.lowercased(byte) == byte else { return false }
        }
        return name.count > 0
    }

    // The same section: no control byte but tabs, no blank at either end.
    private static func isValue(_ value: Span<UInt8>) -> Bool {
        guard value.count > 0 else { return true }
        guard !Bytes.isBlank(value[0]), !Bytes.isBlank(value[value.count - 1]) else {
            return false
        }
        for index in 0..<value.count where Bytes.isControl(value[index]) {
            guard value[index] == Bytes.tab else { return false }
        }
        return true
    }

    private static func array(_ bytes: Span<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}

/// The fields of a head that goes out: all names and values one after the other, and their lengths.
package struct HTTP2FieldList {
    private var bytes: [UInt8] = []
    private var lengths: [UInt32] = []

    package init(status: Int) {
        bytes.reserveCapacity(256)
        add(":status") { $0.append(decimal: status) }
    }

    /// A request's; the target is checked by whoever gives it.
    init(method: StaticString, isSecure: Bool, authority: String, target: String) {
        bytes.reserveCapacity(512)
        add(":method") { $0.append(method) }
        add(":scheme") { $0.append(isSecure ? "https" : "http") }
        add(":authority") { $0.append(contentsOf: authority.utf8) }
        add(":path") { $0.append(contentsOf: target.utf8) }
    }

    mutating func add(_ name: StaticString, _ value: (inout [UInt8]) -> Void) {
        bytes.append(name)
        let start = bytes.count
        value(&bytes)
        lengths.append(UInt32(name.utf8CodeUnitCount))
        lengths.append(UInt32(clamping: bytes.count - start))
    }

    /// The lines of a block, their names in lower case (RFC 9113 section 8.2.1).
    mutating func add(lines: [UInt8]) {
        var index = 0
        while index < lines.count {
            var colon = index
            while colon < lines.count, lines[colon] != 0x3A { colon += 1 }
            var end = colon
            while end < lines.count, lines[end] != Bytes.carriageReturn { end += 1 }
            guard end > colon else { return }
            var value = colon + 1
            while value < end, Bytes.isBlank(lines[value]) { value += 1 }
            for place in index..<colon { bytes.append(Bytes.lowercased(lines[place])) }
            bytes.append(contentsOf: lines[value..<end])
            lengths.append(UInt32(clamping: colon - index))
            lengths.append(UInt32(clamping: end - value))
            index = end + 2
        }
    }

    @unsafe
    func withPointers<Result>(
        _ body: (UnsafePointer<UInt8>, UnsafePointer<UInt32>, Int) -> Result
    ) -> Result {
        unsafe bytes.withUnsafeBufferPointer { text in
            unsafe lengths.withUnsafeBufferPointer { numbers in
                // Never empty: both initialisers add a field.
                guard let first = text.baseAddress, let length = numbers.baseAddress else {
                    preconditionFailure("a head without fields")
                }
                return unsafe body(first, length, numbers.count / 2)
            }
        }
    }
}
