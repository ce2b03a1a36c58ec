import JSON
import Testing

@testable import MCP

@Suite("Blocks of content towards older agents")
struct BlockLoweringTests {
    static let link = #"{"type":"resource_link","uri":"a:b","name":"n","title":"T"}"#
    static let sound = #"{"type":"audio","data":"AAAAAAAA","mimeType":"audio/wav"}"#
    static let image = #"{"type":"image","data":"AAAA","mimeType":"image/png"}"#

    @Test(
        "become a text where the revision has no word for them",
        arguments: [
            (link, Revision.r2025_03_26, #"{"type":"text","text":"[T](a:b)"}"#),
            (link, .r2024_11_05, #"{"type":"text","text":"[T](a:b)"}"#),
            (sound, .r2024_11_05, #"{"type":"text","text":"[sound, audio/wav, about 6 bytes]"}"#),
        ]
    )
    func lowered(block: String, revision: Revision, wanted: String) throws {
        #expect(text(BlockLowering.text(of: try json(block), for: revision)) == wanted)
    }

    @Test(
        "keep their bytes where it has",
        arguments: [
            (link, Revision.r2025_06_18), (sound, .r2025_03_26), (image, .r2024_11_05),
            (#"{ "type":"text", "text":"x" }"#, .r2024_11_05), ("7", .r2024_11_05),
        ]
    )
    func kept(block: String, revision: Revision) throws {
        #expect(text(BlockLowering.text(of: try json(block), for: revision)) == block)
    }

    @Test(
        "are lowered in results of tools and in messages of prompts",
        arguments: [
            (OfferKind.tool, #"{"content":[\#(link)]}"#),
            (.prompt, #"{"messages":[{"role":"user","content":\#(link)}]}"#),
        ]
    )
    func inResults(kind: OfferKind, result: String) throws {
        var writer = JSONWriter()
        ResultShape.writeToolResult(
            try json(result),
            of: kind,
            for: .r2025_03_26,
            serverInfo: [],
            to: &writer
        )
        let shaped = try json(text(writer.bytes))
        let items = shaped[kind == .tool ? "content" : "messages"]
        let first = items?.elements.first { _ in true }
        let block = kind == .tool ? first : first?["content"]
        #expect(block?["text"]?.string == "[T](a:b)")
    }
}
