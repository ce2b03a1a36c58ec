/// Where something is mounted, as this process sees it.
package enum MountPoints {
    /// Reads `/proc/self/mountinfo`; empty where it cannot be read, which no machine of ours shows.
    package static var current: [String] {
        parsed(HostPath.beginning(of: "/proc/self/mountinfo", limit: 4 << 20) ?? [])
    }

    /// The fifth field of each line (proc(5)), with its octal escapes undone.
    static func parsed(_ table: [UInt8]) -> [String] {
        table.split(separator: 0x0a).compactMap { line in
            let fields = line.split(separator: 0x20, maxSplits: 5)
            guard fields.count > 4 else { return nil }
            return String(decoding: unescaped(fields[4]), as: UTF8.self)
        }
    }

    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3).map { $0 &- 0x30 }
            guard byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ $0 < 8 })
            else {
                result.append(byte)
                continue
            }
            result.append(digits.reduce(0) { $0 &<< 3 | $1 })
            rest = rest.dropFirst(3)
        }
        return result
    }
}
