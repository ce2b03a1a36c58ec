package import Base
import CLinux

/// The clocks of the kernel.
package struct SystemClock: Clock {
    package init() {}
    package var instant: Instant { Instant(nanoseconds: cgate_monotonic()) }
    package var timestamp: Timestamp { Timestamp(milliseconds: cgate_realtime()) }
}

/// The kernel's random source (getrandom).
package struct SystemRandom: RandomSource {
    package init() {}

    package func bytes(count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let wanted = count - filled
            let got = unsafe result.withUnsafeMutableBytes { buffer in
                unsafe cgate_random(buffer.baseAddress, filled, wanted)
            }
            // Without randomness nothing we issue is a secret: going on would be worse.
            precondition(got > 0, "getrandom failed")
            filled += got
        }
        return result
    }
}
