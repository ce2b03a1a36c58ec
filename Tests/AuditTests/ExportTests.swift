import Audit
import Base
import Testing

struct ExportTests {
    private func leaf(reason: String) -> StoredLeaf {
        let record = AuditRecord(
            .denied,
            at: sampleTime,
            tenant: .main,
            environment: staging,
            call: "c1",
            detail: .fields([RecordField("reason", reason)])
        )
        return StoredLeaf(index: 7, bytes: record.encoded())
    }

    @Test func `a row has the columns of the header, with quotes doubled`() {
        let row = String(decoding: RecordExport.csvRow(leaf(reason: "a \"b\",\nc")), as: UTF8.self)
        #expect(
            row.hasPrefix("\"7\",\"2026-08-01T12:00:00.123Z\",\"denied\",\"main\",\"staging\",")
        )
        #expect(row.contains("\"a \"\"b\"\",\nc\""))
        #expect(row.hasSuffix("\"\r\n"))
    }

    @Test(arguments: ["=1+1", "+1", "-1", "@x", "\tx"])
    func `a cell that looks like a formula is made text`(reason: String) {
        let row = String(decoding: RecordExport.csvRow(leaf(reason: reason)), as: UTF8.self)
        #expect(row.contains("\"'" + reason))
    }

    @Test func `a leaf that is no record is kept as it is`() {
        let row = RecordExport.csvRow(StoredLeaf(index: 0, bytes: Array("nonsense".utf8)))
        #expect(String(decoding: row, as: UTF8.self).hasSuffix("\"nonsense\"\r\n"))
        #expect(row.count { $0 == 0x2c } == RecordExport.csvHeader.count { $0 == 0x2c })
    }

    @Test func `a line for the terminal carries no control character`() throws {
        let head = try #require(RecordHead(leaf: leaf(reason: "\u{1b}[2J\nx").bytes))
        #expect(head.line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7f })
        #expect(head.line.contains("denied"))
    }
}
