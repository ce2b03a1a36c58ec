import Base
import Screening
import Testing

private struct StillClock: Clock {
    var instant: Instant { Instant(nanoseconds: 1) }
    var timestamp: Timestamp { Timestamp(milliseconds: 1) }
}

@Suite struct SecretMaskTests {
    private let value = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1aBc4dEf7g"
    private let stand = "ghp_standin"

    private func mask() throws -> SecretMask {
        let known = try #require(KnownSecret(name: "token", value: Array(value.utf8)))
        return SecretMask([(known, Array(stand.utf8))], clock: StillClock())
    }

    private func masked(_ text: String) throws -> String {
        String(decoding: try mask().masked(Array(text.utf8)).bytes, as: UTF8.self)
    }

    @Test func `puts the placeholder in the value's place, and leaves the rest`() throws {
        #expect(try masked("a \(value) b \(value)") == "a \(stand) b \(stand)")
        #expect(try masked("nothing here") == "nothing here")
        #expect(try mask().masked([0, 255, 128]).bytes == [0, 255, 128])
        #expect(try mask().masked(Array(value.utf8)).count == 1)
    }

    @Test func `finds the value in other spellings`() throws {
        let bytes = Array(value.utf8)
        for form in [
            Hex.encode(bytes), Base64.encode(bytes), Base64.encode([0x78] + bytes),
            bytes.map { "%" + Hex.encode([$0]) }.joined(),
            bytes.map { "\\u00" + Hex.encode([$0]) }.joined(),
        ] {
            #expect(try mask().names(in: Array("x=\(form)&y".utf8)) == ["token"], "\(form)")
            #expect(try !masked("x=\(form)&y").contains(form))
        }
        #expect(try mask().names(in: Array(stand.utf8)) == [])
    }
}
