import Base
import HTTP
import JSON

/// What the control API answers instead of a result.
struct APIError: Error, Sendable {
    let status: HTTPStatus
    /// A closed set, for programs; `message` and `hint` are for people.
    let code: Code
    let message: String
    var hint: String?

    enum Code: String, Sendable, CaseIterable {
        /// The gateway understood and does not do it.
        case refused
        /// The request is not one the API knows.
        case usage
        case unreachable
        case broken
        case timeout
        /// Log in first.
        case login
        /// The request comes from another page, or names another host.
        case foreign
        /// Give the passphrase again.
        case proof
        /// Too often; `Retry-After` says when.
        case limited
        case missing
    }

    init(_ status: HTTPStatus, _ code: Code, _ message: String, hint: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The same words a command would say.
    init(_ error: ControlError) {
        let (status, code): (HTTPStatus, Code) =
            switch error.code {
            case .refused: (.conflict, .refused)
            case .usage: (.badRequest, .usage)
            case .unreachable: (.serviceUnavailable, .unreachable)
            case .broken: (.internalServerError, .broken)
            case .timeout: (.serviceUnavailable, .timeout)
            }
        self.init(status, code, error.description, hint: error.hint)
    }

    var body: [UInt8] {
        var error = JSONObject()
        error["code"] = JSONValue(code.rawValue)
        error["message"] = JSONValue(message)
        if let hint { error["hint"] = JSONValue(hint) }
        var object = JSONObject()
        object["error"] = .object(error)
        return JSONValue.object(object).serialised()
    }
}
