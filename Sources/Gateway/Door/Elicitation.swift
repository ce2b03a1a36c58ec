package import Base
import HTTP
package import JSON
package import MCP
package import Screening
private import System

/// A server's question to the person behind an agent, as that person may be shown it.
///
/// It says who asks. A form never asks for a secret, and a page is reached over TLS under an
/// address that carries no credential (2025-11-25, client/elicitation, "Security Considerations").
package struct Elicitation: Sendable {
    /// The parameters of `elicitation/create` as JSON text.
    package let params: [UInt8]

    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// - Parameter modes: what the agent declared and the operator allows this server.
    package init(
        _ params: JSONNode?,
        from server: ServerName,
        modes: InputModes,
        screener: Screener
    ) throws(Problem) {
        guard let params, params.kind == .object, let message = params["message"]?.string else {
            throw Problem(description: "its question has no `message`")
        }
        let words = screener.screen(text: message, limitInBytes: 4 << 10).text
        let mode = params["mode"]?.string ?? "form"
        var writer = JSONWriter()
        writer.beginObject()
        switch mode {
        case "form" where modes.contains(.form):
            guard let schema = params["requestedSchema"] else {
                throw Problem(description: "its form has no `requestedSchema`")
            }
            try Self.check(schema)
            let shown = screener.screen(value: schema).bytes
            guard let form = try? JSONDocument(parsing: shown).root else {
                throw Problem(description: "its form cannot be shown")
            }
            // What cannot be checked cannot be answered.
            _ = try ElicitationForm(form)
            Self.write(mode, "The server `\(server)` asks: \(words)", &writer)
            writer.key("requestedSchema")
            writer.raw(shown)
        case "url" where modes.contains(.url):
            guard let text = params["url"]?.string else {
                throw Problem(description: "its page has no `url`")
            }
            let host = try Self.host(of: text)
            let warning = host.contains("xn--") ? " (look closely at that name)" : ""
            let origin = "The server `\(server)` asks you to open a page of \(host)\(warning): "
            Self.write(mode, origin + words, &writer)
            writer.key("url")
            writer.string(text)
            if let id = params["elicitationId"]?.string, id.utf8.count <= 256 {
                writer.key("elicitationId")
                writer.string(id)
            }
        default:
            throw Problem(description: "it asks by `\(printable(mode, limit: 32))`, not declared")
        }
        writer.endObject()
        self.params = writer.bytes
    }

    private static func write(_ mode: String, _ message: String, _ writer: inout JSONWriter) {
        writer.key("mode")
        writer.string(mode)
        writer.key("message")
        writer.string(message)
    }

    // MARK: Forms

    /// A flat object of plain values, none of them a credential.
    private static func check(_ schema: JSONNode) throws(Problem) {
        guard schema["type"]?.isString("object") == true, let properties = schema["properties"],
            properties.kind == .object, properties.count <= Limits.formFieldCount,
            schema.source.count <= Limits.formByteCount
        else { throw Problem(description: "its form is no flat object of a few fields") }
        for (name, field) in properties.members {
            guard let type = field["type"]?.string,
                ["string", "number", "integer", "boolean", "array"].contains(type),
                type != "array" || field["items"]?["properties"] == nil
            else {
                throw Problem(description: "field `\(printable(name.text))` is no plain value")
            }
            for text in [name.text, field["title"]?.string ?? ""] where asksForSecret(text) {
                throw Problem(
                    description: "its form asks for a secret (`\(printable(text, limit: 64))`)"
                )
            }
            if field["format"]?.isString("password") == true || field["writeOnly"]?.bool == true {
                throw Problem(description: "its form asks for a secret")
            }
        }
    }

    private static let secretWords = [
        "password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey",
        "privatekey", "credential", "creditcard", "cardnumber", "bearer",
    ]
    private static let shortSecretWords: Set<String> = ["pin", "otp", "cvv", "cvc", "ssn", "pwd"]

    static func asksForSecret(_ name: String) -> Bool {
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
        let joined = words.joined()
        return secretWords.contains { joined.contains($0) }
            || words.contains { shortSecretWords.contains($0) }
    }

    // MARK: Pages

    private static func host(of text: String) throws(Problem) -> String {
        guard text.utf8.count <= 2048, let url = try? HTTPURL(parsing: text) else {
            throw Problem(description: "its page has an address that is none")
        }
        let isLoopback = url.origin.address?.isLoopback ?? (url.origin.host == "localhost")
        guard url.origin.isSecure || isLoopback else {
            throw Problem(description: "its page is not reached over TLS")
        }
        let authority = text.split(separator: "/", maxSplits: 3).dropFirst().first ?? ""
        guard !authority.contains("@") else {
            throw Problem(description: "the address of its page carries a credential")
        }
        return url.origin.host
    }
}
