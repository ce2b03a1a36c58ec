import Base
import JSON
import TestKit

/// One group of a Project Wycheproof file: its own members and its tests.
struct WycheproofGroup {
    let node: JSONNode
    let tests: [WycheproofCase]

    static func all(_ file: String) throws -> [WycheproofGroup] {
        guard let folder = Corpus.folder("wycheproof"),
            let bytes = Corpus.bytes(folder + "/" + file)
        else { return [] }
        let document = try JSONDocument(parsing: bytes, limits: .result)
        guard let groups = document.root["testGroups"] else { return [] }
        return groups.elements.map { group in
            let tests = group["tests"].map { $0.elements.map { WycheproofCase(node: $0) } }
            return WycheproofGroup(node: group, tests: tests ?? [])
        }
    }

    func integer(_ name: String) -> Int? { node.member(name)?.number?.int }
}

struct WycheproofCase {
    let node: JSONNode

    var id: Int { node["tcId"]?.number?.int ?? -1 }
    var isValid: Bool { node["result"]?.string == "valid" }

    func bytes(_ name: String) -> [UInt8] {
        node.member(name)?.string.flatMap { Hex.decode($0) } ?? []
    }
}
