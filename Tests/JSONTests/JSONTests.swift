import JSON
import Testing

@Suite struct DocumentTests {
    @Test func `a document is read, looked up and written back`() throws {
        let text = #"{"b":[1,true,null,{"x":"é"}],"a":{"k":-2.50e+1},"n\u0061me":"a\nb"}"#
        let document = try JSONDocument(parsing: Array(text.utf8))
        let root = document.root
        #expect(root.kind == .object)
        #expect(root.count == 3)
        #expect(root["b"]?.elements.map(\.kind) == [.number, .true, .null, .object])
        #expect(root["name"]?.string == "a\nb")
        #expect(root["a"]?["k"]?.number?.int64 == -25)
        #expect(root.source.elementsEqual(text.utf8))
        let form = try CallForm(root)
        #expect(
            String(decoding: form.bytes, as: UTF8.self)
                == #"{"a":{"k":-25},"b":[1,true,null,{"x":"é"}],"name":"a\nb"}"#
        )
        #expect(throws: JSONError.duplicateKey(offset: 7)) {
            try JSONDocument(parsing: Array(#"{"a":1,"\u0061":2}"#.utf8))
        }
    }
}
