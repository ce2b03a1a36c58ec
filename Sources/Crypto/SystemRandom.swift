import Base
private import COpenSSL

/// The machine's CSPRNG by OpenSSL.
///
/// Small requests are served from a pool of 4 KiB, because a call of `RAND_bytes` costs as much as
/// hashing a record; what was handed out is zeroed in the pool at once.
package final class SystemRandom: RandomSource {
    private struct Pool {
        static let wordCount = 512
        var words: [UInt64] = []
        var next = 0

        mutating func word() -> UInt64 {
            if next == words.count {
                words = SystemRandom.fresh(Self.wordCount)
                next = 0
            }
            let word = words[next]
            words[next] = 0
            next += 1
            return word
        }
    }

    private let pool = Lock(Pool())

    package init() {}

    package func bytes(count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        guard count <= 64 else { return Self.fresh(count) }
        var result: [UInt8] = []
        result.reserveCapacity(count)
        pool.withLock { pool in
            while result.count < count {
                unsafe withUnsafeBytes(of: pool.word()) { word in
                    unsafe result.append(contentsOf: word.prefix(count - result.count))
                }
            }
        }
        return result
    }

    package func word() -> UInt64 { pool.withLock { $0.word() } }

    package func fourWords() -> (UInt64, UInt64, UInt64, UInt64) {
        pool.withLock { ($0.word(), $0.word(), $0.word(), $0.word()) }
    }

    private static func fresh<Word: FixedWidthInteger>(_ count: Int) -> [Word] {
        var result = [Word](repeating: 0, count: count)
        let status = unsafe result.withUnsafeMutableBytes { bytes -> CInt in
            guard let base = bytes.baseAddress else { return -1 }
            return unsafe copenssl_random(base.assumingMemoryBound(to: UInt8.self), bytes.count)
        }
        // Without random numbers no key, nonce or id may be made.
        precondition(status == 0, "openssl has no random numbers")
        return result
    }
}
