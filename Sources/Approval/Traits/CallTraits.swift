package import JSON

/// Where a call would reach, as far as its arguments tell: what is unusual is seen by these.
package struct CallTraits: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case host, table, recipient
        case folder

        var name: String { rawValue }
    }

    /// A longer call form is not read: only its size counts then.
    static let readableByteCount = 64 << 10
    /// So many values of a kind are looked at.
    static let valueCount = 32
    /// A longer value is no name of a place.
    static let valueByteCount = 1024

    /// Each once, in the order of the call form.
    package private(set) var values: [Kind: [JSONString]] = [:]
    package let byteCount: Int

    package init(_ form: CallForm) {
        byteCount = form.bytes.count
        guard byteCount <= Self.readableByteCount else { return }
        ArgumentWalk(form).each { argument in note(argument) }
    }

    private mutating func note(_ argument: ArgumentWalk.Argument) {
        let text = argument.text
        if argument.mayBeStatement {
            if case .statements(let statements) = StatementReading(text) {
                for table in statements.flatMap(\.tables) { add(table.lowercased(), .table) }
            }
            return
        }
        guard !text.isEmpty, text.utf8.count <= Self.valueByteCount else { return }
        if let address = WebAddress(text) {
            if address.scheme == "file" {
                add(Self.folder(of: address.rest), .folder)
            } else {
                add(address.place, .host)
            }
        } else if argument.isNamed(Self.hostKeys) {
            add(WebAddress("https://\(text)")?.place ?? text, .host)
        } else if argument.isNamed(Self.recipientKeys) || Self.isMailAddress(text) {
            add(text.lowercased(), .recipient)
        } else if argument.isNamed(Self.folderKeys) {
            add(text, .folder)
        } else if argument.isNamed(Self.pathKeys) || Self.isPath(text) {
            add(Self.folder(of: text), .folder)
        }
    }

    private mutating func add(_ text: String, _ kind: Kind) {
        // Compared by its bytes: two spellings of one letter are two places.
        let value = JSONString(text)
        guard values[kind, default: []].count < Self.valueCount,
            values[kind]?.contains(value) != true
        else { return }
        values[kind, default: []].append(value)
    }

    private static let hostKeys: Set<String> = [
        "host", "hostname", "domain", "server", "endpoint", "address", "ip", "ipaddress",
    ]
    private static let recipientKeys: Set<String> = [
        "to", "cc", "bcc", "recipient", "recipients", "email", "emails", "channel", "channelid",
        "chatid", "userid", "phone", "phonenumber", "attendees", "invitees", "assignee",
        "assignees", "sendto", "replyto",
    ]
    private static let folderKeys: Set<String> = [
        "folder", "directory", "dir", "cwd", "root", "workdir", "workingdirectory",
    ]
    static let pathKeys: Set<String> = [
        "path", "paths", "file", "files", "filepath", "filename", "filepaths", "source",
        "destination", "src", "dst", "dest", "target", "targetpath", "outputpath", "inputpath",
    ]

    private static func isPath(_ text: String) -> Bool {
        let starts = ["/", "~/", "./", "../"]
        return starts.contains { text.hasPrefix($0) } && !text.hasPrefix("//")
            && !text.utf8.contains { $0 < 0x20 }
    }

    /// `name@host`, and nothing beside.
    private static func isMailAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
            && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x3a && $0 != 0x2f && $0 != 0x5c }
    }

    /// What a path stands in, as it was written.
    private static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }
}

/// Goes through the texts of a call form.
struct ArgumentWalk {
    struct Argument {
        /// Such as `/headers/accept`.
        let pointer: JSONPointer
        /// The nearest key, lower case, letters and digits only.
        let key: String
        let text: String

        func isNamed(_ names: Set<String>) -> Bool { names.contains(key) }

        /// Whether it is read as SQL.
        var mayBeStatement: Bool {
            ["sql", "statement", "statements"].contains(key)
                || ["query", "queries", "command"].contains(key)
                    && StatementReading.looksLikeSQL(text)
        }
    }

    private let form: CallForm

    init(_ form: CallForm) { self.form = form }

    func each(_ body: (Argument) -> Void) { walk(form.document.root, .root, "", body) }

    private func walk(
        _ node: JSONNode,
        _ place: JSONPointer,
        _ key: String,
        _ body: (Argument) -> Void
    ) {
        switch node.kind {
        case .object:
            for (name, value) in node.members {
                walk(value, place.appending(name), Self.plain(name.text), body)
            }
        case .array:
            var index = 0
            for value in node.elements {
                walk(value, place.appending(index), key, body)
                index += 1
            }
        case .string:
            guard let text = node.string else { return }
            body(Argument(pointer: place, key: key, text: text))
        case .number, .true, .false, .null: break
        }
    }

    /// `filePath`, `file_path` and `File-Path` are one name.
    static func plain(_ key: String) -> String {
        String(
            decoding: key.utf8.filter { ($0 | 0x20) &- 0x61 < 26 || $0 &- 0x30 < 10 }
                .map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 },
            as: UTF8.self
        )
    }
}
