/// The head a connection brought last, and what the handler made of it.
///
/// INVARIANT loop-thread: used on the connection's loop only, by the connection and the handler of its
/// one request, which is what makes `@unchecked Sendable` true.
final class KnownHead: @unchecked Sendable {
    var head: RequestHead
    var reading: (any AnyObject & Sendable)?

    init(_ head: RequestHead) { self.head = head }
}
