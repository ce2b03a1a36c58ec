import Testing

@testable import Screening

/// Lines of keys without armour are found wherever they stand, among runs of any length.
@Suite struct KeyMaterialTests {
    /// 70 letters as random as those of a key; its first 64 are, too.
    private static let line = Array(
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ7Qx2mVt9KfLw3RzYc8NdUe5HgPsJ".utf8
    )

    private func found(_ text: [UInt8]) -> [Range<Int>] {
        var findings: [Finding] = []
        KeyMaterial.appendFindings(in: text, to: &findings)
        return findings.map(\.range)
    }

    @Test(arguments: [64, 70]) func `a line is found at every distance from any other run`(
        width: Int
    ) {
        for before in [0, 1, 63, 64, 65, 79, 80, 81, 127, 128, 129, 1000, 1023] {
            for gap in [1, 2, 62, 63, 64, 65] {
                let run = [UInt8](repeating: 0x41, count: before)
                let blanks = [UInt8](repeating: 0x20, count: gap)
                let text = run + blanks + Self.line.prefix(width) + blanks + run
                let start = before + gap
                #expect(found(text) == [start..<start + width], "\(before) \(gap)")
            }
        }
    }

    @Test func `a run of any other length is no line`() {
        for width in [1, 32, 63, 65, 69, 71, 80, 81, 128, 140] {
            let run = (0..<width).map { Self.line[$0 % Self.line.count] }
            #expect(found(run).isEmpty, "\(width)")
            #expect(found([0x20] + run + [0x20]).isEmpty, "\(width)")
        }
    }
}
