import Base
import Crypto
import Testing

struct CryptoTests {
    let hashing = OpenSSLHashing()
    let random = SystemRandom()

    // FIPS 180-4 examples.
    @Test(
        "SHA-256 of the standard's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ]
    )
    func sha256(text: String, expected: String) {
        #expect(hashing.sha256(Array(text.utf8)).description == expected)
    }

    @Test func `a prefixed hash is the hash of the joined bytes`() {
        let record = random.bytes(count: 601)
        let left = hashing.sha256([1])
        let right = hashing.sha256([2])
        #expect(hashing.sha256(prefix: 0, record) == hashing.sha256([0] + record))
        #expect(
            hashing.sha256(prefix: 1, left, right)
                == hashing.sha256([1] + left.bytes + right.bytes)
        )
    }

    @Test func `a fresh key signs what only its public key accepts`() throws {
        let key = try Ed25519.SigningKey(from: random)
        let other = try Ed25519.SigningKey(from: random)
        let message = Array("checkpoint".utf8)
        var signature = key.sign(message)
        let checker = Ed25519.Checker()
        #expect(checker.isSignature(signature, of: message, by: key.publicKey))
        #expect(!checker.isSignature(signature, of: message, by: other.publicKey))
        #expect(!checker.isSignature(signature, of: message + [0], by: key.publicKey))
        signature[10] ^= 1
        #expect(!checker.isSignature(signature, of: message, by: key.publicKey))
    }

    // RFC 8032 7.1, test 1: an empty message.
    @Test func `RFC 8032 test 1`() throws {
        let seed = try #require(
            Hex.decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        )
        let key = try Ed25519.SigningKey(seed: SecretBytes(seed))
        #expect(
            Hex.encode(key.publicKey)
                == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        )
        #expect(
            Hex.encode(key.sign([])).hasPrefix("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974")
        )
    }

    @Test(arguments: [0, 31, 33]) func `a seed of another length is refused`(count: Int) {
        #expect(throws: CryptoError.self) {
            try Ed25519.SigningKey(seed: SecretBytes([UInt8](repeating: 0, count: count)))
        }
    }

    @Test(arguments: [[], Array("{}".utf8), [UInt8](repeating: 9, count: 70_000)])
    func `sealed bytes open under the same key and context only`(plain: [UInt8]) throws {
        let key = try SealingKey(SecretBytes(random.bytes(count: 32)))
        let other = try SealingKey(SecretBytes(random.bytes(count: 32)))
        let context = Array("main/c1".utf8)
        let sealed = try key.seal(plain, context: context, random: random)
        #expect(sealed.count == plain.count + SealingKey.overheadByteCount)
        #expect(try key.open(sealed, context: context) == plain)
        #expect(throws: CryptoError.notAuthentic) { try other.open(sealed, context: context) }
        #expect(throws: CryptoError.notAuthentic) { try key.open(sealed, context: context + [0]) }
        for place in [0, sealed.count / 2, sealed.count - 1] {
            var changed = sealed
            changed[place] ^= 1
            #expect(throws: CryptoError.notAuthentic) { try key.open(changed, context: context) }
        }
        #expect(throws: CryptoError.notAuthentic) {
            try key.open(Array(sealed.prefix(27)), context: context)
        }
    }

    // RFC 7914 section 12.
    @Test(
        "scrypt of the standard's vectors",
        arguments: [
            ("password", "NaCl", 10, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe"),
            ("pleaseletmein", "SodiumChloride", 14, 8, 1, "7023bdcb3afd7348461c06cd81fd38eb"),
        ]
    )
    func scrypt(
        _ password: String,
        _ salt: String,
        _ logN: Int,
        _ r: Int,
        _ p: Int,
        _ prefix: String
    ) throws {
        let cost = try #require(PassphraseHash.Cost(checking: logN, r: r, p: p))
        let derived = try Scrypt.derive(
            Array(password.utf8),
            salt: Array(salt.utf8),
            cost: cost,
            byteCount: 64
        )
        #expect(Hex.encode(derived).hasPrefix(prefix))
    }

    @Test func `a stored passphrase is recognised after a round trip, another is not`() throws {
        let cost = try #require(PassphraseHash.Cost(checking: 10, r: 8, p: 1))
        let hash = try PassphraseHash(of: Array("correct".utf8), cost: cost, random: random)
        let read = try #require(PassphraseHash(text: hash.text))
        #expect(try read.matches(Array("correct".utf8)))
        #expect(try !read.matches(Array("correct ".utf8)))
        #expect(try !read.matches([]))
    }

    @Test(
        "a stored hash that asks too much, or is none, is refused",
        arguments: [
            "", "scrypt", "scrypt$21$8$1$AAAAAAAAAAA$AA", "scrypt$20$16$1$AAAAAAAAAAA$AA",
            "bcrypt$10$8$1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "scrypt$10$8$1$AAAAAAAAAAA$AAAA",
            "scrypt$99999999999999999999$8$1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ]
    )
    func refusesHash(text: String) { #expect(PassphraseHash(text: text) == nil) }

    @Test func `equal compares all bytes`() {
        #expect(ConstantTime.equal([], []))
        #expect(ConstantTime.equal([1, 2], [1, 2]))
        #expect(!ConstantTime.equal([1, 2], [1, 3]))
        #expect(!ConstantTime.equal([1, 2], [1, 2, 3]))
    }

    @Test func `random bytes come in the asked number and do not repeat`() {
        #expect(random.bytes(count: 0).isEmpty)
        #expect(random.bytes(count: 5000).count == 5000)
        let many = Set((0..<1000).map { _ in random.bytes(count: 16) })
        #expect(many.count == 1000)
    }

    @Test func `words come once, and no byte of them again`() {
        let words = (0..<1000).flatMap { _ in
            let four = random.fourWords()
            return [random.word(), four.0, four.1, four.2, four.3]
        }
        let bytes = (0..<1000).map { _ in
            random.bytes(count: 8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        #expect(Set(words + bytes).count == 6000)
        #expect(!words.contains(0))
    }

    @Test func `a key of four words is the key of their bytes`() throws {
        let key = try #require(Digest(bytes: Array(0..<32)))
        let text = Array("text".utf8)
        #expect(
            hashing.hmacSHA256(key: key.words, text[...])
                == hashing.hmacSHA256(key: key.bytes, text)
        )
    }

    @Test func `a secret does not print itself`() {
        #expect("\(SecretBytes(Array("hunter2".utf8)))" == "[secret]")
    }
}
