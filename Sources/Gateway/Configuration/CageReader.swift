import Base
import JSON
import Policy
import Sandbox

/// Reads what a server is given inside its cage.
enum CageReader {
    static func cage(_ field: Field?) throws(ConfigurationError) -> Configuration.Cage {
        guard let field else { return .closed }
        if field.node.isString("none") {
            return Configuration.Cage(
                isNone: true,
                read: [],
                write: [],
                network: .host,
                code: [],
                hide: [],
                minimum: []
            )
        }
        let members = try field.members(
            of: [
                "read", "write", "hide", "code", "network", "minimum", "tmp", "memory", "cpu",
                "processes",
                "files", "file_size", "seccomp",
            ]
        )
        let (read, write) = (try folders(members["read"]), try folders(members["write"]))
        try checkSiblings([members["read"], members["write"]].compactMap(\.self))
        return Configuration.Cage(
            isNone: false,
            read: read,
            write: write,
            network: try members["network"].map(NetworkReader.read) ?? .none,
            code: try members["code"]?.strings() ?? [],
            hide: try members["hide"].map(hidden) ?? [],
            minimum: try minimum(members["minimum"]),
            limits: try limits(members),
            seccomp: try members["seccomp"]?.word(CageProfile.Seccomp.self) ?? .standard
        )
    }

    /// Patterns as `deny_paths` has them.
    private static func hidden(_ field: Field) throws(ConfigurationError) -> [DenyPath] {
        let elements = try field.elements()
        guard elements.count <= DenyPath.countLimit else {
            throw field.wrong("`hide` has more than \(DenyPath.countLimit) patterns")
        }
        return try elements.map { element throws(ConfigurationError) in
            let text = try element.string()
            do throws(DenyPath.Problem) {
                return try DenyPath(text)
            } catch {
                throw element.wrong("`\(printable(text))` \(error.text)")
            }
        }
    }

    /// What is not written stays as closed as `CageLimits` says.
    private static func limits(
        _ members: [String: Field]
    ) throws(ConfigurationError) -> CageLimits {
        var limits = CageLimits()
        func mebibytes(
            _ key: String,
            in range: ClosedRange<Int>
        ) throws(ConfigurationError) -> UInt64? {
            try members[key].map { field throws(ConfigurationError) in
                UInt64(clamping: try field.integer(in: range)) << 20
            }
        }
        if let tmp = try mebibytes("tmp", in: 1...16_384) { limits.temporaryByteCount = tmp }
        if let memory = try mebibytes("memory", in: 16...1_048_576) {
            limits.memoryByteCount = memory
        }
        if let size = try mebibytes("file_size", in: 1...1_048_576) { limits.fileByteCount = size }
        if let field = members["cpu"] { limits.processorThousandths = try processors(field) }
        if let count = try members["processes"]?.integer(in: 2...4096) {
            limits.processCount = UInt64(clamping: count)
        }
        if let count = try members["files"]?.integer(in: 16...65_536) {
            limits.descriptorCount = UInt64(clamping: count)
        }
        return limits
    }

    /// `2`, `0.5`: processors, in thousandths.
    private static func processors(_ field: Field) throws(ConfigurationError) -> UInt64 {
        guard let number = field.node.number?.double, number >= 0.01, number <= 1024 else {
            throw field.wrong(
                "`\(field.name)` must be a number of processors from 0.01 to 1024",
                hint: "write `cpu: 0.5` for half of one"
            )
        }
        return UInt64((number * 1000).rounded())
    }

    /// Layers a start must have; a word nobody knows would require nothing.
    private static func minimum(_ field: Field?) throws(ConfigurationError) -> [String]? {
        guard let field else { return nil }
        for element in try field.elements() {
            let word = try element.string()
            guard CageLayer(rawValue: word) != nil else {
                throw element.wrong(
                    "unknown layer `\(word)`",
                    hint: "use one of: "
                        + CageLayer.allCases.map(\.rawValue).joined(separator: ", ")
                )
            }
        }
        return try field.strings()
    }

    /// Places inside a cage are free for use and do not lie in one another.
    private static func checkSiblings(_ fields: [Field]) throws(ConfigurationError) {
        var places: [String] = []
        for field in fields {
            for (inside, entry) in try field.allMembers() {
                do throws(CageError) {
                    places.append(try CagePlan.place(inside, beside: places))
                } catch {
                    throw entry.wrong("\(error)")
                }
            }
        }
    }

    private static func folders(
        _ field: Field?
    ) throws(ConfigurationError) -> [Configuration.Cage.Folder] {
        var result: [Configuration.Cage.Folder] = []
        for (inside, entry) in try field?.allMembers() ?? [] {
            let isAbsolute = inside.hasPrefix("/") && inside.utf8.count > 1
            let parts = inside.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            guard isAbsolute, !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." })
            else {
                throw entry.wrong(
                    "`\(inside)` is not a folder inside the cage",
                    hint: "write an absolute path without `.`, `..` or empty parts"
                )
            }
            result.append(
                Configuration.Cage.Folder(inside: inside, outside: try entry.string())
            )
        }
        return result
    }
}
