import Audit
import AuditVerifier
import Base
import Crypto

/// What the fuzzer and the unit test over saved inputs do with a checkpoint or what goes with it.
///
/// An input is a note, a file of notes, a key, evidence or a record. Whatever it is: nothing traps,
/// and what the strict second reader takes for a checkpoint or a tombstone the first one takes for
/// the same.
enum CheckpointFuzz {
    /// Takes any 64 bytes for a signature, so that the fuzzer gets past it.
    private struct Gullible: SignatureChecking {
        func isSignature(
            _ signature: [UInt8],
            of message: [UInt8],
            by publicKey: [UInt8]
        ) -> Bool { signature.count == 64 }
    }

    private static let hashing: any Hashing = OpenSSLHashing()
    static let name = "gatehouse/log/00112233445566778899aabbccddeeff"
    static let publicKey = [UInt8](repeating: 5, count: 32)

    /// False when the readers disagree.
    static func holds(_ input: [UInt8]) -> Bool {
        _ = try? VerifierKey(String(decoding: input, as: UTF8.self), hashing)
        _ = try? Evidence(input)
        var words = RecordWords()
        words.read(leaf: input)
        _ = RecordExport.csvRow(StoredLeaf(index: 0, bytes: input))
        var verification = LogVerification(hashing)
        verification.add(input)
        _ = verification.report()
        return ([input] + VerifiedCheckpoint.split(input)).allSatisfy { note in
            readersAgree(note) && readersAgreeOnTombstone(note)
        }
    }

    private static func readersAgreeOnTombstone(_ note: [UInt8]) -> Bool {
        guard let origin = LogOrigin(name) else { return false }
        let first = CheckpointKey(origin: origin, publicKey: publicKey, hashing)
        let text = String(decoding: note, as: UTF8.self)
        let opened = first.tombstone(text, Gullible())
        if let opened {
            // What is taken can be written and read again.
            let again = opened.body(origin) + text.signatures
            guard first.tombstone(again, Gullible()) == opened else { return false }
        }
        guard let second = try? VerifierKey(first.text, hashing),
            let verified = try? VerifiedTombstone(note, second, Gullible()),
            text.utf8.elementsEqual(note)
        else { return true }
        return opened?.size == verified.size && opened?.peaks == verified.peaks
            && opened.map { Set($0.calls) } == verified.calls
    }

    private static func readersAgree(_ note: [UInt8]) -> Bool {
        guard let origin = LogOrigin(name) else { return false }
        let first = CheckpointKey(origin: origin, publicKey: publicKey, hashing)
        guard let second = try? VerifierKey(first.text, hashing),
            let verified = try? VerifiedCheckpoint(note, second, Gullible())
        else { return true }
        let text = String(decoding: note, as: UTF8.self)
        // The first reader works on text; other bytes are outside its promise.
        guard text.utf8.elementsEqual(note) else { return true }
        let opened = try? first.open(text, Gullible())
        return opened?.size == verified.size && opened?.root == verified.root
    }
}

extension String {
    /// From the last blank line on, which divides a note's text from its signatures.
    fileprivate var signatures: String {
        let bytes = Array(utf8)
        let blank = bytes.indices.dropLast().last { bytes[$0] == 0x0a && bytes[$0 + 1] == 0x0a }
        return String(decoding: bytes[((blank ?? bytes.count - 1) + 1)...], as: UTF8.self)
    }
}
