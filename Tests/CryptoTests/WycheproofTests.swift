import Base
import JSON
import TestKit
import Testing

@testable import Crypto

@Suite(.enabled(if: Corpus.has("wycheproof"), "corpus wycheproof is not here"))
struct WycheproofTests {
    @Test func `Ed25519 says about every signature what the corpus says`() throws {
        var count = 0
        for group in try WycheproofGroup.all("ed25519_test.json") {
            let key = group.node["publicKey"]?["pk"]?.string.flatMap { Hex.decode($0) } ?? []
            for test in group.tests {
                let verdict = Ed25519.Checker().isSignature(
                    test.bytes("sig"),
                    of: test.bytes("msg"),
                    by: key
                )
                #expect(verdict == test.isValid, "test \(test.id)")
                count += 1
            }
        }
        #expect(count == 151)
    }

    @Test func `HMAC-SHA-256 gives the tags of the corpus, and no others`() throws {
        var count = 0
        for group in try WycheproofGroup.all("hmac_sha256_test.json") {
            let byteCount = (group.integer("tagSize") ?? 256) / 8
            for test in group.tests {
                let tag = OpenSSLHashing().hmacSHA256(
                    key: test.bytes("key"),
                    test.bytes("msg")
                )
                let cut = Array(tag.bytes.prefix(byteCount))
                let isEqual = ConstantTime.equal(cut, test.bytes("tag"))
                #expect(isEqual == test.isValid, "test \(test.id)")
                count += 1
            }
        }
        #expect(count == 174)
    }

    @Test func `AES-256-GCM seals and opens as the corpus says`() throws {
        var count = 0
        for group in try WycheproofGroup.all("aes_gcm_test.json")
        where group.integer("keySize") == 256 && group.integer("ivSize") == 96 {
            for test in group.tests {
                let key = try SealingKey(SecretBytes(test.bytes("key")))
                let sealed = test.bytes("iv") + test.bytes("ct") + test.bytes("tag")
                let plain = try? key.open(sealed, context: test.bytes("aad"))
                #expect((plain == test.bytes("msg")) == test.isValid, "test \(test.id)")
                if test.isValid {
                    let again = try key.seal(
                        test.bytes("msg"),
                        context: test.bytes("aad"),
                        nonce: test.bytes("iv")
                    )
                    #expect(again == sealed, "test \(test.id)")
                }
                count += 1
            }
        }
        #expect(count > 50)
    }
}
