private import CSeccomp

/// Acts in the bytes the victim reads, and what it says of them.
///
/// INVARIANT: `Sources/gatehouse-init/victim.c` has the same layouts.
enum ActScript {
    static let byteCountLimit = 1 << 20

    /// Nil for an act with a call this architecture does not have.
    static func bytes(of act: Act) -> [UInt8]? {
        var body: [UInt8] = []
        for step in act.steps {
            var number: UInt32 = 0
            if let name = step.callName {
                let known = unsafe cseccomp_number(name)
                guard known >= 0 || step.callNumber != nil else { return nil }
                number = known >= 0 ? UInt32(known) : step.callNumber ?? 0
            }
            body.append(littleEndian: step.operation.rawValue)
            body.append(littleEndian: number)
            for index in 0..<6 {
                let argument = step.arguments.indices.contains(index) ? step.arguments[index] : 0
                append(argument, to: &body)
            }
        }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(clamping: body.count))
        bytes.append(littleEndian: UInt32(clamping: act.steps.count))
        bytes.append(littleEndian: act.seconds)
        return bytes + body
    }

    private static func append(_ argument: Step.Argument, to body: inout [UInt8]) {
        let (kind, value, text): (UInt32, UInt64, [UInt8]?) =
            switch argument {
            case .value(let value): (0, value, nil)
            case .text(let text): (1, 0, text)
            case .result(let index): (2, UInt64(clamping: index), nil)
            case .buffer: (3, 0, nil)
            }
        body.append(littleEndian: kind)
        body.append(littleEndian: UInt32(clamping: text?.count ?? 0))
        body.append(littleEndian: value)
        if let text { body += text + [0] }
    }

    /// The victim's reports, by the number of the act.
    static func answers(in bytes: [UInt8]) -> [Int: Act.Answer] {
        var answers: [Int: Act.Answer] = [:]
        for start in stride(from: 0, to: bytes.count - bytes.count % 16, by: 16) {
            func word(_ index: Int) -> UInt32 {
                (0..<4).reduce(0) {
                    $0 | UInt32(bytes[start + index * 4 + $1]) << UInt32($1 * 8)
                }
            }
            let code = Int32(bitPattern: word(2))
            answers[Int(word(0))] =
                switch word(1) {
                case 0: .through
                case 1: .errno(code)
                case 2: .absent
                default: .signal(code)
                }
        }
        return answers
    }
}
