import Base
private import COpenSSL

/// The machine's CSPRNG by OpenSSL.
///
/// Small requests are served from a pool of 4 KiB, because a call of `RAND_bytes` costs as much as
/// hashing a record; what was handed out is zeroed in the pool at once.
package final class SystemRandom: RandomSource {
    private struct Pool {
        var bytes: [UInt8] = []
        var next = 0
    }

    private let pool = Lock(Pool())

    package init() {}

    package func bytes(count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        guard count <= 64 else { return Self.fresh(count) }
        return pool.withLock { pool in
            if pool.next + count > pool.bytes.count {
                pool.bytes = Self.fresh(4096)
                pool.next = 0
            }
            let place = pool.next..<pool.next + count
            pool.next = place.upperBound
            let result = Array(pool.bytes[place])
            unsafe pool.bytes.withUnsafeMutableBufferPointer { bytes in
                unsafe UnsafeMutableBufferPointer(rebasing: bytes[place]).update(repeating: 0)
            }
            return result
        }
    }

    private static func fresh(_ count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        let status = unsafe copenssl_random(&result, count)
        // Without random numbers no key, nonce or id may be made.
        precondition(status == 0, "openssl has no random numbers")
        return result
    }
}
