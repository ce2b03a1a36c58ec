import Base

/// The bytes of a request.
struct RequestMessage: Sendable {
    let head: [UInt8]
    /// What is sent behind the head, where it is not in one piece with it.
    let body: [UInt8]
    let deadline: Instant
    let responseByteCount: Int

    /// - Parameter start: the first lines, as `ClientRequest.start` has them.
    init(_ request: ClientRequest, start: [UInt8]) {
        // One write for what is small, as for responses.
        let isJoined = request.body.count <= 16 << 10
        var head: [UInt8] = []
        head.reserveCapacity(
            start.count + 48 + request.fields.bytes.count + (isJoined ? request.body.count : 0)
        )
        head.append(contentsOf: start)
        if request.announcesLength {
            head.append("Content-Length: ")
            head.append(decimal: request.body.count)
            head.appendLineEnd()
        }
        head.append(contentsOf: request.fields.bytes)
        head.appendLineEnd()
        if isJoined { head.append(contentsOf: request.body) }
        self.head = head
        body = isJoined ? [] : request.body
        deadline = request.deadline
        responseByteCount = request.responseByteCount
    }
}

extension ClientRequest {
    /// The request line, Host and Authorization; nil when method or target cannot be written.
    func start(to origin: HTTPOrigin, _ authorization: FieldValue?) -> [UInt8]? {
        guard let methodName, hasValidTarget else { return nil }
        var start: [UInt8] = []
        start.append(methodName)
        start.append(Bytes.space)
        start.append(contentsOf: target.utf8)
        start.append(" HTTP/1.1\r\nHost: ")
        start.append(contentsOf: origin.authority.utf8)
        start.append("\r\n")
        if let authorization {
            start.append("Authorization: ")
            start.append(contentsOf: authorization.bytes)
            start.append("\r\n")
        }
        return start
    }
}
