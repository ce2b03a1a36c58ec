import Testing

@testable import Gateway

/// However many ask while something is under way, one more follows it.
@Suite struct OnceMoreTests {
    @Test(arguments: [1, 2, 1000])
    func `all who ask meanwhile get one more together`(count: Int) {
        var requests = OnceMore()
        #expect(requests.ask() == .begin)
        for number in 0..<count { #expect(requests.ask() == .follows(isFirst: number == 0)) }
        #expect(requests.endedOne() == true)
        #expect(requests.endedOne() == false)
        #expect(requests.ask() == .begin)
    }

    @Test func `who asks while the one more is under way gets another`() {
        var requests = OnceMore()
        _ = requests.ask()
        _ = requests.ask()
        #expect(requests.endedOne() == true)
        #expect(requests.ask() == .follows(isFirst: true))
        #expect(requests.endedOne() == true)
        #expect(requests.endedOne() == false)
    }
}
