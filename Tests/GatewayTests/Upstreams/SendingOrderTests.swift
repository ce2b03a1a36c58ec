import Testing

@testable import Gateway

@Suite("Whose an error without an id is")
struct SendingOrderTests {
    @Test func `a word leaves it open until a later request is answered`() {
        var order = SendingOrder()
        let first = order.request()
        order.word()
        order.answered(first)
        #expect(!order.isSettled)
        order.answered(order.request())
        #expect(order.isSettled)
    }

    @Test func `so does a request that was given up`() {
        var order = SendingOrder()
        let late = order.request()
        let next = order.request()
        order.gaveUp(late)
        // Its error may come while the next one is the only one that waits.
        #expect(!order.isSettled)
        order.answered(next)
        #expect(order.isSettled)
    }

    @Test func `what is given up later keeps what was said before it open`() {
        var order = SendingOrder()
        let (first, second) = (order.request(), order.request())
        order.word()
        order.gaveUp(first)
        order.answered(second)
        #expect(!order.isSettled)
    }
}
