package import Base
import CLinux

/// The clocks of the kernel.
package struct SystemClock: Clock {
    package init() {}
    package var instant: Instant { Instant(nanoseconds: cgate_monotonic()) }
    package var timestamp: Timestamp { Timestamp(milliseconds: cgate_realtime()) }
    package var threadTime: Duration { Process.threadCPUTime() }
}
