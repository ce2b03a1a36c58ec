package import JSON

/// Where in a request a secret may stand.
///
/// What stands in an address or a body is kept by more than what stands in a header: by logs, proxies,
/// and whoever is shown the address. So these are taken only where they are written.
package enum SecretPlace: Hashable, Sendable, CustomStringConvertible {
    /// A header field, in lower case.
    case header(String)
    /// A parameter of the address's query.
    case query(String)
    /// A field of a body that is `application/x-www-form-urlencoded`.
    case form(String)
    /// A string in a body that is JSON.
    case json(JSONPointer)

    /// For people: `header authorization`.
    package var description: String {
        switch self {
        case .header(let name): "header \(name)"
        case .query(let name): "query \(name)"
        case .form(let name): "form field \(name)"
        case .json(let pointer): "JSON \(pointer)"
        }
    }
}
