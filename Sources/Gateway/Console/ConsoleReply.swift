import Base
import Crypto
import HTTP
import JSON
import System

/// What every answer of the console says to the browser.
enum ConsoleReply {
    /// Nothing inline, nothing from elsewhere, nobody frames it, and no string becomes markup.
    private static let policy: StaticString =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

    static func fields(isTLS: Bool) -> FieldBlock {
        var fields = FieldBlock()
        fields.add("content-security-policy", literal: policy)
        fields.add("x-content-type-options", literal: "nosniff")
        fields.add("x-frame-options", literal: "DENY")
        fields.add("referrer-policy", literal: "no-referrer")
        fields.add("cross-origin-opener-policy", literal: "same-origin")
        fields.add("cross-origin-resource-policy", literal: "same-origin")
        fields.add(
            "permissions-policy",
            literal: "camera=(), geolocation=(), microphone=(), usb=()"
        )
        if isTLS { fields.add("strict-transport-security", literal: "max-age=31536000") }
        return fields
    }

    static func send(_ error: APIError, to exchange: Exchange, isTLS: Bool) async {
        var fields = fields(isTLS: isTLS)
        fields.add(.contentType, literal: "application/json")
        fields.add(.cacheControl, literal: "no-store")
        if error.code == .limited { fields.add(.retryAfter, literal: "60") }
        await exchange.respond(error.status, fields, body: error.body)
    }

    static func send(
        json body: [UInt8],
        to exchange: Exchange,
        isTLS: Bool,
        cookie: FieldValue? = nil
    ) async {
        var fields = fields(isTLS: isTLS)
        fields.add(.contentType, literal: "application/json")
        fields.add(.cacheControl, literal: "no-store")
        if let cookie { fields.add("set-cookie", cookie) }
        await exchange.respond(.ok, fields, body: body)
    }
}

/// The console's pages, as they stand in the binary.
struct ConsolePages: Sendable {
    struct Page: Sendable {
        let type: FieldValue
        let body: [UInt8]
        let tag: FieldValue
    }

    private let pages: [String: Page]

    /// Read anew at each request where it is set; only builds for debugging set it.
    private let folder: String?
    private let hashing: any Hashing

    init(hashing: any Hashing, folder: String? = nil) {
        self.hashing = hashing
        self.folder = folder
        var pages: [String: Page] = [:]
        for file in ConsoleFiles.all {
            guard let body = Base64.decode(file.base64) else { continue }
            let path = file.name == "index.html" ? "/" : "/assets/" + file.name
            pages[path] = Self.page(file.name, body, hashing)
        }
        self.pages = pages
    }

    subscript(path: String) -> Page? {
        guard let folder else { return pages[path] }
        let name = String(path.split(separator: "/").last ?? "index.html")
        guard let body = try? Files.read(Paths.join(folder, name), limit: 1 << 20) else {
            return nil
        }
        return Self.page(name, body, hashing)
    }

    private static func page(_ name: String, _ body: [UInt8], _ hashing: any Hashing) -> Page? {
        guard let type = type(of: name),
            let tag = FieldValue("\"\(hashing.sha256(body).description.prefix(32))\"")
        else { return nil }
        return Page(type: type, body: body, tag: tag)
    }

    private static func type(of name: String) -> FieldValue? {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        default: nil
        }
    }

    func send(_ page: Page, to exchange: Exchange, isTLS: Bool) async {
        var fields = ConsoleReply.fields(isTLS: isTLS)
        fields.add(.contentType, page.type)
        // Asked again each time: after an upgrade no page mixes old and new scripts.
        fields.add(.cacheControl, literal: "no-cache")
        fields.add("etag", page.tag)
        let known = exchange.head["if-none-match"].flatMap { FieldValue(bytes: $0) }
        if known == page.tag {
            await exchange.respond(HTTPStatus(code: 304), fields)
        } else {
            await exchange.respond(.ok, fields, body: page.body)
        }
    }
}
