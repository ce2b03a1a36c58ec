import Base

/// What the head of a request said, kept with its connection: the next request mostly has the same.
///
/// INVARIANT loop-thread: used by the handler of its connection's one request, on the loop, which is
/// what makes `@unchecked Sendable` true.
final class KnownCaller: @unchecked Sendable {
    let principal: Principal
    let endpoint: Endpoint
    /// The state of the door's rules under which the endpoint led somewhere.
    let generation: UInt64
    /// Whether its body is JSON and both kinds of answer are welcome.
    var takesCalls = false
    /// The session it names, as it was found last.
    var session: Sessions.Session?

    init(_ principal: Principal, _ endpoint: Endpoint, generation: UInt64) {
        self.principal = principal
        self.endpoint = endpoint
        self.generation = generation
    }
}
