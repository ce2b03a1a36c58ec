import Base
import HTTP
import JSON

/// A request of the control API, read into the command it stands for.
struct APIRequest: Sendable {
    let route: APIRoute
    let command: ControlRequest

    init(_ head: RequestHead, body: [UInt8]) throws(APIError) {
        let parts = try Self.parts(of: head.path)
        guard let verb = Self.verb(of: head.method), let found = APIRoute.find(verb, parts) else {
            throw APIRoute.knows(parts)
                ? APIError(.methodNotAllowed, .usage, "this path takes another method")
                : APIError(
                    .notFound,
                    .missing,
                    "the control API has no such path",
                    hint: "docs/openapi.json names them"
                )
        }
        route = found.route
        var params = JSONObject()
        for (name, text) in found.names { params[JSONString(name)] = JSONValue(text) }
        for (name, text) in try Self.members(of: head.query) {
            guard route.query.contains(name) else { throw Self.unknown(name) }
            params[JSONString(name)] = try Self.value(name, text, found.route)
        }
        if verb == .post { try Self.read(body, head, route, into: &params) }
        var request = JSONObject()
        request["method"] = JSONValue(route.command)
        request["params"] = .object(params)
        do {
            let bytes = JSONValue.object(request).serialised()
            command = try ControlRequest(
                JSONDocument(
                    parsing: bytes,
                    limits: JSONLimits(byteCount: ControlRequest.byteCountLimit)
                ).root
            )
        } catch {
            throw APIError(.badRequest, .usage, "the request cannot be read: \(error)")
        }
    }

    /// A JSON body whose members are all known.
    static func object(_ body: [UInt8], _ head: RequestHead) throws(APIError) -> JSONNode {
        // A form of another page cannot send this type without being asked first.
        guard let type = head[.contentType], MediaTypes.isJSON(type) else {
            throw APIError(
                .unsupportedMediaType,
                .usage,
                "Content-Type must be application/json"
            )
        }
        let root: JSONNode
        do throws(JSONError) {
            root = try JSONDocument(parsing: body, limits: .message).root
        } catch {
            throw APIError(.badRequest, .usage, "the body is not strict JSON: \(error)")
        }
        guard root.kind == .object else {
            throw APIError(.badRequest, .usage, "the body must be a JSON object")
        }
        return root
    }

    private static func read(
        _ body: [UInt8],
        _ head: RequestHead,
        _ route: APIRoute,
        into params: inout JSONObject
    ) throws(APIError) {
        guard !(body.isEmpty && route.body.isEmpty) else { return }
        for (name, node) in try object(body, head).members {
            guard route.body.contains(name.text) else { throw unknown(name.text) }
            params[name] = node.value
        }
    }

    private static func unknown(_ name: String) -> APIError {
        APIError(.badRequest, .usage, "this path takes no `\(printable(name, limit: 60))`")
    }

    private static func value(
        _ name: String,
        _ text: String,
        _ route: APIRoute
    ) throws(APIError) -> JSONValue {
        guard route.numbers.contains(name) else { return JSONValue(text) }
        guard let number = Int64(text), number >= 0 else {
            throw APIError(.badRequest, .usage, "`\(name)` is a number")
        }
        return JSONValue(number)
    }

    private static func verb(of method: HTTPMethod) -> APIRoute.Verb? {
        switch method {
        case .get: .get
        case .post: .post
        case .delete: .delete
        case .head, .put, .options, .patch, .other: nil
        }
    }

    /// The parts of a path below the prefix; what is escaped in one is no separator.
    static func parts(of path: ArraySlice<UInt8>) throws(APIError) -> [String] {
        let prefix = APIRoute.prefix.utf8
        var parts: [String] = []
        guard path.starts(with: prefix), path.dropFirst(prefix.count).first == 0x2f else {
            return parts
        }
        for part in path.dropFirst(prefix.count + 1).split(
            separator: 0x2f,
            omittingEmptySubsequences: false
        ) {
            parts.append(try decoded(part, plusIsBlank: false))
        }
        return parts
    }

    static func members(
        of query: ArraySlice<UInt8>?
    ) throws(APIError) -> [(String, String)] {
        var members: [(String, String)] = []
        for member in (query ?? []).split(separator: 0x26) {
            let equals = member.firstIndex(of: 0x3d) ?? member.endIndex
            let name = try decoded(member[..<equals], plusIsBlank: true)
            guard !members.contains(where: { $0.0 == name }) else {
                throw APIError(.badRequest, .usage, "a member of the query is repeated")
            }
            members.append((name, try decoded(member[equals...].dropFirst(), plusIsBlank: true)))
        }
        return members
    }

    private static func decoded(
        _ bytes: ArraySlice<UInt8>,
        plusIsBlank: Bool
    ) throws(APIError) -> String {
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "%"):
                guard index + 1 < bytes.endIndex, let high = Hex.value(of: bytes[index]),
                    let low = Hex.value(of: bytes[index + 1])
                else { throw badEscape }
                result.append(high << 4 | low)
                index += 2
            case UInt8(ascii: "+") where plusIsBlank: result.append(0x20)
            default: result.append(byte)
            }
        }
        guard let text = String(validating: result, as: UTF8.self), !result.contains(0) else {
            throw badEscape
        }
        return text
    }

    private static var badEscape: APIError {
        APIError(.badRequest, .usage, "the path or query is not well escaped UTF-8")
    }
}
