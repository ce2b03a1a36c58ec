import CLinux
import Glibc

/// A signal by its number.
package struct Signal: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let terminate = Signal(rawValue: SIGTERM)
    package static let interrupt = Signal(rawValue: SIGINT)
    package static let hangUp = Signal(rawValue: SIGHUP)
    package static let child = Signal(rawValue: SIGCHLD)
    package static let kill = Signal(rawValue: SIGKILL)
    package static let stop = Signal(rawValue: SIGSTOP)
    package static let user1 = Signal(rawValue: SIGUSR1)

    package var name: String {
        switch rawValue {
        case SIGTERM: "SIGTERM"
        case SIGINT: "SIGINT"
        case SIGHUP: "SIGHUP"
        case SIGCHLD: "SIGCHLD"
        case SIGKILL: "SIGKILL"
        case SIGSEGV: "SIGSEGV"
        case SIGABRT: "SIGABRT"
        case SIGPIPE: "SIGPIPE"
        case SIGSYS: "SIGSYS"
        case SIGXFSZ: "SIGXFSZ"
        case SIGILL: "SIGILL"
        case SIGBUS: "SIGBUS"
        default: "signal \(rawValue)"
        }
    }
}

/// Signals of this process as events of a loop (signalfd).
///
/// Block them first with `Signals.block`, in the main thread before any other thread starts: a
/// thread that does not block a signal lets the kernel end the process with it.
package final class SignalWatch {
    private let descriptor: Descriptor
    private var watch: ReadWatch?

    /// Calls `body` on the loop for each; several of one kind that wait count as one.
    package init(
        _ signals: [Signal],
        on loop: EventLoop,
        _ body: @escaping (Signal) -> Void
    ) throws(SystemError) {
        let numbers = signals.map(\.rawValue)
        let number = try checked(
            "signalfd",
            unsafe cgate_signalfd(numbers, CInt(numbers.count))
        )
        descriptor = Descriptor(adopting: number)
        watch = try ReadWatch(number, on: loop) {
            while true {
                let signal = cgate_next_signal(number)
                guard signal > 0 else { return }
                body(Signal(rawValue: signal))
            }
        }
    }

    package func cancel() {
        watch?.cancel()
        watch = nil
    }
}

/// The signal set-up of the process.
package enum Signals {
    /// Blocks the signals in this thread and those it starts later; they wait for a `SignalWatch`.
    package static func block(_ signals: [Signal]) throws(SystemError) {
        let numbers = signals.map(\.rawValue)
        let number = try checked("signalfd", unsafe cgate_signalfd(numbers, CInt(numbers.count)))
        _ = cgate_close(number)
    }

    /// A peer that closes is an error of the write, not the end of the process.
    package static func ignoreBrokenPipes() { _ = cgate_ignore_sigpipe() }

    /// Sends a signal to a process by its number.
    package static func send(_ signal: Signal, to processID: Int32) throws(SystemError) {
        guard kill(processID, signal.rawValue) == 0 else {
            throw SystemError(call: "kill", code: errno)
        }
    }
}
