/// A parser of outside bytes that is fuzzed; `Fuzz/README.md` says how to add one.
///
/// A body takes any bytes and must come back: a trap, an endless loop or memory without bound is a
/// finding, and so is a promise of the parser that does not hold, which the body states with
/// `expect`, and work beyond `workLimit`.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case asking, certificate, checkpoint, configuration, credential, events, exchange, greeting,
        host
    case http, http2, json, lines, log, message, name, path, pattern, proxy, schema, screening

    /// How many changed inputs a unit test tries: some bodies take milliseconds, and libFuzzer tries
    /// millions.
    package var changeCount: Int {
        switch self {
        case .configuration, .log, .pattern, .schema, .screening: 40
        default: 500
        }
    }

    /// Runs the body on one input and holds it to its work.
    package func run(_ bytes: [UInt8]) {
        prepare()
        let start = ThreadTime.now
        body(bytes)
        let spent = start.elapsed
        expect(
            spent <= workLimit(bytes.count),
            "\(bytes.count) bytes are read in \(workLimit(bytes.count)), not in \(spent)"
        )
    }

    private func body(_ bytes: [UInt8]) {
        switch self {
        case .asking: AskingFuzz.check(bytes)
        case .certificate: CertificateFuzz.check(bytes)
        case .checkpoint:
            expect(CheckpointFuzz.holds(bytes), "two readers of a checkpoint agree")
        case .configuration: ConfigurationFuzz.check(bytes)
        case .credential: CredentialFuzz.check(bytes)
        case .events: EventsFuzz.check(bytes)
        case .exchange: EgressFuzz.exchange(bytes)
        case .greeting: EgressFuzz.greeting(bytes)
        case .host: EgressFuzz.host(bytes)
        case .http: HTTPFuzz.check(bytes)
        case .http2: HTTP2Fuzz.check(bytes)
        case .json: fuzzJSON(bytes)
        case .lines: LinesFuzz.check(bytes)
        case .log: LogFuzz.check(bytes)
        case .message: MessageFuzz.check(bytes)
        case .name: EgressFuzz.name(bytes)
        case .path: PathFuzz.check(bytes)
        case .pattern: PatternFuzz.check(bytes)
        case .proxy: EgressFuzz.request(bytes)
        case .schema: expect(SchemaFuzz.holds(bytes), "two ways to check one value agree")
        case .screening: ScreeningFuzz.check(bytes)
        }
    }

    /// What is made once for all inputs is nobody's work.
    private func prepare() {
        switch self {
        case .asking: AskingFuzz.check([])
        case .certificate: CertificateFuzz.check([])
        case .log: LogFuzz.prepare()
        case .screening: ScreeningFuzz.prepare()
        default: break
        }
    }

    /// Time of the processor for so many bytes: what is quadratic goes over it at 64 KiB.
    private func workLimit(_ byteCount: Int) -> Duration {
        let (base, perByte): (Duration, Duration) =
            switch self {
            // Patterns and schemas have work limits of their own, which do not grow with the text.
            case .pattern, .schema: (.milliseconds(500), .microseconds(10))
            case .log: (.seconds(1), .microseconds(10))
            case .screening: (.milliseconds(100), .microseconds(10))
            default: (.milliseconds(20), .microseconds(4))
            }
        let limit = base + perByte * byteCount
        return isOptimised ? limit : limit * 60
    }
}

/// Ends the process with a finding when a promise does not hold.
func expect(_ holds: Bool, _ promise: @autoclosure () -> String) {
    guard holds else { fatalError("broken promise: \(promise())") }
}

/// Whether the compiler optimised this file; asserts are compiled out exactly then.
private let isOptimised: Bool = {
    var checks = false
    assert(
        {
            checks = true
            return true
        }()
    )
    return !checks
}()
