import Audit
import AuditVerifier
import Base
import Testing

struct TreeTests {
    // The eight leaves of Certificate Transparency's reference tests, and their roots.
    static let leaves = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ].compactMap { Hex.decode($0) }
    static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test(arguments: 0...8) func `both trees have the known root`(size: Int) {
        var edge = TreeEdge(hashing)
        var check = TreeCheck(hashing)
        var tiles: [Tile] = []
        for leaf in Self.leaves.prefix(size) {
            edge.append(leaf, tiles: &tiles)
            check.add(leaf)
        }
        #expect(edge.root.description == Self.roots[size])
        #expect(check.root.description == Self.roots[size])
    }

    // Computed by a recursive program in another language from the definition of RFC 9162 2.1.1.
    @Test(
        "both trees have the root another program computed",
        arguments: [
            (255, "12d20e0393b2b10464b55a5269dd066f0b836ea9512a34f13e3ad5c72575f43b"),
            (256, "dc9349f9787ed0086da6d97f679c51a5198f98e456e95b1d87fa3abc012fec31"),
            (257, "7bc95338d9eb756fddd6fcde386a6cd7692116c13bf5abef15dfb7e5358e68ae"),
            (1000, "997c0067c5ee716990d44a6731a704890ac7957401b97605fdf266b3cab8b4ef"),
            (65836, "e725f8331ee2f173b9ef16ddb31df4bd733f34f80af86d30e84fcd2589cb3fc9"),
        ]
    )
    func largeRoots(size: Int, root: String) {
        var edge = TreeEdge(hashing)
        var check = TreeCheck(hashing)
        var tiles: [Tile] = []
        for index in 0..<size {
            let record = Array("record \(index)".utf8)
            edge.append(record, tiles: &tiles)
            check.add(record)
        }
        #expect(edge.root.description == root)
        #expect(check.root.description == root)
        #expect(tiles.count { $0.level == 0 } == size / 256)
        #expect(tiles.count { $0.level == 1 } == size / 65536)
    }

    @Test func `every record of every small tree has a path, and it proves no other`() throws {
        let tree = SampleTree(size: 40)
        for size in UInt64(1)...40 {
            let root = tree.root(size)
            for leaf in 0..<size {
                let path = try #require(tree.inclusion(leaf, size))
                func holds(
                    _ record: UInt64,
                    _ index: UInt64,
                    _ size: UInt64,
                    _ path: [Digest],
                    _ root: Digest
                ) -> Bool {
                    TreeCheck.isIncluded(
                        record: tree.records[Int(record)],
                        at: index,
                        size: size,
                        path: path,
                        root: root,
                        hashing
                    )
                }
                #expect(holds(leaf, leaf, size, path, root))
                #expect(!holds((leaf + 1) % 40, leaf, size, path, root))
                #expect(!holds(leaf, leaf, size, path, flipped(root)))
                #expect(!holds(leaf, leaf, size, path + [root], root))
                #expect(!holds(leaf, size, size, path, root))
                if size > 1 { #expect(!holds(leaf, (leaf + 1) % size, size, path, root)) }
                if let first = path.first {
                    #expect(!holds(leaf, leaf, size, [flipped(first)] + path.dropFirst(), root))
                    #expect(!holds(leaf, leaf, size, Array(path.dropLast()), root))
                }
            }
            #expect(tree.inclusion(size, size) == nil)
        }
    }

    @Test func `every older small tree is shown to be the beginning, no other is`() throws {
        let tree = SampleTree(size: 40)
        for size in UInt64(1)...40 {
            let newer = (size: size, root: tree.root(size))
            for older in 1...size {
                let path = try #require(tree.consistency(older, size))
                let old = (size: older, root: tree.root(older))
                #expect(TreeCheck.isConsistent(older: old, newer: newer, path: path, hashing))
                let wrong = (size: older, root: flipped(old.root))
                #expect(!TreeCheck.isConsistent(older: wrong, newer: newer, path: path, hashing))
                let other = (size: size, root: flipped(newer.root))
                #expect(!TreeCheck.isConsistent(older: old, newer: other, path: path, hashing))
                if !path.isEmpty {
                    let cut = Array(path.dropLast())
                    #expect(!TreeCheck.isConsistent(older: old, newer: newer, path: cut, hashing))
                }
            }
            #expect(tree.consistency(0, size) == nil)
            #expect(tree.consistency(size + 1, size) == nil)
        }
    }

    @Test(arguments: [1, 7, 255, 256, 257, 511, 600, 1000])
    func `an edge read back from stored hashes goes on as the original`(size: UInt64) throws {
        var edge = TreeEdge(hashing)
        var tiles: [Tile] = []
        let tree = TreeHashing(hashing)
        let leaves = (0..<size).map { tree.leaf(Array("record \($0)".utf8)) }
        for leaf in leaves { edge.append(leafHash: leaf, tiles: &tiles) }
        var again = TreeEdge(size: size, hashing) { level, index in
            let start = Int(index) << level
            return tree.root(ofComplete: leaves[start..<start + 1 << level])
        }
        #expect(again.root == edge.root)
        var tilesOfEdge: [Tile] = []
        var tilesOfAgain: [Tile] = []
        for index in size..<size + 600 {
            let record = Array("record \(index)".utf8)
            edge.append(record, tiles: &tilesOfEdge)
            again.append(record, tiles: &tilesOfAgain)
        }
        #expect(again.root == edge.root)
        #expect(tilesOfAgain == tilesOfEdge)
    }

    @Test func `a tile's bytes are its hashes, and nothing else is a tile`() throws {
        let hashes = (0..<256).map { hashing.sha256([UInt8($0)]) }
        let tile = Tile(level: 0, index: 3, hashes: hashes)
        #expect(Tile(level: 0, index: 3, bytes: tile.bytes) == tile)
        #expect(Tile(level: 0, index: 3, bytes: Array(tile.bytes.dropLast())) == nil)
        #expect(Tile(level: 0, index: 3, bytes: tile.bytes + [0]) == nil)
    }
}
