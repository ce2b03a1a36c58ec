/// A status code of RFC 9110 section 15.
package struct HTTPStatus: Hashable, Sendable {
    package let code: Int

    package init(code: Int) { self.code = code }

    package static var ok: HTTPStatus { HTTPStatus(code: 200) }
    package static var accepted: HTTPStatus { HTTPStatus(code: 202) }
    package static var noContent: HTTPStatus { HTTPStatus(code: 204) }
    package static var badRequest: HTTPStatus { HTTPStatus(code: 400) }
    package static var unauthorized: HTTPStatus { HTTPStatus(code: 401) }
    package static var forbidden: HTTPStatus { HTTPStatus(code: 403) }
    package static var notFound: HTTPStatus { HTTPStatus(code: 404) }
    package static var methodNotAllowed: HTTPStatus { HTTPStatus(code: 405) }
    package static var notAcceptable: HTTPStatus { HTTPStatus(code: 406) }
    package static var requestTimeout: HTTPStatus { HTTPStatus(code: 408) }
    package static var conflict: HTTPStatus { HTTPStatus(code: 409) }
    package static var contentTooLarge: HTTPStatus { HTTPStatus(code: 413) }
    package static var uriTooLong: HTTPStatus { HTTPStatus(code: 414) }
    package static var unsupportedMediaType: HTTPStatus { HTTPStatus(code: 415) }
    package static var expectationFailed: HTTPStatus { HTTPStatus(code: 417) }
    package static var misdirectedRequest: HTTPStatus { HTTPStatus(code: 421) }
    package static var requestHeaderFieldsTooLarge: HTTPStatus { HTTPStatus(code: 431) }
    package static var internalServerError: HTTPStatus { HTTPStatus(code: 500) }
    package static var notImplemented: HTTPStatus { HTTPStatus(code: 501) }
    package static var badGateway: HTTPStatus { HTTPStatus(code: 502) }
    package static var serviceUnavailable: HTTPStatus { HTTPStatus(code: 503) }
    package static var versionNotSupported: HTTPStatus { HTTPStatus(code: 505) }

    /// RFC 9110 section 15: these never carry content, whatever the fields say.
    package var hasNoContent: Bool { code < 200 || code == 204 || code == 304 }

    /// The words on our status lines; recipients ignore them (RFC 9112 section 4).
    package var reason: StaticString {
        switch code {
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
