import CLinux

/// One press of a key, as far as a command cares.
package enum TerminalKey: Equatable, Sendable {
    case letter(Character)
    case up, down
    /// Control-C, Control-D, or the end of the terminal.
    case quit

    /// What one read brought; nil for all that is no single key, such as text that was pasted.
    package init?(_ bytes: [UInt8]) {
        switch bytes {
        case [], [0x03], [0x04]: self = .quit
        case [0x1b, 0x5b, 0x41], [0x1b, 0x4f, 0x41]: self = .up
        case [0x1b, 0x5b, 0x42], [0x1b, 0x4f, 0x42]: self = .down
        case [0x0d], [0x0a]: self = .letter("\n")
        default:
            guard bytes.count == 1, let byte = bytes.first, (0x20..<0x7f).contains(byte) else {
                return nil
            }
            self = .letter(Character(Unicode.Scalar(byte)))
        }
    }
}

extension Terminal {
    /// Whether that descriptor is a terminal.
    package static func isTerminal(_ number: CInt) -> Bool {
        var (rows, columns): (CInt, CInt) = (0, 0)
        return unsafe cgate_terminal_size(number, &rows, &columns) == 0
    }

    /// Watched while keys are taken.
    package var number: CInt { device.number }

    /// From now on each key comes by itself and is not shown; `takeLines` ends it.
    package func takeKeys() throws(SystemError) {
        _ = try checked("tcsetattr", cgate_set_keys(device.number, 1))
    }

    package func takeLines() { _ = cgate_set_keys(device.number, 0) }

    /// Keys that were meant for what was there before.
    package func dropInput() { _ = cgate_drop_input(device.number) }

    /// What was typed, empty at the end; waits for the first of it.
    package func key() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe cgate_read(device.number, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, Int(count))))
    }

    /// Rows and columns; those of a terminal of old where it does not know.
    package var size: (rows: Int, columns: Int) {
        var (rows, columns): (CInt, CInt) = (0, 0)
        _ = unsafe cgate_terminal_size(device.number, &rows, &columns)
        return (rows > 4 ? Int(rows) : 24, columns > 19 ? Int(columns) : 80)
    }
}
