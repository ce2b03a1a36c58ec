package import Base

/// Why a connection out of a cage was not made.
package enum EgressRefusal: Error, Hashable, Sendable {
    /// What was asked for is no place there can be a rule for.
    case notUsable(String, reason: String)
    /// No rule names the host.
    case unknownHost(EgressTarget)
    /// A rule names the host, with other ports.
    case portNotAllowed(EgressTarget, allowed: [UInt16])
    /// An address instead of a name, and no rule names that address.
    case addressLiteral(EgressTarget)
    /// The name has no address, or nobody could say.
    case notResolved(EgressTarget, reason: String)
    /// One of the name's addresses is not for the public, and the rule does not name it.
    case addressNotPublic(EgressTarget, IPAddress, AddressReach)
    /// It leads back to the gateway.
    case gatewayItself(EgressTarget)
    /// What came after CONNECT is no TLS greeting.
    case notTLS(EgressTarget)
    /// The greeting names no server, another one, or hides which.
    case wrongServerName(EgressTarget, found: String)
    /// The rule names methods and paths, and this is none of them.
    case requestNotAllowed(EgressTarget, method: String, path: String)
    /// The Host field of a captured request is not what was looked up and connected to.
    case wrongHost(EgressTarget, found: String)
    case overBudget(EgressTarget, EgressBudget.Excess)
    /// A person said no, or nobody answered in time.
    case notApproved(EgressTarget, wasAsked: Bool)
    case unreachable(EgressTarget, reason: String)
    /// Plain http carries no name that could be checked twice.
    case badRequest(String)

    /// A stable word for programs.
    package var code: String {
        switch self {
        case .notUsable: "bad-host"
        case .unknownHost: "unknown-host"
        case .portNotAllowed: "port"
        case .addressLiteral: "address-literal"
        case .notResolved: "unresolved"
        case .addressNotPublic: "address-not-public"
        case .gatewayItself: "gateway"
        case .notTLS: "not-tls"
        case .wrongServerName: "server-name"
        case .requestNotAllowed: "request"
        case .wrongHost: "other-host"
        case .overBudget: "budget"
        case .notApproved: "not-approved"
        case .unreachable: "unreachable"
        case .badRequest: "bad-request"
        }
    }

    package var target: EgressTarget? {
        switch self {
        case .notUsable, .badRequest: nil
        case .unknownHost(let target), .portNotAllowed(let target, _), .addressLiteral(let target),
            .notResolved(let target, _), .addressNotPublic(let target, _, _),
            .gatewayItself(let target), .notTLS(let target), .wrongServerName(let target, _),
            .requestNotAllowed(let target, _, _), .wrongHost(let target, _),
            .overBudget(let target, _), .notApproved(let target, _),
            .unreachable(let target, _):
            target
        }
    }

    /// For the server, and through it the model: the rule, and how to get a yes.
    package var agentText: String {
        switch self {
        case .notUsable(let text, let reason): "`\(printable(text))` is not usable: \(reason)"
        case .unknownHost(let target):
            "`\(target)` is not on this server's list; the operator was shown the question and can "
                + "allow it"
        case .portNotAllowed(let target, let allowed):
            "`\(target.host)` is allowed on port "
                + allowed.map(String.init).joined(separator: ", ") + " only"
        case .addressLiteral(let target):
            "`\(target)` is an address; names are allowed, addresses only one by one"
        case .notResolved(let target, _): "`\(target.host)` has no usable address"
        case .addressNotPublic(let target, _, _):
            "`\(target.host)` does not lead to the public internet"
        case .gatewayItself: "this server may not connect to its gateway"
        case .notTLS(let target): "only TLS may go to `\(target)`"
        case .wrongServerName(let target, _):
            "the TLS greeting must name `\(target.host)` as the server, in the open"
        case .requestNotAllowed(let target, let method, let path):
            "`\(printable(method, limit: 32)) \(printable(path))` may not be sent to `\(target)`"
        case .wrongHost(let target, _):
            "the Host field must name `\(target)`, which was connected to"
        case .overBudget(_, let excess): excess.text
        case .notApproved(let target, let wasAsked):
            wasAsked
                ? "`\(target)` was refused by a person"
                : "`\(target)` waits for a person; try again later"
        case .unreachable(let target, _): "`\(target)` cannot be reached"
        case .badRequest(let reason): reason
        }
    }

    /// For the record: what only the operator may know besides.
    package var auditText: String {
        switch self {
        case .notResolved(_, let reason), .unreachable(_, let reason):
            "\(agentText): \(printable(reason, limit: 256))"
        case .addressNotPublic(_, let address, let reach):
            "\(agentText): it has \(address), which is \(reach.rawValue)"
        case .wrongServerName(_, let found), .wrongHost(_, let found):
            "\(agentText), found `\(printable(found))`"
        default: agentText
        }
    }
}
