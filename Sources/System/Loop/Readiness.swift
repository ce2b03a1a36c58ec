/// What a descriptor is ready for; the raw values are the kernel's (checked in `CLinux`).
struct Readiness: OptionSet {
    let rawValue: UInt32
    static let readable = Readiness(rawValue: 1)
    static let writable = Readiness(rawValue: 4)
    static let failed = Readiness(rawValue: 8)
    static let hungUp = Readiness(rawValue: 16)
    static let peerClosed = Readiness(rawValue: 0x2000)
    static let edgeTriggered = Readiness(rawValue: 1 << 31)

    /// Registered once for the life of a stream: no further epoll_ctl per direction change.
    static let stream: Readiness = [.readable, .writable, .peerClosed, .edgeTriggered]
    static let anyRead: Readiness = [.readable, .peerClosed, .hungUp, .failed]
    static let anyWrite: Readiness = [.writable, .hungUp, .failed]
}
