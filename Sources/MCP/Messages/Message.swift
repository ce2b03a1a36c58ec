package import JSON

/// One JSON-RPC 2.0 message, read from outside and known to have one of the three shapes.
package enum Message: Sendable {
    case request(Request)
    case notification(Notification)
    case response(Response)

    package struct Request: Sendable {
        package let id: RequestID
        package let method: String
        /// An object, where there is one.
        package let params: JSONNode?

        package init(id: RequestID, method: String, params: JSONNode?) {
            self.id = id
            self.method = method
            self.params = params
        }
    }

    package struct Notification: Sendable {
        package let method: String
        package let params: JSONNode?
    }

    package struct Response: Sendable {
        package let id: RequestID
        package let outcome: Outcome

        package enum Outcome: Sendable {
            case result(JSONNode)
            case error(code: Int64, message: String, data: JSONNode?)
        }
    }
}

/// A message that is JSON but no JSON-RPC message of ours, with the id to answer to where it has one.
package struct MalformedMessage: Error, Equatable, Sendable {
    package let error: ProtocolError
    package let id: RequestID?
}

extension Message {
    /// Reads a message; members JSON-RPC does not define are passed over.
    ///
    /// - Throws: -32600 for an array (batches ended with 2025-06-18), a wrong version, an id that
    ///   is null, a fraction or too long, or a shape that is neither of the three.
    package init(_ root: JSONNode) throws(MalformedMessage) {
        guard root.isObject else {
            throw .invalid(
                root.isArray
                    ? "batches are not taken; send one message per request"
                    : "a message is a JSON object"
            )
        }
        let found = root.members(Self.keys)
        let id = found[Key.id].flatMap { RequestID($0) }
        guard found[Key.version]?.isString("2.0") == true else {
            throw .invalid("`jsonrpc` must be \"2.0\"", id)
        }
        if found.has(Key.id), id == nil {
            throw .invalid("`id` must be a string of at most 256 bytes or a 64-bit integer")
        }
        if let method = found[Key.method] {
            self = try Self.call(found, method: method, id: id)
        } else if let id {
            self = .response(try Self.response(found, id: id))
        } else {
            throw .invalid("a message needs a `method`, or an `id` with a `result` or an `error`")
        }
    }

    /// The members of a message, read in one pass, and their places.
    private static let keys = JSONKeys("id", "jsonrpc", "method", "params", "result", "error")

    private enum Key {
        static let id = 0
        static let version = 1
        static let method = 2
        static let params = 3
        static let result = 4
        static let error = 5
    }

    /// What a peer answers to a request whose id it could not read: an error whose id is null
    /// (JSON-RPC 2.0, section 5) or left out (2025-11-25 and later); nil for anything else.
    ///
    /// No message of ours: only where it stands tells whose answer it is.
    package static func errorWithoutID(_ root: JSONNode) -> Response.Outcome? {
        guard root.kind == .object, root["jsonrpc"]?.isString("2.0") == true,
            root["id"]?.isNull ?? true, root["method"] == nil,
            root["result"] == nil, let error = root["error"],
            case .error(let code, let message, let data)? = try? outcome(error, id: nil)
        else { return nil }
        return .error(code: code, message: message, data: data)
    }

    private static func call(
        _ found: JSONFewMembers,
        method methodNode: JSONNode,
        id: RequestID?
    ) throws(MalformedMessage) -> Message {
        guard let method = methodNode.string, (1...128).contains(method.utf8.count) else {
            throw .invalid("`method` must be a string of 1 to 128 bytes", id)
        }
        guard !found.has(Key.result), !found.has(Key.error) else {
            throw .invalid("a message has either a `method` or a `result`, not both", id)
        }
        let params = found[Key.params]
        if let params, !params.isObject {
            throw .invalid("`params` must be an object", id)
        }
        guard let id else { return .notification(Notification(method: method, params: params)) }
        return .request(Request(id: id, method: method, params: params))
    }

    private static func response(
        _ found: JSONFewMembers,
        id: RequestID
    ) throws(MalformedMessage) -> Response {
        switch (found[Key.result], found[Key.error]) {
        case (let result?, nil):
            return Response(id: id, outcome: .result(result))
        case (nil, let error?):
            return Response(id: id, outcome: try outcome(error, id: id))
        default:
            throw .invalid("a response has either a `result` or an `error`", id)
        }
    }

    private static func outcome(
        _ error: JSONNode,
        id: RequestID?
    ) throws(MalformedMessage) -> Response.Outcome {
        guard error.kind == .object, let code = error["code"]?.number?.int64 else {
            throw .invalid("`error` must be an object with an integer `code`", id)
        }
        return .error(code: code, message: error["message"]?.string ?? "", data: error["data"])
    }
}

extension MalformedMessage {
    fileprivate static func invalid(_ message: String, _ id: RequestID? = nil) -> MalformedMessage {
        MalformedMessage(error: ProtocolError(.invalidRequest, message), id: id)
    }
}
